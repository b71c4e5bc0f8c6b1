//! Opens connections: name resolution, TCP or Unix socket, TLS; each phase timed, each failure named.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::addresses::Addresses;
use super::failure::{RequestFailure, words};
use super::monotonic_clock::MonotonicClock;
use super::stream_counters::StreamCounters;
use super::timeline::{RequestPhase, Timeline};
use super::transport::Transport;
use super::tunnel::Tunnel;
use crate::run::plan::{ConnectionPolicy, HttpVersion, RedirectPolicy, Scheme, Target, UrlOwner};
use crate::run::preflight_failure::FailureCause;
use crate::run::run_file::NameAddresses;
use crate::run::sample::FailureKind;
use crate::tls_roots::{self, Alpn, tls_failure};

/// Knows how to reach the target; shared by all threads.
#[derive(Clone)]
pub(super) struct Connector {
    policy: Arc<ConnectionPolicy>,
    streams: StreamCounters,
    address: Address,
    /// The way through a proxy to TLS.
    tunnel: Option<Tunnel>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// For other origins, where redirects are followed: without the client certificate.
    elsewhere: Option<TlsConnector>,
}

#[derive(Clone)]
enum Address {
    /// A literal address needs no resolution.
    Ip(IpAddr, u16),
    Name(NamedAddress),
    #[cfg(unix)]
    Unix(std::path::PathBuf),
}

/// A name, and its addresses that accept connections if there is a choice.
#[derive(Clone)]
struct NamedAddress {
    host: String,
    port: u16,
    addresses: Option<Arc<Addresses>>,
}

impl Connector {
    /// Reads certificates and keys, so that what is wrong with them is known before the first request.
    pub(super) fn new(target: &Target, policy: &ConnectionPolicy) -> anyhow::Result<Connector> {
        let client = |identity| -> anyhow::Result<TlsConnector> {
            let config = tls_roots::service_client(&policy.trust, identity, alpn(policy.version))?;
            Ok(TlsConnector::from(Arc::new(config)))
        };
        let tls = match target.scheme {
            Scheme::Http => None,
            Scheme::Https => {
                let name = server_name(target).with_context(|| {
                    format!("'{}' is not a valid host name for TLS", target.host)
                })?;
                Some((client(policy.identity.as_ref())?, name))
            }
        };
        let follows = policy.redirects == RedirectPolicy::Follow;
        Ok(Connector {
            policy: Arc::new(policy.clone()),
            streams: StreamCounters::default(),
            address: Address::of(target, policy),
            tunnel: tunnel(target, policy),
            tls,
            elsewhere: follows.then(|| client(None)).transpose()?,
        })
    }

    /// For an origin that a redirect leads to: without the client certificate, and without what stands in place of the
    /// plan's own address.
    pub(super) fn to_other_origin(&self, target: &Target) -> Result<Connector, RequestFailure> {
        let tls = match (target.scheme, &self.elsewhere) {
            (Scheme::Https, Some(connector)) => {
                let name = server_name(target).ok_or_else(|| {
                    RequestFailure::new(
                        FailureKind::Redirect,
                        FailureCause::Redirect,
                        "redirected to a host that is not a valid name for TLS",
                    )
                })?;
                Some((connector.clone(), name))
            }
            _ => None,
        };
        let (host, port) = match &self.policy.proxy {
            Some(proxy) => (proxy.host.clone(), proxy.port),
            None => {
                let replaced = self.policy.replaced(target, UrlOwner::Redirect);
                replaced.unwrap_or_else(|| (target.host.clone(), target.port))
            }
        };
        Ok(Connector {
            policy: Arc::clone(&self.policy),
            streams: StreamCounters::default(),
            address: Address::direct(host, port),
            tunnel: tunnel(target, &self.policy),
            tls,
            elsewhere: None,
        })
    }

    /// Finds out which addresses of a name accept connections; blocks until that is known.
    ///
    /// # Errors
    /// No runtime to run on. Addresses that do not accept are not an error.
    pub(super) fn try_addresses(&mut self, timeout: Duration) -> io::Result<()> {
        if let Address::Name(name) = &mut self.address {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            name.addresses = runtime.block_on(name.tried(timeout)).map(Arc::new);
            // A name that is still being resolved would be waited for.
            runtime.shutdown_background();
        }
        Ok(())
    }

    /// The addresses of the name, if it has several.
    pub(super) fn addresses(&self) -> Option<NameAddresses> {
        match &self.address {
            Address::Name(name) => name.addresses.as_ref().map(|all| all.record()),
            _ => None,
        }
    }

    /// Counts its HTTP/2 connections.
    pub(super) fn stream_counters(&self) -> StreamCounters {
        self.streams.clone()
    }

