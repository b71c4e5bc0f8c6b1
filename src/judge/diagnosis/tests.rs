//! Findings of services with a known cause: causes that may be ruled out, and causes that only lack evidence.

use std::time::Duration;

use super::sample_steps::{bursts, observed, over_http2, quick, step};
use super::{
    BurstSteps, CauseEvidence, CauseFinding, CauseNextStep, ConnectionSharing, Diagnosis,
    NotShared, Observations, RootCause, Support,
};

fn found(cause: RootCause, observations: &Observations) -> CauseFinding {
    let diagnosis = Diagnosis::of(observations).within(Duration::from_secs(20));
    diagnosis.finding(cause).unwrap().clone()
}

fn has_figures(finding: &CauseFinding) {
    assert!(
        finding.evidence.iter().any(|e| !e.numbers().is_empty()),
        "{finding:?}"
    );
}

fn budget(seconds: f64) -> Option<CauseNextStep> {
    Some(CauseNextStep::Budget { seconds })
}

#[test]
fn a_quick_service_has_every_cause_ruled_out() {
    let observations = observed(Some(step(
        20.0,
        (0..90).map(|i| Some(1.0 + f64::from(i % 3) / 50.0)),
    )));
    for cause in [
        RootCause::Connection,
        RootCause::SlowCall,
        RootCause::BlockedLoop,
        RootCause::Queueing,
        RootCause::Client,
    ] {
        let finding = found(cause, &observations);
        assert_eq!(finding.support, Support::NotSupported, "{finding:?}");
        assert_eq!(finding.next, None);
        has_figures(&finding);
    }
    assert_eq!(
        found(RootCause::Nothing, &observations).support,
        Support::Supported
    );
}

#[test]
fn queueing_is_ruled_out_only_where_growth_of_a_tenth_of_the_limit_is() {
    let at = |latencies: Vec<Option<f64>>| {
        found(RootCause::Queueing, &observed(Some(step(20.0, latencies))))
    };
    // 19 of 33 unanswered, and the growth is not shown: p = 0.07.
    let unanswered: Vec<Option<f64>> = (0..33)
        .map(|i| (i % 7 < 3).then_some(300.0 + f64::from(i) * 20.0))
        .collect();
    let unanswered_count = unanswered
        .iter()
        .filter(|latency| latency.is_none())
        .count();
    assert!(unanswered_count * 2 > 33, "{unanswered_count}");
    let finding = at(unanswered);
    assert_eq!(finding.support, Support::NotEnough, "{finding:?}");
    assert!(finding.next.is_some());
    has_figures(&finding);
    // Latencies that vary from 20 to 400 ms do not show that P50 grew by less than 15 ms.
    let noisy = at((0..33)
        .map(|i| Some(20.0 + f64::from(i * 37 % 33) * 11.5))
        .collect());
    assert_eq!(noisy.support, Support::NotEnough, "{noisy:?}");
    assert_eq!(noisy.next, budget(40.0));
    // A constant 170 ms does, and so does a slow rise by 2 ms.
    let steady = at((0..33).map(|i| Some(170.0 + f64::from(i) * 0.06)).collect());
    assert_eq!(steady.support, Support::NotSupported, "{steady:?}");
    // A rise by 40 ms is too small for a queue and too large to be ruled out.
    let rising = at((0..60).map(|i| Some(20.0 + f64::from(i) * 0.67)).collect());
    assert_eq!(rising.support, Support::NotEnough, "{rising:?}");
    // A queue that grows by 48 ms with every request.
    let queue = at((0..33).map(|i| Some(20.0 + f64::from(i) * 48.0)).collect());
    assert_eq!(queue.support, Support::Supported, "{queue:?}");
}

