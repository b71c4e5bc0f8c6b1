//! A service that gives no answer: the place that was connected to, and the URL to type instead.

use std::time::Duration;

use super::explained::{Explained, PROXY_CREDENTIALS};
use crate::printable::Shown as _;
use crate::redact;
use crate::run::plan::{Endpoint, Plan, Scheme, Target};
use crate::run::preflight_failure::{FailureCause, PendingPhase, PreflightFailure};
use crate::tls_roots::{HTTP2_HINT, TlsFailure};
use crate::units::Pretty;

/// Begins every value that may be a secret.
const HIDDEN: &str = "[redacted";

/// What a connection is opened to.
enum Peer {
    /// The service, or another host in its place (`--connect-to`).
    Service,
    Proxy,
    Socket,
}

/// The names of the service's address.
pub(super) struct ServiceAddress<'a> {
    target: &'a Target,
    /// Path and query of the only endpoint, as part of its URL.
    path: String,
    peer: Peer,
    /// Host and port, or the socket, that are connected to.
    at: String,
}

impl ServiceAddress<'_> {
    pub(super) fn of<'a>(plan: &'a Plan, endpoint: Option<&'a Endpoint>) -> ServiceAddress<'a> {
        let connections = &plan.connections;
        let target = endpoint.map_or(&plan.target, |endpoint| plan.target_of(endpoint));
        let only = endpoint.filter(|_| plan.endpoints.len() == 1);
        let (host, port) = connections.address(target);
        let at = match &connections.unix_socket {
            Some(path) => path.shown().to_string(),
            None if host.contains(':') => format!("[{host}]:{port}"),
            None => format!("{host}:{port}"),
        };
        let peer = match (&connections.proxy, &connections.unix_socket) {
            (Some(_), _) => Peer::Proxy,
            (None, Some(_)) => Peer::Socket,
            (None, None) => Peer::Service,
        };
        ServiceAddress {
            target,
            path: only.map_or_else(String::new, |endpoint| redact::url(&endpoint.path.source())),
            peer,
            at,
        }
    }

    /// The URL with another scheme: of the only endpoint, or of the service.
    fn with_scheme(&self, scheme: Scheme) -> String {
        let other = Target {
            scheme,
            ..self.target.clone()
        };
        let path = match self.path.split_once('?') {
            Some((path, query)) if query.contains(HIDDEN) => format!("{path}?…"),
            _ => self.path.clone(),
        };
        format!("{other}{path}")
    }

    /// Where an answer comes from, or should.
    fn service(&self) -> String {
        match self.peer {
            Peer::Proxy => format!(
                "{} through the proxy {}",
                self.target.host_and_port(),
                self.at
            ),
            Peer::Service | Peer::Socket => self.at.clone(),
        }
    }

    /// What a connection is opened to, as the subject of a sentence.
    fn peer(&self) -> String {
        match self.peer {
            Peer::Proxy => format!("the proxy {}", self.at),
            Peer::Socket => format!("the socket {}", self.at),
            Peer::Service => self.at.clone(),
        }
    }

    pub(super) fn explained(&self, failure: &PreflightFailure) -> Explained {
        match failure {
            PreflightFailure::Timeout(limit, pending) => self.timed_out(*limit, *pending),
            PreflightFailure::Failed(_, message, cause) => self.failed(message, cause),
        }
    }

    fn timed_out(&self, limit: Duration, pending: PendingPhase) -> Explained {
        let within = Pretty(limit);
        let (phase, hint) = match pending {
            PendingPhase::Name => (
                "name resolution",
                "check DNS; --connect-to HOST:PORT connects without it".to_owned(),
            ),
            PendingPhase::Connection => ("connect", self.unreachable_hint()),
            PendingPhase::Handshake => (
                "TLS handshake",
                format!(
                    "raise --timeout; if the service does not speak TLS, use {}",
                    self.with_scheme(Scheme::Http)
                ),
            ),
            PendingPhase::Settings => (
                "HTTP/2 SETTINGS",
                "if the service does not speak HTTP/2, leave out --http2".to_owned(),
            ),
            PendingPhase::Stream => (
                "stream",
                "raise the service's limit of concurrent streams".to_owned(),
            ),
            PendingPhase::Answer | PendingPhase::Rest => (
                "answer",
                "check the service's log, or raise --timeout".to_owned(),
            ),
        };
        let text = match pending {
            PendingPhase::Rest => {
                format!(
                    "{} did not complete its answer within {within}",
                    self.service()
                )
            }
            PendingPhase::Connection => {
                format!("{} did not answer within {within} ({phase})", self.peer())
            }
            PendingPhase::Stream => format!("{} allowed no stream within {within}", self.service()),
            _ => format!(
                "{} did not answer within {within} ({phase})",
                self.service()
            ),
        };
        Explained { text, hint }
    }

    fn unreachable_hint(&self) -> String {
        match self.peer {
            Peer::Proxy => "check the address of -x, and the firewall".to_owned(),
            Peer::Socket => "check the service behind --unix-socket".to_owned(),
            Peer::Service => {
                "check firewall and proxy; a7probe uses a proxy only with -x".to_owned()
            }
        }
    }

    fn failed(&self, message: &str, cause: &FailureCause) -> Explained {
        let at = self.service();
        let explained = |text: String, hint: &str| Explained {
            text,
            hint: hint.to_owned(),
        };
        match cause {
            FailureCause::Name => self.unknown_name(message),
            FailureCause::Refused => self.refused(),
            FailureCause::NoConnection => self.no_connection(message),
            FailureCause::Exhausted => explained(
                format!("no connection to {}: {message}", self.peer()),
                "this machine is out of file descriptors or ephemeral ports; raise `ulimit -n`, or wait for old connections to expire",
            ),
            FailureCause::Closed => explained(format!("{at}: {message}"), &self.closed_hint()),
            FailureCause::Proxy(status) => explained(
                format!("{}: {message}", self.at),
                match status {
                    Some(407) => PROXY_CREDENTIALS,
                    _ => "check the proxy's log, or leave out -x",
                },
            ),
            FailureCause::Redirect => explained(
                format!("{at}: {message}"),
                "check the redirects with curl -vL; measure the address that they end at, without -L",
            ),
            FailureCause::Interrupted => explained(message.to_owned(), "measure again"),
            FailureCause::Tls(failure) => self.tls(failure),
            FailureCause::SpeaksTls => explained(
                format!("{at} speaks TLS"),
                &format!("use {}", self.with_scheme(Scheme::Https)),
            ),
            FailureCause::Http2Only => explained(format!("{at} speaks HTTP/2 only"), HTTP2_HINT),
            FailureCause::NoHttp2 => explained(
                format!("{at} does not speak HTTP/2: {message}"),
                "leave out --http2",
            ),
            FailureCause::RefusedStream => explained(
                format!("{at}: {message}"),
                "check the service's log, and its limit of concurrent streams",
            ),
            FailureCause::Unsendable => explained(
                message.to_owned(),
                "correct the URL or the headers, or leave out --http2",
            ),
            FailureCause::NotHttp => explained(
                format!("{at}: {message}"),
                "name the port of an HTTP/1.1 server",
            ),
            FailureCause::Malformed => explained(
                format!("{at}: {message}"),
                &format!(
                    "check the answer with: curl -v {}",
                    self.with_scheme(self.target.scheme)
                ),
            ),
        }
    }

    fn unknown_name(&self, message: &str) -> Explained {
        let hint = match self.peer {
            Peer::Proxy => "check the host of -x, or leave -x out",
            Peer::Service | Peer::Socket => {
                "check the spelling, or connect elsewhere with --connect-to HOST:PORT"
            }
        };
        let text = match self.peer {
            Peer::Proxy => format!("the proxy {message}"),
            Peer::Service | Peer::Socket => message.to_owned(),
        };
        Explained {
            text,
            hint: hint.to_owned(),
        }
    }

    fn refused(&self) -> Explained {
        let hint = match self.peer {
            Peer::Proxy => "start the proxy, correct -x, or leave it out",
            Peer::Service | Peer::Socket => {
                "start the service, or wait for it with --wait-ready 30s"
            }
        };
        Explained {
            text: format!("{} refused the connection", self.peer()),
            hint: hint.to_owned(),
        }
    }

    fn no_connection(&self, message: &str) -> Explained {
        let hint = match self.peer {
            Peer::Proxy => "check the address of -x, and the firewall",
            Peer::Socket => {
                "check --unix-socket; a service makes the file when it starts (--wait-ready 30s waits for it)"
            }
            Peer::Service => {
                "check the address and the firewall, or wait for the service with --wait-ready 30s"
            }
        };
        Explained {
            text: format!("cannot connect to {}: {message}", self.peer()),
            hint: hint.to_owned(),
        }
    }

    fn tls(&self, failure: &TlsFailure) -> Explained {
        let (at, host) = (self.service(), &self.target.host);
        let text = match failure {
            _ if failure.is_not_tls() => format!("{at} does not speak TLS"),
            _ if failure.is_http2_only() => {
                format!("{at} does not offer HTTP/1.1; it may speak HTTP/2 only")
            }
            _ if failure.is_about_the_certificate() => format!("{host}: {failure}"),
            _ => format!("{at}: {failure}"),
        };
        let hint = if failure.is_not_tls() {
            format!("use {}", self.with_scheme(Scheme::Http))
        } else {
            failure.hint(&self.at)
        };
        Explained { text, hint }
    }

    fn closed_hint(&self) -> String {
        match self.target.scheme {
            Scheme::Http => format!(
                "check the service's log; if it speaks TLS, use {}",
                self.with_scheme(Scheme::Https)
            ),
            Scheme::Https => format!(
                "check the service's log; if it does not speak TLS, use {}",
                self.with_scheme(Scheme::Http)
            ),
        }
    }
}
