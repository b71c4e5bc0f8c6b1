//! Which requests exceeded a target: counted from raw nanoseconds at record time, in order of the intended start,
//! once for a PASS and once for each doubt of the instrument that a FAIL must survive.

use std::borrow::Cow;
use std::time::Duration;

use super::bits::Bits;
use super::margin::Margin;
use crate::run::sample::Outcome;
use crate::run::shard::Shard;

/// Which requests exceeded a target T. Each set holds the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceedances {
    /// A latency equal to the target is within it.
    pub target: Duration,
    /// One bit per planned request, in order of the intended start; set for a latency above the target
    /// and for everything that did not end ok. A PASS is judged from these.
    pub bits: Bits,
    /// Those above T + e, e the measurement overhead; and everything that did not end ok.
    pub beyond_error: Bits,
    /// Those of them that are certain and the server's own doing: above the target without our send lag too,
    /// or ended badly for no cause on this side. A FAIL is judged from these.
    pub certain: Bits,
    /// Those of them that are above T + e by [`Margin::Near`] without our send lag: a FAIL is judged from these if the
    /// instrument was a little late. `None` if they were not counted.
    pub near: Option<Bits>,
    /// The same by [`Margin::Far`], if the instrument was not up to its work.
    pub far: Option<Bits>,
}

/// Which requests are beyond a limit, in order of the intended start. Each set holds the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows<'a> {
    /// At most these: everything counted that did not end ok. A PASS is judged from them.
    pub at_most: Cow<'a, Bits>,
    /// Those of them that are beyond the limit by more than the measurement overhead.
    pub beyond_error: Cow<'a, Bits>,
    /// For certain these, by the server's own doing. A FAIL is judged from them.
    pub certain: Cow<'a, Bits>,
    /// Those of them that are beyond it by more than an instrument that is a little late explains; `None` if that is
    /// not known, or where no instrument of ours can matter.
    pub near: Option<Cow<'a, Bits>>,
    /// The same of any late or busy instrument.
    pub far: Option<Cow<'a, Bits>>,
    /// Where the stored resolution leaves some requests open: the rows if it is the other way round with them, fewer for a
    /// PASS and more for a FAIL. What is shown must hold by both.
    pub other_end: Option<Box<Rows<'a>>>,
    /// How many requests there are behind the last one whose place is known. `at_most` has every one of them that may be
    /// beyond the limit at its end; the other rows end before them.
    pub unordered: u64,
}

impl<'a> Rows<'a> {
    /// Those that are beyond the limit by a margin, or by a wider one where only that was counted.
    pub fn beyond(&self, margin: Margin) -> Option<&Bits> {
        let near = self.near.as_deref().filter(|_| margin == Margin::Near);
        near.or(self.far.as_deref())
    }

    /// Of requests that did not end ok, for whatever reason and for none on this side: no clock had part in it.
    pub(super) fn of_failures(not_ok: Cow<'a, Bits>, failed: Cow<'a, Bits>) -> Rows<'a> {
        Rows {
            beyond_error: not_ok.clone(),
            at_most: not_ok,
            certain: failed,
            near: None,
            far: None,
            other_end: None,
            unordered: 0,
        }
    }
}

