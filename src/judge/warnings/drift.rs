//! What a run says of its own change: a slow start, latency that grows, halves or tenths that differ.

use std::time::Duration;

use crate::judge::summary::Drift;
use crate::judge::warning::{CountAbove, DriftWarning, Warning};
use crate::run::plan::LoadShape;
use crate::run::recording::{Exceedances, Recording};
use crate::run::run_file::{EndpointRecord, EndpointRun, Run};
use crate::stats::cluster::Clusters;
use crate::stats::stationarity::{PartCount, same_share};

/// Level at which halves are said to differ, over all targets of an endpoint.
const DIFFERENCE: f64 = 0.01;

pub(super) fn of_endpoint(run: &Run, endpoint: &EndpointRun) -> Vec<Warning> {
    let mut planned = run.plan.endpoints.iter();
    let planned = planned.find(|planned| planned.name == endpoint.name);
    let shape = planned.map_or(LoadShape::Steady, EndpointRecord::shape);
    if shape == LoadShape::Ramp {
        // Its load is meant to change.
        return Vec::new();
    }
    let offered = planned.and_then(|planned| planned.rate_per_s);
    let offered = offered.filter(|_| shape.is_steady());
    let (name, recording) = (&endpoint.name, &endpoint.recording);
    let drift = Drift::of(recording, offered.map(|rate| rate.as_per_second()));
    let mut warnings = of_drift(name, &drift, run.plan.warmup);
    if warnings.is_empty() {
        warnings.extend(halves(name, recording));
    }
    warnings.into_iter().map(Warning::of).collect()
}

/// Of latencies that another tool measured, in the order of their file.
pub fn of_list(name: &str, recording: &Recording) -> Vec<Warning> {
    let warnings = of_drift(name, &Drift::of(recording, None), Duration::ZERO);
    warnings.into_iter().map(Warning::of).collect()
}

/// Parts differ too where growth or a slow start is the reason, so those go first.
fn of_drift(name: &str, drift: &Drift, warmup: Duration) -> Vec<DriftWarning> {
    let endpoint = || name.to_owned();
    let growth = drift.growth.map(|growth| DriftWarning::LatencyGrows {
        endpoint: endpoint(),
        growth,
    });
    let slow_start = drift.slow_start.map(|start| DriftWarning::SlowStart {
        endpoint: endpoint(),
        start,
        warmup,
    });
    let change = drift.change.map(|change| DriftWarning::LevelChanged {
        endpoint: endpoint(),
        change,
    });
    let reasons: Vec<DriftWarning> = growth.into_iter().chain(slow_start).collect();
    if reasons.is_empty() {
        change.into_iter().collect()
    } else {
        reasons
    }
}

/// Of the counted target by which the halves differ most surely.
fn halves(name: &str, recording: &Recording) -> Option<DriftWarning> {
    let targets = recording.exceedances.len() as f64;
    let compared = recording.exceedances.iter().map(HalfShares::of);
    let surest = compared.min_by(|a, b| a.p.total_cmp(&b.p))?;
    (surest.p * targets <= DIFFERENCE).then(|| DriftWarning::HalvesDiffer {
        endpoint: name.to_owned(),
        target: surest.target,
        first: surest.first,
        second: surest.second,
    })
}

/// The shares above a target in both halves of a run.
struct HalfShares {
    target: Duration,
    first: CountAbove,
    second: CountAbove,
    /// That both have the same share.
    p: f64,
}

impl HalfShares {
    fn of(exceedances: &Exceedances) -> HalfShares {
        let bits = &exceedances.bits;
        let middle = bits.len() / 2;
        let half = |range: std::ops::Range<u64>| Clusters::of(range.map(|index| bits.get(index)));
        let (first, second) = (half(0..middle), half(middle..bits.len()));
        let share = |half: &Clusters| PartCount {
            samples: half.samples(),
            exceedances: half.slow.total,
        };
        let count = |half: &Clusters| CountAbove {
            above: half.slow.total,
            requests: half.samples(),
        };
        let effect = first.design_effect.max(second.design_effect);
        HalfShares {
            target: exceedances.target,
            first: count(&first),
            second: count(&second),
            p: same_share(share(&first), share(&second), effect),
        }
    }
}