#[test]
fn a_step_that_was_not_made_or_is_too_small_leaves_its_causes_open_with_figures() {
    let none = Observations {
        alone: None,
        new_connections: None,
        one_at_a_time: None,
        probe_during_load: None,
        load_during_probe: None,
        ..observed(None)
    };
    let few = Observations {
        alone: Some(quick(5)),
        new_connections: Some(quick(5)),
        one_at_a_time: Some(step(4.0, [Some(1.0); 5])),
        probe_during_load: Some(quick(5)),
        load_during_probe: None,
        ..observed(Some(quick(5)))
    };
    // Of 20 s: twice that where nothing is known, else half as much again as the least number needs, in steps of 5 s:
    // 5 of 6 (twice is more), 5 of 20, 5 of 25, 25 of 50.
    for (observations, budgets) in [(none, [40.0; 5]), (few, [40.0, 40.0, 120.0, 150.0, 60.0])] {
        let causes = [
            RootCause::Connection,
            RootCause::SlowCall,
            RootCause::BlockedLoop,
            RootCause::Queueing,
            RootCause::Client,
        ];
        for (cause, seconds) in causes.into_iter().zip(budgets) {
            let finding = found(cause, &observations);
            assert_eq!(finding.support, Support::NotEnough, "{finding:?}");
            assert_eq!(finding.next, budget(seconds), "{finding:?}");
            has_figures(&finding);
        }
    }
}

#[test]
fn everything_that_slows_down_together_does_not_rule_out_a_blocked_loop() {
    // P50 from 1 ms to 30 ms under load, in one mode.
    let during_load = step(
        20.0,
        (0..300).map(|i| Some(25.0 + f64::from(i * 37 % 100) / 10.0)),
    );
    let observations = Observations {
        probe_during_load: Some(during_load),
        ..observed(None)
    };
    let finding = found(RootCause::BlockedLoop, &observations);
    assert_ne!(finding.support, Support::NotSupported, "{finding:?}");
    has_figures(&finding);
}

#[test]
fn this_machine_is_ruled_out_only_with_enough_sends_on_time() {
    let sends = |n: usize, lag_ms: f64| {
        let mut observations = observed(None);
        for step in [
            &mut observations.new_connections,
            &mut observations.one_at_a_time,
            &mut observations.probe_during_load,
            &mut observations.load_during_probe,
        ] {
            *step = None;
        }
        let mut alone = quick(n);
        alone.recording.send_lag =
            crate::run::histogram::Histogram::new(crate::run::histogram::Precision::Three);
        (0..n).for_each(|_| alone.recording.send_lag.record((lag_ms * 1e6) as u64));
        observations.alone = Some(alone);
        found(RootCause::Client, &observations).support
    };
    // 0 of 59 later than 15 ms is at most 5 % (0.95^59 = 0.0485), 0 of 58 is not.
    assert_eq!(sends(59, 0.05), Support::NotSupported);
    assert_eq!(sends(58, 0.05), Support::NotEnough);
    assert_eq!(sends(400, 30.0), Support::Supported);
}

#[test]
fn too_few_requests_name_a_budget_that_gives_enough() {
    let mut observations = observed(None);
    // 4 of 20 within 20 s: five times as long, and half of that in reserve.
    observations.probe_during_load = Some(step(20.0, (0..4).map(|_| Some(1.0))));
    let next = found(RootCause::BlockedLoop, &observations).next;
    assert_eq!(next, budget(150.0));
}

/// With `sharing`, of a service that is quick otherwise.
fn shared(sharing: ConnectionSharing) -> CauseFinding {
    let observations = Observations {
        sharing,
        ..observed(None)
    };
    found(RootCause::SharedConnection, &observations)
}

