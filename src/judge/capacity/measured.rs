//! A trial as it is judged, from what a run at one rate recorded.

use super::backlog::{self, FoundBacklog};
use super::sample::{GateRows, RateOffer, TrialSample};
use crate::judge::gate::{Condition, InstrumentLoad, InstrumentState};
use crate::run::completion::{Audit, Completion};
use crate::run::recording::{Bits, LatencyCode, LiveExceedances, Recording, Rows};
use crate::run::sample::FailureKind;
use crate::run::schedule::Schedule;

/// What one trial left behind.
#[derive(Clone, Copy, Debug)]
pub struct TrialEvidence<'a> {
    /// Its requests.
    pub recording: &'a Recording,
    /// When each of them was due.
    pub schedule: &'a Schedule,
    /// What became of its accepted events, if that was asked.
    pub audit: Option<&'a Audit>,
    /// What is known of this process during the trial.
    pub load: InstrumentLoad,
}

/// A probe that offers less than this part of a rate has not offered it.
const OFFERED: f64 = 0.99;

impl TrialSample {
    /// Of a run at this rate. Conditions that allow no share, or whose exceedances were not counted, are left out.
    pub fn measured(
        evidence: &TrialEvidence<'_>,
        conditions: &[Condition],
        rate: f64,
    ) -> TrialSample {
        let recording = evidence.recording;
        let measured: Vec<MeasuredRows> = conditions
            .iter()
            .filter_map(|condition| MeasuredRows::of(evidence, condition))
            .collect();
        let is_kept = is_offered(recording, rate) && measured.iter().all(|rows| !rows.hides_a_fail);
        TrialSample {
            rate,
            latencies: latencies(recording),
            done: completion_times(evidence),
            gates: measured.into_iter().map(|measured| measured.rows).collect(),
            offer: if is_kept {
                RateOffer::Kept
            } else {
                RateOffer::NotKept
            },
        }
    }
}

/// The rows of one gate, and whether this machine keeps a FAIL from being shown.
struct MeasuredRows {
    rows: GateRows,
    hides_a_fail: bool,
}

impl MeasuredRows {
    fn of(evidence: &TrialEvidence<'_>, condition: &Condition) -> Option<MeasuredRows> {
        let theta0 = condition.allowed_share()?;
        if let Some(target) = condition.done_target() {
            let completion = evidence.audit.and_then(Audit::completion);
            let rows = completion.and_then(|completion| completion.done.rows_of(target));
            let late = rows.map(|rows| CountedEvents {
                at_most: rows.at_most.into_owned(),
                certain: rows.certain.into_owned(),
            });
            return Some(MeasuredRows::of_work(evidence, theta0, late));
        }
        if let Condition::Backlog { at_most, .. } = *condition {
            let completion = evidence.audit.and_then(Audit::completion);
            let found = completion.and_then(|completion| {
                backlog::found(completion, evidence.recording, evidence.schedule)
            });
            let beyond = found.map(|found| CountedEvents::beyond(&found, at_most));
            return Some(MeasuredRows::of_work(evidence, theta0, beyond));
        }
        let TrialEvidence {
            recording, load, ..
        } = evidence;
        let client = recording.counts.failed.get(&FailureKind::Client);
        let client = client.copied().unwrap_or(0);
        let (rows, state) = match condition.target() {
            Some(target) => (
                recording.rows_of(target)?,
                InstrumentState::of(target, load, &recording.send_lag, client),
            ),
            None => (recording.rows_of_failures()?, InstrumentState::Sound),
        };
        let proving = match state {
            InstrumentState::Sound => rows.certain.clone().into_owned(),
            InstrumentState::Limited(_, margin) => rows
                .beyond(margin)
                .map_or_else(|| rows.certain.clone().into_owned(), Bits::clone),
            InstrumentState::Useless(_) => recording
                .rows_of_failures()
                .map_or_else(Bits::new, |failures| failures.certain.into_owned()),
        };
        let allowed = theta0 * rows.certain.len() as f64;
        let hides_a_fail = rows.certain.count_ones() as f64 > allowed
            && proving.count_ones() < rows.certain.count_ones();
        Some(MeasuredRows {
            rows: GateRows {
                theta0,
                at_most: rows.at_most.into_owned(),
                certain: proving,
            },
            hides_a_fail,
        })
    }

