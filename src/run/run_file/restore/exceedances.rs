//! Checks rows of bits against each other and against the latencies: they were counted separately, so they must agree.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::borrowed_text::BorrowedText;
use super::super::exceedances_document::ExceedancesDocument;
use super::super::{RunFileError, nanos};
use super::context::RestoreContext;
use crate::run::histogram::MAX_NS;
use crate::run::recording::{Bits, Counts, Exceedances, Margin, Recording, TimeBase};

impl RestoreContext {
    /// The bits of every target, each once.
    pub(super) fn all_exceedances(
        &self,
        documents: Vec<ExceedancesDocument<'_>>,
        recording: &Recording,
        least_error: Duration,
    ) -> Result<Vec<Exceedances>, RunFileError> {
        let mut targets = BTreeSet::new();
        for document in &documents {
            let target = Duration::from_nanos(document.target_ns);
            self.holds(!target.is_zero(), || {
                "a target of exceedances is 0".to_owned()
            })?;
            self.holds(targets.insert(target), || {
                format!("exceedances of {target:?} are there twice")
            })?;
        }
        let restored = documents.into_iter();
        restored
            .map(|document| self.exceedances(document, recording, least_error))
            .collect()
    }

    /// The bits of a target.
    fn exceedances(
        &self,
        document: ExceedancesDocument<'_>,
        recording: &Recording,
        least_error: Duration,
    ) -> Result<Exceedances, RunFileError> {
        let target = Duration::from_nanos(document.target_ns);
        let what = format!("exceedances of {target:?}");
        let bits = self.bits(&what, &document.bits, recording.ok.len())?;
        let set = bits.count_ones();
        self.equal(&what, document.count, "the number of its set bits", set)?;
        let not_ok_bits = recording.ok.complement();
        if not_ok_bits.without(&bits).count_ones() > 0 {
            return self.wrong(format!("{what} leave out a request that did not end ok"));
        }
        let (certain, possible) = recording.latency.count_above(document.target_ns);
        let not_ok = recording.counts.not_ok();
        // Beyond the longest duration that a histogram holds, it cannot tell.
        let comparable = document.target_ns < MAX_NS;
        if comparable && !(certain + not_ok..=possible + not_ok).contains(&set) {
            return self.wrong(format!("{what} are {set}, which the latencies contradict"));
        }
        let row = |name: &str, text: &BorrowedText<'_>| {
            self.bits(&format!("{name} {what}"), text, recording.ok.len())
        };
        let beyond_error = match &document.beyond_error {
            Some(text) => row("guarded", text)?,
            None => bits.clone(),
        };
        let certain = match &document.certain {
            Some(text) => row("certain", text)?,
            None => bits.without(&recording.client),
        };
        let counted = |name: &str, text: &Option<BorrowedText<'_>>| {
            text.as_ref().map(|text| row(name, text)).transpose()
        };
        let near = counted("near", &document.near)?;
        let far = counted("far", &document.far)?;
        let within_near = near.as_ref().unwrap_or(&certain);
        let nested = [
            ("guarded", &beyond_error, &bits),
            ("certain", &certain, &beyond_error),
            ("near", within_near, &certain),
            ("far", far.as_ref().unwrap_or(within_near), within_near),
        ];
        for (name, inner, outer) in nested {
            if inner.without(outer).count_ones() > 0 {
                return self.wrong(format!("{name} {what} are not among them"));
            }
        }
        let exceedances = Exceedances {
            target,
            bits,
            beyond_error,
            certain,
            near,
            far,
        };
        self.doubts_agree(&exceedances, recording, least_error)?;
        Ok(exceedances)
    }

    /// Checks the rows that support a FAIL against the latencies, the measurement overhead and the send lag. Shards of a
    /// merged run have an overhead of their own each, from `least_error` to the recording's.
    fn doubts_agree(
        &self,
        exceedances: &Exceedances,
        recording: &Recording,
        least_error: Duration,
    ) -> Result<(), RunFileError> {
        let target = exceedances.target;
        let lag = longest_lag(recording);
        let [least, most] = [least_error, recording.own_error].map(|own_error| {
            let guarded = target.saturating_add(own_error);
            let near = guarded.saturating_add(Margin::Near.of(target));
            [
                guarded,
                near,
                guarded.saturating_add(Margin::Far.of(target)),
            ]
        });
        let ([guarded_from, near_from, far_from], [guarded, near, far]) = (least, most);
        let not_ok = recording.counts.not_ok();
        let theirs = not_ok - recording.counts.client_side();
        let row = |name, bits, above: Duration, certain: Duration, failed| GuardedRow {
            name,
            bits,
            above,
            certain,
            failed,
        };
        let certain = guarded.max(target.saturating_add(lag));
        let rows = [
            row(
                "guarded",
                Some(&exceedances.beyond_error),
                guarded_from,
                guarded,
                not_ok,
            ),
            row(
                "certain",
                Some(&exceedances.certain),
                guarded_from,
                certain,
                theirs,
            ),
            row(
                "near",
                exceedances.near.as_ref(),
                near_from,
                near.saturating_add(lag),
                theirs,
            ),
            row(
                "far",
                exceedances.far.as_ref(),
                far_from,
                far.saturating_add(lag),
                theirs,
            ),
        ];
        rows.iter()
            .try_for_each(|row| self.row_agrees(row, target, recording))
    }

    fn row_agrees(
        &self,
        row: &GuardedRow<'_>,
        target: Duration,
        recording: &Recording,
    ) -> Result<(), RunFileError> {
        // Beyond the longest duration that a histogram holds, it cannot tell.
        let Some(bits) = row
            .bits
            .filter(|_| row.above.as_nanos() < u128::from(MAX_NS))
        else {
            return Ok(());
        };
        let above = |limit: Duration| recording.latency.count_above(nanos::of(limit));
        let (least, most) = (above(row.certain).0, above(row.above).1);
        let set = bits.count_ones();
        self.holds((least + row.failed..=most + row.failed).contains(&set), || {
            format!(
                "{} exceedances of {target:?} are {set}, which the latencies and the measurement overhead contradict",
                row.name
            )
        })
    }

    /// Checks the requests that failed for a cause on this side against their number and against `ok`.
    pub(super) fn client(
        &self,
        text: Option<&BorrowedText<'_>>,
        counts: &Counts,
        ok: &Bits,
    ) -> Result<Bits, RunFileError> {
        let Some(text) = text else {
            return Ok(match counts.client_side() {
                0 => Bits::zeros(ok.len()),
                _ => ok.complement(),
            });
        };
        let bits = self.bits("client", text, ok.len())?;
        let due = counts.client_side();
        self.equal("bits of client", bits.count_ones(), "their count", due)?;
        match bits.without(&ok.complement()).count_ones() {
            0 => Ok(bits),
            _ => self.wrong("a request ended ok and badly".to_owned()),
        }
    }
}

/// One row of bits that supports a FAIL, and what its number of set bits depends on.
struct GuardedRow<'a> {
    name: &'a str,
    bits: Option<&'a Bits>,
    /// No latency up to this is in the row.
    above: Duration,
    /// Every latency above this is in the row.
    certain: Duration,
    /// Requests in the row that did not end ok.
    failed: u64,
}

/// Without a lag of its own a request counts in full. Imported times have no lag.
fn longest_lag(recording: &Recording) -> Duration {
    Duration::from_nanos(match recording.clock {
        TimeBase::IntendedStart => recording.send_lag.max_ns().unwrap_or(0),
        TimeBase::Send => 0,
        TimeBase::Given => MAX_NS,
    })
}
