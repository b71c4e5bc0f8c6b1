//! The sentences about a service that does not answer as the plan expects, and what to do next.

use std::time::Duration;

use crate::judge::failure_hints::{NotModified, StatusHint, UnexpectedStatus};
use crate::printable::Shown as _;
use crate::redact;
use crate::run::plan::{Endpoint, Plan, Scheme};
use crate::run::preflight_failure::{FailureCause, PendingPhase, PreflightFailure};
use crate::run::sample::FailureKind;
use crate::tls_roots::{HTTP2_HINT, TlsFailure};
use crate::units::Pretty;

/// A failure, and the next step to try.
pub struct Explained {
    /// What was wrong.
    pub text: String,
    /// How to fix it.
    pub hint: String,
}

/// Why the service of a plan gave no answer.
pub fn no_answer(plan: &Plan, failure: &PreflightFailure) -> Explained {
    ServiceAddress::of(plan).explained(failure)
}

/// An answer before the run with a status that the plan does not expect.
pub fn unexpected_answer(plan: &Plan, endpoint: &Endpoint, status: u16) -> Explained {
    Explained {
        text: format!(
            "{} {}{} answers {status} where {} is expected",
            endpoint.method,
            redact::url(&plan.target.to_string()),
            redact::url(&endpoint.path.source()),
            endpoint.expect
        ),
        hint: unexpected_status(&endpoint.name, &UnexpectedStatus::of(endpoint, status)),
    }
}

/// What to do about a status that is not expected of an endpoint.
pub(super) fn unexpected_status(name: &str, unexpected: &UnexpectedStatus) -> String {
    let sentence = match &unexpected.hint {
        StatusHint::NameThePath => {
            return format!("name the right path with --get {name}=/path or --post {name}=/path");
        }
        StatusHint::GiveTheBody => {
            return format!("give the body that the service expects with --body '{name}=…'");
        }
        StatusHint::NotModified(cause) => {
            return format!(
                "{}, or accept it with --expect {name}=304",
                not_modified(cause)
            );
        }
        StatusHint::ExpectIt => {
            return format!(
                "if that is right, say so with --expect {name}={}",
                unexpected.status
            );
        }
        StatusHint::SendCredentials => "send credentials with -H 'Authorization: Bearer …'",
        StatusHint::LookAtTheAnswer => {
            "look at its answer with curl -v. If the service speaks TLS, use https"
        }
        StatusHint::EnableHttp11 => {
            "the service asks for another protocol (see Upgrade in curl -v). For TLS use https; a WebSocket endpoint cannot be measured; else enable HTTP/1.1 there"
        }
        StatusHint::AcceptHttp11 => {
            "the service does not accept HTTP/1.1: enable it there, or measure it through a proxy that accepts HTTP/1.1"
        }
        StatusHint::NameTheTarget => {
            "redirects are not followed: measure the address that it points to"
        }
    };
    sentence.to_owned()
}

fn not_modified(cause: &NotModified) -> String {
    match cause {
        NotModified::Conditional(conditions) => format!(
            "the client's cache is asked about; leave out {}",
            conditions.join(" and ")
        ),
        NotModified::Unasked => {
            "the service answers it without a condition; look at it, or at a cache before it"
                .to_owned()
        }
        NotModified::Cached => {
            "a cache answers; ask past it with -H 'Cache-Control: no-cache'".to_owned()
        }
    }
}

/// What to do about failures of a kind that a run met.
pub(super) fn failed_requests(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Status | FailureKind::Protocol | FailureKind::Body => {
            "look at what the service answers with curl -v"
        }
        FailureKind::Connect => {
            "the service refused or dropped connections; look at its listen backlog and its log"
        }
        FailureKind::Reset => {
            "the service closed connections under way; look for crashes, restarts or an idle timeout"
        }
        FailureKind::Tls => "the TLS handshake failed under load; look at the service's TLS log",
        FailureKind::Client => {
            "this machine ran out of files or ports: raise `ulimit -n`, keep connections alive"
        }
    }
}

/// The names of the service's address.
struct ServiceAddress<'a> {
    plan: &'a Plan,
    /// Host and port, or the socket, that are connected to.
    at: String,
}

