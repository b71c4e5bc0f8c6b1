//! Faults in a row, drawn from a seed, while clients post and workers work. `A7PROBE_SEED` repeats a draw; the long
//! version draws from many seeds.

use std::path::Path;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use super::clients::{Clients, amount, assert_nothing_lost};
use crate::harness::temp_dir;
use crate::serve_host::{Process, Witness, Worker};
use crate::serve_queue::path;

const WORKERS: usize = 2;
/// Longer than a lease.
const PAUSE: Duration = Duration::from_secs(3);

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// SIGKILL to the server; it is started again.
    KillServer,
    /// SIGTERM to the server; it is started again.
    RestartServer,
    /// SIGKILL to a worker; another one takes its place.
    KillWorker,
    /// SIGTERM to a worker; another one takes its place.
    RestartWorker,
    /// SIGSTOP to a worker, past its lease or not.
    PauseWorker,
    /// SIGCONT to every worker.
    WakeWorkers,
    /// The provider answers 503.
    OutageBegins,
    /// It takes mail again.
    OutageEnds,
    /// The way to the broker swallows everything.
    BrokerSilent,
    /// The way to the broker is cut.
    BrokerCut,
    /// The broker is as it was.
    BrokerMended,
}

const WITHOUT_BROKER: [Fault; 8] = [
    Fault::KillServer,
    Fault::RestartServer,
    Fault::KillWorker,
    Fault::RestartWorker,
    Fault::PauseWorker,
    Fault::WakeWorkers,
    Fault::OutageBegins,
    Fault::OutageEnds,
];
const WITH_BROKER: [Fault; 11] = [
    Fault::KillServer,
    Fault::RestartServer,
    Fault::KillWorker,
    Fault::RestartWorker,
    Fault::PauseWorker,
    Fault::WakeWorkers,
    Fault::OutageBegins,
    Fault::OutageEnds,
    Fault::BrokerSilent,
    Fault::BrokerCut,
    Fault::BrokerMended,
];

/// Server, workers and provider on one store, over a broker or not.
struct World<'a> {
    folder: &'a Path,
    store: &'a str,
    broker: Option<&'a Way>,
    witness: Witness,
    server: Option<Process>,
    workers: Vec<Worker>,
    clients: Option<Clients>,
}

/// A broker behind a proxy.
pub(super) struct Way {
    #[cfg(all(feature = "amqp", feature = "redis", feature = "nats"))]
    proxy: crate::proxy::Proxy,
    url: String,
}

