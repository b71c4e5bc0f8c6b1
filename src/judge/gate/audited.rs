//! Judges gates on the completion audit that are no test of a share: counts are what they are, and what was not read
//! is never a pass.

use super::finding::{ExceedanceRange, Finding, ObservedMetric};
use super::{AuditCount, Condition, Gate, Subject};
use crate::run::completion::{
    Audit, AuditRemark, Completion, EffectReporting, Resends, Settled, cause_and_hint,
};
use crate::run::plan::Design;
use crate::units::{Pretty, grouped};
use crate::verdict::Verdict;

/// The finding of a gate that needs an audit and is judged without a test: a count, or anything where there is no audit.
/// `None` for a percentile of the time to completion that can be tested.
pub(super) fn untested(gate: &Gate, subject: &Subject<'_>) -> Option<Finding> {
    let completion = match subject.audit {
        Some(Audit::Read(completion)) => completion,
        Some(Audit::Unread { reason, resends }) => {
            let caught = resends.and_then(|resends| caught(gate, subject, &resends));
            return Some(caught.unwrap_or_else(|| unread(gate, subject, reason)));
        }
        None => return Some(unread(gate, subject, "the run was not audited")),
    };
    match gate.condition {
        Condition::Count { what, at_most } => {
            Some(counted(gate, subject, completion, what, at_most))
        }
        _ if completion.settled == Settled::Interrupted && completion.pending > 0 => {
            Some(interrupted(gate, subject, completion))
        }
        _ => None,
    }
}

/// One key that was answered with two events is a duplicate whatever else the service tells.
fn caught(gate: &Gate, subject: &Subject<'_>, resends: &Resends) -> Option<Finding> {
    let duplicated = resends.several_events;
    let accepted = subject.recording.counts.ok;
    match gate.condition {
        Condition::Count {
            what: AuditCount::Duplicated,
            at_most,
        } if duplicated > at_most => Some(Finding {
            exceedances: ExceedanceRange {
                at_least: duplicated,
                at_most: duplicated,
            },
            reason: format!(
                "{} of {} keys that were sent twice were answered with two events",
                grouped(duplicated),
                grouped(resends.sent())
            ),
            ..finding(
                gate,
                subject,
                ObservedMetric::Count(duplicated),
                accepted,
                Verdict::Fail,
            )
        }),
        _ => None,
    }
}

fn unread(gate: &Gate, subject: &Subject<'_>, reason: &str) -> Finding {
    let (cause, way_out) = cause_and_hint(reason);
    Finding {
        reason: format!("{cause}. What was never read is never a pass"),
        next_step: Some(
            way_out
                .unwrap_or("audit the run: measure a server that lists its runs, or say with --audit-url how to ask this one")
                .to_owned(),
        ),
        ..finding(gate, subject, ObservedMetric::Nothing, 0, Verdict::Inconclusive)
    }
}

fn interrupted(gate: &Gate, subject: &Subject<'_>, completion: &Completion) -> Finding {
    let n = completion.accepted();
    Finding {
        reason: format!(
            "the audit was interrupted while {} of {} accepted events were pending",
            grouped(completion.pending),
            grouped(n)
        ),
        next_step: Some("let the audit finish".to_owned()),
        ..finding(
            gate,
            subject,
            ObservedMetric::Nothing,
            n,
            Verdict::Inconclusive,
        )
    }
}

fn counted(
    gate: &Gate,
    subject: &Subject<'_>,
    completion: &Completion,
    what: AuditCount,
    at_most: u64,
) -> Finding {
    let exceedances = count(completion, what);
    let (verdict, reason, next_step) = match exceedances.at_least > at_most {
        true => (
            Verdict::Fail,
            seen(completion, what, exceedances.at_least),
            None,
        ),
        false => held(completion, what, exceedances, at_most),
    };
    let measured = match unseen(completion, what).is_some() && exceedances.at_least == 0 {
        true => ObservedMetric::Nothing,
        false => ObservedMetric::Count(exceedances.at_least),
    };
    Finding {
        exceedances,
        reason,
        next_step,
        ..finding(gate, subject, measured, completion.accepted(), verdict)
    }
}

