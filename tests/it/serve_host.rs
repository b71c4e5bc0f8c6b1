//! Servers for tests: one in this process, one as the real binary, and a provider that answers when it is told to.

mod held_provider;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use a7probe::reference::provider::{
    JournalCounts, JournalDetail, LatencyModel, Simulator, SimulatorOptions,
};
use a7probe::reference::server::{
    self, ProviderChoice, ServerConfig, ServerMode, Stopped, serve_provider,
};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::harness::{self, PROGRAM, eventually};
use crate::serve_client::{Client, Spoken};

pub(crate) use held_provider::HeldProvider;

/// A configuration on a store in `folder`, with a provider that answers after a millisecond.
pub(crate) fn config(mode: ServerMode, folder: &TempDir) -> ServerConfig {
    ServerConfig {
        provider: simulated(0.0),
        ..ServerConfig::new(mode, folder.path().join("store.db"))
    }
}

/// A simulated provider that fails this share of its calls.
pub(crate) fn simulated(error_share: f64) -> ProviderChoice {
    let latency = LatencyModel::Constant(Duration::from_millis(1));
    ProviderChoice::Simulated(SimulatorOptions {
        latency,
        error_share,
        ..SimulatorOptions::default()
    })
}

/// A server in this process.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Stopped>>,
}

impl Served {
    pub(crate) fn start(config: ServerConfig) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async {
                let shutdown = async {
                    let _ = stopped.await;
                };
                server::run(listener, config, shutdown)
                    .await
                    .expect("the server runs")
            })
        });
        Served {
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    pub(crate) fn client_over(&self, spoken: Spoken) -> Client {
        Client::connect_over(spoken, self.address)
    }

    /// Tells the server to stop, without waiting for it.
    pub(crate) fn begin_stop(&mut self) {
        drop(self.stop.take());
    }

    pub(crate) fn stop(mut self) -> Stopped {
        self.begin_stop();
        self.thread
            .take()
            .expect("stopped once")
            .join()
            .expect("the server does not panic")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.begin_stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the server panicked");
        }
    }
}

/// A worker process.
pub(crate) struct Worker {
    child: Child,
}

impl Worker {
    /// Starts `a7probe worker` and waits until it works.
    pub(crate) fn start(store: &str, folder: &Path, flags: &[&str]) -> Worker {
        Worker::start_with(store, folder, flags, &[])
    }

    /// The same with these environment variables.
    pub(crate) fn start_with(
        store: &str,
        folder: &Path,
        flags: &[&str],
        variables: &[(&str, &str)],
    ) -> Worker {
        let ready = folder.join(format!("worker-{}", uuid::Uuid::new_v4()));
        let mut child = Command::new(PROGRAM)
            .args(["worker", "--store", store, "--ready-file"])
            .arg(&ready)
            .args(flags)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        eventually("the worker is ready", || {
            if let Some(status) = child.try_wait().expect("a status") {
                panic!("the worker ended with {status}: {}", rest(&mut child));
            }
            ready.exists()
        });
        Worker { child }
    }

    /// Sends a signal by its name, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        harness::signal(self.child.id(), name);
    }

    /// SIGKILL: no handler, no goodbye.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is dead");
    }

    /// SIGTERM, and what it said on stderr until its end.
    pub(crate) fn stop(self) -> (ExitStatus, String) {
        self.signal("TERM");
        self.wait()
    }

    /// What it said on stderr until its end.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().expect("piped");
        stderr.read_to_string(&mut said).expect("UTF-8");
        (self.child.wait().expect("a status"), said)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A provider over HTTP whose journal is the witness.
pub(crate) struct Witness {
    pub(crate) url: String,
    pub(crate) simulator: Arc<Simulator>,
}

impl Witness {
    pub(crate) fn start() -> Witness {
        Witness::asking_for(None)
    }

    /// Takes no mail without this key.
    pub(crate) fn asking_for(key: Option<&str>) -> Witness {
        let latency = LatencyModel::Constant(Duration::from_millis(1));
        Witness::serve(key, latency)
    }

    /// Takes every mail, and answers in the time of the report that all began with.
    pub(crate) fn as_slow_as_the_evidence() -> Witness {
        Witness::serve(None, LatencyModel::EVIDENCE)
    }

    fn serve(key: Option<&str>, latency: LatencyModel) -> Witness {
        let keys: Vec<String> = key.map(str::to_owned).into_iter().collect();
        let options = SimulatorOptions {
            latency,
            ..SimulatorOptions::default()
        };
        let simulator = Arc::new(Simulator::with_journal(options, JournalDetail::Calls));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let served = simulator.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(serve_provider(
                listener,
                served,
                keys,
                std::future::pending(),
            ))
        });
        Witness { url, simulator }
    }

    pub(crate) fn journal(&self) -> JournalCounts {
        self.simulator.journal()
    }
}

/// A provider that answers every call at once, as it is told at the time.
pub(crate) struct MoodyProvider {
    pub(crate) url: String,
    mood: Arc<Mutex<Mood>>,
    calls: Arc<Mutex<Vec<Instant>>>,
}

