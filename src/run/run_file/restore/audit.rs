//! One endpoint's completion audit, decoded and checked against itself and against the endpoint's requests.

use std::time::Duration;

use super::super::RunFileError;
use super::super::audit_document::{AuditDocument, CompletionDocument};
use super::context::RestoreContext;
use crate::run::completion::{
    AcceptanceCounts, Audit, AuditOutcome, AuditTrouble, Completion, CompletionCourse,
    EffectReporting, Resends, UnexpectedEvents, UnknownMeans,
};
use crate::run::histogram::Precision;
use crate::run::recording::{Counts, Latency};
use crate::run::sample::FailureKind;

/// The audit of a document; `counts` is how the requests of the endpoint ended.
pub(super) fn restored(
    document: AuditDocument<'_>,
    context: &RestoreContext,
    counts: &Counts,
) -> Result<Audit, RunFileError> {
    let context = context.part("audit");
    match document {
        AuditDocument::Unread { reason, resends } => {
            check_resends(&context, resends.as_ref(), counts)?;
            let reason = AuditTrouble::stated(&reason);
            Ok(Audit::Unread { reason, resends })
        }
        AuditDocument::Read(document) => {
            check(&context, &document, counts)?;
            completion(*document, &context).map(|read| Audit::Read(Box::new(read)))
        }
    }
}

/// Checks the counts against each other and against the outcomes of the requests.
fn check(
    context: &RestoreContext,
    document: &CompletionDocument<'_>,
    counts: &Counts,
) -> Result<(), RunFileError> {
    let (journal, due) = (document.journal, AcceptanceCounts::of(counts));
    let accepted = journal.accepted();
    context.equal("journal.ok", journal.ok, "counts.ok", due.ok)?;
    context.equal(
        "journal.failed",
        journal.failed,
        "that of counts",
        due.failed,
    )?;
    context.equal(
        "journal.unknown",
        journal.unknown,
        "that of counts",
        due.unknown,
    )?;
    let repeated = journal.by_repeat;
    context.no_more_than("by_repeat", repeated, "the rest", counts.not_ok())?;
    context.no_more_than("unread", document.unread, "pending", document.pending)?;
    let outcomes = [
        document.processed,
        document.pending,
        document.dead,
        document.lost,
    ];
    let sum = outcomes.iter().try_fold(0u64, |sum, &n| sum.checked_add(n));
    context.holds(sum == Some(accepted), || {
        format!("processed, pending, dead and lost do not add up to the {accepted} accepted")
    })?;
    check_effects(context, document, counts)?;
    let (least, most) = (document.unexpected, document.unexpected_at_most);
    context.holds(
        most.is_none_or(|most| least.is_some_and(|least| least <= most)),
        || "unexpected_at_most is below unexpected".to_owned(),
    )?;
    check_resends(context, document.resends.as_ref(), counts)
}

/// Events with an effect more than once are events of this run, each counted once.
fn check_effects(
    context: &RestoreContext,
    document: &CompletionDocument<'_>,
    counts: &Counts,
) -> Result<(), RunFileError> {
    let planned = counts.total();
    let (inserted, notified) = (document.inserted_twice, document.notified_twice);
    for (what, count) in [
        ("shared", document.shared),
        ("inserted_twice", inserted),
        ("notified_twice", notified),
        ("effects_twice", document.effects_twice),
        ("perhaps_twice", document.perhaps_twice),
        ("perhaps_never", document.perhaps_never),
    ] {
        context.no_more_than(what, count, "the number of requests", planned)?;
    }
    if let Some(recovered) = document.recovered {
        context.no_more_than("recovered", recovered, "the rest", counts.not_ok())?;
    }
    let (least, most) = (inserted.max(notified), inserted + notified);
    let effects = document.effects_twice;
    context.holds((least..=most).contains(&effects), || {
        format!("effects_twice is {effects} where inserted_twice is {inserted} and notified_twice {notified}")
    })?;
    let Some(each) = document.inserts.zip(document.notifications) else {
        return Ok(());
    };
    let both = each == (EffectReporting::Reported, EffectReporting::Reported);
    context.holds(
        (document.effects == EffectReporting::Reported) == both,
        || "effects contradicts inserts and notifications".to_owned(),
    )
}

fn check_resends(
    context: &RestoreContext,
    resends: Option<&Resends>,
    counts: &Counts,
) -> Result<(), RunFileError> {
    let Some(resends) = resends else {
        return Ok(());
    };
    let sent = context.sum("resends", [resends.concurrent, resends.after])?;
    context.no_more_than("resends", sent, "the number of requests", counts.total())?;
    let answered = context.sum(
        "answers of resends",
        [
            resends.same_event,
            resends.replayed,
            resends.conflict,
            resends.several_events,
            resends.not_compared,
            resends.unanswered,
        ],
    )?;
    context.equal(
        "answers of resends",
        answered,
        "the number of resends",
        sent,
    )?;
    context.holds((0.0..=1.0).contains(&resends.share), || {
        format!("resends.share is {}", resends.share)
    })
}

fn completion(
    document: CompletionDocument<'_>,
    context: &RestoreContext,
) -> Result<Completion, RunFileError> {
    let journal = document.journal;
    let accepted = journal.accepted();
    let course = course(&document, context)?;
    let outcome = AuditOutcome {
        clock: document.clock,
        settled: document.settled,
        unknown: UnknownMeans::Lost,
        patience: Duration::from_nanos(document.patience_ns),
    };
    let mut restored = Completion::empty(journal, outcome, &[]);
    let done = &mut restored.done;
    done.ok = context.bits("done_bits", &document.done_bits, accepted)?;
    let processed = document.processed;
    context.equal("bits of done", done.ok.count_ones(), "processed", processed)?;
    context.equal("count of done", document.done.count, "processed", processed)?;
    let histogram = context.histogram("done", &document.done, Precision::Four, processed)?;
    done.latency = Latency::Histogram(histogram);
    done.counts = counts_of(accepted, processed, document.unread);
    done.client = context.client(document.unread_bits.as_ref(), &done.counts, &done.ok)?;
    restored.done.exceedances =
        context.all_exceedances(document.exceedances, &restored.done, Duration::ZERO)?;
    Ok(Completion {
        times: Vec::new(),
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
        unexpected: document.unexpected.map(|at_least| UnexpectedEvents {
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
        course,
        ..restored
    })
}

/// Every accepted event and every processed one is in one of the seconds.
fn course(
    document: &CompletionDocument<'_>,
    context: &RestoreContext,
) -> Result<Option<CompletionCourse>, RunFileError> {
    let (accepted, done) = match (&document.accepted_by_second, &document.done_by_second) {
        (Some(accepted), Some(done)) => (accepted.clone(), done.clone()),
        (None, None) => return Ok(None),
        _ => return context.wrong("only one of accepted and done is known by second".to_owned()),
    };
    context.take(8 * (accepted.len() + done.len()) as u64)?;
    let sums = [
        ("accepted_by_second", &accepted, document.journal.accepted()),
        ("done_by_second", &done, document.processed),
    ];
    for (what, seconds, expected) in sums {
        let sum = context.sum(what, seconds.iter().copied())?;
        context.equal(what, sum, "the number of its events", expected)?;
    }
    Ok(Some(CompletionCourse { accepted, done }))
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
