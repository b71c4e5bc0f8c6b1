//! The message for a service that gives no answer before the run: the failure, and how to fix it.

use std::time::Duration;

use anyhow::anyhow;

use super::Unreachable;
use crate::printable::Shown as _;
use crate::probe::engine::{FailureCause, Pending, PreflightError, PreflightFailure};
use crate::run::plan::{Plan, Scheme};
use crate::tls_roots::{HTTP2_HINT, TlsFailure};
use crate::units::Pretty;

/// The names of the service's address.
struct Place<'a> {
    plan: &'a Plan,
    /// Host and port, or the socket, that are connected to.
    at: String,
}

/// The failure, the next step to try, and whether any byte came from the server.
struct Said {
    text: String,
    hint: String,
    answered: bool,
}

/// An error with a hint. It is [`Unreachable`] only if no byte came from the server. A server that has answered is
/// reachable, and the plan does not fit it.
pub(super) fn explain(
    plan: &Plan,
    error: PreflightError,
    patience: Option<Duration>,
) -> anyhow::Error {
    let (endpoint, failure) = match error {
        PreflightError::Setup(e) => return e,
        PreflightError::Endpoint { endpoint, failure } => (endpoint, failure),
    };
    let said = Place::of(plan).said(&failure);
    // Other failures concern the server, not one endpoint.
    let which = match plan.endpoints.len() > 1 && is_of_one_endpoint(&failure) {
        true => format!(" (endpoint {endpoint})"),
        false => String::new(),
    };
    let waited = patience
        .map(|patience| format!(" (waited {})", Pretty(patience)))
        .unwrap_or_default();
    let (text, hint) = (format!("{}{which}{waited}", said.text), said.hint);
    match said.answered {
        true => anyhow!("{text}\nhint: {hint}"),
        false => Unreachable { text, hint }.into(),
    }
}

fn is_of_one_endpoint(failure: &PreflightFailure) -> bool {
    match failure {
        PreflightFailure::Timeout(_, pending) => {
            matches!(pending, Pending::Answer | Pending::Rest)
        }
        PreflightFailure::Failed(_, _, cause) => {
            matches!(cause, FailureCause::Closed | FailureCause::Malformed)
        }
    }
}

impl Place<'_> {
    fn of(plan: &Plan) -> Place<'_> {
        let (target, connections) = (&plan.target, &plan.connections);
        let (host, port) = match &connections.connect_to {
            Some((host, port)) => (host, *port),
            None => (&target.host, target.port),
        };
        let at = match &connections.unix_socket {
            Some(path) => path.shown().to_string(),
            None if host.contains(':') => format!("[{host}]:{port}"),
            None => format!("{host}:{port}"),
        };
        Place { plan, at }
    }

    fn with_scheme(&self, scheme: &str) -> String {
        let target = &self.plan.target;
        let host = match target.host.contains(':') {
            true => format!("[{}]", target.host),
            false => target.host.clone(),
        };
        format!("{scheme}://{host}:{}{}", target.port, target.prefix)
    }

    fn said(&self, failure: &PreflightFailure) -> Said {
        match failure {
            PreflightFailure::Timeout(limit, pending) => self.timed_out(*limit, *pending),
            PreflightFailure::Failed(_, message, cause) => self.failed(message, cause),
        }
    }

    fn timed_out(&self, limit: Duration, pending: Pending) -> Said {
        let within = Pretty(limit);
        let (what, hint) = match pending {
            Pending::Name => (
                "name resolution",
                "check DNS; --connect-to HOST:PORT connects without it".to_owned(),
            ),
            Pending::Connection => ("connect", "check the address and the firewall".to_owned()),
            Pending::Handshake => (
                "TLS handshake",
                format!(
                    "raise --timeout. If the service does not speak TLS, use {}",
                    self.with_scheme("http")
                ),
            ),
            Pending::Answer | Pending::Rest => (
                "answer",
                "look at the service's log, or raise --timeout".to_owned(),
            ),
        };
        let text = match pending {
            Pending::Rest => format!("{} did not complete its answer within {within}", self.at),
            _ => format!("{} did not answer within {within} ({what})", self.at),
        };
        Said {
            text,
            hint,
            answered: pending == Pending::Rest,
        }
    }

    fn failed(&self, message: &str, cause: &FailureCause) -> Said {
        let at = &self.at;
        let silent = |text: String, hint: &str| Said {
            text,
            hint: hint.to_owned(),
            answered: false,
        };
        let answered = |text: String, hint: String| Said {
            text,
            hint,
            answered: true,
        };
        match cause {
            FailureCause::Name => silent(
                message.to_owned(),
                "check the spelling, or connect elsewhere with --connect-to HOST:PORT",
            ),
            FailureCause::Refused => silent(
                format!("{at} refused the connection"),
                "start the service, or wait for it with --wait-ready 30s",
            ),
            FailureCause::NoConnection => silent(
                format!("{at} cannot be connected to: {message}"),
                "check the address and the firewall, or wait for the service with --wait-ready 30s",
            ),
            FailureCause::Exhausted => silent(
                format!("no connection to {at}: {message}"),
                "this machine is out of file descriptors or ephemeral ports; raise `ulimit -n`, or wait for old connections to expire",
            ),
            FailureCause::Closed => silent(format!("{at}: {message}"), &self.closed_hint()),
            FailureCause::Interrupted => silent(message.to_owned(), "measure again"),
            FailureCause::Tls(failure) => {
                let (text, hint) = self.tls(failure);
                answered(text, hint)
            }
            FailureCause::SpeaksTls => answered(
                format!("{at} speaks TLS"),
                format!("use {}", self.with_scheme("https")),
            ),
            FailureCause::Http2Only => {
                answered(format!("{at} speaks HTTP/2 only"), HTTP2_HINT.to_owned())
            }
            FailureCause::NotHttp => answered(
                format!("{at}: {message}"),
                "name the port of an HTTP/1.1 server".to_owned(),
            ),
            FailureCause::Malformed => answered(
                format!("{at}: {message}"),
                format!(
                    "look at the answer with: curl -v {}",
                    self.with_scheme(self.plan.target.scheme.as_str())
                ),
            ),
        }
    }

    fn tls(&self, failure: &TlsFailure) -> (String, String) {
        let (at, host) = (&self.at, &self.plan.target.host);
        let text = match failure {
            _ if failure.is_not_tls() => format!("{at} does not speak TLS"),
            _ if failure.is_http2_only() => {
                format!("{at} does not offer HTTP/1.1; it may speak HTTP/2 only")
            }
            _ if failure.is_about_the_certificate() => format!("{host}: {failure}"),
            _ => format!("{at}: {failure}"),
        };
        let hint = match failure.is_not_tls() {
            true => format!("use {}", self.with_scheme("http")),
            false => failure.hint(at),
        };
        (text, hint)
    }

    fn closed_hint(&self) -> String {
        match self.plan.target.scheme {
            Scheme::Http => format!(
                "look at the service's log. If it speaks TLS, use {}",
                self.with_scheme("https")
            ),
            Scheme::Https => format!(
                "look at the service's log. If it does not speak TLS, use {}",
                self.with_scheme("http")
            ),
        }
    }
}
