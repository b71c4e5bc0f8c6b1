//! Is there one service to judge, or did it change during the run?
//!
//! Two questions, both only for warnings and for withholding a verdict: how much of the beginning looks
//! like warm-up, and whether the two halves have the same share of exceedances.

use statrs::function::erf::erfc;

/// Values are averaged in groups of this many (the 5 in MSER-5).
const BATCH: usize = 5;

/// Fewer batches than this give no suggestion.
const MIN_BATCHES: usize = 10;

/// What the beginning of a series looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmUp {
    /// Too few values to tell.
    Unknown,
    /// Cutting this many values from the beginning makes the rest most alike; 0 is none. A multiple of 5.
    Cut(usize),
    /// The best cut is at the limit of what may be cut: the series has not settled.
    NeverSettles,
}

/// Suggests how many values to cut from the beginning, by MSER-5 on ranks.
///
/// MSER-5 averages values in batches of five and takes the cut d that minimises the estimated error of
/// the mean of what is left, `Σ_{i>d}(x_i − x̄)² / (b − d)²`, over d up to half (White, Cobb and Spratt,
/// WSC 2000). It is applied to ranks, so that neither the tail of the latencies nor a failure (+∞)
/// decides alone. Values are in intended-start order. Takes O(n log n).
pub fn warm_up(values: &[f64]) -> WarmUp {
    let batches: Vec<f64> = ranks(values)
        .chunks_exact(BATCH)
        .map(|batch| batch.iter().sum::<f64>() / BATCH as f64)
        .collect();
    match warm_up_of_batches(&batches) {
        WarmUp::Cut(cut) => WarmUp::Cut(cut * BATCH),
        other => other,
    }
}

/// The same of batches of at least five values, each given by its mean rank; the cut counts batches.
pub fn warm_up_of_batches(batches: &[f64]) -> WarmUp {
    if batches.len() < MIN_BATCHES {
        return WarmUp::Unknown;
    }
    let limit = batches.len() / 2;
    match best_cut(batches, limit) {
        cut if cut == limit => WarmUp::NeverSettles,
        cut => WarmUp::Cut(cut),
    }
}

/// The cut up to `limit` with the smallest error of the mean of the rest; the shortest of equal ones.
fn best_cut(batches: &[f64], limit: usize) -> usize {
    // From the end, so that one pass gives the statistics of every rest (Welford's update).
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    let mut best = (f64::INFINITY, limit);
    for (index, &value) in batches.iter().enumerate().rev() {
        count += 1.0;
        let difference = value - mean;
        mean += difference / count;
        squares += difference * (value - mean);
        let error = squares / (count * count);
        if index <= limit && error <= best.0 {
            best = (error, index);
        }
    }
    best.1
}

/// Ranks from 1, ties at the mean of their places.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = start as f64 + (tied.len() + 1) as f64 / 2.0;
        for &index in tied {
            ranks[index] = rank;
        }
        start += tied.len();
    }
    ranks
}

/// How many samples of a part of a run exceed the limit.
#[derive(Clone, Copy, Debug)]
pub struct PartCount {
    /// Samples of the part.
    pub samples: u64,
    /// Those of them above the limit.
    pub exceedances: u64,
}

/// The two-sided p-value of "both parts of a run have the same share of exceedances": the two-proportion z test with Yates' continuity correction. Samples are
/// worth 1/φ each, `design_effect` ≥ 1 (see [`super::cluster`]). 1 if a part is empty or all outcomes
/// are alike.
///
/// # Panics
/// If `design_effect` is below 1 or not finite.
pub fn same_share(first: PartCount, second: PartCount, design_effect: f64) -> f64 {
    assert!(
        design_effect >= 1.0 && design_effect.is_finite(),
        "no design effect: {design_effect}"
    );
    let effective = |count: u64| count as f64 / design_effect;
    let (n1, k1) = (effective(first.samples), effective(first.exceedances));
    let (n2, k2) = (effective(second.samples), effective(second.exceedances));
    let share = (k1 + k2) / (n1 + n2);
    let variance = share * (1.0 - share) * (1.0 / n1 + 1.0 / n2);
    // Not a number if a part is empty.
    if !variance.is_finite() || variance <= 0.0 {
        return 1.0;
    }
    let correction = 0.5 * (1.0 / n1 + 1.0 / n2);
    let distance = ((k1 / n1 - k2 / n2).abs() - correction).max(0.0);
    erfc(distance / (2.0 * variance).sqrt())
}

