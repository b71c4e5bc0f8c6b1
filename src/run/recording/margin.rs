//! How far beyond a target, plus the measurement overhead, a latency must be to count against a service although the
//! instrument was impaired.

use std::time::Duration;

/// The parts of a target by which a FAIL may have to hold. Counted at record time, so that a saved run has them too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Margin {
    /// A tenth of the target: for a machine that is a little late, and nothing else.
    Near,
    /// A third of it. A choice: wide enough for any instrument that can still judge latencies, and within reach of a
    /// service that clearly fails.
    Far,
}

impl Margin {
    /// How long it is of a target.
    pub fn of(self, target: Duration) -> Duration {
        match self {
            Margin::Near => target / 10,
            Margin::Far => target / 3,
        }
    }

    /// How late all but 1 % of the sends may have been for it to do. Each request's own send lag is taken off, so what is
    /// left is that answers were read late, about as late as sends were: the near margin leaves room for twice that.
    pub fn most_lag(self, target: Duration) -> Duration {
        match self {
            Margin::Near => self.of(target) / 2,
            Margin::Far => self.of(target),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Margin;

    #[test]
    fn of_150_ms_the_margins_are_15_and_50_ms_for_lags_of_up_to_7_and_a_half_and_50() {
        let target = Duration::from_millis(150);
        let micros = |margin: Margin| {
            (
                margin.of(target).as_micros(),
                margin.most_lag(target).as_micros(),
            )
        };
        assert_eq!(micros(Margin::Near), (15_000, 7_500));
        assert_eq!(micros(Margin::Far), (50_000, 50_000));
    }
}
