//! A response time as a 16-bit code: its octave and the next 11 bits, in integers alone.
//!
//! From 2 µs to 73 min a code is a step of 0.024 to 0.049 %. Every edge of a step is an edge of the histogram's
//! buckets, so the two can be compared. Longer times have the code of the last step, which has no upper edge.

/// Bits of a code that follow the octave.
const STEP_BITS: u32 = 11;

/// The highest octave: 2^41 to 2^42 ns.
const LAST_OCTAVE: u32 = 41;

/// A response time to one part in 2,048 of its octave, or that there is none. Codes ascend with the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LatencyCode(u16);

/// An end of the times that share a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepEnd {
    /// Every time counts as the shortest of its code.
    Shortest,
    /// Every time counts as the longest of its code.
    Longest,
}

impl LatencyCode {
    /// Below 2,048 ns.
    pub const SHORTEST: LatencyCode = LatencyCode(0);

    /// The last step, and everything longer.
    pub const LONGEST: LatencyCode = LatencyCode(u16::MAX - 1);

    /// The request did not end ok.
    pub const NOT_OK: LatencyCode = LatencyCode(u16::MAX);

    /// The code of a time in ns.
    pub fn of(latency_ns: u64) -> LatencyCode {
        if latency_ns < 1 << STEP_BITS {
            return LatencyCode::SHORTEST;
        }
        let octave = latency_ns.ilog2();
        if octave > LAST_OCTAVE {
            return LatencyCode::LONGEST;
        }
        let shift = octave - STEP_BITS;
        // The highest bit of the time raises the code by one octave.
        let code = (u64::from(shift) << STEP_BITS) + (latency_ns >> shift);
        LatencyCode((code as u16).min(LatencyCode::LONGEST.0))
    }

    /// The code that a file holds as this number; `None` if no request has it.
    pub fn from_number(number: u16) -> Option<LatencyCode> {
        (number == 0 || number >= 1 << STEP_BITS).then_some(LatencyCode(number))
    }

    /// The number that stands for it in a file.
    pub fn number(self) -> u16 {
        self.0
    }

    /// The shortest time that has this code, in ns. Meaningless for [`LatencyCode::NOT_OK`].
    pub fn low_ns(self) -> u64 {
        match self.shift() {
            Some(shift) => self.mantissa() << shift,
            None => 0,
        }
    }

    /// The longest time that has this code, in ns. Meaningless for [`LatencyCode::NOT_OK`].
    pub fn high_ns(self) -> u64 {
        match self.shift() {
            _ if self >= LatencyCode::LONGEST => u64::MAX,
            Some(shift) => ((self.mantissa() + 1) << shift) - 1,
            None => (1 << STEP_BITS) - 1,
        }
    }

    /// How many steps this code is above a lower one.
    pub fn steps_above(self, lower: LatencyCode) -> u16 {
        self.steps().saturating_sub(lower.steps())
    }

    /// The code this many steps below, at least the lowest.
    pub fn lowered(self, steps: u16) -> LatencyCode {
        match self.steps().saturating_sub(steps) {
            0 => LatencyCode::SHORTEST,
            left => LatencyCode(left + (1 << STEP_BITS) - 1),
        }
    }

    /// The number from which on codes are beyond a limit, if each time is at this end of its code. Above
    /// [`LatencyCode::LONGEST`] nothing is but what did not end ok.
    pub(crate) fn first_beyond(limit_ns: u64, end: StepEnd) -> u16 {
        let of_limit = LatencyCode::of(limit_ns);
        match end {
            StepEnd::Longest if limit_ns < of_limit.high_ns() => of_limit.0,
            StepEnd::Longest | StepEnd::Shortest => of_limit.0 + 1,
        }
    }

    /// Its place among the codes without a gap: 0 for [`LatencyCode::SHORTEST`].
    fn steps(self) -> u16 {
        self.0.saturating_sub((1 << STEP_BITS) - 1)
    }

    fn shift(self) -> Option<u32> {
        (u32::from(self.0) >> STEP_BITS).checked_sub(1)
    }

