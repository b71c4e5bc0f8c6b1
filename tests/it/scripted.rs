//! A scripted server: real sockets, one thread a connection, and a script that says what happens on it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rcgen::generate_simple_self_signed;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

/// A small answer that leaves the connection open.
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Listens until it is dropped.
pub(crate) struct Server {
    at: Listening,
    log: Arc<Log>,
    stop: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

enum Listening {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// What the server saw.
#[derive(Default)]
struct Log {
    received: Mutex<Vec<Received>>,
    connections: AtomicUsize,
}

/// A request that arrived in full.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// Request line and headers, without the empty line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// When its last byte had been read.
    pub(crate) at: Instant,
}

/// One connection, as its script sees it.
pub(crate) struct Conversation {
    stream: Box<dyn Stream>,
    surplus: Vec<u8>,
    log: Arc<Log>,
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

impl Server {
    /// Plain TCP on loopback.
    pub(crate) fn tcp(script: impl Fn(&mut Conversation) + Send + Sync + 'static) -> Server {
        Server::listen(script, |stream| Ok(Box::new(stream)))
    }

    /// Plain TCP at this address; port 0 for a free one.
    pub(crate) fn at(
        address: impl Into<SocketAddr>,
        script: impl Fn(&mut Conversation) + Send + Sync + 'static,
    ) -> Server {
        Server::listen_at(address.into(), script, |stream| Ok(Box::new(stream)))
    }

    /// Answers every request with these bytes and keeps the connection.
    pub(crate) fn answering(answer: impl AsRef<[u8]> + Send + Sync + 'static) -> Server {
        Server::tcp(
            move |conversation| {
                while conversation.request().is_some() && conversation.send(&answer) {}
            },
        )
    }

    /// Holds every request for this long, and says in `Server-Timing` how long it really was. It never sleeps while it
    /// waits for a request, so that waking up is no delay of the server's that nobody knows of.
    pub(crate) fn exactly(held: Duration) -> Server {
        let script = move |conversation: &mut Conversation| {
            while conversation.request().is_some() {
                let read = Instant::now();
                sleep_until(read + held);
                let held_ms = read.elapsed().as_secs_f64() * 1e3;
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nserver-timing: held;dur={held_ms:.6}\r\n\r\n"
                );
                if !conversation.send(answer) {
                    return;
                }
            }
        };
        Server::listen(script, |stream| {
            stream.set_nonblocking(true)?;
            Ok(Box::new(stream))
        })
    }

    /// TLS on loopback; the handshake happens when the script first reads.
    pub(crate) fn tls(
        certificate: &Certificate,
        script: impl Fn(&mut Conversation) + Send + Sync + 'static,
    ) -> Server {
        let config = Arc::clone(&certificate.server);
        Server::listen(script, move |stream| {
            let tls = ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
            Ok(Box::new(StreamOwned::new(tls, stream)))
        })
    }

    /// A Unix socket at this path.
    pub(crate) fn unix(
        path: &Path,
        script: impl Fn(&mut Conversation) + Send + Sync + 'static,
    ) -> Server {
        let listener = std::os::unix::net::UnixListener::bind(path).expect("a free path");
        Server::serve(Listening::Unix(path.to_owned()), script, move || {
            Ok(Box::new(listener.accept()?.0))
        })
    }

    fn listen(
        script: impl Fn(&mut Conversation) + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> io::Result<Box<dyn Stream>> + Send + 'static,
    ) -> Server {
        Server::listen_at((Ipv4Addr::LOCALHOST, 0).into(), script, wrap)
    }

    fn listen_at(
        address: SocketAddr,
        script: impl Fn(&mut Conversation) + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> io::Result<Box<dyn Stream>> + Send + 'static,
    ) -> Server {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        Server::serve(Listening::Tcp(address), script, move || {
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            wrap(stream)
        })
    }

    fn serve(
        at: Listening,
        script: impl Fn(&mut Conversation) + Send + Sync + 'static,
        accept: impl Fn() -> io::Result<Box<dyn Stream>> + Send + 'static,
    ) -> Server {
        let (log, stop, script) = (
            Arc::new(Log::default()),
            Arc::new(AtomicBool::new(false)),
            Arc::new(script),
        );
        let (shared_log, stopped) = (Arc::clone(&log), Arc::clone(&stop));
        let accepting = std::thread::spawn(move || {
            loop {
                let accepted = accept();
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = accepted else { continue };
                shared_log.connections.fetch_add(1, Ordering::SeqCst);
                let mut conversation = Conversation {
                    stream,
                    surplus: Vec::new(),
                    log: Arc::clone(&shared_log),
                };
                let script = Arc::clone(&script);
                // It ends when the client closes; the tests' client always does.
                std::thread::spawn(move || script(&mut conversation));
            }
        });
        Server {
            at,
            log,
            stop,
            accepting: Some(accepting),
        }
    }

    /// Its address, unencrypted.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    pub(crate) fn port(&self) -> u16 {
        match &self.at {
            Listening::Tcp(address) => address.port(),
            Listening::Unix(_) => 80,
        }
    }

    /// Every request that arrived in full, in order of arrival.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.log.received.lock().expect("no script panics").clone()
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.log.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then sees that it is over.
        match &self.at {
            Listening::Tcp(address) => drop(TcpStream::connect(address)),
            Listening::Unix(path) => drop(std::os::unix::net::UnixStream::connect(path)),
        }
        if let Some(accepting) = self.accepting.take() {
            accepting.join().expect("the accepting thread ends");
        }
    }
}

