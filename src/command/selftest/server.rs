//! A server that follows a script and keeps its own account: blocking sockets, a thread a connection, nothing of the
//! engine that it is to test.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::script::Script;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// What the server did with one request, by its own clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handled {
    /// From its last byte read to the first byte of the answer: no client can have seen it faster.
    pub(super) held: Duration,
    /// How much later than the script said.
    pub(super) late: Duration,
}

/// Serves until it is asked what it did.
pub(super) struct ScriptedServer {
    address: SocketAddr,
    shared: Arc<SelftestShared>,
    acceptor: JoinHandle<()>,
}

struct SelftestShared {
    script: Script,
    /// The `X-A7-Run` of the requests that are accounted for; those of the warm-up carry another.
    run: String,
    began: Instant,
    ending: AtomicBool,
    handled: Mutex<Vec<Handled>>,
}

impl ScriptedServer {
    pub(super) fn start(script: Script, run: String) -> anyhow::Result<ScriptedServer> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen on loopback")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(SelftestShared {
            script,
            run,
            began: Instant::now(),
            ending: AtomicBool::new(false),
            handled: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        let acceptor = std::thread::spawn(move || accept(&listener, &serving));
        Ok(ScriptedServer {
            address,
            shared,
            acceptor,
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Ends it; what it did with the requests of the run. Its clients have hung up before.
    pub(super) fn finish(self) -> Vec<Handled> {
        self.shared.ending.store(true, Ordering::Relaxed);
        // Wakes the acceptor up.
        drop(TcpStream::connect(self.address));
        let _ = self.acceptor.join();
        let handled = self.shared.handled.lock();
        handled.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn accept(listener: &TcpListener, shared: &Arc<SelftestShared>) {
    let mut connections = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        if shared.ending.load(Ordering::Relaxed) {
            break;
        }
        let shared = Arc::clone(shared);
        connections.push(std::thread::spawn(move || {
            // A client that hangs up ends its connection; what it lacks, it counts as failed.
            let _ = converse(stream, &shared);
        }));
    }
    for connection in connections {
        let _ = connection.join();
    }
}

fn converse(mut stream: TcpStream, shared: &SelftestShared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut buffer, mut held) = ([0u8; 4096], 0);
    loop {
        let read = stream.read(&mut buffer[held..])?;
        if read == 0 {
            return Ok(());
        }
        held += read;
        if buffer[..held].ends_with(b"\r\n\r\n") {
            let read_at = shared.began.elapsed();
            let head = String::from_utf8_lossy(&buffer[..held]);
            shared.answer(&mut stream, &head, read_at)?;
            held = 0;
        }
    }
}

impl SelftestShared {
    fn answer(&self, stream: &mut TcpStream, head: &str, read_at: Duration) -> std::io::Result<()> {
        let due = self.script.due(read_at, number(head));
        std::thread::sleep(due.saturating_sub(self.began.elapsed()));
        let answered_at = self.began.elapsed();
        stream.write_all(ANSWER)?;
        if head.contains(&self.run) {
            let handled = self.handled.lock();
            handled
                .unwrap_or_else(PoisonError::into_inner)
                .push(Handled {
                    held: answered_at - read_at,
                    late: answered_at.saturating_sub(due),
                });
        }
        Ok(())
    }
}

/// The number of a request, which is its path: `POST /17 HTTP/1.1`.
fn number(head: &str) -> u64 {
    let path = head.split(' ').nth(1).unwrap_or_default();
    path.trim_start_matches('/').parse().unwrap_or(0)
}