/// As far as it can be known: at least, and at most.
fn count(completion: &Completion, what: AuditCount) -> ExceedanceRange {
    let counted = |at_least: u64| ExceedanceRange {
        at_least,
        at_most: at_least.saturating_add(completion.pending),
    };
    match what {
        AuditCount::Lost => counted(completion.lost),
        AuditCount::Duplicated => {
            let them = counted(completion.duplicated());
            ExceedanceRange {
                at_most: them.at_most.saturating_add(completion.perhaps_twice),
                ..them
            }
        }
        AuditCount::Dead => counted(completion.dead),
        AuditCount::Unexpected => {
            let them = completion.unexpected.unwrap_or_default();
            ExceedanceRange {
                at_least: them.at_least,
                at_most: them.at_most,
            }
        }
    }
}

/// A count within its limit passes only if it can be complete.
fn held(
    completion: &Completion,
    what: AuditCount,
    count: ExceedanceRange,
    at_most: u64,
) -> (Verdict, String, Option<String>) {
    let doubt = nothing_accepted(completion)
        .or_else(|| unseen(completion, what))
        .or_else(|| shared(completion, what))
        .or_else(|| cut_before_second_look(completion, what))
        .or_else(|| within_doubt(completion, what, count, at_most));
    match doubt {
        Some((reason, step)) => (Verdict::Inconclusive, reason, Some(step)),
        None => (Verdict::Pass, seen(completion, what, count.at_least), None),
    }
}

/// Why a count decides nothing, and what would let it.
type Doubt = (String, String);

fn nothing_accepted(completion: &Completion) -> Option<Doubt> {
    (completion.accepted() == 0).then(|| {
        (
            "nothing was accepted, and no data is never a pass".to_owned(),
            "check what the endpoint answers".to_owned(),
        )
    })
}

/// What the server does not tell cannot be counted.
fn unseen(completion: &Completion, what: AuditCount) -> Option<Doubt> {
    match what {
        AuditCount::Duplicated if !completion.sees_duplicates() => {
            let how_often = match (completion.inserts, completion.notifications) {
                (EffectReporting::NotReported, EffectReporting::Reported) => {
                    "an event was inserted"
                }
                (EffectReporting::Reported, _) => "an event was notified",
                (EffectReporting::NotReported, EffectReporting::NotReported) => "an effect was had",
            };
            Some((
                format!(
                    "the server does not tell how often {how_often}, so duplicates cannot be seen"
                ),
                "let the answer at --audit-url have the numbers 'inserts' and 'notifications'; 0 where there is no such effect".to_owned(),
            ))
        }
        AuditCount::Unexpected if completion.unexpected.is_none() => Some((
            "there is no listing of this run alone, so events that it did not send cannot be seen"
                .to_owned(),
            "measure a server that lists its runs, and leave X-A7-Run to a7probe".to_owned(),
        )),
        _ => None,
    }
}

/// An event that stands for several requests hides what became of all but one.
fn shared(completion: &Completion, what: AuditCount) -> Option<Doubt> {
    let hides = matches!(what, AuditCount::Lost | AuditCount::Duplicated);
    (hides && completion.shared > 0).then(|| {
        (
            format!(
                "{} answered with another request's event, so nobody can tell what became of {}",
                match completion.shared {
                    1 => "1 request was".to_owned(),
                    n => format!("{} requests were", grouped(n)),
                },
                match completion.shared {
                    1 => "it",
                    _ => "them",
                }
            ),
            "let each request have an event of its own; if they are meant to be one, send one"
                .to_owned(),
        )
    })
}

