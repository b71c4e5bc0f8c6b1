//! Does a series keep growing? The test of Mann and Kendall, exact, and the slope of Theil and Sen.

/// The one-sided p-value of "no trend" against a rising one: the probability that a series in random order has at
/// most as many falling pairs as this one (Mann, Econometrica 13, 1945; Kendall). Of `n` values, all `n!` orders are
/// counted, so it holds for short series; a tie is half a falling pair. 1 below two values.
///
/// Values may be infinite, but not NaN. Takes O(n³), so give it medians of stretches, not every value.
pub fn p_rising(values: &[f64]) -> f64 {
    let mut falling_halves = 0usize;
    for (index, later) in values.iter().enumerate() {
        for earlier in &values[..index] {
            falling_halves += match later.total_cmp(earlier) {
                std::cmp::Ordering::Greater => 0,
                std::cmp::Ordering::Equal => 1,
                std::cmp::Ordering::Less => 2,
            };
        }
    }
    let falling = falling_halves.div_ceil(2);
    let shares = inversions(values.len());
    shares.iter().take(falling + 1).sum::<f64>().min(1.0)
}

/// The share of the orders of `n` values that have k falling pairs, for k from 0.
fn inversions(n: usize) -> Vec<f64> {
    let mut shares = vec![1.0];
    for size in 2..=n {
        let mut next = vec![0.0; shares.len() + size - 1];
        for (k, share) in shares.iter().enumerate() {
            for more in 0..size {
                next[k + more] += share / size as f64;
            }
        }
        shares = next;
    }
    shares
}

/// The median slope between any two points (Theil and Sen); infinite values are left out. `None` without two points
/// at different places.
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let finite: Vec<(f64, f64)> = points.iter().copied().filter(|p| p.1.is_finite()).collect();
    let mut slopes: Vec<f64> = Vec::new();
    for (index, (x, y)) in finite.iter().enumerate() {
        let earlier = finite[..index].iter().filter(|(before, _)| before != x);
        slopes.extend(earlier.map(|(before, value)| (y - value) / (x - before)));
    }
    slopes.sort_unstable_by(f64::total_cmp);
    let middle = slopes.len() / 2;
    match slopes.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(slopes[middle]),
        _ => Some((slopes[middle - 1] + slopes[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::{p_rising, slope};

    #[test]
    fn probabilities_are_those_of_kendalls_table() {
        // All orders of five: 1 of 120 rises throughout, 5 of 120 have at most one falling pair.
        assert!((p_rising(&[1.0, 2.0, 3.0, 4.0, 5.0]) - 1.0 / 120.0).abs() < 1e-12);
        assert!((p_rising(&[1.0, 2.0, 3.0, 5.0, 4.0]) - 5.0 / 120.0).abs() < 1e-12);
        // Of four: 1 + 3 + 5 of 24 have at most two falling pairs.
        assert!((p_rising(&[2.0, 3.0, 1.0, 4.0]) - 9.0 / 24.0).abs() < 1e-12);
        let p = p_rising(&[5.0, 4.0, 3.0, 2.0, 1.0]);
        assert!((p - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_constant_series_and_a_short_one_have_no_trend() {
        assert!(p_rising(&[7.0; 10]) > 0.5);
        assert!((p_rising(&[1.0]) - 1.0).abs() < 1e-12);
        assert!((p_rising(&[]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_series_that_ends_in_timeouts_still_rises() {
        let timeout = f64::INFINITY;
        let p = p_rising(&[
            1.0, 2.0, 3.0, 4.0, 5.0, timeout, timeout, timeout, timeout, timeout,
        ]);
        assert!(p < 0.001, "{p}");
    }

    #[test]
    fn the_slope_does_not_follow_an_outlier() {
        let points: Vec<(f64, f64)> = (0..9).map(|i| (f64::from(i), f64::from(i) * 3.0)).collect();
        assert_eq!(slope(&points), Some(3.0));
        let mut with_outlier = points.clone();
        with_outlier[4].1 = 1e6;
        assert_eq!(slope(&with_outlier), Some(3.0));
        with_outlier[4].1 = f64::INFINITY;
        assert_eq!(slope(&with_outlier), Some(3.0));
        assert_eq!(slope(&points[..1]), None);
    }
}
