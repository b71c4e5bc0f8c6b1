//! A tunnel through an HTTP proxy: CONNECT, then the bytes of the other side.

use std::fmt::Write as _;

use tokio::net::TcpStream;

use super::connection::{Expect, Http1Connection, Keep, ResponseOptions};
use super::failure::RequestFailure;
use super::monotonic_clock::MonotonicClock;
use super::timeline::Timeline;
use super::transport::Transport;
use crate::run::plan::{Proxy, Target};
use crate::run::preflight_failure::FailureCause;
use crate::run::sample::FailureKind;

/// The way to one host and port.
#[derive(Debug, Clone)]
pub(super) struct Tunnel {
    to: String,
    request: Vec<u8>,
}

impl Tunnel {
    pub(super) fn new(proxy: &Proxy, target: &Target) -> Tunnel {
        let to = target.host_and_port();
        let mut request = format!(
            "CONNECT {to} HTTP/1.1\r\nhost: {to}\r\nuser-agent: a7probe/{}\r\n",
            env!("CARGO_PKG_VERSION")
        );
        if let Some(authorization) = &proxy.authorization {
            let _ = write!(request, "proxy-authorization: {authorization}\r\n");
        }
        request.push_str("\r\n");
        Tunnel {
            to,
            request: request.into_bytes(),
        }
    }

    /// Opens it over a connection to the proxy.
    pub(super) async fn open(
        &self,
        stream: TcpStream,
        clock: MonotonicClock,
    ) -> Result<TcpStream, RequestFailure> {
        let options = ResponseOptions {
            // What follows the head belongs to the tunnel.
            expect: Expect::HeadOnly,
            keep: Keep::Nothing,
            search: None,
        };
        let mut connection = Http1Connection::new(Transport::Tcp(stream));
        let mut timeline = Timeline::starting_at(clock.now_ns());
        let exchanged = connection.exchange(&self.request, options, clock, &mut timeline);
        let answer = exchanged.await.map_err(|error| {
            let failure = RequestFailure::from(error);
            self.failed(
                None,
                format!("the proxy gave no answer to CONNECT: {}", failure.message),
            )
        })?;
        match (answer.status, connection.into_tcp()) {
            (200..=299, Some(stream)) => Ok(stream),
            (status, _) => Err(self.failed(
                Some(status),
                format!("the proxy answered {status} to CONNECT {}", self.to),
            )),
        }
    }

    fn failed(&self, status: Option<u16>, message: String) -> RequestFailure {
        RequestFailure::new(FailureKind::Connect, FailureCause::Proxy(status), message)
    }
}