/// What it answers.
#[derive(Clone, Copy)]
pub(crate) struct Mood {
    pub(crate) status: u16,
    pub(crate) retry_after_s: Option<u64>,
}

impl MoodyProvider {
    pub(crate) fn start(status: u16) -> MoodyProvider {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mood = Arc::new(Mutex::new(Mood {
            status,
            retry_after_s: None,
        }));
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (now, seen) = (mood.clone(), calls.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (now, seen) = (now.clone(), seen.clone());
                std::thread::spawn(move || answer_all(stream, &now, &seen));
            }
        });
        MoodyProvider { url, mood, calls }
    }

    pub(crate) fn answer(&self, status: u16, retry_after_s: Option<u64>) {
        *self.mood.lock().expect("no panic") = Mood {
            status,
            retry_after_s,
        };
    }

    /// When it was called, in order.
    pub(crate) fn calls(&self) -> Vec<Instant> {
        self.calls.lock().expect("no panic").clone()
    }
}

fn answer_all(stream: TcpStream, mood: &Mutex<Mood>, calls: &Mutex<Vec<Instant>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        read_request(&mut stream)?;
        calls.lock().ok()?.push(Instant::now());
        let Mood {
            status,
            retry_after_s,
        } = *mood.lock().ok()?;
        let after = retry_after_s.map_or(String::new(), |s| format!("retry-after: {s}\r\n"));
        write!(
            stream.get_mut(),
            "HTTP/1.1 {status} Said\r\n{after}content-length: 0\r\n\r\n"
        )
        .ok()?;
    }
}

/// Reads one request to its end; its first line.
pub(crate) fn read_request(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let (mut length, mut first) = (0, None);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
        first.get_or_insert(line);
    }
    stream.read_exact(&mut vec![0; length]).ok()?;
    first.map(|line| line.trim_end().to_owned())
}

/// The real binary.
pub(crate) struct Process {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Process {
    /// Starts `a7probe serve` on the store in `folder` and waits until it is ready.
    pub(crate) fn start(folder: &Path, flags: &[&str]) -> Process {
        Process::on(store(folder).to_str().expect("UTF-8"), folder, flags)
    }

    /// The same on any store.
    pub(crate) fn on(store: &str, folder: &Path, flags: &[&str]) -> Process {
        let ready = folder.join(format!("ready-{}", uuid::Uuid::new_v4()));
        Process::spawn(command_on(store, flags), &ready)
    }

    /// The same as an argument of another program, which becomes it.
    pub(crate) fn start_through(folder: &Path, flags: &[&str], program: &[&str]) -> Process {
        let inner = command(folder, flags);
        let mut outer = Command::new(program[0]);
        outer
            .args(&program[1..])
            .arg(inner.get_program())
            .args(inner.get_args());
        Process::spawn(piped(outer), &folder.join("ready"))
    }

    /// Runs a command that serves and waits until it is ready.
    pub(crate) fn spawn(mut command: Command, ready: &Path) -> Process {
        let _ = std::fs::remove_file(ready);
        let mut child = command
            .arg("--ready-file")
            .arg(ready)
            .spawn()
            .expect("the binary starts");
        let mut address = None;
        eventually("the ready file is written", || {
            if let Some(status) = child.try_wait().expect("a status") {
                panic!("the server ended with {status}: {}", rest(&mut child));
            }
            address = std::fs::read_to_string(ready)
                .ok()
                .and_then(|text| text.trim().parse().ok());
            address.is_some()
        });
        Process {
            address: address.expect("just read"),
            child,
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: no handler, no flush, no goodbye.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is dead");
    }

    /// SIGTERM, without waiting.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends the signal of this name.
    pub(crate) fn signal(&self, name: &str) {
        harness::signal(self.child.id(), name);
    }

    /// Waits for the end; what it said on stderr.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        self.child
            .stderr
            .take()
            .expect("piped")
            .read_to_string(&mut said)
            .expect("UTF-8");
        (self.child.wait().expect("a status"), said)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process that has ended said on stderr.
fn rest(child: &mut Child) -> String {
    let mut said = String::new();
    let mut stderr = child.stderr.take().expect("piped");
    stderr.read_to_string(&mut said).expect("UTF-8");
    said
}

/// `a7probe serve` on a free port and the store in `folder`.
pub(crate) fn command(folder: &Path, flags: &[&str]) -> Command {
    command_on(store(folder).to_str().expect("UTF-8"), flags)
}

/// The same on any store.
pub(crate) fn command_on(store: &str, flags: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(["serve", "--bind", "127.0.0.1:0", "--store"])
        .arg(store)
        .args(flags);
    piped(command)
}

/// Says what it says on stderr to us, and nothing to the terminal.
pub(crate) fn piped(mut command: Command) -> Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

pub(crate) fn store(folder: &Path) -> PathBuf {
    folder.join("store.db")
}