#[test]
fn a_shared_connection_is_the_cause_where_bursts_take_longer_on_it() {
    // A connection serves one at a time, 5 ms each: 40 ms on one connection, 5 ms on one each.
    let serial = over_http2(5.0, 0.0, None);
    let ConnectionSharing::Bursts(mut steps) = serial else {
        panic!("bursts");
    };
    steps.many = Some(step(20.0, [Some(5.0); 96]));
    let finding = shared(ConnectionSharing::Bursts(steps));
    assert_eq!(finding.support, Support::Supported, "{finding:?}");
    assert_eq!(finding.next, Some(CauseNextStep::MoreConnections));
    let cost_ms = finding.cost.unwrap().as_secs_f64() * 1e3;
    assert!((cost_ms - 35.0).abs() < 0.1, "{cost_ms}");
    // One at a time whatever the connection, and all at a time.
    for (one_ms, each_ms) in [(5.0, 5.0), (0.1, 0.1)] {
        let finding = shared(over_http2(one_ms, each_ms, None));
        assert_eq!(finding.support, Support::NotSupported, "{finding:?}");
        assert_eq!(finding.next, None);
        has_figures(&finding);
    }
    // 14 ms more are less than a tenth of the limit, 15 ms.
    let finding = shared(over_http2(1.85, 0.1, None));
    assert_eq!(finding.support, Support::NotSupported, "{finding:?}");
}

#[test]
fn a_limit_of_streams_is_named_where_it_is_below_a_burst() {
    let limit = |allowed| {
        let finding = shared(over_http2(5.0, 0.1, allowed));
        finding.evidence.contains(&CauseEvidence::StreamLimit(1))
    };
    assert!(limit(Some(1)));
    assert!(!limit(Some(8)) && !limit(None));
}

#[test]
fn few_bursts_failed_bursts_and_unshared_connections_decide_nothing() {
    let steps = |one, many| {
        ConnectionSharing::Bursts(Box::new(BurstSteps {
            burst: 8,
            one: Some(one),
            many: Some(many),
            allowed: None,
        }))
    };
    // The first burst opens connections, so 6 of 7 count, and 5 of 6.
    let enough = shared(steps(bursts(8, 7, 5.0), bursts(8, 7, 0.1)));
    assert_eq!(enough.support, Support::Supported, "{enough:?}");
    let few = shared(steps(bursts(8, 6, 5.0), bursts(8, 7, 0.1)));
    assert_eq!(few.support, Support::NotEnough, "{few:?}");
    assert_eq!(few.shortage().map(|s| (s.present, s.needed)), Some((5, 6)));
    let failed = shared(steps(step(20.0, [None; 96]), bursts(8, 12, 0.1)));
    assert_eq!(failed.next, Some(CauseNextStep::FindFailures), "{failed:?}");
    for why in [NotShared::Http1, NotShared::OneStream] {
        let finding = shared(ConnectionSharing::None(why));
        assert!(finding.is_excluded());
        assert_eq!(finding.support, Support::NotSupported);
    }
}

#[test]
fn what_a_shared_connection_explains_as_well_stays_open() {
    let waiting = (0..300u32).map(|i| match i % 4 {
        0 | 1 => Some(0.3),
        _ => Some(40.0 + f64::from(i * 53 % 300) * 0.7),
    });
    let queue = (0..33).map(|i| Some(20.0 + f64::from(i) * 48.0));
    let with = |sharing| Observations {
        probe_during_load: Some(step(20.0, waiting.clone())),
        sharing,
        ..observed(Some(step(20.0, queue.clone())))
    };
    let alone = with(ConnectionSharing::None(NotShared::Http1));
    for cause in [RootCause::BlockedLoop, RootCause::Queueing] {
        assert_eq!(found(cause, &alone).support, Support::Supported);
        let finding = found(cause, &with(over_http2(5.0, 0.1, None)));
        assert_eq!(finding.support, Support::NotEnough, "{finding:?}");
        assert_eq!(finding.next, Some(CauseNextStep::SeparateConnections));
        // Where sharing costs nothing, they are what they seem.
        let finding = found(cause, &with(over_http2(5.0, 5.0, None)));
        assert_eq!(finding.support, Support::Supported, "{finding:?}");
    }
    let first = Diagnosis::of(&with(over_http2(5.0, 0.1, None)));
    assert_eq!(first.findings[0].cause, RootCause::SharedConnection);
}