    /// The times are the service's own, so the lateness of this machine has no part in them. A request that was not
    /// accepted is work that the service does not keep up with.
    fn of_work(
        evidence: &TrialEvidence<'_>,
        theta0: f64,
        counted: Option<CountedEvents>,
    ) -> MeasuredRows {
        let recording = evidence.recording;
        let mut rows = GateRows::empty(theta0);
        let mut accepted = 0;
        for (index, ok) in (0_u64..).zip(recording.ok.iter()) {
            let (at_most, certain) = if ok {
                let own = counted.as_ref().map(|counted| {
                    let place = accepted;
                    (counted.at_most.get(place), counted.certain.get(place))
                });
                accepted += 1;
                // Of an event whose state could not be read nothing is known.
                own.unwrap_or((true, false))
            } else {
                (true, !recording.client.get(index))
            };
            rows.at_most.set(index, at_most);
            rows.certain.set(index, certain);
        }
        MeasuredRows {
            rows,
            hides_a_fail: false,
        }
    }
}

/// The accepted events of a trial that are beyond a limit, a bit each.
struct CountedEvents {
    /// Those that may be.
    at_most: Bits,
    /// Those that are.
    certain: Bits,
}

impl CountedEvents {
    /// Those that found a backlog of more than `limit` events.
    fn beyond(found: &[FoundBacklog], limit: u64) -> CountedEvents {
        let mut events = CountedEvents {
            at_most: Bits::new(),
            certain: Bits::new(),
        };
        for (row, found) in (0_u64..).zip(found) {
            events.at_most.set(row, found.at_most > limit);
            events.certain.set(row, found.at_least > limit);
        }
        events
    }
}

/// Whether at least 99 % of the rate was sent, as far as so few sends can tell. A cap on requests in flight that a slow
/// service reaches is the service's doing.
fn is_offered(recording: &Recording, rate: f64) -> bool {
    let planned = recording.planned();
    if recording.pool_limited > 0 || planned == 0 {
        return true;
    }
    let grain = 2.0 / planned as f64;
    let sent = recording.sent as f64 / planned as f64;
    let achieved = recording.achieved_per_s();
    sent >= OFFERED && achieved.is_none_or(|achieved| achieved >= rate * (OFFERED - grain))
}

/// Response times in seconds in order of the intended start, of the requests whose times were kept.
fn latencies(recording: &Recording) -> Vec<f64> {
    let Some(sequence) = recording.sequence() else {
        return Vec::new();
    };
    let seconds = |code: LatencyCode| {
        if code == LatencyCode::NOT_OK {
            f64::INFINITY
        } else {
            code.low_ns() as f64 / 1e9
        }
    };
    sequence
        .places()
        .map(|(_, entry)| seconds(entry.code))
        .collect()
}

/// Times to completion in seconds, in order of the intended start; none where the audit read none.
fn completion_times(evidence: &TrialEvidence<'_>) -> Vec<f64> {
    let completion: &Completion = match evidence.audit.and_then(Audit::completion) {
        Some(completion) if !completion.times.is_empty() => completion,
        _ => return Vec::new(),
    };
    let mut times = completion.times.iter();
    let seconds = |ok: bool| match ok.then(|| times.next()).flatten() {
        Some(time) if time.at_most != LatencyCode::NOT_OK => time.at_most.low_ns() as f64 / 1e9,
        _ => f64::INFINITY,
    };
    evidence.recording.ok.iter().map(seconds).collect()
}

