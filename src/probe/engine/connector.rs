//! Opens connections: name resolution, TCP or Unix socket, TLS; each phase timed, each failure named.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::connection::Connection;
use super::failure::{RequestFailure, words};
use super::monotonic_clock::MonotonicClock;
use super::timeline::{RequestPhase, Timeline};
use super::transport::Transport;
use crate::run::plan::{ConnectionPolicy, Scheme, Target};
use crate::run::preflight_failure::FailureCause;
use crate::run::sample::FailureKind;
use crate::tls_roots::{self, tls_failure};

/// Knows how to reach the target; shared by all threads.
#[derive(Clone)]
pub(super) struct Connector {
    address: Address,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

#[derive(Clone)]
enum Address {
    /// A literal address needs no resolution.
    Ip(IpAddr, u16),
    Name(String, u16),
    #[cfg(unix)]
    Unix(std::path::PathBuf),
}

impl Connector {
    /// Reads certificates and keys, so that what is wrong with them is known before the first request.
    pub(super) fn new(target: &Target, policy: &ConnectionPolicy) -> anyhow::Result<Connector> {
        let tls = match target.scheme {
            Scheme::Http => None,
            Scheme::Https => {
                let name = ServerName::try_from(target.host.clone()).with_context(|| {
                    format!("'{}' is not a valid host name for TLS", target.host)
                })?;
                Some((
                    TlsConnector::from(Arc::new(tls_roots::service_client(
                        &policy.trust,
                        policy.identity.as_ref(),
                    )?)),
                    name,
                ))
            }
        };
        Ok(Connector {
            address: Address::of(target, policy),
            tls,
        })
    }

    /// Opens a connection; its phases go into the timeline, the one that fails too.
    pub(super) async fn open(
        &self,
        clock: MonotonicClock,
        timeline: &mut Timeline,
    ) -> Result<Connection, RequestFailure> {
        let stream = match &self.address {
            Address::Ip(ip, port) => {
                timeline.enter(RequestPhase::Connect, clock.now_ns());
                TcpStream::connect((*ip, *port)).await
            }
            Address::Name(host, port) => {
                timeline.enter(RequestPhase::Dns, clock.now_ns());
                let found = tokio::net::lookup_host((host.as_str(), *port)).await;
                let addresses: Vec<_> = found.map_err(|e| resolution_failed(host, &e))?.collect();
                timeline.enter(RequestPhase::Connect, clock.now_ns());
                TcpStream::connect(addresses.as_slice()).await
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                timeline.enter(RequestPhase::Connect, clock.now_ns());
                let opened = UnixStream::connect(path).await;
                return opened
                    .map(|stream| Connection::new(Transport::Unix(stream)))
                    .map_err(|e| connect_failed(&e));
            }
        };
        let stream = stream.map_err(|e| connect_failed(&e))?;
        stream.set_nodelay(true).map_err(|e| connect_failed(&e))?;
        let Some((connector, name)) = &self.tls else {
            return Ok(Connection::new(Transport::Tcp(stream)));
        };
        timeline.enter(RequestPhase::Tls, clock.now_ns());
        match connector.connect(name.clone(), stream).await {
            Ok(stream) => Ok(Connection::new(Transport::Tls(Box::new(stream)))),
            Err(e) => Err(handshake_failed(&e)),
        }
    }
}

impl Address {
    fn of(target: &Target, policy: &ConnectionPolicy) -> Address {
        #[cfg(unix)]
        if let Some(path) = &policy.unix_socket {
            return Address::Unix(path.clone());
        }
        let (host, port) = policy
            .connect_to
            .clone()
            .unwrap_or_else(|| (target.host.clone(), target.port));
        match host.parse() {
            Ok(ip) => Address::Ip(ip, port),
            Err(_) => Address::Name(host, port),
        }
    }
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

fn handshake_failed(error: &io::Error) -> RequestFailure {
    if let Some(failure) = tls_failure(error) {
        return RequestFailure::tls(failure);
    }
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
