//! Judges gates on the completion audit that are no test of a share: counts are what they are, and what was not read
//! is never a pass.

use super::finding::{Exceeding, Finding, Measured};
use super::{Condition, Counted, Gate, Subject};
use crate::completion::{Audit, Completion, Settled};
use crate::plan::Design;
use crate::units::grouped;
use crate::verdict::Verdict;

/// The finding of a gate that needs an audit and is judged without a test: a count, or anything where there is no audit.
/// `None` for a percentile of the time to completion that can be tested.
pub(super) fn untested(gate: &Gate, subject: &Subject<'_>) -> Option<Finding> {
    let completion = match subject.audit {
        Some(Audit::Read(completion)) => completion,
        Some(Audit::Unread { reason }) => return Some(unread(gate, subject, reason)),
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

fn unread(gate: &Gate, subject: &Subject<'_>, reason: &str) -> Finding {
    Finding {
        reason: format!("{reason}, and what was never read is never a pass"),
        next_step: Some(
            "audit the run: measure a server that lists its runs, or say with --audit-url how to ask this one"
                .to_owned(),
        ),
        ..finding(gate, subject, Measured::Nothing, 0, Verdict::Inconclusive)
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
        ..finding(gate, subject, Measured::Nothing, n, Verdict::Inconclusive)
    }
}

fn counted(
    gate: &Gate,
    subject: &Subject<'_>,
    completion: &Completion,
    what: Counted,
    at_most: u64,
) -> Finding {
    let count = match what {
        Counted::Lost => completion.lost,
        Counted::Duplicated => completion.duplicated(),
    };
    let (verdict, reason, next_step) = match count > at_most {
        true => (Verdict::Fail, seen(completion, what, count), None),
        false => held(completion, what, count, at_most),
    };
    Finding {
        exceedances: Exceeding {
            at_least: count,
            at_most: count,
        },
        reason,
        next_step,
        ..finding(
            gate,
            subject,
            Measured::Count(count),
            completion.accepted(),
            verdict,
        )
    }
}

/// A count within its limit passes only if it can be complete.
fn held(
    completion: &Completion,
    what: Counted,
    count: u64,
    at_most: u64,
) -> (Verdict, String, Option<String>) {
    let open = |reason: String, step: &str| (Verdict::Inconclusive, reason, Some(step.to_owned()));
    if completion.accepted() == 0 {
        return open(
            "nothing was accepted, and no data is never a pass".to_owned(),
            "check what the endpoint answers",
        );
    }
    if what == Counted::Duplicated && !completion.sees_duplicates() {
        return open(
            "the server does not tell how often an effect was had, so duplicates cannot be seen"
                .to_owned(),
            "let the answer at --audit-url have the numbers 'inserts' and 'notifications'",
        );
    }
    if count.saturating_add(completion.pending) > at_most {
        let when = match completion.settled {
            Settled::Interrupted => "when the audit was interrupted",
            Settled::Done | Settled::Deadline => "at the deadline of the audit",
        };
        return open(
            format!(
                "{}, but {} were still pending {when}",
                seen(completion, what, count),
                grouped(completion.pending)
            ),
            "give the server longer with --audit-timeout, and look at its queue",
        );
    }
    (Verdict::Pass, seen(completion, what, count), None)
}

/// `none of 600 accepted events was lost`.
fn seen(completion: &Completion, what: Counted, count: u64) -> String {
    let of = format!("of {} accepted events", grouped(completion.accepted()));
    match (what, count) {
        (Counted::Lost, 0) => format!("none {of} was lost"),
        (Counted::Lost, 1) => format!("1 {of} was lost: {LOST}"),
        (Counted::Lost, n) => format!("{} {of} were lost: {LOST}", grouped(n)),
        (Counted::Duplicated, 0) => format!("none {of} was done twice"),
        (Counted::Duplicated, 1) => format!("1 event was done more than once, {of}"),
        (Counted::Duplicated, n) => format!("{} events were done more than once, {of}", grouped(n)),
    }
}

const LOST: &str = "answered as accepted, and unknown to the server";

fn finding(
    gate: &Gate,
    subject: &Subject<'_>,
    measured: Measured,
    n: u64,
    verdict: Verdict,
) -> Finding {
    Finding {
        endpoint: subject.endpoint.to_owned(),
        gate: gate.clone(),
        measured,
        n,
        exceedances: Exceeding::default(),
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
    use std::collections::HashMap;
    use std::time::Duration;

    use crate::completion::{
        Asked, Audit, Completion, DoneClock, Fate, Settled, Standing, UnknownMeans,
    };
    use crate::gate::{self, Finding, Gate, Subject};
    use crate::plan::Guard;
    use crate::recording::Recording;
    use crate::verdict::Verdict;

    /// What the server says of 100 accepted events: `change` plants what is wrong.
    fn audit(settled: Settled, change: impl Fn(&mut HashMap<u64, Fate>)) -> Audit {
        let fate = |index| {
            let took = Duration::from_millis(index);
            let standing = Standing::Processed {
                at_least: took,
                at_most: took,
            };
            Fate {
                standing,
                inserts: Some(1),
                notifications: Some(1),
            }
        };
        let mut fates = (0..100).map(|index| (index, fate(index))).collect();
        change(&mut fates);
        let asked = Asked {
            clock: DoneClock::Server,
            settled,
            unknown: UnknownMeans::Lost,
            patience: Duration::from_secs(30),
        };
        let targets = [Duration::from_millis(98)];
        Audit::Read(Box::new(Completion::of(
            &accepted(),
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
            fates.get_mut(&7).expect("planted").standing = Standing::Pending;
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

    #[test]
    fn an_audit_that_was_interrupted_passes_nothing_that_was_pending() {
        let cut = audit(Settled::Interrupted, |fates| {
            fates.get_mut(&7).expect("planted").standing = Standing::Pending;
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
