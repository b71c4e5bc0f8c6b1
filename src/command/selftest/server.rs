//! A server that follows a script and keeps its own account: blocking sockets, a thread a connection, nothing of the
//! engine that it is to test.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;

use super::http2_server;
use super::script::Script;
use super::server_account::{Handled, ServerAccount};
use crate::run::plan::HttpVersion;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Serves until it is asked what it did.
pub(super) struct ScriptedServer {
    address: SocketAddr,
    serving: Arc<ScriptedService>,
    acceptor: JoinHandle<()>,
}

/// What its connections share.
struct ScriptedService {
    account: ServerAccount,
    version: HttpVersion,
    ending: AtomicBool,
}

impl ScriptedServer {
    pub(super) fn start(
        script: Script,
        version: HttpVersion,
        run: String,
    ) -> anyhow::Result<ScriptedServer> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen on loopback")?;
        let address = listener.local_addr()?;
        let serving = Arc::new(ScriptedService {
            account: ServerAccount::new(script, run),
            version,
            ending: AtomicBool::new(false),
        });
        let shared = Arc::clone(&serving);
        let acceptor = std::thread::spawn(move || accept(&listener, &shared));
        Ok(ScriptedServer {
            address,
            serving,
            acceptor,
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Ends it; what it did with the requests of the run. Its clients have hung up before.
    pub(super) fn finish(self) -> Vec<Handled> {
        self.serving.ending.store(true, Ordering::Relaxed);
        // Wakes the acceptor up.
        drop(TcpStream::connect(self.address));
        let _ = self.acceptor.join();
        self.serving.account.handled()
    }
}

fn accept(listener: &TcpListener, serving: &Arc<ScriptedService>) {
    let mut connections = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        if serving.ending.load(Ordering::Relaxed) {
            break;
        }
        let serving = Arc::clone(serving);
        connections.push(std::thread::spawn(move || {
            // A client that hangs up ends its connection; what it lacks, it counts as failed.
            let account = &serving.account;
            let _ = match serving.version {
                HttpVersion::Http1 => converse(stream, account).map_err(Into::into),
                HttpVersion::Http2 { .. } => http2_server::converse(stream, account),
            };
        }));
    }
    for connection in connections {
        let _ = connection.join();
    }
}

fn converse(mut stream: TcpStream, account: &ServerAccount) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut buffer, mut held) = ([0u8; 4096], 0);
    loop {
        let read = stream.read(&mut buffer[held..])?;
        if read == 0 {
            return Ok(());
        }
        held += read;
        if buffer[..held].ends_with(b"\r\n\r\n") {
            let read_at = account.began.elapsed();
            let head = String::from_utf8_lossy(&buffer[..held]);
            answer(&mut stream, account, &head, read_at)?;
            held = 0;
        }
    }
}

fn answer(
    stream: &mut TcpStream,
    account: &ServerAccount,
    head: &str,
    read_at: Duration,
) -> std::io::Result<()> {
    let due = account.script.due(read_at, number(head));
    std::thread::sleep(due.saturating_sub(account.began.elapsed()));
    let answered_at = account.began.elapsed();
    stream.write_all(ANSWER)?;
    if head.contains(&account.run) {
        account.keep(Handled {
            read_at,
            held: answered_at - read_at,
            late: answered_at.saturating_sub(due),
        });
    }
    Ok(())
}

/// The number of a request, which is its path: `POST /17 HTTP/1.1`.
fn number(head: &str) -> u64 {
    let path = head.split(' ').nth(1).unwrap_or_default();
    path.trim_start_matches('/').parse().unwrap_or(0)
}
