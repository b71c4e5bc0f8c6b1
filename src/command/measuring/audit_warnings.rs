//! What an audit says against itself, and what it found that no gate may be about.

use crate::report::Warning;
use crate::run::completion::{Audit, Completion, Resends, Settled, cause_and_hint};
use crate::run::run_file::Run;
use crate::units::{Pretty, grouped};

/// The warnings of every endpoint that was to be audited.
pub(super) fn audit_warnings(run: &Run) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = Vec::new();
    for endpoint in &run.endpoints {
        let Some(audit) = &endpoint.audit else {
            continue;
        };
        let own = match audit {
            Audit::Unread { reason, resends } => unread(&endpoint.name, reason, resends.as_ref()),
            Audit::Read(completion) => read(&endpoint.name, completion),
        };
        // What is said of the whole audit is said once.
        for warning in own {
            if !warnings.iter().any(|said| said.text == warning.text) {
                warnings.push(warning);
            }
        }
    }
    warnings
}

fn unread(name: &str, reason: &str, resends: Option<&Resends>) -> Vec<Warning> {
    let (cause, way_out) = cause_and_hint(reason);
    let unread = Warning::new(
        format!("what became of what {name} accepted could not be read: {cause}"),
        way_out.unwrap_or("look at the service, or say with --audit-url how to ask it"),
    );
    let twice = resends.map_or(0, |resends| resends.several_events);
    std::iter::once(unread)
        .chain(duplicated(name, twice))
        .collect()
}

fn read(name: &str, completion: &Completion) -> Vec<Warning> {
    let of_counts = [
        interrupted(name, completion),
        lost(name, completion),
        shared(name, completion),
        duplicated(name, completion.duplicated()),
        cut_off(name, completion),
        dead(name, completion),
        unexpected(name, completion),
        pending(name, completion),
    ];
    let remarks = completion.remarks.iter();
    let remarks = remarks.map(|remark| Warning::new(remark.text(), remark.hint()));
    of_counts.into_iter().flatten().chain(remarks).collect()
}

fn interrupted(name: &str, completion: &Completion) -> Option<Warning> {
    (completion.settled == Settled::Interrupted).then(|| {
        Warning::new(
            format!("the audit of {name} was interrupted; its counts are those of that moment"),
            "let it finish, or shorten it with --audit-timeout",
        )
    })
}

fn lost(name: &str, completion: &Completion) -> Option<Warning> {
    (completion.lost > 0).then(|| {
        Warning::new(
            format!(
                "{} of {} events that {name} accepted are lost: the server does not know them",
                grouped(completion.lost),
                grouped(completion.accepted())
            ),
            "make the acceptance durable before the answer is sent: one commit, then the 202",
        )
    })
}

fn shared(name: &str, completion: &Completion) -> Option<Warning> {
    (completion.shared > 0).then(|| {
        Warning::new(
            format!(
                "{} requests to {name} were answered with another request's event",
                grouped(completion.shared)
            ),
            "let each request have an event of its own; if they are meant to be one, send one",
        )
    })
}

fn duplicated(name: &str, events: u64) -> Option<Warning> {
    (events > 0).then(|| {
        Warning::new(
            format!(
                "{} events of {name} were done more than once",
                grouped(events)
            ),
            "let the client's key decide the event, and insert on conflict do nothing",
        )
    })
}

fn cut_off(name: &str, completion: &Completion) -> Option<Warning> {
    let (twice, never) = (completion.perhaps_twice, completion.perhaps_never);
    (twice + never > 0).then(|| {
        Warning::new(
            format!(
                "calls of the provider were cut off: {} events of {name} may have been notified twice, {} never",
                grouped(twice),
                grouped(never)
            ),
            "look at the provider's own record of them, and give its calls longer than it takes",
        )
    })
}

fn dead(name: &str, completion: &Completion) -> Option<Warning> {
    (completion.dead > 0).then(|| {
        Warning::new(
            format!(
                "{} of {} events that {name} accepted were given up by the server",
                grouped(completion.dead),
                grouped(completion.accepted())
            ),
            "look at its dead letters; gate it with 'dead <= 0'",
        )
    })
}

fn unexpected(name: &str, completion: &Completion) -> Option<Warning> {
    let them = completion.unexpected.filter(|them| them.at_least > 0)?;
    Some(Warning::new(
        format!(
            "{} events that were not sent are in the listing of the run that {name} is of",
            grouped(them.at_least)
        ),
        "look for events that are made twice under two names; gate them with 'unexpected <= 0'",
    ))
}

/// What could not be read is a remark of its own.
fn pending(name: &str, completion: &Completion) -> Option<Warning> {
    let pending = completion.pending - completion.unread;
    (pending > 0 && completion.settled == Settled::Deadline).then(|| {
        Warning::new(
            format!(
                "{} events that {name} accepted were still pending {} after the run",
                grouped(pending),
                Pretty(completion.patience)
            ),
            "give the server longer with --audit-timeout, and look at its queue",
        )
    })
}
