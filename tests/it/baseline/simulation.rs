//! How often a gate over a baseline decides, of two runs of one simulated service.
//!
//! 3,000 requests a side at 20/s. φ is estimated as the product does it, which widens intervals a little.

use std::sync::Arc;

use a7probe::judge::comparison::{Noise, Pair, Side, compare, judge};
use a7probe::judge::gate::Gate;
use a7probe::run::histogram::{Histogram, Precision};
use a7probe::run::plan::Guard;
use a7probe::run::recording::{Latency, Recording, RunIntervals, TimeBase};
use a7probe::run::sample::Outcome;
use a7probe::stats::rank::Quantile;
use a7probe::verdict::Verdict;
use statrs::distribution::{ContinuousCDF, Normal};

const REQUESTS: u64 = 3_000;
const PER_SECOND: u64 = 20;
/// The quantile of the normal distribution at 95 %.
const Z95: f64 = 1.644_853_626_951_472_7;

/// A lognormal service.
#[derive(Clone, Copy)]
struct Service {
    p95_ms: f64,
    sigma: f64,
    /// This number of requests in a row takes the same time.
    burst: u64,
}

/// The shares of verdicts.
#[derive(Debug, Default)]
struct Shares {
    pairs: u32,
    passed: u32,
    failed: u32,
}

impl Shares {
    fn pass(&self) -> f64 {
        f64::from(self.passed) / f64::from(self.pairs)
    }

    fn fail(&self) -> f64 {
        f64::from(self.failed) / f64::from(self.pairs)
    }
}

/// A sequence of numbers that a seed makes.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Inside (0, 1).
    fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }
}

impl Service {
    fn latency_ns(self, random: &mut SplitMix64) -> u64 {
        let z = Normal::standard().inverse_cdf(random.uniform());
        let ms = self.p95_ms * (self.sigma * (z - Z95)).exp();
        (ms * 1e6) as u64
    }

    /// What a comparison reads of a run: the histogram of all requests and that of each second.
    fn run(self, random: &mut SplitMix64) -> Recording {
        let mut latency = Histogram::new(Precision::Four);
        let mut intervals = RunIntervals::default();
        let mut latency_ns = 0;
        for index in 0..REQUESTS {
            if index % self.burst == 0 {
                latency_ns = self.latency_ns(random);
            }
            latency.record(latency_ns);
            let second = index / PER_SECOND;
            intervals.holding(second).add(Outcome::Ok, latency_ns);
        }
        let mut recording = Recording::new(TimeBase::IntendedStart, &[]);
        recording.counts.ok = REQUESTS;
        recording.latency = Latency::Histogram(latency);
        recording.intervals = Arc::new(intervals);
        recording
    }

    /// Both runs of a pair are of this service, or the later one is slower by this factor.
    fn shares(self, slower: f64, pairs: u32, seed: u64) -> Shares {
        let gate = Gate::parse("p95 <= baseline + 10% or 1ms").unwrap();
        let mut random = SplitMix64(seed);
        let after = Service {
            p95_ms: self.p95_ms * slower,
            ..self
        };
        let mut shares = Shares {
            pairs,
            ..Shares::default()
        };
        for _ in 0..pairs {
            let runs = Pair {
                before: self.run(&mut random),
                after: after.run(&mut random),
            };
            let side = |recording| Side {
                recording,
                timeout: None,
                guard: Guard::default(),
            };
            let sides = Pair {
                before: side(&runs.before),
                after: side(&runs.after),
            };
            let compared = compare("search", sides, &[Quantile::P95], &Noise::default());
            match judge(std::slice::from_ref(&gate), &[compared])[0].verdict {
                Verdict::Pass => shares.passed += 1,
                Verdict::Fail => shares.failed += 1,
                Verdict::Inconclusive | Verdict::NotJudged => {}
            }
        }
        shares
    }
}

/// A service of a few milliseconds whose requests come in bursts: 1 ms is the larger allowance.
const FAST_IN_BURSTS: Service = Service {
    p95_ms: 3.0,
    sigma: 0.5,
    burst: 5,
};

/// The simulated mail provider: 10 % is the larger allowance.
const SLOW: Service = Service {
    p95_ms: 320.0,
    sigma: 0.4255,
    burst: 1,
};

/// How many pairs: N ≥ 500 where a share of 95 % is promised; four times as many with `A7PROBE_LONG=1`.
fn pairs(promised: u32) -> u32 {
    match std::env::var_os("A7PROBE_LONG") {
        Some(_) => 4 * promised,
        None => promised,
    }
}

const SEED: u64 = 2_026;

/// Measured: 99.4 % PASS, none FAIL. With φ known instead of estimated it is 99.9 %.
#[test]
fn a_fast_service_in_bursts_passes_against_itself() {
    let shares = FAST_IN_BURSTS.shares(1.0, pairs(500), SEED);
    assert!(shares.pass() >= 0.95, "{shares:?}");
    assert!(shares.fail() <= 0.05, "{shares:?}");
}

/// Measured: 96.0 % PASS, none FAIL. With φ known it is 97.5 %.
#[test]
fn a_slow_service_without_bursts_passes_against_itself() {
    let shares = SLOW.shares(1.0, pairs(500), SEED);
    assert!(shares.pass() >= 0.95, "{shares:?}");
    assert!(shares.fail() <= 0.05, "{shares:?}");
}

/// Measured: 26.6 % PASS, none FAIL. With φ known it is 34.6 %.
#[test]
fn a_slow_service_in_bursts_is_mostly_inconclusive() {
    let service = Service { burst: 5, ..SLOW };
    let shares = service.shares(1.0, pairs(100), SEED);
    assert!(shares.pass() <= 0.5, "{shares:?}");
    assert!(shares.fail() <= 0.05, "{shares:?}");
}

#[test]
fn a_service_at_its_limit_is_rarely_decided_and_one_beyond_it_fails() {
    let at_the_limit = SLOW.shares(1.1, pairs(100), SEED);
    assert!(at_the_limit.pass() <= 0.05, "{at_the_limit:?}");
    assert!(at_the_limit.fail() <= 0.05, "{at_the_limit:?}");
    let beyond = SLOW.shares(1.3, pairs(100), SEED);
    assert!(beyond.fail() >= 0.95, "{beyond:?}");
}