impl<'a> World<'a> {
    fn start(store: &'a str, folder: &'a Path, broker: Option<&'a Way>) -> World<'a> {
        let mut world = World {
            folder,
            store,
            broker,
            witness: Witness::start(),
            server: None,
            workers: Vec::new(),
            clients: None,
        };
        world.serve();
        world.workers = (0..WORKERS).map(|_| world.work()).collect();
        let address = world.server.as_ref().expect("served").address;
        world.clients = Some(Clients::start(address));
        world
    }

    fn clients(&self) -> &Clients {
        self.clients.as_ref().expect("until the end")
    }

    fn serve(&mut self) {
        let mut flags = vec![
            "--mode",
            "queue",
            "--lease",
            "1s",
            "--provider-timeout",
            "900ms",
        ];
        flags.extend(["--drain-timeout", "1s", "--log", "off"]);
        if let Some(way) = self.broker {
            flags.extend(["--dispatch", &way.url, "--sweep-interval", "100ms"]);
            flags.extend(["--redispatch-after", "500ms"]);
        }
        let server = Process::on(self.store, self.folder, &flags);
        if let Some(clients) = &self.clients {
            clients.move_to(server.address);
        }
        self.server = Some(server);
    }

    fn work(&self) -> Worker {
        let mut flags = vec![
            "--provider",
            &self.witness.url,
            "--lease",
            "1s",
            "--log",
            "off",
        ];
        flags.extend(["--provider-timeout", "900ms", "--retry-base", "10ms"]);
        flags.extend([
            "--attempts",
            "10000",
            "--breaker-open",
            "50ms",
            "--workers",
            "4",
        ]);
        if let Some(way) = self.broker {
            flags.extend(["--from", &way.url]);
        }
        Worker::start(self.store, self.folder, &flags)
    }

    /// Until this many more events are accepted. A process that is stopped in the middle of its commit holds the lock of
    /// the file, and nobody is promised anything until it goes on: then it goes on, past its lease.
    fn go_on(&self, count: usize) {
        if !self.clients().accept_more_within(count, PAUSE) {
            self.wake_workers();
            self.clients().accept_more(count);
        }
    }

    fn wake_workers(&self) {
        self.workers.iter().for_each(|worker| worker.signal("CONT"));
    }

    fn suffer(&mut self, fault: Fault, draw: &mut SmallRng) {
        let one = draw.random_range(0..WORKERS);
        match fault {
            Fault::KillServer => {
                self.server.take().expect("it runs").kill();
                self.serve();
            }
            Fault::RestartServer => {
                let server = self.server.take().expect("it runs");
                server.terminate();
                let (status, said) = server.wait();
                assert!(status.success(), "{said}");
                self.serve();
            }
            Fault::KillWorker => {
                self.workers.remove(one).kill();
                let next = self.work();
                self.workers.push(next);
            }
            Fault::RestartWorker => {
                let worker = self.workers.remove(one);
                // A stopped process does not hear SIGTERM.
                worker.signal("CONT");
                let (status, said) = worker.stop();
                assert!(status.success(), "{said}");
                let next = self.work();
                self.workers.push(next);
            }
            Fault::PauseWorker => self.workers[one].signal("STOP"),
            Fault::WakeWorkers => self.wake_workers(),
            Fault::OutageBegins => self.witness.simulator.begin_outage(None),
            Fault::OutageEnds => self.witness.simulator.end_outage(),
            Fault::BrokerSilent | Fault::BrokerCut | Fault::BrokerMended => self.break_way(fault),
        }
    }

    #[cfg(all(feature = "amqp", feature = "redis", feature = "nats"))]
    fn break_way(&self, fault: Fault) {
        let proxy = &self.broker.expect("drawn with a broker only").proxy;
        match fault {
            Fault::BrokerSilent => proxy.black_hole(),
            Fault::BrokerCut => proxy.cut(),
            _ => proxy.mend(),
        }
    }

    #[cfg(not(all(feature = "amqp", feature = "redis", feature = "nats")))]
    fn break_way(&self, fault: Fault) {
        unreachable!("{fault:?} is drawn with a broker only");
    }

    /// Mends everything, lets the clients finish and looks for what was promised.
    fn judge(mut self) {
        self.wake_workers();
        self.witness.simulator.end_outage();
        if self.broker.is_some() {
            self.break_way(Fault::BrokerMended);
        }
        self.clients().accept_more(1);
        let accepted = self.clients.take().expect("once").finish();
        let mut client = self.server.as_ref().expect("it runs").client();
        assert_nothing_lost(&accepted, &mut client, &self.witness);
    }
}

/// Draws faults and suffers them.
#[expect(clippy::print_stdout, reason = "a test that fails shows what it did")]
fn suffer(store: &str, folder: &Path, broker: Option<&Way>, seed: u64) {
    let mut draw = SmallRng::seed_from_u64(seed);
    let mut world = World::start(store, folder, broker);
    let mut suffered = Vec::new();
    for _ in 0..amount(8, 40) {
        world.go_on(draw.random_range(1..40));
        let fault = match broker {
            Some(_) => WITH_BROKER[draw.random_range(0..WITH_BROKER.len())],
            None => WITHOUT_BROKER[draw.random_range(0..WITHOUT_BROKER.len())],
        };
        suffered.push(fault);
        println!("seed {seed}: {suffered:?}");
        world.suffer(fault, &mut draw);
    }
    world.judge();
}

/// One seed, or many.
fn seeds() -> Vec<u64> {
    let given = std::env::var("A7PROBE_SEED").ok();
    match given.map(|seed| seed.parse().expect("A7PROBE_SEED is a number")) {
        Some(seed) => vec![seed],
        None => (1..=amount(1, 20) as u64).collect(),
    }
}

#[test]
fn on_a_file() {
    for seed in seeds() {
        let folder = temp_dir();
        suffer(&path(folder.path()), folder.path(), None, seed);
    }
}

#[test]
#[cfg(feature = "postgres")]
fn on_postgresql() {
    for seed in seeds() {
        let test = "faults::chaos::on_postgresql";
        let Some(schema) = crate::postgres_host::Schema::create(test) else {
            return;
        };
        suffer(&schema.url, temp_dir().path(), None, seed);
    }
}

#[cfg(all(feature = "amqp", feature = "redis", feature = "nats"))]
mod over_brokers {
    use std::net::SocketAddr;

    use super::{Way, path, seeds, suffer};
    use crate::broker_host::{Broker, RABBITMQ_ADDRESS, RabbitQueue};
    use crate::harness::temp_dir;
    use crate::proxy::Proxy;

    fn over(broker: SocketAddr, url: impl Fn(SocketAddr) -> String, seed: u64) {
        let (folder, proxy) = (temp_dir(), Proxy::to(broker));
        let url = url(proxy.address);
        let way = Way { proxy, url };
        suffer(&path(folder.path()), folder.path(), Some(&way), seed);
    }

    #[test]
    fn on_a_file_over_redis() {
        let Some(broker) = Broker::redis("faults::chaos::on_a_file_over_redis", &[]) else {
            return;
        };
        for seed in seeds() {
            let url = |at| format!("redis://{at}?queue=seed-{seed}");
            over(broker.address, url, seed);
        }
    }

    #[test]
    fn on_a_file_over_nats() {
        let Some(broker) = Broker::nats("faults::chaos::on_a_file_over_nats") else {
            return;
        };
        for seed in seeds() {
            let url = |at| format!("nats://{at}?queue=seed-{seed}");
            over(broker.address, url, seed);
        }
    }

    #[test]
    fn on_a_file_over_rabbitmq() {
        for seed in seeds() {
            let Some(queue) = RabbitQueue::fresh("faults::chaos::on_a_file_over_rabbitmq") else {
                return;
            };
            let broker = RABBITMQ_ADDRESS.parse().unwrap();
            over(broker, |at| queue.url("amqp", at), seed);
        }
    }
}
