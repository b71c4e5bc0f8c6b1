//! Gates on recordings: verdicts against exact values, and every doubt that must end INCONCLUSIVE.

mod doubt;
mod sample_sizes;
mod sequence;

use std::time::Duration;

use a7probe::judge::gate::{
    self, ExceedanceRange, Finding, Gate, ObservedMetric, Subject, run_verdict,
};
use a7probe::judge::summary::Observed;
use a7probe::report::text::{next_step, reason};
use a7probe::run::plan::{Design, Guard};
use a7probe::run::recording::{Recording, TimeBase};
use a7probe::run::sample::{FailureKind, Outcome, Phases, Sample};
use a7probe::verdict::Verdict;

const FAST: Duration = Duration::from_millis(5);

const SLOW: Duration = Duration::from_millis(200);

const TARGET: Duration = Duration::from_millis(150);

const PUNCTUAL: Duration = Duration::from_micros(40);

/// A recording of an open-model run, built request by request.
struct Run {
    recording: Recording,
    lag: Duration,
}

impl Run {
    fn counting(targets: &[Duration]) -> Run {
        Run {
            recording: Recording::new(TimeBase::IntendedStart, targets),
            lag: PUNCTUAL,
        }
    }

    /// Without a plan there is no send lag, so latencies stand to the nanosecond.
    fn closed_model(targets: &[Duration]) -> Run {
        Run {
            recording: Recording::new(TimeBase::Send, targets),
            lag: Duration::ZERO,
        }
    }

    fn sent_late_by(self, lag: Duration) -> Run {
        Run { lag, ..self }
    }

    fn add(mut self, count: u64, latency: Duration, outcome: Outcome) -> Run {
        for _ in 0..count {
            let index = self.recording.planned();
            let start_ns = index * 50_000_000;
            let sent_ns = start_ns + self.lag.as_nanos() as u64;
            self.recording.add(&Sample {
                index,
                intended_start_ns: Some(start_ns),
                dispatched_ns: sent_ns,
                sent_ns: Some(sent_ns),
                finished_ns: start_ns + latency.as_nanos() as u64,
                outcome,
                status: None,
                connection: None,
                phases: Phases::default(),
                body_bytes: 0,
                server_timing: Vec::new(),
            });
        }
        self
    }

    fn ok(self, count: u64, latency: Duration) -> Run {
        self.add(count, latency, Outcome::Ok)
    }

    fn failed(self, count: u64, kind: FailureKind) -> Run {
        self.add(count, FAST, Outcome::Failed(kind))
    }

    fn unsent(mut self, count: u64) -> Run {
        for _ in 0..count {
            self.recording.add_unsent(self.recording.planned());
        }
        self
    }

    fn judge(&self, gates: &[&str]) -> Vec<Finding> {
        judge(&self.recording, gates)
    }

    fn judge_one(&self, gate: &str) -> Finding {
        let mut findings = self.judge(&[gate]);
        assert_eq!(findings.len(), 1);
        findings.remove(0)
    }
}

fn judge(recording: &Recording, gates: &[&str]) -> Vec<Finding> {
    let gates: Vec<Gate> = gates
        .iter()
        .map(|text| Gate::parse(text).expect(text))
        .collect();
    let subject = Subject {
        planned: None,
        endpoint: "health",
        recording,
        timeout: Some(Duration::from_secs(10)),
        rate_per_s: Some(20.0),
        shape: a7probe::run::plan::LoadShape::Steady,
        in_flight: None,
        // What bursts do to a verdict is tested by itself, in guard.rs.
        guard: Guard::Iid,
        design: Design::Fixed,
        audit: None,
        load: gate::InstrumentLoad::default(),
    };
    gate::judge(&gates, &[subject])
}

fn list(latencies_ms: &[f64]) -> Recording {
    let latencies: Vec<Option<Duration>> = latencies_ms
        .iter()
        .map(|ms| Some(Duration::from_nanos((ms * 1e6).round() as u64)))
        .collect();
    Recording::from_latencies(&latencies, &[])
}

