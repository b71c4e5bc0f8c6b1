//! The requests of a recording that are beyond a limit, also for limits that were not counted at record time.

use std::borrow::Cow;
use std::time::Duration;

use super::{Bits, Exceedances, Latency, Margin, Recording, Rows, Values};

impl Recording {
    /// Which requests exceeded a target, in order; `None` if their order is not known, because the target was not
    /// counted at record time and neither values nor a sequence were kept. Of rounded values those are certain that exceed
    /// it however they were rounded.
    pub fn rows_of(&self, target: Duration) -> Option<Rows<'_>> {
        if let Some(counted) = self.exceedances_of(target) {
            return Some(Rows::from(counted));
        }
        let of_sequence = self.rows_of_sequence(target);
        let leaves_something = |rows: &Rows<'_>| rows.other_end.is_some() || rows.unordered > 0;
        if of_sequence.as_ref().is_none_or(leaves_something)
            && let Some(counted) = self.same_as(target)
        {
            return Some(self.rows_below(counted, target));
        }
        if of_sequence.is_some() {
            return of_sequence;
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
            near: None,
            far: None,
            other_end: None,
            unordered: 0,
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
            // Without our lag and error the larger target may have fewer. The rows are nested, so the last decides.
            .filter(|e| {
                let least = e.far.as_ref().or(e.near.as_ref()).unwrap_or(&e.certain);
                let as_measured = self.values == Values::Measured;
                e.target >= target || (as_measured && least == &e.bits)
            })
    }

    /// The rows of a target that the same requests exceed as a counted one. If it is lower, and lower by more than what
    /// a doubt can make, that doubt leaves all of them; else those that it leaves of the counted one are certain.
    fn rows_below<'a>(&self, counted: &'a Exceedances, target: Duration) -> Rows<'a> {
        let mut rows = Rows::from(counted);
        let slack = counted.target.checked_sub(target);
        // Of a latency that may be less, only the counted rows are certain.
        let Some(slack) = slack.filter(|_| self.values == Values::Measured) else {
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
        for (row, margin) in [(&mut rows.near, Margin::Near), (&mut rows.far, Margin::Far)] {
            if row.is_some() && slack >= self.own_error + margin.of(target) + most_lag {
                *row = Some(all());
            }
        }
        rows
    }
}
