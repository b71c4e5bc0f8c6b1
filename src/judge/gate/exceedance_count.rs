//! How many requests exceed a limit, at most and at least, and what of the instrument lies between the two.

use std::time::Duration;

use super::condition::Condition;
use super::finding::ExceedanceRange;
use super::instrument_state::InstrumentState;
use crate::run::histogram::Histogram;
use crate::run::recording::{Bits, Latency, Margin, Recording, Rows, TimeBase, Values};

/// Why the number of exceedances is a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RangeSource {
    /// Requests that ended badly for a cause on this machine.
    Client,
    /// The limit was not counted at record time and lies inside a code of the sequence or a histogram's bucket.
    Bucket,
    /// The send lag of this machine is part of the latency.
    SendLag,
    /// The measurement overhead is.
    OwnError,
}

/// How many requests exceed the limit, and what makes that a range.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExceedanceCount {
    /// What a PASS and a FAIL are judged from, if the instrument did its work.
    pub(super) exceedances: ExceedanceRange,
    /// The widest source of the range, if it is one.
    pub(super) range_source: Option<RangeSource>,
    /// The number beyond the limit by [`Margin::Near`] because of the server; `None` if that is not known.
    near: Option<u64>,
    /// The same by [`Margin::Far`].
    far: Option<u64>,
}

/// Counts the requests that exceed the limit; `rows` are they in order, where that is known.
pub(super) fn count(
    condition: &Condition,
    recording: &Recording,
    rows: Option<&Rows<'_>>,
) -> ExceedanceCount {
    let counts = &recording.counts;
    let slow = match (condition.target().or(condition.done_target()), rows) {
        (_, Some(rows)) if rows.unordered == 0 => Slow::counted(rows, recording),
        (Some(target), _) => slow_requests(recording, target),
        (None, _) => Slow::default(),
    };
    let by_the_server = counts.not_ok() - counts.client_side();
    let widest = [
        (slow.at_most - slow.at_least, RangeSource::Bucket),
        (slow.at_least - slow.beyond_error, RangeSource::OwnError),
        (slow.beyond_error - slow.certain, RangeSource::SendLag),
        (counts.client_side(), RangeSource::Client),
    ]
    .into_iter()
    .filter(|&(width, _)| width > 0)
    .max_by_key(|&(width, _)| width);
    ExceedanceCount {
        exceedances: ExceedanceRange {
            at_least: slow.certain + by_the_server,
            at_most: slow.at_most + counts.not_ok(),
        },
        range_source: widest.map(|(_, source)| source),
        near: slow.near.map(|near| near + by_the_server),
        far: slow.far.map(|far| far + by_the_server),
    }
}

impl ExceedanceCount {
    /// The number that a FAIL is judged from; `failed` are failures of the service.
    pub(super) fn proving_fail(&self, state: InstrumentState, failed: u64) -> u64 {
        match state {
            InstrumentState::Sound => self.exceedances.at_least,
            InstrumentState::Limited(_, margin) => self.beyond(margin),
            InstrumentState::Useless(_) => self.far.map_or(self.exceedances.at_least, |_| failed),
        }
    }

    /// The number beyond the limit because of the server, by a margin, or by a wider one where only that is known.
    fn beyond(&self, margin: Margin) -> u64 {
        let near = self.near.filter(|_| margin == Margin::Near);
        near.or(self.far).unwrap_or(self.exceedances.at_least)
    }
}

/// How many requests ended ok and above a target; each number holds the next one.
#[derive(Clone, Copy, Default)]
struct Slow {
    at_most: u64,
    at_least: u64,
    /// The number above it by more than the measurement overhead.
    beyond_error: u64,
    /// The number above it even without our send lag.
    certain: u64,
    /// The number above it by [`Margin::Near`].
    near: Option<u64>,
    /// The number above it by [`Margin::Far`].
    far: Option<u64>,
}

impl Slow {
    /// One bit a request leaves a range only for causes on this machine, the resolution of a sequence, or another tool's
    /// rounding.
    fn counted(rows: &Rows<'_>, recording: &Recording) -> Slow {
        let counts = &recording.counts;
        let by_the_server = counts.not_ok() - counts.client_side();
        let above = |row: &Bits| row.count_ones().saturating_sub(counts.not_ok());
        let slow = above(&rows.at_most);
        let other_end = rows.other_end.as_ref();
        let at_least = other_end.map_or(slow, |other| above(&other.at_most).min(slow));
        let beyond_error = above(&rows.beyond_error).min(at_least);
        let certain = rows.certain.count_ones().saturating_sub(by_the_server);
        let certain = certain.min(beyond_error);
        let beyond = |row: Option<&Bits>| {
            row.map(|row| row.count_ones().saturating_sub(by_the_server).min(certain))
        };
        let slow = Slow {
            at_most: slow,
            at_least,
            beyond_error,
            certain,
            near: beyond(rows.near.as_deref()),
            far: beyond(rows.far.as_deref()),
        };
        match recording.clock {
            // Another tool's rounding.
            TimeBase::Given => Slow {
                at_least: certain,
                beyond_error: certain,
                ..slow
            },
            TimeBase::IntendedStart | TimeBase::Send => slow,
        }
    }
}

/// From the histogram, for a target that was not counted.
fn slow_requests(recording: &Recording, target: Duration) -> Slow {
    let (at_least, at_most) = recording.latency.count_above(nanoseconds(target));
    if recording.values == Values::AtMost {
        // Each may have been within the target.
        return Slow {
            at_most,
            ..Slow::default()
        };
    }
    let guarded = target.saturating_add(recording.own_error);
    let (beyond_error, _) = recording.latency.count_above(nanoseconds(guarded));
    let beyond_error = beyond_error.min(at_least);
    let without_lag = |limit: Duration| match (recording.clock, &recording.latency) {
        (TimeBase::IntendedStart, Latency::Histogram(latency)) => {
            slow_without_lag(latency, &recording.send_lag, limit)
        }
        (_, latency) => latency.count_above(nanoseconds(limit)).0,
    };
    let certain = without_lag(target).min(beyond_error);
    let beyond = |margin: Margin| match recording.clock {
        TimeBase::Given => None,
        TimeBase::IntendedStart | TimeBase::Send => {
            Some(without_lag(guarded.saturating_add(margin.of(target))).min(certain))
        }
    };
    Slow {
        at_most,
        at_least,
        beyond_error,
        certain,
        near: beyond(Margin::Near),
        far: beyond(Margin::Far),
    }
}

/// The lags of the flip test: at most this many requests of a thousand exceed each.
const LATER_PER_MILLE: [u64; 5] = [500, 100, 10, 1, 0];

/// The flip test on histograms. A request above T + L whose lag is at most L is above T without its lag;
/// at most as many requests as have a larger lag escape this. True for every L, so the best L counts.
fn slow_without_lag(latency: &Histogram, send_lag: &Histogram, target: Duration) -> u64 {
    let n = send_lag.count();
    let mut later = n;
    let lags: Vec<(u64, u64)> = send_lag
        .buckets()
        .map(|bucket| {
            later -= bucket.count;
            (bucket.high_ns, later)
        })
        .collect();
    LATER_PER_MILLE
        .iter()
        .filter_map(|per_mille| {
            lags.iter()
                .find(|(_, later)| *later <= n * per_mille / 1000)
        })
        .map(|&(lag_ns, later)| {
            let limit_ns = nanoseconds(target).saturating_add(lag_ns);
            let (above, _) = latency.count_above(limit_ns);
            above.saturating_sub(later)
        })
        .max()
        // Nothing was sent, so nothing was sent late.
        .unwrap_or(u64::MAX)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