fn verdicts(findings: &[Finding]) -> Vec<Verdict> {
    findings.iter().map(|finding| finding.verdict).collect()
}

fn close(found: Option<f64>, expected: f64) -> bool {
    found.is_some_and(|found| ((found - expected) / expected).abs() < 1e-9)
}

#[test]
fn ten_samples_fail_p95_and_p99_and_leave_p50_open() {
    let evidence = list(&[
        118.4, 132.8, 141.7, 149.3, 163.2, 176.9, 188.1, 204.6, 241.0, 320.5,
    ]);
    let findings = judge(&evidence, &["p50 <= 150ms", "p95 <= 150ms", "p99 <= 150ms"]);
    use Verdict::{Fail, Inconclusive};
    assert_eq!(verdicts(&findings), [Inconclusive, Fail, Fail]);
    // P(Bin(10, ½) ≤ 6) = 848/1024 and P(Bin(10, ½) ≥ 6) = 386/1024.
    assert!(close(findings[0].p_pass, 848.0 / 1024.0));
    assert!(close(findings[0].p_fail, 386.0 / 1024.0));
    let at_maximum = ObservedMetric::Latency {
        value: Observed::Value(Duration::from_micros(320_500)),
        interval: a7probe::judge::summary::ObservedInterval {
            lower: Some(Observed::Value(Duration::from_micros(204_600))),
            upper: None,
        },
    };
    assert_eq!(findings[1].measured, at_maximum);
    assert_eq!(
        reason(&findings[2]),
        "6 of 10 samples were slower than 150 ms; at most 1% are allowed; P99 cannot pass with 10 samples (here it \
         is the maximum; needs 299), but it can fail"
    );
}

#[test]
fn failures_count_as_slower_than_everything() {
    for (fast, slow, failed, verdict) in [
        (930, 10, 60, Verdict::Fail),
        (962, 20, 18, Verdict::Pass),
        (961, 20, 19, Verdict::Inconclusive),
    ] {
        let run = Run::counting(&[TARGET])
            .ok(fast, FAST)
            .ok(slow, SLOW)
            .failed(failed, FailureKind::Status);
        let finding = run.judge_one("p95 <= 150ms");
        assert_eq!(finding.verdict, verdict, "{slow} slow, {failed} failed");
        let k = slow + failed;
        let exact = ExceedanceRange {
            at_least: k,
            at_most: k,
        };
        assert_eq!(finding.exceedances, exact);
        let breakdown = format!("({slow} slow, {failed} failed)");
        assert!(
            reason(&finding).contains(&breakdown),
            "{}",
            reason(&finding)
        );
    }
}

#[test]
fn the_limit_itself_is_within_at_most_and_not_within_below() {
    let run = Run::closed_model(&[TARGET]).ok(100, TARGET);
    assert_eq!(run.judge_one("p95 <= 150ms").verdict, Verdict::Pass);
    let below = Gate::parse("p95 < 150ms").expect("a gate");
    let limit = below.condition.target().expect("a target");
    let run = Run::closed_model(&[limit]).ok(100, TARGET);
    assert_eq!(run.judge_one("p95 < 150ms").verdict, Verdict::Fail);
}

#[test]
fn one_surprise_among_several_gates_is_no_failure() {
    // P(Bin(100, 0.05) ≥ 10) = 0.0282: below 0.05, above half of it.
    let run = Run::counting(&[TARGET]).ok(90, FAST).ok(10, SLOW);
    assert_eq!(run.judge_one("p95 <= 150ms").verdict, Verdict::Fail);
    let two = run.judge(&["p95 <= 150ms", "p50 <= 150ms"]);
    assert_eq!(verdicts(&two), [Verdict::Inconclusive, Verdict::Pass]);
    assert!(
        reason(&two[0]).contains("among 2 gates"),
        "{}",
        reason(&two[0])
    );
    let with_warning = run.judge(&["p95 <= 150ms", "p50 <= 150ms warn"]);
    assert_eq!(verdicts(&with_warning), [Verdict::Fail, Verdict::Pass]);
}

