//! Which requests exceeded a target: counted from raw nanoseconds at record time, in order of the intended start,
//! once for a PASS and once for each doubt of the instrument that a FAIL must survive.

use std::borrow::Cow;
use std::time::Duration;

use super::{Bits, Latency, Recording};
use crate::sample::Outcome;

/// Of a target, the part that a latency must be beyond it to be called far: a third.
const FAR_PART: u32 = 3;

/// How far beyond a target, our own error added, a latency must be to count against the service although the
/// instrument was not up to its work. A choice: wide enough for a machine that is a little late, and within reach of a
/// service that clearly fails.
pub fn far_margin(target: Duration) -> Duration {
    target / FAR_PART
}

/// Which requests exceeded a target T. Each set holds the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceedances {
    /// A latency equal to the target is within it.
    pub target: Duration,
    /// One bit per planned request, in order of the intended start; set for a latency above the target
    /// and for everything that did not end ok. A PASS is judged from these.
    pub bits: Bits,
    /// Those above T + e, e the instrument's own error; and everything that did not end ok.
    pub beyond_error: Bits,
    /// Those of them that are certain and the server's own doing: above the target without our send lag too,
    /// or ended badly for no cause on this side. A FAIL is judged from these.
    pub certain: Bits,
    /// Those of them that are above T + e by [`far_margin`] without our send lag: a FAIL is judged from these if the
    /// instrument was not up to its work. `None` if they were not counted.
    pub far: Option<Bits>,
}

/// Which requests are beyond a limit, in order of the intended start. Each set holds the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows<'a> {
    /// At most these: everything counted that did not end ok. A PASS is judged from them.
    pub at_most: Cow<'a, Bits>,
    /// Those of them that are beyond the limit by more than the instrument's own error.
    pub beyond_error: Cow<'a, Bits>,
    /// For certain these, by the server's own doing. A FAIL is judged from them.
    pub certain: Cow<'a, Bits>,
    /// Those of them that are beyond it so far that it takes more than a late or busy instrument; `None` if that is
    /// not known, or where no instrument of ours can matter.
    pub far: Option<Cow<'a, Bits>>,
}

impl<'a> Rows<'a> {
    /// Of requests that did not end ok, for whatever reason and for none on this side: no clock had part in it.
    pub(super) fn of_failures(not_ok: Cow<'a, Bits>, failed: Cow<'a, Bits>) -> Rows<'a> {
        Rows {
            beyond_error: not_ok.clone(),
            at_most: not_ok,
            certain: failed,
            far: None,
        }
    }
}

impl<'a> From<&'a Exceedances> for Rows<'a> {
    fn from(counted: &'a Exceedances) -> Rows<'a> {
        Rows {
            at_most: Cow::Borrowed(&counted.bits),
            beyond_error: Cow::Borrowed(&counted.beyond_error),
            certain: Cow::Borrowed(&counted.certain),
            far: counted.far.as_ref().map(Cow::Borrowed),
        }
    }
}

impl Exceedances {
    /// None counted yet.
    pub fn of(target: Duration) -> Exceedances {
        Exceedances {
            target,
            bits: Bits::new(),
            beyond_error: Bits::new(),
            certain: Bits::new(),
            far: Some(Bits::new()),
        }
    }

    /// Counts a request; `lag_ns` is the part of its latency that is our own, `own_error` what may be.
    pub fn count(
        &mut self,
        index: u64,
        outcome: Outcome,
        latency_ns: u64,
        lag_ns: u64,
        own_error: Duration,
    ) {
        let above = |ns: u64, limit: Duration| u128::from(ns) > limit.as_nanos();
        let guarded = self.target.saturating_add(own_error);
        let far = guarded.saturating_add(far_margin(self.target));
        let without_lag_ns = latency_ns.saturating_sub(lag_ns);
        let [at_most, beyond_error, certain, far] = match outcome {
            Outcome::Ok => {
                let beyond_error = above(latency_ns, guarded);
                [
                    above(latency_ns, self.target),
                    beyond_error,
                    beyond_error && above(without_lag_ns, self.target),
                    above(without_lag_ns, far),
                ]
            }
            outcome => [true, true, !outcome.is_ours(), !outcome.is_ours()],
        };
        self.bits.set(index, at_most);
        self.beyond_error.set(index, beyond_error);
        self.certain.set(index, certain);
        if let Some(bits) = &mut self.far {
            bits.set(index, far);
        }
    }

    /// The same with the requests numbered from `first`.
    pub(super) fn shifted(&self, first: u64) -> Exceedances {
        Exceedances {
            target: self.target,
            bits: self.bits.shifted(first),
            beyond_error: self.beyond_error.shifted(first),
            certain: self.certain.shifted(first),
            far: self.far.as_ref().map(|far| far.shifted(first)),
        }
    }

    /// Adds those that another thread or shard counted of the same plan.
    pub(super) fn union(&mut self, other: &Exceedances) {
        self.bits.union(&other.bits);
        self.beyond_error.union(&other.beyond_error);
        self.certain.union(&other.certain);
        self.far = match (self.far.take(), &other.far) {
            (Some(mut own), Some(theirs)) => {
                own.union(theirs);
                Some(own)
            }
            _ => None,
        };
    }
}

