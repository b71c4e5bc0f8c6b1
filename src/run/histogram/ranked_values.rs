//! Order statistics: the value at a rank.

/// Ascending values with cumulative counts: order statistics at any rank by binary search. Built from
/// a histogram (bucket precision) or from a list of values (exact).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RankedValues {
    values_ns: Vec<u64>,
    cumulative: Vec<u64>,
}

impl RankedValues {
    /// From values in any order, exactly.
    pub fn from_values(mut values_ns: Vec<u64>) -> RankedValues {
        values_ns.sort_unstable();
        let mut ranked = RankedValues::default();
        for value_ns in values_ns {
            ranked.push(value_ns, 1);
        }
        ranked
    }

    /// From values with their counts, in any order.
    pub(crate) fn from_counts(mut counts: Vec<(u64, u64)>) -> RankedValues {
        counts.sort_unstable();
        let mut ranked = RankedValues::default();
        let counts = counts.into_iter().filter(|&(_, count)| count > 0);
        counts.for_each(|(value_ns, count)| ranked.push(value_ns, count));
        ranked
    }

    /// Every value once, ascending, with its count.
    pub fn counts(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let before = std::iter::once(&0).chain(&self.cumulative);
        let counts = self.cumulative.iter().zip(before).map(|(&c, &b)| c - b);
        self.values_ns.iter().copied().zip(counts)
    }

    pub(super) fn push(&mut self, value_ns: u64, count: u64) {
        let total = self.count() + count;
        match (self.values_ns.last(), self.cumulative.last_mut()) {
            (Some(&last_ns), Some(cumulative)) if last_ns == value_ns => *cumulative = total,
            _ => {
                self.values_ns.push(value_ns);
                self.cumulative.push(total);
            }
        }
    }

    /// Puts the exact minimum at the first rank and the exact maximum at the last.
    pub(super) fn set_extremes(&mut self, min_ns: u64, max_ns: u64) {
        let total = self.count();
        if total == 0 {
            return;
        }
        if self.values_ns[0] > min_ns {
            if self.cumulative[0] == 1 {
                self.values_ns[0] = min_ns;
            } else {
                self.values_ns.insert(0, min_ns);
                self.cumulative.insert(0, 1);
            }
        }
        let last = self.values_ns.len() - 1;
        let before_last = if last == 0 {
            0
        } else {
            self.cumulative[last - 1]
        };
        if self.values_ns[last] < max_ns {
            if total - before_last == 1 {
                self.values_ns[last] = max_ns;
            } else {
                self.cumulative[last] = total - 1;
                self.values_ns.push(max_ns);
                self.cumulative.push(total);
            }
        }
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.cumulative.last().copied().unwrap_or(0)
    }

    /// The value at a 1-based rank, in ns; `None` for rank 0 and beyond the last value.
    pub fn at_rank(&self, rank: u64) -> Option<u64> {
        if rank == 0 {
            return None;
        }
        self.values_ns
            .get(self.cumulative.partition_point(|&c| c < rank))
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::RankedValues;

    #[test]
    fn levels_of_a_list_are_exact() {
        let ranked = RankedValues::from_values(vec![30, 10, 20, 20]);
        assert_eq!(ranked.count(), 4);
        let ranks: Vec<Option<u64>> = (0..6).map(|r| ranked.at_rank(r)).collect();
        assert_eq!(ranks, [None, Some(10), Some(20), Some(20), Some(30), None]);
    }
}
