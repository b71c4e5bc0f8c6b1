//! The sentences about a service that does not answer as the plan expects, and what to do next.

mod explained;
mod service_address;

use crate::judge::failure_hints::{NotModified, StatusHint, UnexpectedStatus};
use crate::redact;
use crate::run::plan::{BodyFault, Endpoint, Plan};
use crate::run::preflight_failure::PreflightFailure;
use crate::run::sample::FailureKind;

use explained::PROXY_CREDENTIALS;
use service_address::ServiceAddress;

pub use explained::Explained;

/// Why the service of an endpoint gave no answer.
pub fn no_answer(plan: &Plan, endpoint: &str, failure: &PreflightFailure) -> Explained {
    let endpoint = plan.endpoints.iter().find(|own| own.name == endpoint);
    ServiceAddress::of(plan, endpoint).explained(failure)
}

/// An answer before the run with a status that the plan does not expect.
pub fn unexpected_answer(plan: &Plan, endpoint: &Endpoint, status: u16) -> Explained {
    Explained {
        text: format!(
            "{} {}{} returned {status} (expected {})",
            endpoint.method,
            redact::url(&plan.target_of(endpoint).to_string()),
            redact::url(&endpoint.path.source()),
            endpoint.expect
        ),
        hint: unexpected_status(&endpoint.name, &UnexpectedStatus::of(endpoint, status)),
    }
}

/// An answer before the run with an expected status and a body that is not as expected.
pub fn unexpected_body(plan: &Plan, endpoint: &Endpoint, fault: &BodyFault) -> Explained {
    let hint = match fault {
        BodyFault::Encoded(_) if endpoint.header("accept-encoding").is_some() => {
            "leave out the header Accept-Encoding, or --expect-body"
        }
        BodyFault::Encoded(_) => {
            "ask for a plain body with -H 'Accept-Encoding: identity', or leave out --expect-body"
        }
        _ => "check the body with curl, then correct --expect-body",
    };
    Explained {
        text: format!(
            "{} {}{}: {fault}",
            endpoint.method,
            redact::url(&plan.target_of(endpoint).to_string()),
            redact::url(&endpoint.path.source()),
        ),
        hint: hint.to_owned(),
    }
}

/// What to do about a status that is not expected of an endpoint.
pub(super) fn unexpected_status(name: &str, unexpected: &UnexpectedStatus) -> String {
    let sentence = match &unexpected.hint {
        StatusHint::NameThePath => {
            return format!(
                "check the path; if {0} is the right answer, add --expect {0}",
                unexpected.status
            );
        }
        StatusHint::GiveTheBody => {
            return format!("give the expected body with --body '{name}=…'");
        }
        StatusHint::NotModified(cause) => {
            return format!(
                "{}, or accept it with --expect {name}=304",
                not_modified(cause)
            );
        }
        StatusHint::ExpectIt => {
            return format!(
                "if that is right, add --expect {name}={}",
                unexpected.status
            );
        }
        StatusHint::SendCredentials => {
            "send credentials: -H 'Authorization: Bearer …' or -a USER:PASS"
        }
        StatusHint::SendProxyCredentials => PROXY_CREDENTIALS,
        StatusHint::LookAtTheAnswer => {
            "check its answer with curl -v; if the service speaks TLS, use https"
        }
        StatusHint::EnableHttp11 => {
            "the service requires another protocol (see Upgrade in curl -v): for TLS use https; a WebSocket endpoint cannot be measured; else enable HTTP/1.1 there"
        }
        StatusHint::AcceptHttp11 => {
            "the service does not accept HTTP/1.1: enable it there, or measure it through a proxy that accepts HTTP/1.1"
        }
        StatusHint::NameTheTarget => {
            return format!(
                "measure the address that it points to, follow with -L, or accept it with --expect {}",
                unexpected.status
            );
        }
    };
    sentence.to_owned()
}

fn not_modified(cause: &NotModified) -> String {
    match cause {
        NotModified::Conditional(conditions) => format!(
            "the request is conditional; leave out {}",
            conditions.join(" and ")
        ),
        NotModified::Unasked => {
            "the service returned 304 to an unconditional request; check the service, or a cache in front of it"
                .to_owned()
        }
        NotModified::Cached => {
            "a cache answered; bypass it with -H 'Cache-Control: no-cache'".to_owned()
        }
    }
}

/// What to do about failures of a kind that a run met.
pub(super) fn failed_requests(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Status | FailureKind::Protocol | FailureKind::Body => {
            "check the service's answer with curl -v"
        }
        FailureKind::Redirect => {
            "follow the redirects with curl -vL; measure the address that they end at"
        }
        FailureKind::Content => {
            "check the body with curl; --expect-body names the text that it must contain"
        }
        FailureKind::Connect => {
            "the service refused or dropped connections; check its listen backlog and its log"
        }
        FailureKind::Reset => {
            "the service closed connections in use; check for crashes, restarts or an idle timeout"
        }
        FailureKind::RefusedStream => {
            "the service refuses streams; use fewer with --streams, or raise its limit"
        }
        FailureKind::StreamReset => {
            "the service reset streams; its log names the cause of the code"
        }
        FailureKind::GoAway => {
            "the service ended connections with requests in flight; check for restarts and limits on requests per connection"
        }
        FailureKind::Tls => "the TLS handshake failed under load; check the service's TLS log",
        FailureKind::Client => {
            "this machine is out of file descriptors or ephemeral ports: raise `ulimit -n`, keep connections alive"
        }
    }
}
