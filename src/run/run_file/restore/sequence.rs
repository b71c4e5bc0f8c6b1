//! Checks the sequence of response times against the counts, the histogram, the bits and the slowest requests: values
//! recorded twice must agree, or a run could get other verdicts at targets that it did not count.

use std::time::Duration;

use super::super::RunFileError;
use super::super::sequence_document::SequenceDocument;
use super::context::RestoreContext;
use crate::run::histogram::MAX_NS;
use crate::run::recording::{
    Bits, Exceedances, Latency, LatencyCode, Recording, Rows, Sequence, SequenceEntry,
    SequenceLimits, SequencePart, StepEnd, TimeBase,
};

/// Bytes of memory that a request takes.
const BYTES_EACH: u64 = 3;

/// How many codes there are.
const CODES: usize = 1 << 16;

impl RestoreContext {
    /// The sequence of a recording of which everything else is restored.
    pub(super) fn sequence(
        &self,
        document: Option<SequenceDocument<'_>>,
        recording: &Recording,
        least_error: Duration,
    ) -> Result<Option<SequencePart>, RunFileError> {
        let Some(document) = document else {
            return Ok(None);
        };
        self.equal(
            "length of the sequence",
            document.length,
            "the number of requests that one holds",
            recording.planned().min(recording.most_in_sequence),
        )?;
        self.take(document.length * BYTES_EACH)?;
        let decoded = Sequence::decode(document.length, &document.codes, &document.lags);
        let sequence = decoded.map_err(|source| RunFileError::Sequence {
            place: self.at("sequence"),
            source,
        })?;
        self.ends_agree(&sequence, recording)?;
        self.times_agree(&sequence, recording)?;
        self.lags_agree(&sequence, recording)?;
        for counted in &recording.exceedances {
            self.rows_agree(&sequence, recording, counted, least_error)?;
        }
        self.exemplars_agree(&sequence, recording)?;
        Ok(Some(SequencePart::complete(sequence)))
    }

    /// The same requests ended ok.
    fn ends_agree(&self, sequence: &Sequence, recording: &Recording) -> Result<(), RunFileError> {
        let not_ok = LatencyCode::NOT_OK.number();
        let ok: Bits = sequence.numbers().iter().map(|&n| n != not_ok).collect();
        let differs = ok
            .first_outside(&recording.ok, ok.len())
            .or_else(|| recording.ok.first_outside(&ok, ok.len()));
        match differs {
            Some(index) => self.wrong(format!(
                "request {index} of the sequence did not end as its bit of ok says"
            )),
            None => Ok(()),
        }
    }

    /// As many times of each code as in the histogram, or no more where the run is longer.
    fn times_agree(&self, sequence: &Sequence, recording: &Recording) -> Result<(), RunFileError> {
        let Latency::Histogram(latency) = &recording.latency else {
            return self.wrong("its latencies are a list".to_owned());
        };
        let mut rest = vec![0u64; CODES];
        for bucket in latency.buckets() {
            rest[usize::from(LatencyCode::of(bucket.low_ns).number())] += bucket.count;
        }
        // The histogram holds longer times at its end.
        let longest = LatencyCode::of(MAX_NS);
        for &number in sequence.numbers() {
            let Some(code) = LatencyCode::from_number(number).filter(|&c| c != LatencyCode::NOT_OK)
            else {
                continue;
            };
            let code = code.min(longest);
            let left = &mut rest[usize::from(code.number())];
            let Some(fewer) = left.checked_sub(1) else {
                return self.wrong(format!(
                    "the sequence has more latencies of about {} ns than the histogram",
                    code.low_ns()
                ));
            };
            *left = fewer;
        }
        let is_whole = sequence.len() == recording.planned();
        let left_over = rest.iter().sum::<u64>();
        self.holds(!is_whole || left_over == 0, || {
            format!("the histogram has {left_over} latencies that the sequence does not have")
        })
    }

    /// No request was later than the latest one.
    fn lags_agree(&self, sequence: &Sequence, recording: &Recording) -> Result<(), RunFileError> {
        let most_ns = match recording.clock {
            TimeBase::IntendedStart => recording.send_lag.max_ns().unwrap_or(0),
            TimeBase::Send | TimeBase::Given => 0,
        };
        for (index, entry) in sequence.places().filter(|(_, entry)| entry.lag_steps > 0) {
            let (code, steps) = (entry.code, u16::from(entry.lag_steps));
            let is_possible = code != LatencyCode::NOT_OK
                && most_ns > 0
                && code.steps_above(LatencyCode::SHORTEST) >= steps
                && code.low_ns().saturating_sub(code.lowered(steps).high_ns()) <= most_ns;
            self.holds(is_possible, || {
                format!("request {index} of the sequence has a send lag of {steps} codes, which send_lag contradicts")
            })?;
        }
        Ok(())
    }

    /// What the codes leave no doubt of is in the bits of a target, and nothing else that they rule out.
    fn rows_agree(
        &self,
        sequence: &Sequence,
        recording: &Recording,
        counted: &Exceedances,
        least_error: Duration,
    ) -> Result<(), RunFileError> {
        let limits = SequenceLimits::new(sequence, recording, counted.target);
        let least = limits.rows(StepEnd::Shortest);
        let limits = limits.with_own_error(least_error, recording);
        let most = limits.rows(StepEnd::Longest);
        let bits = Rows::from(counted);
        for (name, row) in ROWS {
            let (Some(least), Some(bits), Some(most)) = (row(&least), row(&bits), row(&most))
            else {
                continue;
            };
            let differs = least
                .first_outside(bits, sequence.len())
                .or_else(|| bits.first_outside(most, sequence.len()));
            if let Some(index) = differs {
                let target = counted.target;
                return self.wrong(format!(
                    "request {index} of the sequence contradicts the {name}exceedances of {target:?}"
                ));
            }
        }
        Ok(())
    }

    /// The slowest requests took as long as the sequence says.
    fn exemplars_agree(
        &self,
        sequence: &Sequence,
        recording: &Recording,
    ) -> Result<(), RunFileError> {
        for exemplar in &recording.slowest {
            let lag = match recording.clock {
                TimeBase::IntendedStart => exemplar.send_lag.unwrap_or_default(),
                TimeBase::Send | TimeBase::Given => std::time::Duration::ZERO,
            };
            let [latency_ns, lag_ns] = [exemplar.latency, lag].map(|time| time.as_nanos() as u64);
            let entry = SequenceEntry::of(exemplar.outcome, latency_ns, lag_ns);
            let index = exemplar.index;
            let agrees = sequence.at(index).is_none_or(|found| found == entry);
            self.holds(agrees, || {
                format!("slow request {index} contradicts the sequence")
            })?;
        }
        Ok(())
    }
}

/// One of the rows of a target.
type RowOf = for<'a> fn(&'a Rows<'_>) -> Option<&'a Bits>;

const ROWS: [(&str, RowOf); 5] = [
    ("", |rows| Some(&rows.at_most)),
    ("guarded ", |rows| Some(&rows.beyond_error)),
    ("certain ", |rows| Some(&rows.certain)),
    ("near ", |rows| rows.near.as_deref()),
    ("far ", |rows| rows.far.as_deref()),
];