/// Everything was done, and then the second look was cut or refused: effects that come late were not looked for.
fn cut_before_second_look(completion: &Completion, what: AuditCount) -> Option<Doubt> {
    let shows_late = matches!(what, AuditCount::Duplicated | AuditCount::Unexpected);
    let seen = || seen(completion, what, count(completion, what).at_least);
    if completion.settled == Settled::Interrupted && completion.pending == 0 && shows_late {
        return Some((
            format!(
                "{}, but the audit was interrupted before it had read everything once more",
                seen()
            ),
            "let the audit finish, or shorten it with --audit-quiet".to_owned(),
        ));
    }
    let refused = completion
        .remarks
        .iter()
        .any(|remark| matches!(remark, AuditRemark::NotReadAgain { .. }));
    (refused && what == AuditCount::Duplicated).then(|| {
        (
            format!("{}, but what was done could not be read once more", seen()),
            "look at the service, and audit again; --audit-quiet 0s leaves the second look out"
                .to_owned(),
        )
    })
}

/// It is within its limit only at one end of what is known.
fn within_doubt(
    completion: &Completion,
    what: AuditCount,
    count: ExceedanceRange,
    at_most: u64,
) -> Option<Doubt> {
    if count.at_most <= at_most && !(what == AuditCount::Unexpected && is_partial(completion)) {
        return None;
    }
    let seen = seen(completion, what, count.at_least);
    if what == AuditCount::Unexpected && !is_partial(completion) {
        return Some((
            format!(
                "{seen}, but up to {} may be: requests whose answer was never seen have no known names",
                grouped(count.at_most)
            ),
            "let the client's key name the event, so that every request has a name".to_owned(),
        ));
    }
    if what == AuditCount::Duplicated && completion.perhaps_twice > 0 {
        return Some((
            format!(
                "{seen}, but {} may have been notified twice: an attempt was cut off before its answer, and another one was made",
                grouped(completion.perhaps_twice)
            ),
            "look at the provider's own record of them; only a provider that takes a key can rule that out".to_owned(),
        ));
    }
    if let Some(trouble) = completion.trouble() {
        let (cause, way_out) = cause_and_hint(trouble);
        return Some((
            format!(
                "{seen}, but the state of {} could not be read (the last answer: {cause})",
                grouped(completion.unread)
            ),
            way_out
                .unwrap_or("look at the service, and audit again")
                .to_owned(),
        ));
    }
    let when = match completion.settled {
        Settled::Interrupted => "when the audit was interrupted",
        Settled::Done | Settled::Deadline => "at the deadline of the audit",
    };
    Some((
        format!(
            "{seen}, but {} were still pending {when}",
            grouped(completion.pending)
        ),
        "give the server longer with --audit-timeout, and look at its queue".to_owned(),
    ))
}

/// Whether the listing was cut before it was complete.
fn is_partial(completion: &Completion) -> bool {
    completion.unread > 0 || completion.settled == Settled::Interrupted
}

/// `none of 600 accepted events was lost`.
fn seen(completion: &Completion, what: AuditCount, count: u64) -> String {
    let of = format!("of {} accepted events", grouped(completion.accepted()));
    let n = grouped(count);
    match (what, count) {
        (AuditCount::Lost, 0) => format!("none {of} was lost"),
        (AuditCount::Lost, 1) => format!("1 {of} was lost: {LOST}"),
        (AuditCount::Lost, _) => format!("{n} {of} were lost: {LOST}"),
        (AuditCount::Duplicated, 0) => format!("none {of} was done twice{}", looked_at(completion)),
        (AuditCount::Duplicated, 1) => format!("1 event was done more than once, {of}"),
        (AuditCount::Duplicated, _) => format!("{n} events were done more than once, {of}"),
        (AuditCount::Dead, 0) => format!("none {of} was given up"),
        (AuditCount::Dead, 1) => format!("1 {of} was given up by the server"),
        (AuditCount::Dead, _) => format!("{n} {of} were given up by the server"),
        (AuditCount::Unexpected, 0) => "no event is listed that was not sent".to_owned(),
        (AuditCount::Unexpected, 1) => "1 event is listed that was not sent".to_owned(),
        (AuditCount::Unexpected, _) => format!("{n} events are listed that were not sent"),
    }
}

