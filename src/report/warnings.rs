//! What a run says against itself: a cut, a late or busy instrument, a load that was not reached, a change on the way.

mod drift;

use std::time::Duration;

use super::{SendLag, Warning};
use crate::judge::gate::BUSY;
use crate::run::run_file::{EndpointRun, Run, RunEnd};
use crate::units::{Pretty, grouped, trimmed};

pub(super) use drift::of_list;

/// A send lag P99 above this is worth a word, whatever the target (METHOD §7).
const SEND_LAG: Duration = Duration::from_millis(1);

/// Share of the offered rate that must have been achieved.
const ACHIEVED: f64 = 0.99;

/// The warnings of one run; `label` tells it from others.
pub(super) fn of(label: &str, run: &Run) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = interrupted(run)
        .into_iter()
        .chain(busy(run))
        .chain(throttled(run))
        .chain(certified_elsewhere(run))
        .collect();
    for endpoint in &run.endpoints {
        warnings.extend(unsent(endpoint));
        warnings.extend(late(endpoint));
        warnings.extend(slow_load(run, endpoint));
        warnings.extend(pool_limited(endpoint));
        warnings.extend(drift::of_endpoint(run, endpoint));
    }
    if !label.is_empty() {
        for warning in &mut warnings {
            warning.text = format!("{label}: {}", warning.text);
        }
    }
    warnings
}

fn interrupted(run: &Run) -> Option<Warning> {
    let text = match run.judging.adaptive {
        Some(_) => "the run was interrupted before it was decided",
        None => "the run was interrupted; the verdict is on the requests due until then",
    };
    let hint = "let the run finish, or plan a shorter one";
    (run.ended != RunEnd::Complete).then(|| Warning::new(text, hint))
}

fn unsent(endpoint: &EndpointRun) -> Option<Warning> {
    let unsent = endpoint.recording.counts.unsent;
    (unsent > 0).then(|| {
        Warning::new(
            format!(
                "{} of {} requests to {} were never sent",
                grouped(unsent),
                grouped(endpoint.recording.planned()),
                endpoint.name
            ),
            "a verdict that hangs on them is INCONCLUSIVE",
        )
    })
}

fn busy(run: &Run) -> Option<Warning> {
    run.busy().filter(|share| *share > BUSY).map(|share| {
        Warning::new(
            format!(
                "a7probe used {} % of the processor time of its {} threads: it may have been late by itself",
                trimmed(share * 100.0, 0),
                run.instrument.threads
            ),
            "lower the rate, or measure from a larger machine; a failure that is not far beyond its target is INCONCLUSIVE",
        )
    })
}

fn throttled(run: &Run) -> Option<Warning> {
    let throttled = run.instrument.throttled.filter(|t| !t.time.is_zero())?;
    Some(Warning::new(
        format!(
            "the control group of a7probe was kept from the processor for {} in {} periods",
            Pretty(throttled.time),
            grouped(throttled.periods)
        ),
        "raise the CPU limit of its container; a failure that is not far beyond its target is INCONCLUSIVE",
    ))
}

fn certified_elsewhere(run: &Run) -> Option<Warning> {
    let certificate = run.instrument.certificate.as_ref()?;
    let differences = certificate.differences(&run.environment);
    (!differences.is_empty()).then(|| {
        Warning::new(
            format!(
                "the certificate is of another machine: {}",
                differences.join(", ")
            ),
            "run a7probe selftest --save FILE on the machine that measures",
        )
    })
}

fn late(endpoint: &EndpointRun) -> Option<Warning> {
    let lag = SendLag::of(&endpoint.recording).filter(|lag| lag.p99 > SEND_LAG)?;
    Some(Warning::new(
        format!(
            "requests to {} were sent late by this machine: send lag P99 {}, max {}",
            endpoint.name,
            Pretty(lag.p99),
            Pretty(lag.max)
        ),
        "lower the rate, or measure from a quieter machine; a failure that hangs on it is INCONCLUSIVE",
    ))
}

fn slow_load(run: &Run, endpoint: &EndpointRun) -> Option<Warning> {
    let mut planned = run.plan.endpoints.iter();
    let planned = planned.find(|planned| planned.name == endpoint.name)?;
    let offered = planned.rate_per_s?.as_per_second();
    let achieved = endpoint.recording.achieved_per_s()?;
    // The first and the last request of a few may stand anywhere in their intervals of the jitter.
    let leeway = 2.0 / endpoint.recording.planned() as f64;
    (achieved < offered * (ACHIEVED - leeway)).then(|| {
        Warning::new(
            format!(
                "the load on {} was not reached: {}/s of {}/s",
                endpoint.name,
                trimmed(achieved, 2),
                trimmed(offered, 2)
            ),
            "lower the rate, or raise the in-flight cap with -c together with -q",
        )
    })
}

fn pool_limited(endpoint: &EndpointRun) -> Option<Warning> {
    let waited = endpoint.recording.pool_limited;
    (waited > 0).then(|| {
        Warning::new(
            format!(
                "{} requests to {} waited for a connection because the in-flight cap was reached; the wait is in \
                 their response time",
                grouped(waited),
                endpoint.name
            ),
            "if the service may have more at once, raise the cap with -c together with -q",
        )
    })
}
