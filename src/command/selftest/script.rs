//! What a scripted server does with a request, and what follows for the percentiles.

use std::time::Duration;

/// How long each request is held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Script {
    /// Each for this long.
    Delay(Duration),
    /// Everything that arrives while a stall lasts is held until it ends, and each request for the base time besides.
    Stall(Stall),
    /// The first requests of every period are slow.
    Bursts(BurstPattern),
    /// Over HTTP/2, with one stream a connection: a burst of as many requests is due at once, each of which takes this long.
    OneStream {
        /// Requests of a burst.
        burst: usize,
        service: Duration,
    },
}

/// A stall at the beginning of every period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stall {
    pub(super) period: Duration,
    pub(super) length: Duration,
    pub(super) base: Duration,
}

/// Slow requests in spells, by the number of the request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct BurstPattern {
    pub(super) every: u64,
    pub(super) slow_ones: u64,
    pub(super) slow: Duration,
    pub(super) fast: Duration,
}

impl Script {
    /// When a request that was read at this time of the server is due to be answered.
    pub(super) fn due(&self, read_at: Duration, number: u64) -> Duration {
        match *self {
            Script::Delay(delay) => read_at + delay,
            Script::OneStream { service, .. } => read_at + service,
            Script::Stall(stall) => stall.release(read_at) + stall.base,
            Script::Bursts(bursts) => {
                let slow = number % bursts.every < bursts.slow_ones;
                read_at + if slow { bursts.slow } else { bursts.fast }
            }
        }
    }
}

impl Stall {
    fn release(&self, at: Duration) -> Duration {
        let into = Duration::from_nanos((at.as_nanos() % self.period.as_nanos()) as u64);
        at + self.length.saturating_sub(into)
    }

    /// METHOD §6: Q(p) = s0 + max(0, D − P(1 − p)).
    pub(super) fn quantile(&self, p: f64) -> Duration {
        self.base + self.length.saturating_sub(self.period.mul_f64(1.0 - p))
    }

    /// The number of requests above a limit in a run of this many periods.
    pub(super) fn above(&self, limit: Duration, rate_per_s: f64, periods: u32) -> f64 {
        let long_enough = (self.base + self.length).saturating_sub(limit);
        long_enough.as_secs_f64() * rate_per_s * f64::from(periods)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{BurstPattern, Script, Stall};

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    const STALL: Stall = Stall {
        period: ms(1_000),
        length: ms(250),
        base: ms(2),
    };

    #[test]
    fn the_quantiles_are_those_of_method() {
        // The second row of the table of METHOD §6: λ 200, 60 s.
        for (p, ms_due) in [(0.5, 2), (0.95, 202), (0.99, 242), (0.999, 251)] {
            let quantile = STALL.quantile(p);
            assert!(quantile.abs_diff(ms(ms_due)) <= ms(1), "{p}: {quantile:?}");
        }
        // 1 248 on average; the grid of the table rounds each period up to 21.
        assert!((STALL.above(ms(150), 200.0, 60) - 1_224.0).abs() < 1e-6);
    }

    #[test]
    fn a_stall_holds_what_arrives_in_it_until_its_end() {
        let script = Script::Stall(STALL);
        assert_eq!(script.due(ms(3_000), 0), ms(3_252));
        assert_eq!(script.due(ms(3_249), 0), ms(3_252));
        assert_eq!(script.due(ms(3_250), 0), ms(3_252));
        assert_eq!(script.due(ms(3_999), 0), ms(4_001));
    }

    #[test]
    fn bursts_follow_the_number_of_the_request() {
        let script = Script::Bursts(BurstPattern {
            every: 50,
            slow_ones: 5,
            slow: ms(80),
            fast: ms(1),
        });
        let slow = (0..200).filter(|&n| script.due(ms(7), n) == ms(87));
        assert_eq!(slow.count(), 20);
        assert_eq!(script.due(ms(7), 55), ms(8));
    }
}
