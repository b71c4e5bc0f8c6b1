//! A share of requests with its bounds.

use crate::stats::cluster::Clusters;

/// Level of every one-sided test.
pub(super) const ALPHA: f64 = 0.05;

/// A share of requests with its one-sided 95 % bounds, in the sense of the cluster guard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BoundedShare {
    pub(crate) requests: u64,
    /// Those that are counted.
    pub(crate) counted: u64,
    /// Runs of consecutive ones.
    pub(crate) episodes: u64,
    /// Lower bound of the share.
    pub(crate) low: f64,
    /// Upper bound of the share.
    pub(crate) high: f64,
}

impl BoundedShare {
    pub(super) fn of(bits: impl Iterator<Item = bool>) -> BoundedShare {
        let clusters = Clusters::of(bits);
        let (n, k) = (clusters.samples(), clusters.slow.total);
        let low = match k {
            0 => 0.0,
            _ => clusters.lower_bound(ALPHA),
        };
        let high = if k == n {
            1.0
        } else {
            clusters.upper_bound(ALPHA)
        };
        BoundedShare {
            requests: n,
            counted: k,
            episodes: clusters.slow.count,
            low,
            high,
        }
    }

    /// The share; 0 without requests.
    pub(crate) fn share(&self) -> f64 {
        self.counted as f64 / (self.requests as f64).max(1.0)
    }
}
