//! What an audit says against itself, and what it found that no gate may be about.

use crate::judge::warning::{AuditWarning, Warning};
use crate::run::completion::{Audit, AuditTrouble, Completion, Resends, Settled};
use crate::run::run_file::Run;

/// The warnings of every endpoint that was to be audited.
pub(super) fn audit_warnings(run: &Run) -> Vec<Warning> {
    let mut warnings: Vec<AuditWarning> = Vec::new();
    for endpoint in &run.endpoints {
        let own = match &endpoint.audit {
            None => Vec::new(),
            Some(Audit::Unread { reason, resends }) => {
                unread(&endpoint.name, reason, resends.as_ref())
            }
            Some(Audit::Read(completion)) => read(&endpoint.name, completion),
        };
        // What is said of the whole audit is said once.
        for warning in own {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
    }
    warnings.into_iter().map(Warning::of).collect()
}

fn unread(name: &str, reason: &AuditTrouble, resends: Option<&Resends>) -> Vec<AuditWarning> {
    let unread = AuditWarning::Unread {
        endpoint: name.to_owned(),
        reason: reason.clone(),
    };
    let twice = resends.map_or(0, |resends| resends.several_events);
    std::iter::once(unread)
        .chain(duplicated(name, twice))
        .collect()
}

fn read(name: &str, completion: &Completion) -> Vec<AuditWarning> {
    let endpoint = || name.to_owned();
    let Completion {
        lost, shared, dead, ..
    } = *completion;
    let accepted = completion.accepted();
    let of_counts = [
        (completion.settled == Settled::Interrupted).then(|| AuditWarning::Interrupted {
            endpoint: endpoint(),
        }),
        (lost > 0).then(|| AuditWarning::Lost {
            endpoint: endpoint(),
            lost,
            accepted,
        }),
        (shared > 0).then(|| AuditWarning::Shared {
            endpoint: endpoint(),
            requests: shared,
        }),
        duplicated(name, completion.duplicated()),
        cut_off(name, completion),
        (dead > 0).then(|| AuditWarning::Dead {
            endpoint: endpoint(),
            dead,
            accepted,
        }),
        unexpected(name, completion),
        pending(name, completion),
    ];
    let remarks = completion.remarks.iter().cloned().map(AuditWarning::Remark);
    of_counts.into_iter().flatten().chain(remarks).collect()
}

fn duplicated(name: &str, events: u64) -> Option<AuditWarning> {
    (events > 0).then(|| AuditWarning::Duplicated {
        endpoint: name.to_owned(),
        events,
    })
}

fn cut_off(name: &str, completion: &Completion) -> Option<AuditWarning> {
    let (perhaps_twice, perhaps_never) = (completion.perhaps_twice, completion.perhaps_never);
    (perhaps_twice + perhaps_never > 0).then(|| AuditWarning::CutOff {
        endpoint: name.to_owned(),
        perhaps_twice,
        perhaps_never,
    })
}

fn unexpected(name: &str, completion: &Completion) -> Option<AuditWarning> {
    let unexpected = completion.unexpected?.at_least;
    (unexpected > 0).then(|| AuditWarning::Unexpected {
        endpoint: name.to_owned(),
        events: unexpected,
    })
}

/// What could not be read is a remark of its own.
fn pending(name: &str, completion: &Completion) -> Option<AuditWarning> {
    let pending = completion.pending - completion.unread;
    (pending > 0 && completion.settled == Settled::Deadline).then(|| AuditWarning::Pending {
        endpoint: name.to_owned(),
        events: pending,
        waited: completion.patience,
    })
}
