//! How fine a histogram is, and one of its buckets.

/// Significant decimal digits of a histogram: fixed for each purpose, so that merging is adding counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Per-second intervals and the live line.
    Two,
    /// Send lag and phases.
    Three,
    /// Response and service time; three digits would add up to 131 µs at 163 ms.
    Four,
}

impl Precision {
    pub(super) fn digits(self) -> u8 {
        match self {
            Precision::Two => 2,
            Precision::Three => 3,
            Precision::Four => 4,
        }
    }
}

/// An occupied bucket: values from `low_ns` to `high_ns`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Smallest value it holds, in ns.
    pub low_ns: u64,
    /// Largest value it holds, in ns.
    pub high_ns: u64,
    /// How many values it holds.
    pub count: u64,
}