impl ServiceAddress<'_> {
    fn of(plan: &Plan) -> ServiceAddress<'_> {
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
        ServiceAddress { plan, at }
    }

    fn with_scheme(&self, scheme: &str) -> String {
        let target = &self.plan.target;
        let host = if target.host.contains(':') {
            format!("[{}]", target.host)
        } else {
            target.host.clone()
        };
        format!("{scheme}://{host}:{}{}", target.port, target.prefix)
    }

    fn explained(&self, failure: &PreflightFailure) -> Explained {
        match failure {
            PreflightFailure::Timeout(limit, pending) => self.timed_out(*limit, *pending),
            PreflightFailure::Failed(_, message, cause) => self.failed(message, cause),
        }
    }

    fn timed_out(&self, limit: Duration, pending: PendingPhase) -> Explained {
        let within = Pretty(limit);
        let (what, hint) = match pending {
            PendingPhase::Name => (
                "name resolution",
                "check DNS; --connect-to HOST:PORT connects without it".to_owned(),
            ),
            PendingPhase::Connection => {
                ("connect", "check the address and the firewall".to_owned())
            }
            PendingPhase::Handshake => (
                "TLS handshake",
                format!(
                    "raise --timeout. If the service does not speak TLS, use {}",
                    self.with_scheme("http")
                ),
            ),
            PendingPhase::Answer | PendingPhase::Rest => (
                "answer",
                "look at the service's log, or raise --timeout".to_owned(),
            ),
        };
        let text = match pending {
            PendingPhase::Rest => {
                format!("{} did not complete its answer within {within}", self.at)
            }
            _ => format!("{} did not answer within {within} ({what})", self.at),
        };
        Explained { text, hint }
    }

    fn failed(&self, message: &str, cause: &FailureCause) -> Explained {
        let at = &self.at;
        let explained = |text: String, hint: &str| Explained {
            text,
            hint: hint.to_owned(),
        };
        match cause {
            FailureCause::Name => explained(
                message.to_owned(),
                "check the spelling, or connect elsewhere with --connect-to HOST:PORT",
            ),
            FailureCause::Refused => explained(
                format!("{at} refused the connection"),
                "start the service, or wait for it with --wait-ready 30s",
            ),
            FailureCause::NoConnection => explained(
                format!("{at} cannot be connected to: {message}"),
                "check the address and the firewall, or wait for the service with --wait-ready 30s",
            ),
            FailureCause::Exhausted => explained(
                format!("no connection to {at}: {message}"),
                "this machine is out of file descriptors or ephemeral ports; raise `ulimit -n`, or wait for old connections to expire",
            ),
            FailureCause::Closed => explained(format!("{at}: {message}"), &self.closed_hint()),
            FailureCause::Interrupted => explained(message.to_owned(), "measure again"),
            FailureCause::Tls(failure) => self.tls(failure),
            FailureCause::SpeaksTls => explained(
                format!("{at} speaks TLS"),
                &format!("use {}", self.with_scheme("https")),
            ),
            FailureCause::Http2Only => explained(format!("{at} speaks HTTP/2 only"), HTTP2_HINT),
            FailureCause::NotHttp => explained(
                format!("{at}: {message}"),
                "name the port of an HTTP/1.1 server",
            ),
            FailureCause::Malformed => explained(
                format!("{at}: {message}"),
                &format!(
                    "look at the answer with: curl -v {}",
                    self.with_scheme(self.plan.target.scheme.as_str())
                ),
            ),
        }
    }

    fn tls(&self, failure: &TlsFailure) -> Explained {
        let (at, host) = (&self.at, &self.plan.target.host);
        let text = match failure {
            _ if failure.is_not_tls() => format!("{at} does not speak TLS"),
            _ if failure.is_http2_only() => {
                format!("{at} does not offer HTTP/1.1; it may speak HTTP/2 only")
            }
            _ if failure.is_about_the_certificate() => format!("{host}: {failure}"),
            _ => format!("{at}: {failure}"),
        };
        let hint = if failure.is_not_tls() {
            format!("use {}", self.with_scheme("http"))
        } else {
            failure.hint(at)
        };
        Explained { text, hint }
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
