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
            format!("the audit of {endpoint} was interrupted; its counts are those of that moment"),
            "let it finish, or shorten it with --audit-timeout",
        ),
        AuditWarning::Remark(remark) => WarningText::new(remark.text(), remark.hint()),
        AuditWarning::Lost {
            endpoint,
            lost,
            accepted,
        } => WarningText::new(
            format!(
                "{} of {} events that {endpoint} accepted are lost: the server does not know them",
                grouped(*lost),
                grouped(*accepted)
            ),
            "make the acceptance durable before the answer is sent: one commit, then the 202",
        ),
        AuditWarning::Shared { endpoint, requests } => WarningText::new(
            format!(
                "{} requests to {endpoint} were answered with another request's event",
                grouped(*requests)
            ),
            "let each request have an event of its own; if they are meant to be one, send one",
        ),
        AuditWarning::Duplicated { endpoint, events } => WarningText::new(
            format!(
                "{} events of {endpoint} were done more than once",
                grouped(*events)
            ),
            "let the client's key decide the event, and insert on conflict do nothing",
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
                "{} of {} events that {endpoint} accepted were given up by the server",
                grouped(*dead),
                grouped(*accepted)
            ),
            "look at its dead letters; gate it with 'dead <= 0'",
        ),
        AuditWarning::Unexpected { endpoint, events } => WarningText::new(
            format!(
                "{} events that were not sent are in the listing of the run that {endpoint} is of",
                grouped(*events)
            ),
            "look for events that are made twice under two names; gate them with 'unexpected <= 0'",
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
            "calls of the provider were cut off: {} events of {endpoint} may have been notified twice, {} never",
            grouped(perhaps_twice),
            grouped(perhaps_never)
        ),
        "look at the provider's own record of them, and give its calls longer than it takes",
    )
}

fn pending(endpoint: &str, events: u64, waited: Duration) -> WarningText {
    WarningText::new(
        format!(
            "{} events that {endpoint} accepted were still pending {} after the run",
            grouped(events),
            Pretty(waited)
        ),
        "give the server longer with --audit-timeout, and look at its queue",
    )
}

fn unread(endpoint: &str, reason: &AuditTrouble) -> WarningText {
    let hint = reason.hint();
    WarningText::new(
        format!(
            "what became of what {endpoint} accepted could not be read: {}",
            reason.cause()
        ),
        hint.unwrap_or_else(|| {
            "look at the service, or say with --audit-url how to ask it".to_owned()
        }),
    )
}