/// The first requests of a run that has not ended, all of them answered, as rows of each condition; `None` if one of them is
/// not counted, or is about the work, which is audited after the run.
pub fn live_rows(
    exceedances: &LiveExceedances,
    conditions: &[Condition],
    load: &InstrumentLoad,
) -> Option<Vec<GateRows>> {
    let complete = exceedances.complete();
    let first = |bits: &Bits| {
        let mut first = Bits::zeros(complete);
        (0..complete).for_each(|index| first.set(index, bits.get(index)));
        first
    };
    let of = |condition: &Condition| {
        let theta0 = condition
            .allowed_share()
            .filter(|_| !condition.needs_audit())?;
        let rows: Rows<'_> = exceedances.rows_of(condition.target())?;
        let state = condition.target().map(|target| {
            let failures = exceedances.client_failures();
            InstrumentState::of(target, load, exceedances.send_lag(), failures)
        });
        let certain = match state {
            Some(InstrumentState::Limited(_, margin)) => rows
                .beyond(margin)
                .map_or_else(|| first(&rows.certain), &first),
            // Nothing is certain of latencies: the verdict waits for the end of the trial.
            Some(InstrumentState::Useless(_)) => Bits::zeros(complete),
            Some(InstrumentState::Sound) | None => first(&rows.certain),
        };
        Some(GateRows {
            theta0,
            at_most: first(&rows.at_most),
            certain,
        })
    };
    conditions.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use std::collections::{HashMap, HashSet};

    use super::TrialEvidence;
    use crate::judge::capacity::{RateOffer, TrialSample};
    use crate::judge::gate::{Condition, Gate, InstrumentLoad};
    use crate::run::completion::{
        Audit, AuditOutcome, AuditTrouble, Completion, DoneClock, EventReport, EventStatus,
        Settled, UnknownMeans,
    };
    use crate::run::plan::{Arrivals, Size};
    use crate::run::recording::{Recording, TimeBase};
    use crate::run::sample::{FailureKind, Outcome, Phases, Sample};
    use crate::run::schedule::Schedule;
    use crate::units::Rate;

    const MS: u64 = 1_000_000;
    const DONE: &str = "done.p95 <= 500ms";

    /// A hundred requests at 100/s, each sent so late; the last ten take 400 ms, and every tenth fails if asked for.
    fn recording(lag_ns: u64, fails: impl Fn(u64) -> bool) -> Recording {
        let mut recording = Recording::new(TimeBase::IntendedStart, &[Duration::from_millis(150)]);
        for index in 0..100 {
            let due = index * 10 * MS;
            let slow = index >= 90;
            let (outcome, status) = if fails(index) {
                (Outcome::Failed(FailureKind::Status), 429)
            } else {
                (Outcome::Ok, 202)
            };
            recording.add(&Sample {
                index,
                intended_start_ns: Some(due),
                dispatched_ns: due + lag_ns,
                sent_ns: Some(due + lag_ns),
                finished_ns: due + lag_ns + if slow { 400 * MS } else { 20 * MS },
                outcome,
                status: Some(status),
                connection: None,
                phases: Phases::default(),
                body_bytes: 0,
                server_timing: Vec::new(),
            });
        }
        recording
    }

    fn every_10_ms() -> Schedule {
        let rate = Rate::per_second(100.0).unwrap();
        Schedule::new(Arrivals::Grid, rate, Size::Requests(100), 0, 0)
    }

    fn condition(gate: &str) -> Condition {
        Gate::parse(gate).unwrap().condition
    }

    fn recorded(lag_ns: u64) -> TrialSample {
        let evidence = TrialEvidence {
            recording: &recording(lag_ns, |_| false),
            schedule: &every_10_ms(),
            audit: None,
            load: InstrumentLoad::default(),
        };
        TrialSample::measured(&evidence, &[condition("p95 <= 150ms")], 100.0)
    }

    /// The same with an audit: each event is done after 10 ms times its place, from 1.
    fn worked(
        gate: &str,
        audited: impl Fn(Completion) -> Audit,
        fails: impl Fn(u64) -> bool,
    ) -> TrialSample {
        let work_gate = condition(gate);
        let outcome = AuditOutcome {
            clock: DoneClock::Server,
            settled: Settled::Done,
            patience: Duration::from_secs(30),
            unknown: UnknownMeans::Lost,
        };
        let report = |index: u64| {
            let time = Duration::from_millis(10 * (index + 1));
            EventReport {
                status: EventStatus::Processed {
                    at_least: time,
                    at_most: time,
                },
                inserts: None,
                notifications: None,
                notify_unknown: 0,
            }
        };
        let reports: HashMap<u64, EventReport> = (0..100).map(|i| (i, report(i))).collect();
        let recording = recording(0, fails);
        let targets: Vec<Duration> = work_gate.done_target().into_iter().collect();
        let completion = Completion::of(&recording, &HashSet::new(), &reports, outcome, &targets);
        let audit = audited(completion);
        let evidence = TrialEvidence {
            recording: &recording,
            schedule: &every_10_ms(),
            audit: Some(&audit),
            load: InstrumentLoad::default(),
        };
        TrialSample::measured(&evidence, &[work_gate], 100.0)
    }

    #[test]
    fn work_that_is_done_late_or_not_accepted_exceeds_the_limit() {
        let read = |completion| Audit::Read(Box::new(completion));
        let sample = worked(DONE, read, |_| false);
        // 510 ms to 1 s.
        assert_eq!(sample.gates[0].at_most.count_ones(), 50);
        assert_eq!(sample.gates[0].certain.count_ones(), 50);
        assert!((sample.done[99] - 1.0).abs() < 1e-3, "{}", sample.done[99]);
        // Five of the fifty that would be in time are refused.
        let sample = worked(DONE, read, |index| index % 10 == 0);
        assert_eq!(sample.gates[0].at_most.count_ones(), 55);
        assert!(sample.gates[0].certain.get(0) && sample.done[0].is_infinite());
        assert!((sample.done[1] - 0.02).abs() < 1e-3, "{}", sample.done[1]);
    }

    #[test]
    fn an_event_that_finds_more_than_the_limit_exceeds_it() {
        // Event i is accepted at 10·i + 20 ms and done at 20·i + 30 ms, so event i finds ⌈(i − 1)/2⌉ others, and number 42 is
        // the first that finds 21.
        let read = |completion| Audit::Read(Box::new(completion));
        let sample = worked("backlog.p95 <= 20", read, |_| false);
        let first = (0..100).find(|&index| sample.gates[0].certain.get(index));
        assert_eq!(first, Some(42));
        assert_eq!(sample.gates[0].certain, sample.gates[0].at_most);
        assert!((42..100).all(|index| sample.gates[0].certain.get(index)));
        // A refused event is work that is not kept up with, and no part of the backlog.
        let sample = worked("backlog.p95 <= 20", read, |index| index == 0);
        assert!(sample.gates[0].certain.get(0) && !sample.gates[0].at_most.get(1));
    }

    #[test]
    fn an_audit_that_could_not_be_read_shows_neither_pass_nor_fail() {
        let sample = worked(
            DONE,
            |_| Audit::Unread {
                reason: AuditTrouble::stated("HTTP 503"),
                resends: None,
            },
            |_| false,
        );
        assert_eq!(sample.gates[0].at_most.count_ones(), 100);
        assert_eq!(sample.gates[0].certain.count_ones(), 0);
        assert!(sample.done.is_empty());
    }

    #[test]
    fn a_trial_has_its_times_and_its_exceedances_in_order() {
        let sample = recorded(40_000);
        assert_eq!(sample.latencies.len(), 100);
        assert!((sample.latencies[0] - 0.020_04).abs() < 1e-5);
        assert_eq!(sample.gates[0].at_most.count_ones(), 10);
        assert_eq!(sample.gates[0].certain.count_ones(), 10);
        assert_eq!(sample.longest_spell(), Duration::from_millis(100));
        assert_eq!(sample.offer, RateOffer::Kept);
    }

    #[test]
    fn a_machine_that_is_too_late_to_show_a_fail_has_not_kept_the_rate() {
        // 60 ms are beyond a third of the limit: no latency says anything.
        let late = recorded(60 * MS);
        assert_eq!(late.gates[0].certain.count_ones(), 0);
        assert_eq!(late.offer, RateOffer::NotKept);
    }
}
