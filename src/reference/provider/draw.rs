//! Random draws that do not depend on who asks first: each is a hash of the seed and what it is for.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A number in (0, 1): the same for the same seed, purpose, event and attempt.
pub fn uniform(seed: u64, purpose: &str, event_id: Uuid, attempt: u32) -> f64 {
    let digest = Sha256::new()
        .chain_update(seed.to_le_bytes())
        .chain_update(event_id.as_bytes())
        .chain_update(attempt.to_le_bytes())
        .chain_update(purpose)
        .finalize();
    let mut word = [0; 8];
    word.copy_from_slice(&digest[..8]);
    // 53 bits, the middle of each cell: never 0, never 1.
    ((u64::from_le_bytes(word) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

/// How long the provider takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LatencyModel {
    /// `floor + median · e^(sigma · Z)`, Z standard normal.
    Lognormal {
        /// Below which no answer comes.
        floor: Duration,
        /// Of the part above the floor.
        median: Duration,
        /// Of the logarithm.
        sigma: f64,
    },
    /// Always the same.
    Constant(Duration),
}

impl LatencyModel {
    /// The profile of the evidence: P50 163.2 ms, P95 320.5 ms, mean 177.9 ms (8 ms and a lognormal part whose mean is
    /// 155.2 · e^(0.4255²/2) = 169.9 ms, the "about 170 ms" of a synchronous call).
    pub const EVIDENCE: LatencyModel = LatencyModel::Lognormal {
        floor: Duration::from_millis(8),
        median: Duration::from_micros(155_200),
        sigma: 0.4255,
    };

    /// The latency below which a share `u` of the calls stays; `u` in (0, 1).
    pub fn quantile(&self, u: f64) -> Duration {
        match *self {
            LatencyModel::Constant(latency) => latency,
            LatencyModel::Lognormal {
                floor,
                median,
                sigma,
            } => floor + median.mul_f64((sigma * probit(u)).exp()),
        }
    }
}

/// Where the draws come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draws {
    /// [`uniform`] of event and attempt: a rerun with the same ids gives every event the same latency.
    Hashed,
    /// Every N consecutive calls take the N quantiles (i + ½)/N, in shuffled order: exact percentiles in a short run.
    Stratified(NonZeroU32),
}

/// Draws in use.
pub(super) enum LatencyDraws {
    Hashed { seed: u64 },
    Stratified { cells: Vec<u32>, calls: AtomicU64 },
}

impl LatencyDraws {
    pub(super) fn new(draws: Draws, seed: u64) -> LatencyDraws {
        match draws {
            Draws::Hashed => LatencyDraws::Hashed { seed },
            Draws::Stratified(count) => {
                let mut cells: Vec<u32> = (0..count.get()).collect();
                cells.shuffle(&mut StdRng::seed_from_u64(seed));
                LatencyDraws::Stratified {
                    cells,
                    calls: AtomicU64::new(0),
                }
            }
        }
    }

    /// The next draw for the latency of an attempt.
    pub(super) fn latency(&self, event_id: Uuid, attempt: u32) -> f64 {
        match self {
            LatencyDraws::Hashed { seed } => uniform(*seed, "latency", event_id, attempt),
            LatencyDraws::Stratified { cells, calls } => {
                let call = calls.fetch_add(1, Ordering::Relaxed) as usize;
                (f64::from(cells[call % cells.len()]) + 0.5) / cells.len() as f64
            }
        }
    }
}

/// The standard normal quantile. Acklam's rational approximation (relative error below 1.2e-9), which is plenty for a
/// latency; verdicts use statrs.
fn probit(u: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969683028665376e1,
        2.209460984245205e2,
        -2.759285104469687e2,
        1.38357751867269e2,
        -3.066479806614716e1,
        2.506628277459239,
    ];
    const B: [f64; 5] = [
        -5.447609879822406e1,
        1.615858368580409e2,
        -1.556989798598866e2,
        6.680131188771972e1,
        -1.328068155288572e1,
    ];
    const C: [f64; 6] = [
        -7.784894002430293e-3,
        -3.223964580411365e-1,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 4] = [
        7.784695709041462e-3,
        3.224671290700398e-1,
        2.445134137142996,
        3.754408661907416,
    ];
    let polynomial =
        |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        polynomial(&C, q) / (polynomial(&D, q) * q + 1.0)
    };
    const CENTRE: f64 = 0.02425;
    if u < CENTRE {
        return tail(u);
    }
    if u > 1.0 - CENTRE {
        return -tail(1.0 - u);
    }
    let q = u - 0.5;
    q * polynomial(&A, q * q) / (polynomial(&B, q * q) * q * q + 1.0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::num::NonZeroU32;

    use uuid::Uuid;

    use super::{Draws, LatencyDraws, LatencyModel, probit, uniform};

    #[test]
    fn the_normal_quantile_is_right_in_centre_and_tails() {
        // scipy.stats.norm.ppf
        for (u, z) in [
            (0.5, 0.0),
            (0.95, 1.6448536269514722),
            (0.99, 2.3263478740408408),
            (0.999, 3.090232306167813),
            (0.01, -2.3263478740408408),
            (1e-6, -4.753424308822899),
        ] {
            assert!((probit(u) - z).abs() < 1e-8, "probit({u}) = {}", probit(u));
        }
    }

    #[test]
    fn the_evidence_is_reproduced() {
        let ms = |u| LatencyModel::EVIDENCE.quantile(u).as_secs_f64() * 1e3;
        assert!((ms(0.50) - 163.2).abs() < 0.05, "P50 {}", ms(0.50));
        assert!((ms(0.95) - 320.5).abs() < 0.05, "P95 {}", ms(0.95));
        let mean = (0..100_000)
            .map(|i| ms((f64::from(i) + 0.5) / 1e5))
            .sum::<f64>()
            / 1e5;
        assert!((mean - 177.9).abs() < 0.05, "mean {mean}");
    }

    #[test]
    fn a_hashed_draw_depends_on_what_it_is_for_and_on_nothing_else() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let draw = uniform(7, "latency", one, 1);
        assert_eq!(draw, uniform(7, "latency", one, 1));
        let others = [
            uniform(8, "latency", one, 1),
            uniform(7, "error", one, 1),
            uniform(7, "latency", two, 1),
            uniform(7, "latency", one, 2),
        ];
        assert!(others.iter().all(|other| *other != draw));
    }

    #[test]
    fn hashed_draws_are_uniform() {
        let draws = (0..10_000).map(|i| uniform(1, "latency", Uuid::from_u128(i), 1));
        let mut cells = [0u32; 10];
        draws.for_each(|u| cells[(u * 10.0) as usize] += 1);
        // 1000 each, standard deviation 30: five of them.
        assert!(
            cells.iter().all(|count| count.abs_diff(1000) < 150),
            "{cells:?}"
        );
    }

    #[test]
    fn stratified_draws_take_every_quantile_once() {
        let hundred = NonZeroU32::new(100).expect("not zero");
        let source = LatencyDraws::new(Draws::Stratified(hundred), 3);
        let percents: Vec<u32> = (0..100)
            .map(|_| (source.latency(Uuid::nil(), 1) * 100.0) as u32)
            .collect();
        assert_eq!(
            percents.iter().copied().collect::<BTreeSet<_>>(),
            (0..100).collect()
        );
        assert!(!percents.is_sorted(), "the order is shuffled");
    }
}
