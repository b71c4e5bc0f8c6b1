//! Brokers for tests: Redis and NATS of the test's own, a queue of its own in RabbitMQ.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use uuid::Uuid;

use crate::certificate::Certificate;
use crate::harness::{eventually, free_port, temp_dir};
use crate::needs::{NATS, RABBITMQ, RABBITMQ_PROGRAM, RABBITMQ_URL, REDIS, need};

/// A server process that ends with the test, on a port that stays the same when it is started again.
pub(crate) struct Broker {
    pub(crate) address: SocketAddr,
    program: std::path::PathBuf,
    flags: Vec<String>,
    variables: Vec<(String, String)>,
    /// `data` in it is what it keeps.
    folder: TempDir,
    child: Option<Child>,
}

impl Broker {
    /// redis-server with append-only file, unless the flags say otherwise.
    pub(crate) fn redis(test: &str, flags: &[&str]) -> Option<Broker> {
        let program = need(&REDIS, test)?;
        let folder = temp_dir();
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
            &data(&folder),
        ];
        let own = own.map(str::to_owned);
        Some(Broker::start(program, own, flags, folder, port))
    }

    /// redis-server that speaks nothing but TLS.
    pub(crate) fn encrypted_redis(test: &str, certificate: &Certificate) -> Option<Broker> {
        let program = need(&REDIS, test)?;
        let (folder, port) = (temp_dir(), free_port());
        let own = [
            "--port",
            "0",
            "--tls-port",
            &port.to_string(),
            "--tls-cert-file",
            &certificate.chain(),
            "--tls-key-file",
            &certificate.key(),
            "--tls-auth-clients",
            "no",
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            &data(&folder),
        ];
        let own = own.map(str::to_owned);
        Some(Broker::start(program, own, &[], folder, port))
    }

    /// RabbitMQ with an encrypted port beside the plain one.
    pub(crate) fn encrypted_rabbitmq(
        test: &str,
        certificate: &Certificate,
    ) -> Option<(Broker, SocketAddr)> {
        let (chain, key) = (certificate.chain(), certificate.key());
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let settings = format!(
            "listeners.ssl.1 = {address}\nssl_options.certfile = {chain}\nssl_options.keyfile = {key}\n"
        );
        let broker = Broker::rabbitmq_with(test, &settings)?;
        eventually("the broker listens", || TcpStream::connect(address).is_ok());
        Some((broker, address))
    }

    /// nats-server with JetStream.
    pub(crate) fn nats(test: &str) -> Option<Broker> {
        Broker::nats_with(test, &[])
    }

    /// The same with more flags.
    pub(crate) fn nats_with(test: &str, flags: &[&str]) -> Option<Broker> {
        let program = need(&NATS, test)?;
        let folder = temp_dir();
        let port = free_port();
        let own = [
            "-a",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-js",
            "-sd",
            &data(&folder),
        ];
        let own = own.map(str::to_owned);
        Some(Broker::start(program, own, flags, folder, port))
    }

    /// RabbitMQ, a node of the test's own.
    pub(crate) fn rabbitmq(test: &str) -> Option<Broker> {
        Broker::rabbitmq_with(test, "")
    }

    fn rabbitmq_with(test: &str, settings: &str) -> Option<Broker> {
        let program = need(&RABBITMQ_PROGRAM, test)?;
        let folder = temp_dir();
        let port = free_port();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let variables = [
            ("RABBITMQ_NODENAME", format!("a7probe-{port}@localhost")),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_NODE_PORT", port.to_string()),
            ("RABBITMQ_DIST_PORT", free_port().to_string()),
            ("RABBITMQ_MNESIA_BASE", data(&folder)),
            ("RABBITMQ_LOG_BASE", at("logs")),
            ("RABBITMQ_PID_FILE", at("pid")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", at("plugins")),
            ("RABBITMQ_CONFIG_FILE", at("settings.conf")),
            // Where Erlang keeps its cookie.
            ("HOME", at("")),
        ];
        std::fs::write(at("settings.conf"), settings).expect("a file");
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        let mut broker = Broker::new(program, Vec::new(), folder, port);
        broker.variables = variables.into();
        broker.run();
        Some(broker)
    }

    /// Would RabbitMQ know this quorum queue's log after a kill? One that it forgets is without a leader for ever
    /// (3.10: its registers are written half a second after the queue was made).
    pub(crate) fn has_registered(&self, queue: &str) -> bool {
        let node = self.folder.path().join("data");
        let node = node.join(format!("a7probe-{}@localhost", self.address.port()));
        let registers = node.join("quorum").join(node.file_name().expect("a name"));
        let name = format!("%2F_{queue}");
        ["names.dets", "meta.dets"].iter().all(|register| {
            let written = std::fs::read(registers.join(register)).unwrap_or_default();
            // Its dead letters begin with its name.
            let is_it = |at: &[u8]| at.starts_with(name.as_bytes()) && at[name.len()] != b'.';
            written.windows(name.len() + 1).any(is_it)
        })
    }

    /// Runs `rabbitmqctl` on a node of the test's own.
    pub(crate) fn control(&self, words: &[&str]) {
        let output = Command::new(self.program.with_file_name("rabbitmqctl"))
            .args(words)
            .envs(self.variables.iter().cloned())
            .output()
            .expect("rabbitmqctl starts");
        assert!(output.status.success(), "{output:?}");
    }

    fn start<const N: usize>(
        program: std::path::PathBuf,
        own: [String; N],
        flags: &[&str],
        folder: TempDir,
        port: u16,
    ) -> Broker {
        let more = flags.iter().map(|flag| (*flag).to_owned());
        let flags = own.into_iter().chain(more).collect();
        let mut broker = Broker::new(program, flags, folder, port);
        broker.run();
        broker
    }

    fn new(program: std::path::PathBuf, flags: Vec<String>, folder: TempDir, port: u16) -> Broker {
        std::fs::create_dir(folder.path().join("data")).expect("a folder");
        Broker {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            program,
            flags,
            variables: Vec::new(),
            folder,
            child: None,
        }
    }

    /// Throws away everything that it kept; it does not run.
    pub(crate) fn wipe(&self) {
        assert!(self.child.is_none());
        let data = self.folder.path().join("data");
        std::fs::remove_dir_all(&data).expect("its data");
        std::fs::create_dir(&data).expect("a folder");
    }

    /// Starts it, or starts it again on what it kept.
    pub(crate) fn run(&mut self) {
        let log = std::fs::File::create(self.folder.path().join("log")).expect("a log");
        let child = Command::new(&self.program)
            .args(&self.flags)
            .envs(self.variables.iter().cloned())
            // One of them runs under a shell: all of it is to be killed.
            .process_group(0)
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
            kill_group(&child);
            child.wait().expect("it is dead");
            let address = self.address;
            eventually("nobody listens", || TcpStream::connect(address).is_err());
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            kill_group(&child);
            let _ = child.wait();
        }
    }
}

/// SIGKILL to a process that leads its group, and to the group.
fn kill_group(leader: &Child) {
    let group = format!("-{}", leader.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
}

/// What a broker keeps.
fn data(folder: &TempDir) -> String {
    let data = folder.path().join("data");
    data.to_str().expect("UTF-8").to_owned()
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

    /// How many messages wait in this queue of the machine's RabbitMQ; none in one that is not declared yet.
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
            match queue {
                Ok(queue) => queue.message_count(),
                Err(error) if error.to_string().contains("NOT_FOUND") => 0,
                Err(error) => panic!("RabbitMQ refuses to tell of the queue: {error}"),
            }
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

/// Short enough for tests, long enough for a machine that builds beside them.
pub(crate) fn options() -> a7probe::reference::queue::QueueOptions {
    a7probe::reference::queue::QueueOptions {
        deadline: Duration::from_secs(3),
        prefetch: 8,
        redelivery: Duration::from_secs(2),
    }
}
