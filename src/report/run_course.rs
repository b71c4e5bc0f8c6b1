//! What charts show of one endpoint's run beyond its percentiles: the order of the requests, the slowest, the phases.

use std::time::Duration;

use crate::run::recording::{Exemplar, Recording, Sequence, TimeBase};
use crate::run::run_file::PlanRecord;

/// What charts show of one endpoint's run.
#[derive(Clone, Debug)]
pub struct RunCourse {
    /// The response times of all requests in order; `None` where they were not kept, or not all of them.
    pub sequence: Option<Sequence>,
    /// The slowest requests, slowest first.
    pub slowest: Vec<Exemplar>,
    /// Phases that took time in most requests, in the order of time.
    pub phases: Vec<PhaseMedian>,
    /// Sent before t0 and not recorded.
    pub warmup: Duration,
    /// How long the run waited for an answer, where that is known.
    pub timeout: Option<Duration>,
    /// From t0 to the last send.
    pub last_sent: Option<Duration>,
}

/// The median of a phase over the requests that ended ok; a request without the phase counts as 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseMedian {
    /// `wait`, `dns`, `connect`, `tls`, `redirect`, `first_byte`, `body`.
    pub name: &'static str,
    /// By nearest rank.
    pub median: Duration,
}

impl RunCourse {
    /// Of a recording; `plan` where this program measured it.
    pub fn of(recording: &Recording, plan: Option<&PlanRecord>) -> RunCourse {
        let sequence = recording.sequence();
        let sequence = sequence.filter(|sequence| sequence.len() == recording.planned());
        RunCourse {
            sequence: sequence.cloned(),
            slowest: recording.slowest.clone(),
            phases: medians(recording),
            warmup: plan.map_or(Duration::ZERO, |plan| plan.warmup),
            timeout: plan.map(|plan| plan.timeout),
            last_sent: recording.last_sent_ns.map(Duration::from_nanos),
        }
    }
}

fn medians(recording: &Recording) -> Vec<PhaseMedian> {
    if recording.clock == TimeBase::Given {
        return Vec::new();
    }
    let ok = recording.counts.ok;
    let named = recording.phases.named().into_iter();
    let medians = named.filter_map(|(name, histogram)| {
        // Requests without the phase come first in the order.
        let without = ok.saturating_sub(histogram.count());
        let rank = ok.div_ceil(2).checked_sub(without)?;
        let median_ns = histogram.value_at_rank(rank)?;
        Some(PhaseMedian {
            name,
            median: Duration::from_nanos(median_ns),
        })
    });
    medians.collect()
}
