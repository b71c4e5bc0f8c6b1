//! Brokers for tests: Redis and NATS of the test's own, a queue of its own in RabbitMQ, and a proxy that can fail.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use uuid::Uuid;

use crate::needs::{NATS, RABBITMQ, RABBITMQ_URL, REDIS, need};
use crate::serve_host::{eventually, folder};

/// A server process that ends with the test, on a port that stays the same when it is started again.
pub(crate) struct Broker {
    pub(crate) address: SocketAddr,
    program: std::path::PathBuf,
    flags: Vec<String>,
    folder: TempDir,
    child: Option<Child>,
}

impl Broker {
    /// redis-server with append-only file, unless the flags say otherwise.
    pub(crate) fn redis(test: &str, flags: &[&str]) -> Option<Broker> {
        let program = need(&REDIS, test)?;
        let folder = folder();
        let port = free_port();
        let own = [
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "yes",
            "--dir",
            text(folder.path()),
        ];
        let own = own.map(str::to_owned);
        Some(Broker::start(program, own, flags, folder, port))
    }

    /// nats-server with JetStream.
    pub(crate) fn nats(test: &str) -> Option<Broker> {
        let program = need(&NATS, test)?;
        let folder = folder();
        let port = free_port();
        let own = [
            "-a",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-js",
            "-sd",
            text(folder.path()),
        ];
        let own = own.map(str::to_owned);
        Some(Broker::start(program, own, &[], folder, port))
    }

    fn start<const N: usize>(
        program: std::path::PathBuf,
        own: [String; N],
        flags: &[&str],
        folder: TempDir,
        port: u16,
    ) -> Broker {
        let mut broker = Broker {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            program,
            flags: own
                .into_iter()
                .chain(flags.iter().map(|flag| (*flag).to_owned()))
                .collect(),
            folder,
            child: None,
        };
        broker.run();
        broker
    }

    /// Starts it, or starts it again on what it kept.
    pub(crate) fn run(&mut self) {
        let log = std::fs::File::create(self.folder.path().join("log")).expect("a log");
        let child = Command::new(&self.program)
            .args(&self.flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.child = Some(child.expect("the broker starts"));
        let address = self.address;
        eventually("the broker listens", || TcpStream::connect(address).is_ok());
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it runs");
            child.wait().expect("it is dead");
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A port that was free a moment ago: these servers cannot be told to pick one and say which.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// A queue of the test's own in the machine's RabbitMQ, deleted at the end with its dead-letter queue and exchange.
pub(crate) struct RabbitQueue {
    pub(crate) name: String,
}

impl RabbitQueue {
    pub(crate) fn fresh(test: &str) -> Option<RabbitQueue> {
        need(&RABBITMQ, test)?;
        Some(RabbitQueue {
            name: format!("a7probe-test-{}", Uuid::new_v4()),
        })
    }

    /// The URL, through this address.
    pub(crate) fn url(&self, scheme: &str, address: SocketAddr) -> String {
        let rest = RABBITMQ_URL
            .replace("amqp://", "")
            .replace("127.0.0.1:5672", &address.to_string());
        format!("{scheme}://{rest}?queue={}", self.name)
    }

    /// Runs against RabbitMQ itself.
    pub(crate) fn with_channel<T>(&self, act: impl AsyncFnOnce(lapin::Channel) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let properties = lapin::ConnectionProperties::default();
            let connection = lapin::Connection::connect(RABBITMQ_URL, properties).await;
            let connection = connection.expect("RabbitMQ answers");
            act(connection.create_channel().await.expect("a channel")).await
        })
    }

    /// How many messages wait in this queue of the machine's RabbitMQ.
    pub(crate) fn depth_of(&self, queue: &str) -> u32 {
        let options = lapin::options::QueueDeclareOptions {
            passive: true,
            durable: true,
            ..Default::default()
        };
        self.with_channel(async |channel| {
            let queue = channel
                .queue_declare(queue.into(), options, Default::default())
                .await;
            queue.expect("the queue is there").message_count()
        })
    }
}

impl Drop for RabbitQueue {
    fn drop(&mut self) {
        let (name, dead) = (self.name.clone(), format!("{}.dead", self.name));
        self.with_channel(async |channel| {
            for queue in [&name, &dead] {
                let _ = channel
                    .queue_delete(queue.as_str().into(), Default::default())
                    .await;
            }
            let _ = channel
                .exchange_delete(dead.as_str().into(), Default::default())
                .await;
        });
    }
}

/// The machine's own RabbitMQ.
pub(crate) const RABBITMQ_ADDRESS: &str = "127.0.0.1:5672";

const OPEN: u8 = 0;
const BLACK_HOLE: u8 = 1;
const CUT: u8 = 2;

/// A TCP proxy in front of a broker.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    state: Arc<AtomicU8>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    pub(crate) fn to(target: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(AtomicU8::new(OPEN));
        let connections = Arc::new(Mutex::new(Vec::new()));
        let (now, all) = (state.clone(), connections.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // Cut off: accepted by the kernel, and gone at once.
                if now.load(Ordering::SeqCst) == CUT {
                    continue;
                }
                let Ok(server) = TcpStream::connect(target) else {
                    continue;
                };
                let copies = [client.try_clone(), server.try_clone()];
                all.lock().unwrap().extend(copies.into_iter().flatten());
                pump(&client, &server, &now);
                pump(&server, &client, &now);
            }
        });
        Proxy {
            address,
            state,
            connections,
        }
    }

    /// Bytes are taken and go nowhere; new connections too.
    pub(crate) fn black_hole(&self) {
        self.state.store(BLACK_HOLE, Ordering::SeqCst);
    }

    /// Every connection ends, and new ones at once.
    pub(crate) fn cut(&self) {
        self.state.store(CUT, Ordering::SeqCst);
        self.end_all();
    }

    /// As if nothing had been; what was swallowed stays swallowed, so the old connections end.
    pub(crate) fn mend(&self) {
        self.state.store(OPEN, Ordering::SeqCst);
        self.end_all();
    }

    fn end_all(&self) {
        for stream in self.connections.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn pump(from: &TcpStream, to: &TcpStream, state: &Arc<AtomicU8>) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let state = state.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count) = from.read(&mut buffer) {
            if count == 0 {
                break;
            }
            if state.load(Ordering::SeqCst) != BLACK_HOLE && to.write_all(&buffer[..count]).is_err()
            {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}

/// Short enough for tests, long enough for a machine that builds beside them.
pub(crate) fn options() -> a7probe::queue::Options {
    a7probe::queue::Options {
        deadline: Duration::from_secs(3),
        prefetch: 8,
        redelivery: Duration::from_secs(2),
    }
}
