//! A capacity search for the tests of its faces.

use std::time::Duration;

use super::capacity_report::{CapacityOutcome, CapacityReport};
use super::capacity_trial::{CapacityTrial, JudgedPair, TrialMetric, TrialRecovery, TrialTime};
use super::model::InconclusivePolicy;
use crate::judge::capacity::{
    BoundSide, CapacityEnd, CapacityGoal, CapacityOptions, CapacityResult, TrialDurations,
    TrialPurpose, TrialVerdict,
};
use crate::judge::gate::Gate;
use crate::judge::summary::Observed;
use crate::run::run_file::{Environment, PlanRecord};
use crate::stats::rank::Quantile;

pub(in crate::report) fn trial(
    purpose: TrialPurpose,
    rate: f64,
    ms: u64,
    verdict: TrialVerdict,
) -> CapacityTrial {
    let value = Observed::Value(Duration::from_millis(ms));
    CapacityTrial {
        purpose,
        rate,
        requests: (rate * 60.0) as u64,
        sent: (rate * 60.0) as u64,
        failed: 0,
        achieved: Some(rate),
        median: value,
        p99: value,
        metric: TrialMetric {
            quantile: Quantile::P99,
            time: TrialTime::Response,
        },
        value,
        verdict,
        pair: None,
        recovered: None,
        work: None,
        traces: Vec::new(),
    }
}

pub(in crate::report) fn block(
    side: BoundSide,
    rate: f64,
    number: u32,
    verdict: TrialVerdict,
) -> CapacityTrial {
    CapacityTrial {
        pair: Some(JudgedPair {
            number,
            level: 0.025,
            verdict,
            value: Observed::Value(Duration::from_millis(133)),
        }),
        ..trial(TrialPurpose::Block(side), rate, 140, verdict)
    }
}

pub(in crate::report) fn report(outcome: CapacityOutcome) -> CapacityReport {
    use TrialVerdict::{Fail, Pass};
    let goal = CapacityGoal {
        theta0: 0.01,
        limit: Duration::from_millis(150),
        spell: Some(Duration::from_millis(100)),
    };
    let confirm = Duration::from_secs(30);
    CapacityReport {
        endpoint: "ingest".to_owned(),
        method: "POST".to_owned(),
        url: "http://127.0.0.1:8080/ingest".to_owned(),
        gates: vec![Gate::parse("ingest p99 <= 150ms").unwrap()],
        options: CapacityOptions {
            from: 20.0,
            to: 10_000.0,
            width: 0.1,
            budget: Duration::from_secs(900),
            alpha: 0.05,
            goal,
            durations: TrialDurations::of(&goal, 0.1, confirm),
        },
        recover: Duration::from_secs(60),
        took: Duration::from_secs(371),
        interrupted: false,
        trials: vec![
            trial(TrialPurpose::Reference, 20.0, 98, Pass),
            trial(TrialPurpose::Expand, 160.0, 99, Pass),
            trial(TrialPurpose::Expand, 320.0, 104, Pass),
            CapacityTrial {
                recovered: Some(TrialRecovery::After(Duration::from_millis(3_100))),
                ..trial(TrialPurpose::Expand, 640.0, 1_840, Fail)
            },
            block(BoundSide::Lower, 414.0, 1, Pass),
            block(BoundSide::Upper, 454.0, 2, Fail),
            block(BoundSide::Upper, 454.0, 2, Fail),
            block(BoundSide::Lower, 414.0, 1, Pass),
        ],
        outcome,
        started_at: "2026-11-23T14:02:10Z".parse().unwrap(),
        plan: plan(),
        environment: Environment {
            a7probe: "0.1.0".to_owned(),
            cpu: "a processor".to_owned(),
            cores: 2,
            os: "a system".to_owned(),
            clock_source: "tsc".to_owned(),
        },
        asked: None,
        inconclusive: InconclusivePolicy::default(),
    }
}

fn plan() -> PlanRecord {
    serde_json::from_value(serde_json::json!({
        "target": "http://127.0.0.1:8080",
        "endpoints": [{
            "name": "ingest", "method": "POST", "path": "/ingest", "headers": [], "body": null,
            "expect": "2xx", "rate_per_s": 20.0, "targets_ns": [150_000_000],
        }],
        "model": {"kind": "open", "arrivals": "jitter"},
        "size": {"kind": "duration", "duration_ns": 60_000_000_000_u64},
        "warmup_ns": 2_000_000_000_u64,
        "timeout_ns": 10_000_000_000_u64,
        "seed": 1,
        "connections": {
            "max_in_flight": 512, "keepalive": "reuse", "trust": "system", "identity": null,
            "connect_to": null, "unix_socket": null,
        },
    }))
    .unwrap()
}

pub(in crate::report) fn ended(
    end: CapacityEnd,
    lower: Option<f64>,
    upper: Option<f64>,
) -> CapacityOutcome {
    CapacityOutcome::Searched(CapacityResult {
        end,
        lower,
        upper,
        searched: None,
        not_repeatable: Vec::new(),
        pair_tests: 2,
    })
}