impl Conversation {
    /// The next request in full; `None` when the client has closed.
    pub(crate) fn request(&mut self) -> Option<Received> {
        let head_end = self.read_until(|bytes| {
            bytes
                .windows(4)
                .position(|w| w == b"\r\n\r\n")
                .map(|at| at + 4)
        })?;
        let head = String::from_utf8(self.surplus[..head_end - 4].to_vec()).expect("a text head");
        let length: usize = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, value)| value.parse().expect("a length"));
        let end = head_end + length;
        self.read_until(|bytes| (bytes.len() >= end).then_some(end))?;
        let body = self.surplus[head_end..end].to_vec();
        self.surplus.drain(..end);
        let at = Instant::now();
        let received = Received { head, body, at };
        self.log
            .received
            .lock()
            .expect("no script panics")
            .push(received.clone());
        Some(received)
    }

    fn read_until(&mut self, complete: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
        let mut piece = [0; 4096];
        loop {
            if let Some(end) = complete(&self.surplus) {
                return Some(end);
            }
            match self.stream.read(&mut piece) {
                Ok(n) if n > 0 => self.surplus.extend_from_slice(&piece[..n]),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                _ => return None,
            }
        }
    }

    /// Sends bytes; `false` when the client is gone.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream
            .write_all(bytes.as_ref())
            .and_then(|()| self.stream.flush())
            .is_ok()
    }

    /// Sends a piece again and again, this far apart, until the client is gone.
    pub(crate) fn drip(&mut self, piece: &[u8], pause: Duration) {
        while self.send(piece) {
            std::thread::sleep(pause);
        }
    }

    /// Never answers: reads until the client has closed.
    pub(crate) fn ignore(&mut self) {
        let mut piece = [0; 4096];
        while self.stream.read(&mut piece).is_ok_and(|n| n > 0) {}
    }

    /// Reads one byte and returns with the rest unread, so that the kernel closes with a reset.
    pub(crate) fn leave_unread(&mut self) {
        let _ = self.stream.read(&mut [0]);
    }

    /// Answers as soon as a request begins, and only then reads what is left of it.
    pub(crate) fn answer_early(&mut self, answer: &str) {
        self.leave_unread();
        if self.send(answer) {
            self.ignore();
        }
    }
}

/// A self-signed certificate for `localhost` and 127.0.0.1.
pub(crate) struct Certificate {
    server: Arc<ServerConfig>,
    /// The certificate as a PEM file holds it.
    pub(crate) pem: String,
}

impl Certificate {
    pub(crate) fn new() -> Certificate {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let rcgen::CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(names).expect("valid names");
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a PKCS#8 key");
        Certificate::of(vec![cert.der().clone()], key, cert.pem())
    }

    /// A server that shows this chain.
    pub(crate) fn of(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        pem: String,
    ) -> Certificate {
        // Not `with_single_cert`: that reads certificates of version 3 only.
        let signing = ring::sign::any_supported_type(&key).expect("a key that ring can use");
        let shown = Arc::new(Shown(Arc::new(CertifiedKey::new(chain, signing))));
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring knows the default versions")
            .with_no_client_auth()
            .with_cert_resolver(shown);
        Certificate {
            server: Arc::new(server),
            pem,
        }
    }

    /// The same for a server that speaks one version of TLS.
    pub(crate) fn speaking(&self, version: &'static SupportedProtocolVersion) -> Certificate {
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .expect("a version that ring knows")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.server.cert_resolver));
        Certificate {
            server: Arc::new(server),
            pem: self.pem.clone(),
        }
    }

    /// What a server of another kind shows it with.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }

    /// The same for a server with other settings.
    pub(crate) fn with(self, change: impl FnOnce(&mut ServerConfig)) -> Certificate {
        let mut server = (*self.server).clone();
        change(&mut server);
        Certificate {
            server: Arc::new(server),
            pem: self.pem,
        }
    }
}

/// Shows one chain to every client.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// A port of loopback that nobody listens on.
pub(crate) fn refusing_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound address").port()
}

/// The server of METHOD §6: holds every request until the stall ends, then for the base time.
#[derive(Clone, Copy)]
pub(crate) struct Stall {
    origin: Instant,
    pub(crate) period: Duration,
    /// How long the stall at the start of each period lasts.
    pub(crate) held: Duration,
    /// Service time outside of stalls.
    pub(crate) base: Duration,
}

impl Stall {
    pub(crate) fn new(period: Duration, held: Duration, base: Duration) -> Stall {
        Stall {
            origin: Instant::now(),
            period,
            held,
            base,
        }
    }

    /// A server that behaves so towards every request.
    pub(crate) fn server(self) -> Server {
        Server::tcp(move |conversation| {
            while conversation.request().is_some() {
                sleep_until(self.release(Instant::now()));
                if !conversation.send(OK) {
                    return;
                }
            }
        })
    }

    /// When a request that arrives now is answered.
    fn release(&self, now: Instant) -> Instant {
        let phase_ns = now.duration_since(self.origin).as_nanos() % self.period.as_nanos();
        let phase = Duration::from_nanos(phase_ns as u64);
        now + self.held.saturating_sub(phase) + self.base
    }
}

/// Sleeps short of the instant and spins the rest: a sleep alone ends some 60 µs late.
fn sleep_until(instant: Instant) {
    let margin = Duration::from_micros(150);
    std::thread::sleep(
        instant
            .saturating_duration_since(Instant::now())
            .saturating_sub(margin),
    );
    while Instant::now() < instant {
        std::hint::spin_loop();
    }
}
