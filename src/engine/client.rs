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

use super::clock::Clock;
use super::connection::Connection;
use super::tls;
use super::transport::Transport;
use crate::plan::{ConnectionPolicy, Scheme, Target};
use crate::sample::{FailureKind, Phases};

/// Knows how to reach the target; shared by all threads.
#[derive(Clone)]
pub(super) struct Client {
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

/// Why no connection could be had.
#[derive(Debug)]
pub(super) struct OpenError {
    pub(super) kind: FailureKind,
    pub(super) message: String,
}

impl Client {
    /// Reads certificates and keys, so that what is wrong with them is known before the first request.
    pub(super) fn new(target: &Target, policy: &ConnectionPolicy) -> anyhow::Result<Client> {
        let tls = match target.scheme {
            Scheme::Http => None,
            Scheme::Https => {
                let name = ServerName::try_from(target.host.clone())
                    .with_context(|| format!("'{}' is no name for a TLS server", target.host))?;
                Some((TlsConnector::from(Arc::new(tls::config(policy)?)), name))
            }
        };
        Ok(Client {
            address: Address::of(target, policy),
            tls,
        })
    }

    /// Opens a connection and writes the phases it took; those that were reached stay on failure.
    pub(super) async fn open(
        &self,
        clock: Clock,
        phases: &mut Phases,
    ) -> Result<Connection, OpenError> {
        let stream = match &self.address {
            Address::Ip(ip, port) => {
                timed(
                    clock,
                    &mut phases.connect_ns,
                    TcpStream::connect((*ip, *port)),
                )
                .await
            }
            Address::Name(host, port) => {
                let lookup = timed(
                    clock,
                    &mut phases.dns_ns,
                    tokio::net::lookup_host((host.as_str(), *port)),
                )
                .await;
                let found = lookup.map_err(|e| resolution_failed(host, &e))?;
                let addresses: Vec<_> = found.collect();
                timed(
                    clock,
                    &mut phases.connect_ns,
                    TcpStream::connect(addresses.as_slice()),
                )
                .await
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let opened = timed(clock, &mut phases.connect_ns, UnixStream::connect(path)).await;
                return opened
                    .map(|s| Connection::new(Transport::Unix(s)))
                    .map_err(|e| connect_failed(&e));
            }
        };
        let stream = stream.map_err(|e| connect_failed(&e))?;
        stream.set_nodelay(true).map_err(|e| connect_failed(&e))?;
        let Some((connector, name)) = &self.tls else {
            return Ok(Connection::new(Transport::Tcp(stream)));
        };
        let handshake = timed(
            clock,
            &mut phases.tls_ns,
            connector.connect(name.clone(), stream),
        )
        .await;
        match handshake {
            Ok(stream) => Ok(Connection::new(Transport::Tls(Box::new(stream)))),
            Err(e) => Err(OpenError {
                kind: FailureKind::Tls,
                message: format!("TLS handshake: {e}"),
            }),
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

/// Runs a step and writes how long it took, also when it fails.
async fn timed<T>(clock: Clock, phase_ns: &mut Option<u64>, step: impl Future<Output = T>) -> T {
    let before_ns = clock.now_ns();
    let result = step.await;
    *phase_ns = Some(clock.now_ns() - before_ns);
    result
}

fn resolution_failed(host: &str, error: &io::Error) -> OpenError {
    OpenError {
        kind: FailureKind::Connect,
        message: format!("the name '{host}' does not resolve: {error}"),
    }
}

/// Running out of file descriptors or local ports is this machine's doing, not the server's.
fn connect_failed(error: &io::Error) -> OpenError {
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    let exhausted = matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
        || error.kind() == io::ErrorKind::AddrNotAvailable;
    let kind = if exhausted {
        FailureKind::Client
    } else {
        FailureKind::Connect
    };
    OpenError {
        kind,
        message: error.to_string(),
    }
}