#[cfg(test)]
mod tests {
    use super::{PartCount, WarmUp, ranks, same_share, warm_up};

    fn of(samples: u64, exceedances: u64) -> PartCount {
        PartCount {
            samples,
            exceedances,
        }
    }

    /// Values without order or trend: multiples of an irrational number, modulo 1.
    fn settled(count: usize) -> Vec<f64> {
        (1..=count)
            .map(|i| (i as f64 * 0.618_033_988_749_895).fract())
            .collect()
    }

    #[test]
    fn ties_share_the_mean_of_their_ranks() {
        let values = [5.0, 1.0, f64::INFINITY, 5.0, 2.0, 5.0];
        assert_eq!(ranks(&values), [4.0, 1.0, 6.0, 4.0, 2.0, 4.0]);
    }

    #[test]
    fn a_slow_start_is_cut_off() {
        for slow in [20, 50, 100] {
            let mut values = settled(1000);
            values
                .iter_mut()
                .take(slow)
                .for_each(|value| *value += 10.0);
            // The statistic may cut a batch more where the next one happens to lie off the mean.
            let WarmUp::Cut(cut) = warm_up(&values) else {
                panic!("settles")
            };
            assert!((slow..=slow + 25).contains(&cut), "{cut} for {slow} slow");
        }
    }

    #[test]
    fn one_enormous_value_does_not_decide() {
        let mut values = settled(1000);
        values[300] = f64::INFINITY;
        let WarmUp::Cut(cut) = warm_up(&values) else {
            panic!("settled")
        };
        assert!(cut <= 10, "{cut}");
    }

    #[test]
    fn a_series_that_keeps_growing_never_settles() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(warm_up(&values), WarmUp::NeverSettles);
    }

    #[test]
    fn a_constant_series_needs_no_warm_up_and_a_short_one_tells_nothing() {
        assert_eq!(warm_up(&[7.0; 200]), WarmUp::Cut(0));
        assert_eq!(warm_up(&settled(49)), WarmUp::Unknown);
        assert_eq!(warm_up(&[]), WarmUp::Unknown);
    }

    #[test]
    fn halves_are_compared_by_the_textbook_test() {
        // 60/300 against 30/300: share 0.15, z = (0.1 − 1/300)/√(0.15·0.85·2/300) = 3.315639…
        let p = same_share(of(300, 60), of(300, 30), 1.0);
        assert!((p / 9.14337551423e-4 - 1.0).abs() < 1e-9, "{p}");
        assert_eq!(p, same_share(of(300, 30), of(300, 60), 1.0));
    }

    #[test]
    fn bursts_make_a_difference_less_surprising() {
        let p = |design_effect| same_share(of(300, 60), of(300, 30), design_effect);
        assert!(p(1.0) < p(2.0) && p(2.0) < p(5.0) && p(5.0) < 1.0);
    }

    #[test]
    fn halves_without_data_or_difference_are_the_same() {
        assert_eq!(same_share(of(0, 0), of(300, 60), 1.0), 1.0);
        assert_eq!(same_share(of(300, 0), of(300, 0), 1.0), 1.0);
        assert_eq!(same_share(of(300, 300), of(300, 300), 1.0), 1.0);
        assert_eq!(same_share(of(300, 15), of(300, 15), 1.0), 1.0);
    }
}
