//! A server under attack, and the clients beside the attacker: memory, `/health`, and whether they are served.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::frame_client::FrameClient;
use crate::harness::{eventually, peak_memory_kib, temp_dir};
use crate::serve_client::{Client, Spoken};
use crate::serve_host::Process;

/// Most memory that the server may ever have held.
const MEMORY_KIB: u64 = 100 * 1024;
/// P99 of `/health` for the others, or as many times its slowest answer before the attack: tests run side by side on
/// small machines. The printed figures say more.
const HEALTH: Duration = Duration::from_secs(1);
const TIMES_CALM: u32 = 20;
/// Polls that must have been answered while the attack lasts.
const POLLS: usize = 30;

/// What an attacker got, and the connections that it keeps open.
pub(super) struct Attack {
    pub(super) got: String,
    pub(super) held: Vec<FrameClient>,
}

/// Clients that keep to the protocol.
struct Others {
    enough: Arc<AtomicBool>,
    polls: Arc<AtomicUsize>,
    /// In microseconds.
    slowest: Arc<AtomicU64>,
    thread: JoinHandle<Vec<Duration>>,
}

/// Long with `A7PROBE_LONG=1`.
pub(super) fn amount(short: usize, long: usize) -> usize {
    let is_long = std::env::var_os("A7PROBE_LONG").is_some();
    [short, long][usize::from(is_long)]
}

/// Attacks a server of its own. Under the attack, and after it, the others are served, and the memory stays bounded.
/// Prints a line of a table with the figures.
#[expect(clippy::print_stderr, reason = "the figures are what it is for")]
pub(super) fn besiege(name: &str, attack: impl FnOnce(SocketAddr) -> Attack) {
    let folder = temp_dir();
    let process = Process::start(folder.path(), &["--mode", "background"]);
    let others = Others::start(process.address);
    others.await_polls(POLLS);
    let calm = others.slowest();
    let Attack { got, held } = attack(process.address);
    others.await_polls(POLLS);
    let mut times = others.finish();
    let memory_kib = peak_memory_kib(process.id()).expect("it runs");
    drop(held);
    for spoken in Spoken::BOTH {
        let mut client = Client::connect_over(spoken, process.address);
        assert_eq!(client.ingest(&[], "{}").status, 202, "{name}, afterwards");
    }
    times.sort();
    let of = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let (median, p99, slowest) = (of(0.5), of(0.99), of(1.0));
    eprintln!(
        "| {name} | {:.1} MB | {:.1} ms | {:.1} ms | {:.1} ms | {} | {got} |",
        memory_kib as f64 / 1024.0,
        median.as_secs_f64() * 1e3,
        p99.as_secs_f64() * 1e3,
        slowest.as_secs_f64() * 1e3,
        times.len(),
    );
    assert!(memory_kib < MEMORY_KIB, "{name}: {memory_kib} KiB");
    let allowed = HEALTH.max(calm * TIMES_CALM);
    assert!(p99 < allowed, "{name}: P99 {p99:?}, before {calm:?}");
}

impl Others {
    /// Asks for `/health` again and again on a connection over HTTP/1.1. Now and then a new client, over either
    /// protocol, posts an event.
    fn start(address: SocketAddr) -> Others {
        let (enough, polls) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let (stop, counted) = (enough.clone(), polls.clone());
        let slowest = Arc::new(AtomicU64::new(0));
        let longest = slowest.clone();
        let thread = std::thread::spawn(move || {
            let (mut client, mut times) = (Client::connect(address), Vec::new());
            while !stop.load(Ordering::SeqCst) {
                let start = Instant::now();
                assert_eq!(client.get("/health").status, 200);
                let took = start.elapsed();
                longest.fetch_max(took.as_micros() as u64, Ordering::SeqCst);
                times.push(took);
                if times.len() % 20 == 0 {
                    for spoken in Spoken::BOTH {
                        let mut new = Client::connect_over(spoken, address);
                        assert_eq!(new.ingest(&[], "{}").status, 202, "{spoken:?}");
                    }
                }
                counted.fetch_add(1, Ordering::SeqCst);
                // The pace of the polls, not a wait.
                std::thread::sleep(Duration::from_millis(5));
            }
            times
        });
        Others {
            enough,
            polls,
            slowest,
            thread,
        }
    }

    /// The slowest poll up to now.
    fn slowest(&self) -> Duration {
        Duration::from_micros(self.slowest.load(Ordering::SeqCst))
    }

    /// Waits for this number more.
    fn await_polls(&self, count: usize) {
        let polled = || self.polls.load(Ordering::SeqCst);
        let goal = polled() + count;
        eventually("the others are served", || {
            assert!(!self.thread.is_finished(), "another client was not served");
            polled() >= goal
        });
    }

    fn finish(self) -> Vec<Duration> {
        self.enough.store(true, Ordering::SeqCst);
        self.thread.join().expect("every other client was served")
    }
}
