//! Which requests are beyond a limit that was not counted at record time, from the sequence of their times.
//!
//! A time is known to its code. Where a limit lies inside the code of some requests, and the histogram, which is finer,
//! does not say that it is beyond all or none of them, the rows are given for both ends of that code, and what is shown
//! must hold at both. Of a run that is longer than its sequence, everything further that may be beyond the limit is one
//! spell at the end: the row for a PASS has it, those for a FAIL end with the sequence.

use std::borrow::Cow;
use std::time::Duration;

use super::latency_code::{LatencyCode, StepEnd};
use super::sequence::Sequence;
use super::{Bits, Latency, Margin, Recording, Rows};
use crate::run::histogram::MAX_NS;

impl Recording {
    /// From the sequence; `None` without one.
    pub(super) fn rows_of_sequence(&self, target: Duration) -> Option<Rows<'static>> {
        let limits = SequenceLimits::new(self.sequence()?, self, target);
        let shortest = limits.rows(StepEnd::Shortest);
        let longest = limits.rows(StepEnd::Longest);
        let is_open = shortest != longest;
        let at_least = shortest.at_most.count_ones();
        let mut other = Rows {
            at_most: shortest.at_most,
            ..longest
        };
        let mut rows = Rows {
            at_most: longest.at_most,
            ..shortest
        };
        rows.unordered = self.planned() - limits.sequence.len();
        if rows.unordered > 0 {
            let (_, slow) = self.latency.count_above(nanoseconds(target));
            let further = (slow + self.counts.not_ok()).saturating_sub(at_least);
            other.unordered = rows.unordered;
            for side in [&mut rows, &mut other] {
                let row = side.at_most.to_mut();
                row.extend_with_spell(side.unordered, further);
            }
        }
        rows.other_end = is_open.then(|| Box::new(other));
        Some(rows)
    }
}

/// A sequence and what is asked of it.
pub(crate) struct SequenceLimits<'a> {
    sequence: &'a Sequence,
    client: &'a Bits,
    limit: Duration,
    target: LimitCode,
    /// The target and the measurement overhead.
    guarded: LimitCode,
    near: LimitCode,
    far: LimitCode,
    /// Our longest own send lag: without any, every time without its lag is the time that was measured.
    most_lag_ns: u64,
}

impl<'a> SequenceLimits<'a> {
    /// A target, and the measurement overhead and the client failures of a recording.
    pub(crate) fn new(
        sequence: &'a Sequence,
        recording: &'a Recording,
        target: Duration,
    ) -> SequenceLimits<'a> {
        let limit = LimitCode::new(nanoseconds(target), &recording.latency);
        let limits = SequenceLimits {
            sequence,
            client: &recording.client,
            limit: target,
            target: limit,
            guarded: limit,
            near: limit,
            far: limit,
            most_lag_ns: recording.send_lag.max_ns().unwrap_or(0),
        };
        limits.with_own_error(recording.own_error, recording)
    }

    /// The same with another measurement overhead than the recording's.
    pub(crate) fn with_own_error(self, own_error: Duration, recording: &Recording) -> Self {
        let guarded = self.limit.saturating_add(own_error);
        let limit = |limit: Duration| LimitCode::new(nanoseconds(limit), &recording.latency);
        let beyond = |margin: Margin| limit(guarded.saturating_add(margin.of(self.limit)));
        SequenceLimits {
            guarded: limit(guarded),
            near: beyond(Margin::Near),
            far: beyond(Margin::Far),
            ..self
        }
    }

    /// The rows, if every time is at this end of its code.
    pub(crate) fn rows(&self, end: StepEnd) -> Rows<'static> {
        let beyond = |limit: LimitCode| {
            let first = limit.first_measured(end);
            let row = self.sequence.numbers().iter();
            Cow::Owned(row.map(|&number| number >= first).collect())
        };
        // Beyond one limit as measured, and beyond another without the request's own lag.
        let certain = |limit: LimitCode, without_lag: LimitCode| {
            let first = limit.first_measured(end);
            let first_lowered = if self.most_lag_ns == 0 {
                without_lag.first_measured(end)
            } else {
                without_lag.first(end)
            };
            let numbers = self.sequence.numbers().iter().zip(self.sequence.lags());
            let row: Bits = numbers
                .map(|(&number, lag)| number >= first && lowered(number, lag, end) >= first_lowered)
                .collect();
            Cow::Owned(row.without(self.client))
        };
        Rows {
            at_most: beyond(self.target),
            beyond_error: beyond(self.guarded),
            certain: certain(self.guarded, self.target),
            near: Some(certain(self.near, self.near)),
            far: Some(certain(self.far, self.far)),
            other_end: None,
            unordered: 0,
        }
    }
}

/// A limit among the codes.
#[derive(Clone, Copy)]
struct LimitCode {
    limit_ns: u64,
    /// What the histogram, which is finer, says of all times that share the limit's code: the end that decides for them.
    all_at: Option<StepEnd>,
}

impl LimitCode {
    fn new(limit_ns: u64, latency: &Latency) -> LimitCode {
        let code = LatencyCode::of(limit_ns);
        let above = |limit_ns| latency.count_above(limit_ns);
        let beyond_code = above(code.high_ns()).1;
        let (at_least, at_most) = above(limit_ns);
        let in_code = match code.low_ns().checked_sub(1) {
            Some(below_ns) => above(below_ns).0,
            None => latency.count(),
        };
        let all_at = if limit_ns >= MAX_NS {
            // Beyond the longest duration that a histogram holds, it cannot tell.
            None
        } else if at_most == beyond_code {
            Some(StepEnd::Shortest)
        } else {
            (at_least == in_code).then_some(StepEnd::Longest)
        };
        LimitCode { limit_ns, all_at }
    }

    /// The first number beyond it of a time that was measured.
    fn first_measured(self, end: StepEnd) -> u16 {
        LatencyCode::first_beyond(self.limit_ns, self.all_at.unwrap_or(end))
    }

    /// The same of any other time.
    fn first(self, end: StepEnd) -> u16 {
        LatencyCode::first_beyond(self.limit_ns, end)
    }
}

/// A code without the request's own lag. Of a lag that is not known in full, all or as little as is known.
fn lowered(number: u16, lag_steps: u8, end: StepEnd) -> u16 {
    match (LatencyCode::from_number(number), lag_steps, end) {
        (_, 0, _) | (None | Some(LatencyCode::NOT_OK), ..) => number,
        (Some(_), u8::MAX, StepEnd::Shortest) => LatencyCode::SHORTEST.number(),
        (Some(code), steps, _) => code.lowered(u16::from(steps)).number(),
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