    fn mantissa(self) -> u64 {
        1 << STEP_BITS | u64::from(self.0) & ((1 << STEP_BITS) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{LatencyCode, StepEnd};
    use crate::run::histogram::{Histogram, Precision};

    /// Both edges of every code that a time can have, but for the last.
    fn steps() -> impl Iterator<Item = (LatencyCode, u64, u64)> {
        let codes = (0..u16::MAX - 1).filter_map(LatencyCode::from_number);
        codes.map(|code| (code, code.low_ns(), code.high_ns()))
    }

    #[test]
    fn codes_hold_their_octave_and_the_next_eleven_bits() {
        for (ns, number) in [
            (0, 0),
            (2_047, 0),
            (2_048, 2_048),
            (2_049, 2_049),
            (4_095, 4_095),
            (4_096, 4_096),
            (4_097, 4_096),
            (4_098, 4_097),
            // 150 ms: octave 27, (150,000,000 − 2^27) / 2^16 = 240 steps into it.
            (150_000_000, 17 * 2_048 + 240),
            // 2^41 ns is 36.7 min, 2^42 ns is 73.3 min.
            (1 << 41, 31 * 2_048),
            ((1 << 42) - 1, 65_534),
            (1 << 42, 65_534),
            (u64::MAX, 65_534),
        ] {
            assert_eq!(LatencyCode::of(ns).number(), number, "{ns} ns");
        }
    }

    #[test]
    fn steps_meet_without_a_gap_and_hold_their_edges() {
        let mut next_ns = 0;
        for (code, low_ns, high_ns) in steps() {
            assert_eq!(low_ns, next_ns, "{code:?}");
            let at_edges = (LatencyCode::of(low_ns), LatencyCode::of(high_ns));
            assert_eq!(at_edges, (code, code));
            next_ns = high_ns + 1;
        }
        assert_eq!(LatencyCode::LONGEST.low_ns(), next_ns);
        assert_eq!(LatencyCode::LONGEST.high_ns(), u64::MAX);
        assert!((1..2_048).all(|number| LatencyCode::from_number(number).is_none()));
    }

    #[test]
    fn a_step_is_between_one_part_in_4_096_and_one_in_2_048() {
        for (_, low_ns, high_ns) in steps().skip(1) {
            let width = high_ns + 1 - low_ns;
            assert!(low_ns < width * 4_096 && width * 2_048 <= low_ns);
        }
    }

    #[test]
    fn every_edge_is_an_edge_of_the_histogram() {
        for (_, low_ns, high_ns) in steps().step_by(97) {
            for (ns, edge) in [(low_ns, "low"), (high_ns, "high")] {
                if ns == 0 || ns >= crate::run::histogram::MAX_NS {
                    continue;
                }
                let mut histogram = Histogram::new(Precision::Four);
                histogram.record(ns);
                let bucket = histogram.buckets().next().expect("a bucket");
                let found = [bucket.low_ns, bucket.high_ns][usize::from(edge == "high")];
                assert_eq!(found, ns, "{edge}");
            }
        }
    }

    #[test]
    fn steps_are_counted_across_octaves_and_down_to_the_shortest() {
        let code = LatencyCode::of;
        assert_eq!(code(4_096).steps_above(code(4_095)), 1);
        assert_eq!(code(2_048).steps_above(code(0)), 1);
        assert_eq!(code(0).steps_above(code(5_000)), 0);
        // 32.768 µs is four octaves of 2,048 steps above 2.048 µs.
        assert_eq!(code(32_768).steps_above(code(2_048)), 4 * 2_048);
        for steps in [0, 1, 255, 8_192] {
            let lower = code(32_768).lowered(steps);
            assert_eq!(code(32_768).steps_above(lower), steps);
        }
        assert_eq!(code(2_048).lowered(9), LatencyCode::SHORTEST);
    }

    #[test]
    fn a_limit_inside_a_step_leaves_that_step_open() {
        let is_beyond = |ns, limit_ns, end| {
            LatencyCode::of(ns).number() >= LatencyCode::first_beyond(limit_ns, end)
        };
        let LatencyCode(number) = LatencyCode::of(150_000_000);
        let (low, high) = (LatencyCode(number).low_ns(), LatencyCode(number).high_ns());
        for (ns, limit_ns, at_least, at_most) in [
            (high, low, false, true),
            (low, high - 1, false, true),
            // The last ns of a step is within it: nothing of the step is beyond.
            (high, high, false, false),
            (high + 1, high, true, true),
            (low - 1, low, false, false),
            (0, 0, false, true),
            (5_000, 0, true, true),
            (u64::MAX, 1 << 50, false, true),
        ] {
            let found =
                [StepEnd::Shortest, StepEnd::Longest].map(|end| is_beyond(ns, limit_ns, end));
            assert_eq!(found, [at_least, at_most], "{ns} ns, limit {limit_ns} ns");
        }
        let not_ok = LatencyCode::NOT_OK.number();
        assert!(not_ok >= LatencyCode::first_beyond(u64::MAX, StepEnd::Shortest));
    }
}
