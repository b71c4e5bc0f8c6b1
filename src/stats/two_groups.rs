//! Are the values of one group larger than those of another? The rank test of Wilcoxon, Mann and Whitney.

use statrs::function::erf::erfc;

/// With both groups this large, the normal approximation holds; below it all splits are counted.
const LARGE: usize = 10;

/// The one-sided p-value of "both groups are alike" against "the first is larger": the probability that a random split
/// puts the second group above the first in at most this many pairs (Mann and Whitney, Ann. Math. Stat. 18, 1947). A
/// tie is half a pair. 1 if a group is empty.
///
/// Takes O(n·m) and, where a group is below ten, O((n + m)·n·m) for the smaller n.
pub fn p_first_larger(first: &[f64], second: &[f64]) -> f64 {
    if first.is_empty() || second.is_empty() {
        return 1.0;
    }
    let mut halves = 0usize;
    for a in first {
        for b in second {
            halves += match b.total_cmp(a) {
                std::cmp::Ordering::Less => 0,
                std::cmp::Ordering::Equal => 1,
                std::cmp::Ordering::Greater => 2,
            };
        }
    }
    let (n, m) = (first.len(), second.len());
    if n.min(m) < LARGE {
        exact(n.min(m), n.max(m), halves.div_ceil(2))
    } else {
        normal(n as f64, m as f64, halves as f64 / 2.0)
    }
}

/// P(U ≤ u): each way to choose which n of the n + m ranks are the first group's has the same probability.
fn exact(n: usize, m: usize, u: usize) -> f64 {
    // ways[taken][below]: the ways to take `taken` of the visited ranks with `below` pairs below them.
    let most = n * m;
    let mut ways = vec![vec![0.0f64; most + 1]; n + 1];
    ways[0][0] = 1.0;
    for rank in 0..n + m {
        for taken in (0..n.min(rank + 1)).rev() {
            // An element taken at this rank has every visited rank that was not taken below it.
            let below = rank - taken;
            for pairs in 0..=most.saturating_sub(below) {
                let moved = ways[taken][pairs];
                if below <= m && moved > 0.0 {
                    ways[taken + 1][pairs + below] += moved;
                }
            }
        }
    }
    let total: f64 = ways[n].iter().sum();
    ways[n].iter().take(u + 1).sum::<f64>() / total
}

fn normal(n: f64, m: f64, u: f64) -> f64 {
    let (mean, variance) = (n * m / 2.0, n * m * (n + m + 1.0) / 12.0);
    let z = (u + 0.5 - mean) / variance.sqrt();
    (0.5 * erfc(-z / std::f64::consts::SQRT_2)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::{exact, normal, p_first_larger};

    #[test]
    fn small_groups_are_counted() {
        // Of the 10 splits of five values in 2 and 3, one puts both above, and two do with one pair wrong at most.
        assert!((p_first_larger(&[8.0, 9.0], &[1.0, 2.0, 3.0]) - 0.1).abs() < 1e-12);
        assert!((p_first_larger(&[2.5, 9.0], &[1.0, 2.0, 3.0]) - 0.2).abs() < 1e-12);
        assert!((p_first_larger(&[1.0, 2.0], &[7.0, 8.0, 9.0]) - 1.0).abs() < 1e-12);
        // One value above thirty others: 1 of 31.
        let many: Vec<f64> = (0..30).map(f64::from).collect();
        assert!((p_first_larger(&[99.0], &many) - 1.0 / 31.0).abs() < 1e-12);
    }

    #[test]
    fn the_approximation_meets_the_exact_law() {
        for u in [20, 35, 50] {
            let (a, b) = (exact(9, 12, u), normal(9.0, 12.0, u as f64));
            assert!((a - b).abs() < 0.005, "{a} {b}");
        }
    }

    #[test]
    fn groups_that_are_alike_or_empty_show_nothing() {
        assert!(p_first_larger(&[5.0; 12], &[5.0; 20]) > 0.4);
        assert!((p_first_larger(&[], &[1.0]) - 1.0).abs() < 1e-12);
    }
}
