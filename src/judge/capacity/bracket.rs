//! What two shown rates say together: of one rate between or beyond them, and of a later search.

use crate::verdict::Verdict;

/// The shown rates of a search, in requests per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CapacityBracket {
    /// The highest rate that is shown to hold.
    pub lower: Option<f64>,
    /// The lowest rate that is shown to fail.
    pub upper: Option<f64>,
}

/// What two brackets show of the change from one to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapacityChange {
    /// The later search holds where the earlier one fails.
    Rose,
    /// The later search fails where the earlier one holds.
    Fell,
    /// The brackets overlap.
    NotShown,
}

impl CapacityBracket {
    /// Whether the capacity is at least this rate.
    pub fn reaches(&self, rate: f64) -> Verdict {
        if self.lower.is_some_and(|lower| lower >= rate) {
            Verdict::Pass
        } else if self.upper.is_some_and(|upper| upper <= rate) {
            Verdict::Fail
        } else {
            Verdict::Inconclusive
        }
    }

    /// What a later bracket shows of a change. Brackets that touch do not overlap: one search holds at the rate at which
    /// the other fails.
    pub fn change_to(&self, later: &CapacityBracket) -> CapacityChange {
        let is_below = |upper: Option<f64>, lower: Option<f64>| matches!((upper, lower), (Some(upper), Some(lower)) if upper <= lower);
        if is_below(self.upper, later.lower) {
            CapacityChange::Rose
        } else if is_below(later.upper, self.lower) {
            CapacityChange::Fell
        } else {
            CapacityChange::NotShown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CapacityBracket, CapacityChange};
    use crate::verdict::Verdict;

    fn of(lower: impl Into<Option<f64>>, upper: impl Into<Option<f64>>) -> CapacityBracket {
        CapacityBracket {
            lower: lower.into(),
            upper: upper.into(),
        }
    }

    #[test]
    fn a_rate_is_reached_up_to_the_lower_bound_and_missed_from_the_upper_one_on() {
        let bracket = of(414.0, 454.0);
        for (rate, verdict) in [
            (400.0, Verdict::Pass),
            (414.0, Verdict::Pass),
            (415.0, Verdict::Inconclusive),
            (453.0, Verdict::Inconclusive),
            (454.0, Verdict::Fail),
            (500.0, Verdict::Fail),
        ] {
            assert_eq!(bracket.reaches(rate), verdict, "{rate}");
        }
        assert_eq!(of(None, None).reaches(1.0), Verdict::Inconclusive);
        assert_eq!(of(20.0, None).reaches(21.0), Verdict::Inconclusive);
    }

    #[test]
    fn brackets_that_do_not_overlap_are_a_change_and_others_are_none() {
        use CapacityChange::{Fell, NotShown, Rose};
        for (before, after, change) in [
            (of(190.0, 207.0), of(414.0, 454.0), Rose),
            (of(190.0, 207.0), of(207.0, 230.0), Rose),
            (of(190.0, 207.0), of(200.0, 220.0), NotShown),
            (of(190.0, 207.0), of(100.0, 190.0), Fell),
            (of(190.0, 207.0), of(None, 20.0), Fell),
            (of(None, 20.0), of(190.0, None), Rose),
            (of(190.0, None), of(5_000.0, None), NotShown),
            (of(None, None), of(190.0, 207.0), NotShown),
        ] {
            assert_eq!(before.change_to(&after), change, "{before:?} {after:?}");
        }
    }
}