impl Recording {
    /// Which requests exceeded a target, in order; `None` if their order is not known, because the target was not
    /// counted at record time and the values were not kept in order. Of rounded values those are certain that exceed
    /// it however they were rounded.
    pub fn rows_of(&self, target: Duration) -> Option<Rows<'_>> {
        if let Some(counted) = self.exceedances_of(target) {
            return Some(Rows::from(counted));
        }
        if let Some(counted) = self.same_as(target) {
            return Some(self.rows_below(counted, target));
        }
        let (values_ns, within_ns) = match &self.latency {
            Latency::Exact(values_ns) => (values_ns, 0),
            Latency::Rounded {
                values_ns,
                within_ns,
            } => (values_ns, *within_ns),
            Latency::Histogram(_) | Latency::Ranges(_) => return None,
        };
        let above = |ns: u64| u128::from(ns) > target.as_nanos();
        let mut values = values_ns.iter();
        let (mut at_most, mut certain) = (Bits::new(), Bits::new());
        for (index, ok) in (0u64..).zip(self.ok.iter()) {
            // Every request that ended ok has a value, in order.
            let value_ns = if ok { values.next().copied() } else { None };
            at_most.set(
                index,
                value_ns.is_none_or(|v| above(v.saturating_add(within_ns))),
            );
            certain.set(
                index,
                value_ns.is_none_or(|v| above(v.saturating_sub(within_ns))),
            );
        }
        Some(Rows {
            beyond_error: Cow::Owned(at_most.clone()),
            at_most: Cow::Owned(at_most),
            certain: Cow::Owned(certain),
            far: None,
        })
    }

    /// Which requests did not end ok, in order; `None` if their order is not known.
    pub fn rows_of_failures(&self) -> Option<Rows<'_>> {
        if !self.has_order() {
            return None;
        }
        let not_ok = self.ok.complement();
        let failed = not_ok.without(&self.client);
        Some(Rows::of_failures(Cow::Owned(not_ok), Cow::Owned(failed)))
    }

    /// A counted target that the same requests exceed as this one: what exceeds the larger of two targets exceeds
    /// the smaller too, so sets of one size are one set.
    fn same_as(&self, target: Duration) -> Option<&Exceedances> {
        let limit_ns = u64::try_from(target.as_nanos()).ok()?;
        let (at_least, at_most) = self.latency.count_above(limit_ns);
        let slow = |e: &&Exceedances| e.bits.count_ones().checked_sub(self.counts.not_ok());
        self.exceedances
            .iter()
            .find(|e| at_least == at_most && slow(e) == Some(at_most))
            // Without our lag and error the larger target may have fewer.
            .filter(|e| e.target >= target || e.far.as_ref().unwrap_or(&e.certain) == &e.bits)
    }

    /// The rows of a target that the same requests exceed as a counted one. If it is lower, and lower by more than what
    /// a doubt can make, that doubt leaves all of them; else those that it leaves of the counted one are certain.
    fn rows_below<'a>(&self, counted: &'a Exceedances, target: Duration) -> Rows<'a> {
        let mut rows = Rows::from(counted);
        let Some(slack) = counted.target.checked_sub(target) else {
            return rows;
        };
        let most_lag = Duration::from_nanos(self.send_lag.max_ns().unwrap_or(0));
        if slack >= self.own_error {
            rows.beyond_error = Cow::Borrowed(&counted.bits);
        }
        let all = || Cow::Owned(counted.bits.without(&self.client));
        if slack >= self.own_error.max(most_lag) {
            rows.certain = all();
        }
        if rows.far.is_some() && slack >= self.own_error + far_margin(target) + most_lag {
            rows.far = Some(all());
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Exceedances;
    use crate::recording::Bits;
    use crate::sample::{FailureKind, Outcome};

    const MS: u64 = 1_000_000;

    /// The bits of a request of this latency and lag at 150 ms, with an own error of 2 ms.
    fn bits(latency_ns: u64, lag_ns: u64, outcome: Outcome) -> [bool; 4] {
        let mut exceedances = Exceedances::of(Duration::from_millis(150));
        exceedances.count(0, outcome, latency_ns, lag_ns, Duration::from_millis(2));
        let bit = |bits: &Bits| bits.get(0);
        [
            bit(&exceedances.bits),
            bit(&exceedances.beyond_error),
            bit(&exceedances.certain),
            exceedances.far.as_ref().is_some_and(bit),
        ]
    }

    #[test]
    fn every_limit_is_within_itself_and_one_ns_more_is_beyond() {
        for (latency_ns, beyond) in [
            (150 * MS, [false, false, false, false]),
            (150 * MS + 1, [true, false, false, false]),
            (152 * MS, [true, false, false, false]),
            (152 * MS + 1, [true, true, true, false]),
            (202 * MS, [true, true, true, false]),
            (202 * MS + 1, [true, true, true, true]),
        ] {
            assert_eq!(bits(latency_ns, 0, Outcome::Ok), beyond, "{latency_ns}");
        }
    }

    #[test]
    fn our_own_lag_takes_a_request_out_of_what_is_certain() {
        assert_eq!(
            bits(160 * MS, 10 * MS, Outcome::Ok),
            [true, true, false, false]
        );
        assert_eq!(
            bits(160 * MS, 10 * MS - 1, Outcome::Ok),
            [true, true, true, false]
        );
        assert_eq!(
            bits(210 * MS, 8 * MS, Outcome::Ok),
            [true, true, true, false]
        );
        assert_eq!(
            bits(210 * MS, 8 * MS - 1, Outcome::Ok),
            [true, true, true, true]
        );
    }

    #[test]
    fn a_failure_of_the_server_is_beyond_everything_and_one_of_ours_is_never_certain() {
        assert_eq!(bits(MS, 0, Outcome::Timeout), [true; 4]);
        assert_eq!(
            bits(MS, 0, Outcome::Failed(FailureKind::Client)),
            [true, true, false, false]
        );
    }
}
