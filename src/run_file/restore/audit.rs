//! One endpoint's completion audit, decoded and checked against itself and against the endpoint's requests.

use std::time::Duration;

use super::super::RunFileError;
use super::super::audit_document::{AuditDocument, CompletionDocument};
use super::endpoint::Place;
use crate::completion::{Asked, Audit, Completion, UnknownMeans};
use crate::histogram::Precision;
use crate::recording::{Bits, Counts, Latency};

/// The audit of a document; `counts` is how the requests of the endpoint ended.
pub(super) fn restored(
    document: AuditDocument,
    place: &Place,
    counts: &Counts,
) -> Result<Audit, RunFileError> {
    match document {
        AuditDocument::Unread { reason } => Ok(Audit::Unread { reason }),
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
    let accepted = document.journal.ok;
    place.equal("journal.ok", accepted, "counts.ok", counts.ok)?;
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
    let mut restored = Completion::empty(document.journal, asked, &[]);
    let done = &mut restored.done;
    done.ok = place.bits("done_bits", &document.done_bits, accepted)?;
    let processed = document.processed;
    place.equal("bits of done", done.ok.count_ones(), "processed", processed)?;
    let histogram = place.decoded("done", document.done, Precision::Four)?;
    place.equal("count of done", histogram.count(), "processed", processed)?;
    done.latency = Latency::Histogram(histogram);
    done.client = Bits::zeros(accepted);
    done.counts = Counts {
        ok: processed,
        timeout: accepted - processed,
        ..Counts::default()
    };
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
        recovered: document.recovered,
        unexpected: document.unexpected,
        effects: document.effects,
        resends: document.resends,
        ..restored
    })
}