impl<'a> From<&'a Exceedances> for Rows<'a> {
    fn from(counted: &'a Exceedances) -> Rows<'a> {
        Rows {
            at_most: Cow::Borrowed(&counted.bits),
            beyond_error: Cow::Borrowed(&counted.beyond_error),
            certain: Cow::Borrowed(&counted.certain),
            near: counted.near.as_ref().map(Cow::Borrowed),
            far: counted.far.as_ref().map(Cow::Borrowed),
            other_end: None,
            unordered: 0,
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
            near: Some(Bits::new()),
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
        let beyond = |margin: Margin| guarded.saturating_add(margin.of(self.target));
        let without_lag_ns = latency_ns.saturating_sub(lag_ns);
        let [at_most, beyond_error, certain, near, far] = match outcome {
            Outcome::Ok => {
                let beyond_error = above(latency_ns, guarded);
                [
                    above(latency_ns, self.target),
                    beyond_error,
                    beyond_error && above(without_lag_ns, self.target),
                    above(without_lag_ns, beyond(Margin::Near)),
                    above(without_lag_ns, beyond(Margin::Far)),
                ]
            }
            outcome => {
                let certain = !outcome.is_ours();
                [true, true, certain, certain, certain]
            }
        };
        self.bits.set(index, at_most);
        self.beyond_error.set(index, beyond_error);
        self.certain.set(index, certain);
        for (bits, beyond) in [(&mut self.near, near), (&mut self.far, far)] {
            if let Some(bits) = bits {
                bits.set(index, beyond);
            }
        }
    }

    /// The same with the requests numbered from `first`.
    pub(super) fn shifted(&self, first: u64) -> Exceedances {
        self.mapped(|row| row.shifted(first))
    }

    /// Adds those that another thread or a shard counted of the same plan.
    pub(super) fn union(&mut self, other: &Exceedances, shard: Shard) {
        self.bits.union_shard(&other.bits, shard);
        self.beyond_error.union_shard(&other.beyond_error, shard);
        self.certain.union_shard(&other.certain, shard);
        unite(&mut self.near, other.near.as_ref(), shard);
        unite(&mut self.far, other.far.as_ref(), shard);
    }

    /// The same of other requests: those that `rows` makes of each row.
    pub(super) fn mapped(&self, rows: impl Fn(&Bits) -> Bits) -> Exceedances {
        Exceedances {
            target: self.target,
            bits: rows(&self.bits),
            beyond_error: rows(&self.beyond_error),
            certain: rows(&self.certain),
            near: self.near.as_ref().map(&rows),
            far: self.far.as_ref().map(&rows),
        }
    }
}

/// What one side did not count is not known of both.
fn unite(own: &mut Option<Bits>, other: Option<&Bits>, shard: Shard) {
    match (own.as_mut(), other) {
        (Some(own), Some(other)) => own.union_shard(other, shard),
        _ => *own = None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Exceedances;
    use crate::run::recording::Bits;
    use crate::run::sample::{FailureKind, Outcome};

    const MS: u64 = 1_000_000;

    /// The bits of a request of this latency and lag at 150 ms, with a measurement overhead of 2 ms.
    fn bits(latency_ns: u64, lag_ns: u64, outcome: Outcome) -> [bool; 5] {
        let mut exceedances = Exceedances::of(Duration::from_millis(150));
        exceedances.count(0, outcome, latency_ns, lag_ns, Duration::from_millis(2));
        let bit = |bits: &Bits| bits.get(0);
        [
            bit(&exceedances.bits),
            bit(&exceedances.beyond_error),
            bit(&exceedances.certain),
            exceedances.near.as_ref().is_some_and(bit),
            exceedances.far.as_ref().is_some_and(bit),
        ]
    }

    #[test]
    fn every_limit_is_within_itself_and_one_ns_more_is_beyond() {
        for (latency_ns, beyond) in [
            (150 * MS, [false, false, false, false, false]),
            (150 * MS + 1, [true, false, false, false, false]),
            (152 * MS, [true, false, false, false, false]),
            (152 * MS + 1, [true, true, true, false, false]),
            (167 * MS, [true, true, true, false, false]),
            (167 * MS + 1, [true, true, true, true, false]),
            (202 * MS, [true, true, true, true, false]),
            (202 * MS + 1, [true, true, true, true, true]),
        ] {
            assert_eq!(bits(latency_ns, 0, Outcome::Ok), beyond, "{latency_ns}");
        }
    }

    #[test]
    fn our_own_lag_takes_a_request_out_of_what_is_certain() {
        assert_eq!(
            bits(160 * MS, 10 * MS, Outcome::Ok),
            [true, true, false, false, false]
        );
        assert_eq!(
            bits(160 * MS, 10 * MS - 1, Outcome::Ok),
            [true, true, true, false, false]
        );
        assert_eq!(
            bits(170 * MS, 3 * MS, Outcome::Ok),
            [true, true, true, false, false]
        );
        assert_eq!(
            bits(210 * MS, 8 * MS, Outcome::Ok),
            [true, true, true, true, false]
        );
        assert_eq!(
            bits(210 * MS, 8 * MS - 1, Outcome::Ok),
            [true, true, true, true, true]
        );
    }

    #[test]
    fn a_failure_of_the_server_is_beyond_everything_and_one_of_ours_is_never_certain() {
        assert_eq!(bits(MS, 0, Outcome::Timeout), [true; 5]);
        assert_eq!(
            bits(MS, 0, Outcome::Failed(FailureKind::Client)),
            [true, true, false, false, false]
        );
    }
}