    /// Opens the byte stream under a connection; its phases go into the timeline, the one that fails too.
    pub(super) async fn open(
        &self,
        clock: MonotonicClock,
        timeline: &mut Timeline,
    ) -> Result<Transport, RequestFailure> {
        timeline.opens_connection();
        let stream = match &self.address {
            Address::Ip(ip, port) => {
                timeline.enter(RequestPhase::Connect, clock.now_ns());
                TcpStream::connect((*ip, *port)).await
            }
            Address::Name(name) => {
                timeline.enter(RequestPhase::Dns, clock.now_ns());
                let found = name.resolved().await;
                let found = found.map_err(|e| resolution_failed(&name.host, &e))?;
                timeline.enter(RequestPhase::Connect, clock.now_ns());
                name.connected(&found).await
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                timeline.enter(RequestPhase::Connect, clock.now_ns());
                let opened = UnixStream::connect(path).await;
                return opened.map(Transport::Unix).map_err(|e| connect_failed(&e));
            }
        };
        let stream = stream.map_err(|e| connect_failed(&e))?;
        stream.set_nodelay(true).map_err(|e| connect_failed(&e))?;
        let Some((connector, name)) = &self.tls else {
            return Ok(Transport::Tcp(stream));
        };
        let stream = match &self.tunnel {
            Some(tunnel) => tunnel.open(stream, clock).await?,
            None => stream,
        };
        timeline.enter(RequestPhase::Tls, clock.now_ns());
        let stream = connector.connect(name.clone(), stream).await;
        let stream = stream.map_err(|e| self.handshake_failed(&e))?;
        if self.is_http2() && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(no_http2());
        }
        Ok(Transport::Tls(Box::new(stream)))
    }

    fn handshake_failed(&self, error: &io::Error) -> RequestFailure {
        match tls_failure(error) {
            // It refused both.
            Some(failure) if failure.is_http2_only() && self.is_http2() => no_http2(),
            Some(failure) => RequestFailure::tls(failure),
            None => handshake_cut(error),
        }
    }

    fn is_http2(&self) -> bool {
        self.policy.version != HttpVersion::Http1
    }
}

impl Address {
    fn of(target: &Target, policy: &ConnectionPolicy) -> Address {
        #[cfg(unix)]
        if let Some(path) = &policy.unix_socket {
            return Address::Unix(path.clone());
        }
        let (host, port) = policy.address(target);
        Address::direct(host, port)
    }

    fn direct(host: String, port: u16) -> Address {
        match host.parse() {
            Ok(ip) => Address::Ip(ip, port),
            Err(_) => Address::Name(NamedAddress {
                host,
                port,
                addresses: None,
            }),
        }
    }
}

impl NamedAddress {
    async fn resolved(&self) -> io::Result<Vec<SocketAddr>> {
        let mut found: Vec<SocketAddr> = Vec::new();
        for address in tokio::net::lookup_host((self.host.as_str(), self.port)).await? {
            if !found.contains(&address) {
                found.push(address);
            }
        }
        Ok(found)
    }

    async fn tried(&self, timeout: Duration) -> Option<Addresses> {
        let found = tokio::time::timeout(timeout, self.resolved()).await;
        Addresses::tried(&self.host, &found.ok()?.ok()?, timeout).await
    }

    /// Without a choice, the first address that accepts.
    async fn connected(&self, found: &[SocketAddr]) -> io::Result<TcpStream> {
        let chosen = self.addresses.as_ref().zip(self.next(found));
        let Some((addresses, address)) = chosen else {
            return TcpStream::connect(found).await;
        };
        let stream = TcpStream::connect(address).await?;
        addresses.opened(address);
        Ok(stream)
    }

    fn next(&self, found: &[SocketAddr]) -> Option<SocketAddr> {
        self.addresses.as_ref()?.next(found)
    }
}

fn alpn(version: HttpVersion) -> Alpn {
    match version {
        HttpVersion::Http1 => Alpn::Http1,
        HttpVersion::Http2 { .. } => Alpn::Http2,
    }
}

/// TLS goes through a proxy in a tunnel.
fn tunnel(target: &Target, policy: &ConnectionPolicy) -> Option<Tunnel> {
    let proxy = policy.proxy.as_ref();
    let proxy = proxy.filter(|_| target.scheme == Scheme::Https)?;
    Some(Tunnel::new(proxy, target))
}

fn server_name(target: &Target) -> Option<ServerName<'static>> {
    ServerName::try_from(target.host.clone()).ok()
}

/// The target's name did resolve before the run, so this is about the resolver here, not about the server.
fn resolution_failed(host: &str, error: &io::Error) -> RequestFailure {
    let text = error.to_string();
    let why = match &text {
        text if text.contains("Temporary failure") => "no answer from the name server",
        text if text.contains("not known") || text.contains("No address") => "no such host",
        text => text.rsplit(": ").next().unwrap_or(text),
    };
    RequestFailure::new(
        FailureKind::Client,
        FailureCause::Name,
        format!("{host} does not resolve: {why}"),
    )
}

/// The service agreed to HTTP/1.1, or to nothing at all.
fn no_http2() -> RequestFailure {
    RequestFailure::new(
        FailureKind::Tls,
        FailureCause::NoHttp2,
        "the service does not offer HTTP/2 (ALPN h2)",
    )
}

fn handshake_cut(error: &io::Error) -> RequestFailure {
    // Servers without TLS, and some that require a client certificate, close the connection.
    RequestFailure::new(
        FailureKind::Tls,
        FailureCause::Closed,
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                "the connection was closed during the TLS handshake".to_owned()
            }
            _ => format!("TLS handshake: {}", words(error)),
        },
    )
}

/// Running out of file descriptors or local ports is this machine's doing, not the server's.
fn connect_failed(error: &io::Error) -> RequestFailure {
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    let exhausted = matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
        || error.kind() == io::ErrorKind::AddrNotAvailable;
    let (kind, cause) = match error.kind() {
        _ if exhausted => (FailureKind::Client, FailureCause::Exhausted),
        io::ErrorKind::ConnectionRefused => (FailureKind::Connect, FailureCause::Refused),
        _ => (FailureKind::Connect, FailureCause::NoConnection),
    };
    RequestFailure::new(kind, cause, words(error))
}
