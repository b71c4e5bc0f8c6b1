//! One endpoint's completion audit, decoded and checked against itself and against the endpoint's requests.

use std::time::Duration;

use super::super::RunFileError;
use super::super::audit_document::{AuditDocument, CompletionDocument};
use super::endpoint::Place;
use crate::completion::{Asked, Audit, Completion, Strangers, UnknownMeans};
use crate::histogram::Precision;
use crate::recording::{Counts, Latency};
use crate::sample::FailureKind;

/// The audit of a document; `counts` is how the requests of the endpoint ended.
pub(super) fn restored(
    document: AuditDocument,
    place: &Place,
    counts: &Counts,
) -> Result<Audit, RunFileError> {
    match document {
        AuditDocument::Unread { reason, resends } => Ok(Audit::Unread { reason, resends }),
        AuditDocument::Read(document) => {
            completion(*document, &place.part("audit"), counts).map(|c| Audit::Read(Box::new(c)))
        }
    }
}

fn completion(
    document: CompletionDocument,
    place: &Place,
    counts: &Counts,
) -> Result<Completion, RunFileError> {
    let journal = document.journal;
    let accepted = journal.accepted();
    place.equal("journal.ok", journal.ok, "counts.ok", counts.ok)?;
    let repeated = journal.by_repeat;
    place.no_more_than("by_repeat", repeated, "the rest", counts.not_ok())?;
    place.no_more_than("unread", document.unread, "pending", document.pending)?;
    let outcomes = [
        document.processed,
        document.pending,
        document.dead,
        document.lost,
    ];
    let sum = outcomes.iter().try_fold(0u64, |sum, &n| sum.checked_add(n));
    if sum != Some(accepted) {
        return place.wrong(format!(
            "processed, pending, dead and lost do not add up to the {accepted} accepted"
        ));
    }
    let asked = Asked {
        clock: document.clock,
        settled: document.settled,
        unknown: UnknownMeans::Lost,
        patience: Duration::from_nanos(document.patience_ns),
    };
    let mut restored = Completion::empty(journal, asked, &[]);
    let done = &mut restored.done;
    done.ok = place.bits("done_bits", &document.done_bits, accepted)?;
    let processed = document.processed;
    place.equal("bits of done", done.ok.count_ones(), "processed", processed)?;
    let histogram = place.decoded("done", document.done, Precision::Four)?;
    place.equal("count of done", histogram.count(), "processed", processed)?;
    done.latency = Latency::Histogram(histogram);
    done.counts = counts_of(accepted, processed, document.unread);
    done.client = place.client(document.unread_bits, &done.counts, &done.ok)?;
    let exceedances = document.exceedances.into_iter();
    let exceedances = exceedances
        .map(|exceedances| place.exceedances(exceedances, &restored.done))
        .collect::<Result<_, _>>()?;
    restored.done.exceedances = exceedances;
    Ok(Completion {
        processed,
        pending: document.pending,
        dead: document.dead,
        lost: document.lost,
        inserted_twice: document.inserted_twice,
        notified_twice: document.notified_twice,
        effects_twice: document.effects_twice,
        perhaps_twice: document.perhaps_twice,
        perhaps_never: document.perhaps_never,
        recovered: document.recovered,
        unexpected: document.unexpected.map(|at_least| Strangers {
            at_least,
            at_most: document.unexpected_at_most.unwrap_or(at_least),
        }),
        unread: document.unread,
        shared: document.shared,
        inserts: document.inserts.unwrap_or(document.effects),
        notifications: document.notifications.unwrap_or(document.effects),
        quiet: document.quiet_ns.map(Duration::from_nanos),
        remarks: document.remarks,
        resends: document.resends,
        ..restored
    })
}

/// How accepted events ended, as the recording of their times counts them.
fn counts_of(accepted: u64, processed: u64, unread: u64) -> Counts {
    let mut counts = Counts {
        ok: processed,
        timeout: accepted - processed - unread,
        ..Counts::default()
    };
    if unread > 0 {
        counts.failed.insert(FailureKind::Client, unread);
    }
    counts
}
