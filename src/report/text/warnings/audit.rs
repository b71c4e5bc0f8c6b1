//! What an audit says against itself and what it found, in words.

use std::time::Duration;

use crate::judge::warning::AuditWarning;
use crate::report::text::warning_text::WarningText;
use crate::run::completion::AuditTrouble;
use crate::units::{Pretty, grouped};

pub(super) fn warning(warning: &AuditWarning) -> WarningText {
    match warning {
        AuditWarning::Unread { endpoint, reason } => unread(endpoint, reason),
        AuditWarning::Interrupted { endpoint } => WarningText::new(
            format!("the audit of {endpoint} was interrupted; its counts are as of that moment"),
            "let it finish, or shorten it with --audit-timeout",
        ),
        AuditWarning::Remark(remark) => WarningText::new(remark.text(), remark.hint()),
        AuditWarning::Lost {
            endpoint,
            lost,
            accepted,
        } => WarningText::new(
            format!(
                "{} of {} events that {endpoint} accepted are lost: unknown to the server",
                grouped(*lost),
                grouped(*accepted)
            ),
            "make events durable before answering: commit first, then send the 202",
        ),
        AuditWarning::Shared { endpoint, requests } => WarningText::new(
            format!(
                "{} requests to {endpoint} were answered with another request's event",
                grouped(*requests)
            ),
            "give each request its own event; if several requests mean one event, send one request",
        ),
        AuditWarning::Duplicated { endpoint, events } => WarningText::new(
            format!(
                "{} events of {endpoint} were processed more than once",
                grouped(*events)
            ),
            "derive the event from the client's key, and insert with ON CONFLICT DO NOTHING",
        ),
        AuditWarning::CutOff {
            endpoint,
            perhaps_twice,
            perhaps_never,
        } => cut_off(endpoint, *perhaps_twice, *perhaps_never),
        AuditWarning::Dead {
            endpoint,
            dead,
            accepted,
        } => WarningText::new(
            format!(
                "{} of {} events that {endpoint} accepted are dead (failed permanently)",
                grouped(*dead),
                grouped(*accepted)
            ),
            "check its dead letters; gate this with 'dead <= 0'",
        ),
        AuditWarning::Unexpected { endpoint, events } => WarningText::new(
            format!(
                "the listing of the run of {endpoint} has {} events that this run did not send",
                grouped(*events)
            ),
            "check for events created twice under two names; gate this with 'unexpected <= 0'",
        ),
        AuditWarning::Pending {
            endpoint,
            events,
            waited,
        } => pending(endpoint, *events, *waited),
    }
}

fn cut_off(endpoint: &str, perhaps_twice: u64, perhaps_never: u64) -> WarningText {
    WarningText::new(
        format!(
            "calls of the provider were interrupted: {} events of {endpoint} may have been notified twice, {} never",
            grouped(perhaps_twice),
            grouped(perhaps_never)
        ),
        "check the provider's own record, and give its calls a longer timeout",
    )
}

fn pending(endpoint: &str, events: u64, waited: Duration) -> WarningText {
    WarningText::new(
        format!(
            "{} events that {endpoint} accepted were still pending {} after the run",
            grouped(events),
            Pretty(waited)
        ),
        "give the server more time with --audit-timeout, and check its queue",
    )
}

fn unread(endpoint: &str, reason: &AuditTrouble) -> WarningText {
    let hint = reason.hint();
    WarningText::new(
        format!(
            "the state of the events that {endpoint} accepted could not be read: {}",
            reason.cause()
        ),
        hint.unwrap_or_else(|| {
            "check the service, or name its status URL with --audit-url".to_owned()
        }),
    )
}