#[test]
fn a_single_slow_request_fails_no_gate() {
    let run = Run::counting(&[TARGET]).ok(9, FAST).ok(1, SLOW);
    let finding = run.judge_one("p99.9 <= 150ms");
    assert!(close(finding.p_fail, 1.0 - 0.999f64.powi(10)));
    assert_eq!(finding.verdict, Verdict::Inconclusive);
    assert!(
        reason(&finding).ends_with("one alone cannot fail a gate"),
        "{}",
        reason(&finding)
    );
}

#[test]
fn a_gate_that_comes_twice_is_one_test() {
    let run = Run::counting(&[TARGET]).ok(100, FAST);
    let findings = run.judge(&["* p95 <= 150ms", "health p95 <= 0.15s", "ingest p95 <= 1s"]);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].gate.to_string(), "health p95 <= 150ms");
}

#[test]
fn warnings_do_not_decide() {
    let run = Run::counting(&[TARGET]).ok(50, FAST).ok(50, SLOW);
    let findings = run.judge(&["p95 <= 150ms warn", "p95 <= 1s"]);
    assert_eq!(verdicts(&findings), [Verdict::Fail, Verdict::Pass]);
    assert_eq!(run_verdict(&findings), Some(Verdict::Pass));
    assert_eq!(run_verdict(&findings[..1]), None);
}

#[test]
fn the_error_rate_counts_everything_that_did_not_end_ok() {
    let run = Run::counting(&[])
        .ok(580, SLOW)
        .failed(15, FailureKind::Status)
        .add(5, Duration::from_secs(10), Outcome::Timeout);
    let finding = run.judge_one("error_rate <= 1%");
    assert_eq!(finding.verdict, Verdict::Fail);
    assert_eq!(finding.exceedances.at_most, 20);
    let ObservedMetric::Share { value, interval } = finding.measured else {
        panic!("an error rate is a share: {:?}", finding.measured);
    };
    assert!((value - 20.0 / 600.0).abs() < 1e-15);
    assert!(interval.0 < value && value < interval.1);
    assert_eq!(
        reason(&finding),
        "20 of 600 requests did not end ok (15 failed, 5 timed out); at most 6 (1%) are allowed"
    );
}

#[test]
fn a_percentile_among_the_failures_is_no_number() {
    let run = Run::counting(&[TARGET])
        .ok(90, FAST)
        .add(4, Duration::from_secs(10), Outcome::Timeout)
        .failed(4, FailureKind::Reset)
        .unsent(2);
    let shown: Vec<String> = run
        .judge(&[
            "p50 <= 150ms",
            "p92 <= 150ms",
            "p97 <= 150ms",
            "p99 <= 150ms",
        ])
        .iter()
        .map(|finding| match finding.measured {
            ObservedMetric::Latency { value, .. } => value.to_string(),
            _ => String::new(),
        })
        .collect();
    assert_eq!(shown, ["5 ms", "> 10 s", "failed", "unsent"]);
}

/// A case with what its run knew.
fn judged(recording: &Recording, gate: &str, change: impl FnOnce(&mut Subject<'_>)) -> Finding {
    let mut subject = Subject {
        planned: None,
        endpoint: "health",
        recording,
        timeout: None,
        rate_per_s: Some(20.0),
        shape: a7probe::run::plan::LoadShape::Steady,
        in_flight: None,
        guard: Guard::default(),
        design: Design::Fixed,
        load: gate::InstrumentLoad::default(),
        audit: None,
    };
    change(&mut subject);
    gate::judge(&[Gate::parse(gate).unwrap()], &[subject]).remove(0)
}

#[test]
fn a_share_ten_times_the_limit_is_not_called_near_it() {
    let latencies: Vec<f64> = (0..600)
        .map(|i| if i < 300 { 100.0 } else { 200.0 })
        .collect();
    let finding = judged(&list(&latencies), "p95 <= 150ms", |_| {});
    assert_eq!(finding.verdict, Verdict::Inconclusive);
    assert!(
        !reason(&finding).contains("too near"),
        "{}",
        reason(&finding)
    );
    let next = next_step(&finding).unwrap();
    assert!(!next.contains("samples would do"), "{next}");
}