/// Until when duplicates were looked for.
fn looked_at(completion: &Completion) -> String {
    match completion.quiet {
        Some(quiet) => format!(", looked at again {} after all were done", Pretty(quiet)),
        None => String::new(),
    }
}

const LOST: &str = "answered as accepted, and unknown to the server";

fn finding(
    gate: &Gate,
    subject: &Subject<'_>,
    measured: ObservedMetric,
    n: u64,
    verdict: Verdict,
) -> Finding {
    Finding {
        endpoint: subject.endpoint.to_owned(),
        gate: gate.clone(),
        measured,
        n,
        exceedances: ExceedanceRange::default(),
        p_pass: None,
        p_fail: None,
        design: Design::Fixed,
        episodes: None,
        verdict,
        reason: String::new(),
        next_step: None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};
    use std::time::Duration;

    use crate::judge::gate::{self, Finding, Gate, Subject};
    use crate::run::completion::{
        Audit, AuditOutcome, Completion, DoneClock, EventReport, EventStatus, Settled, UnknownMeans,
    };
    use crate::run::plan::Guard;
    use crate::run::recording::Recording;
    use crate::verdict::Verdict;

    /// What the server says of 100 accepted events: `change` plants what is wrong.
    fn audit(settled: Settled, change: impl Fn(&mut HashMap<u64, EventReport>)) -> Audit {
        let fate = |index| {
            let took = Duration::from_millis(index);
            let status = EventStatus::Processed {
                at_least: took,
                at_most: took,
            };
            EventReport {
                status,
                inserts: Some(1),
                notifications: Some(1),
                notify_unknown: 0,
            }
        };
        let mut fates = (0..100).map(|index| (index, fate(index))).collect();
        change(&mut fates);
        let asked = AuditOutcome {
            clock: DoneClock::Server,
            settled,
            unknown: UnknownMeans::Lost,
            patience: Duration::from_secs(30),
        };
        let targets = [Duration::from_millis(98)];
        Audit::Read(Box::new(Completion::of(
            &accepted(),
            &HashSet::new(),
            &fates,
            asked,
            &targets,
        )))
    }

    fn accepted() -> Recording {
        Recording::from_latencies(&[Some(Duration::from_millis(1)); 100], &[])
    }

    fn judge(gate: &str, audit: Option<&Audit>) -> Finding {
        let recording = accepted();
        let mut subject = Subject::of_list("ingest", &recording, Guard::Iid);
        subject.audit = audit;
        let gate: Gate = gate.parse().expect(gate);
        gate::judge(&[gate], &[subject]).remove(0)
    }

    #[test]
    fn what_was_never_read_is_never_a_pass() {
        let unread = Audit::Unread {
            reason: "GET /runs answered 404".to_owned(),
            resends: None,
        };
        for gate in ["lost <= 0", "duplicated <= 0", "done.p95 <= 2s"] {
            for audit in [None, Some(&unread)] {
                let finding = judge(gate, audit);
                assert_eq!(finding.verdict, Verdict::Inconclusive, "{gate}");
                assert!(finding.reason.contains("never read"), "{}", finding.reason);
            }
        }
    }

    #[test]
    fn planted_losses_and_duplicates_fail() {
        let lossy = audit(Settled::Deadline, |fates| {
            fates.remove(&7);
            fates.remove(&8);
        });
        let finding = judge("lost <= 0", Some(&lossy));
        assert_eq!(finding.verdict, Verdict::Fail);
        assert_eq!(
            finding.reason,
            "2 of 100 accepted events were lost: answered as accepted, and unknown to the server"
        );
        assert_eq!(judge("lost <= 2", Some(&lossy)).verdict, Verdict::Pass);
        assert_eq!(
            judge("duplicated <= 0", Some(&lossy)).verdict,
            Verdict::Pass
        );
        let twice = audit(Settled::Done, |fates| {
            fates.get_mut(&7).expect("planted").notifications = Some(2);
        });
        assert_eq!(
            judge("duplicated <= 0", Some(&twice)).verdict,
            Verdict::Fail
        );
        assert_eq!(judge("lost <= 0", Some(&twice)).verdict, Verdict::Pass);
    }

    #[test]
    fn counts_do_not_pass_while_something_is_pending() {
        let pending = audit(Settled::Deadline, |fates| {
            fates.get_mut(&7).expect("planted").status = EventStatus::Pending;
        });
        for gate in ["lost <= 0", "duplicated <= 0"] {
            let finding = judge(gate, Some(&pending));
            assert_eq!(finding.verdict, Verdict::Inconclusive, "{gate}");
            assert!(
                finding.reason.contains("1 were still pending")
                    || finding.reason.contains("1 was still pending"),
                "{}",
                finding.reason
            );
        }
        assert_eq!(judge("lost <= 1", Some(&pending)).verdict, Verdict::Pass);
    }

    #[test]
    fn the_time_to_completion_is_judged_as_every_percentile_is() {
        // 99 of 100 within 98 ms: at θ0 = 10 %, P(Bin(100, 0.1) ≤ 1) = 0.0003; at 1 %, P(Bin(100, 0.01) ≤ 1) = 0.74.
        let done = audit(Settled::Done, |_| {});
        let p90 = judge("done.p90 <= 98ms", Some(&done));
        assert_eq!(
            (p90.verdict, p90.n, p90.exceedances.at_most),
            (Verdict::Pass, 100, 1)
        );
        assert!(
            p90.reason
                .contains("1 of 100 accepted events was not done after 98 ms"),
            "{}",
            p90.reason
        );
        assert_eq!(
            judge("done.p99 <= 98ms", Some(&done)).verdict,
            Verdict::Inconclusive
        );
        // Half of them lost: P(Bin(100, 0.1) ≥ 51) is next to nothing.
        let lossy = audit(Settled::Deadline, |fates| {
            fates.retain(|index, _| index % 2 == 0)
        });
        assert_eq!(
            judge("done.p90 <= 98ms", Some(&lossy)).verdict,
            Verdict::Fail
        );
    }

    /// Everything was done once when the signal came, so only a second effect could still follow.
    #[test]
    fn an_audit_that_was_cut_before_its_second_look_has_not_ruled_out_a_second_effect() {
        let cut = audit(Settled::Interrupted, |_| {});
        let finding = judge("duplicated <= 0", Some(&cut));
        assert_eq!(finding.verdict, Verdict::Inconclusive);
        assert_eq!(
            finding.reason,
            "none of 100 accepted events was done twice, but the audit was interrupted before it had read everything once more"
        );
        for gate in ["lost <= 0", "dead <= 0", "done.p90 <= 98ms"] {
            assert_eq!(judge(gate, Some(&cut)).verdict, Verdict::Pass, "{gate}");
        }
        let twice = audit(Settled::Interrupted, |fates| {
            fates.get_mut(&7).expect("planted").notifications = Some(2);
        });
        assert_eq!(
            judge("duplicated <= 0", Some(&twice)).verdict,
            Verdict::Fail
        );
    }

    #[test]
    fn an_audit_that_was_interrupted_passes_nothing_that_was_pending() {
        let cut = audit(Settled::Interrupted, |fates| {
            fates.get_mut(&7).expect("planted").status = EventStatus::Pending;
        });
        for gate in ["lost <= 0", "done.p90 <= 98ms"] {
            assert_eq!(
                judge(gate, Some(&cut)).verdict,
                Verdict::Inconclusive,
                "{gate}"
            );
        }
    }
}
