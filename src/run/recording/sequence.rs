//! The response times of an endpoint's first requests in order of the intended start, three bytes a request: with them a
//! run can be judged at any target, bursts included.

use super::deflated::{self, InflateError};
use super::latency_code::LatencyCode;
use crate::run::sample::Outcome;

/// How many requests of an endpoint are kept.
pub const MOST_IN_SEQUENCE: u64 = 1_000_000;

/// Stands where nothing was recorded: no code has this number.
const MISSING: u16 = 1;

/// One code a request, and by how many codes the request's own send lag lowers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    codes: Vec<u16>,
    /// Up to the last one that is not 0.
    lags: Vec<u8>,
}

/// What a sequence keeps of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceEntry {
    /// Its response time.
    pub code: LatencyCode,
    /// The number of codes by which the send lag raised it; 255 stands for that and more.
    pub lag_steps: u8,
}

/// An encoded sequence that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SequenceError {
    /// Not base64, or not zlib inside it.
    #[error("the {row} are not zlib in base64")]
    Encoding {
        /// `codes` or `lags`.
        row: &'static str,
    },
    /// Another number of bytes than the length needs.
    #[error("{found} bytes of {row} where {length} requests need {expected}")]
    Length {
        /// `codes` or `lags`.
        row: &'static str,
        /// Requests that the file speaks of.
        length: u64,
        /// Bytes they need.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// A number that stands for no time.
    #[error("request {index} has code {number}, which no response time has")]
    Code {
        /// Which request.
        index: u64,
        /// What it has.
        number: u16,
    },
}

impl SequenceEntry {
    /// Of a request with this response time, of which `lag_ns` is our own delay.
    pub fn of(outcome: Outcome, latency_ns: u64, lag_ns: u64) -> SequenceEntry {
        if outcome != Outcome::Ok {
            return SequenceEntry {
                code: LatencyCode::NOT_OK,
                lag_steps: 0,
            };
        }
        let code = LatencyCode::of(latency_ns);
        let without_lag = LatencyCode::of(latency_ns.saturating_sub(lag_ns));
        SequenceEntry {
            code,
            lag_steps: u8::try_from(code.steps_above(without_lag)).unwrap_or(u8::MAX),
        }
    }

    /// The response time without our own lag, in ns, to within 0.05 %; +∞ if the request did not end ok.
    pub(crate) fn without_lag_ns(self) -> f64 {
        if self.code == LatencyCode::NOT_OK {
            return f64::INFINITY;
        }
        let code = self.code.lowered(u16::from(self.lag_steps));
        (code.low_ns() as f64 + code.high_ns() as f64) / 2.0
    }
}

impl Sequence {
    /// How many requests it reaches to.
    pub fn len(&self) -> u64 {
        self.codes.len() as u64
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// The numbers of the codes, in order.
    pub(crate) fn numbers(&self) -> &[u16] {
        &self.codes
    }

    /// The request at a place, if it is recorded.
    pub fn at(&self, place: u64) -> Option<SequenceEntry> {
        let place = usize::try_from(place).ok()?;
        let code = LatencyCode::from_number(*self.codes.get(place)?)?;
        let lag_steps = self.lags.get(place).copied().unwrap_or(0);
        Some(SequenceEntry { code, lag_steps })
    }

    /// Own lags in codes, in order.
    pub(crate) fn lags(&self) -> impl Iterator<Item = u8> + '_ {
        let zeros = std::iter::repeat(0);
        self.lags
            .iter()
            .copied()
            .chain(zeros)
            .take(self.codes.len())
    }

    /// Whether no request before its end is missing.
    pub(super) fn is_complete(&self) -> bool {
        !self.codes.contains(&MISSING)
    }

    /// Sets the request at a place; one behind the capacity is left out.
    pub(super) fn set(&mut self, place: u64, entry: SequenceEntry) {
        if place >= MOST_IN_SEQUENCE {
            return;
        }
        let place = place as usize;
        if place >= self.codes.len() {
            self.codes.resize(place + 1, MISSING);
        }
        self.codes[place] = entry.code.number();
        if entry.lag_steps > 0 {
            if place >= self.lags.len() {
                self.lags.resize(place + 1, 0);
            }
            self.lags[place] = entry.lag_steps;
        }
    }

    /// Every recorded request with its place.
    pub(crate) fn places(&self) -> impl Iterator<Item = (u64, SequenceEntry)> + '_ {
        let numbered = (0u64..).zip(self.codes.iter().zip(self.lags()));
        numbered.filter_map(|(place, (&number, lag_steps))| {
            let code = LatencyCode::from_number(number)?;
            Some((place, SequenceEntry { code, lag_steps }))
        })
    }

    /// zlib in base64 of the codes, two bytes each, the lower one first.
    pub(crate) fn encode_codes(&self) -> String {
        deflated::encode(self.codes.iter().flat_map(|code| code.to_le_bytes()))
    }

    /// zlib in base64 of the lags, a byte each.
    pub(crate) fn encode_lags(&self) -> String {
        deflated::encode(self.lags())
    }

    /// Reads the texts of [`Sequence::encode_codes`] and [`Sequence::encode_lags`] for this many requests.
    ///
    /// # Errors
    /// [`SequenceError`] if they are not base64 of deflated codes and lags of this length.
    pub(crate) fn decode(length: u64, codes: &str, lags: &str) -> Result<Sequence, SequenceError> {
        let bytes = inflated("codes", codes, length, 2)?;
        let (pairs, _) = bytes.as_chunks::<2>();
        let codes: Vec<u16> = pairs.iter().map(|&pair| u16::from_le_bytes(pair)).collect();
        let is_time = |number: &u16| LatencyCode::from_number(*number).is_some();
        if let Some(index) = codes.iter().position(|number| !is_time(number)) {
            return Err(SequenceError::Code {
                index: index as u64,
                number: codes[index],
            });
        }
        let mut lags = inflated("lags", lags, length, 1)?;
        let used = lags.iter().rposition(|&lag| lag > 0);
        lags.truncate(used.map_or(0, |last| last + 1));
        Ok(Sequence { codes, lags })
    }
}

fn inflated(
    row: &'static str,
    text: &str,
    length: u64,
    bytes_each: u64,
) -> Result<Vec<u8>, SequenceError> {
    let expected = length.saturating_mul(bytes_each);
    let decoded = if length > MOST_IN_SEQUENCE {
        Err(InflateError::Length { found: 0 })
    } else {
        deflated::decode(text, expected)
    };
    decoded.map_err(|error| match error {
        InflateError::Encoding => SequenceError::Encoding { row },
        InflateError::Length { found } => SequenceError::Length {
            row,
            length,
            expected,
            found,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::{MOST_IN_SEQUENCE, Sequence, SequenceEntry, SequenceError};
    use crate::run::recording::LatencyCode;
    use crate::run::sample::Outcome;

    const MS: u64 = 1_000_000;

    fn entry(latency_ns: u64, lag_ns: u64) -> SequenceEntry {
        SequenceEntry::of(Outcome::Ok, latency_ns, lag_ns)
    }

    fn pattern(length: u64) -> Sequence {
        let mut sequence = Sequence::default();
        for index in 0..length {
            let outcome = if index % 11 == 5 {
                Outcome::Timeout
            } else {
                Outcome::Ok
            };
            let lag_ns = if index % 7 == 3 { 3 * MS } else { 0 };
            let latency_ns = 4 * MS + index * index % 97 * MS;
            sequence.set(index, SequenceEntry::of(outcome, latency_ns, lag_ns));
        }
        sequence
    }

    #[test]
    fn an_entry_holds_the_time_and_what_our_own_lag_adds_to_it() {
        let at = |latency_ns, lag_ns| {
            let entry = entry(latency_ns, lag_ns);
            (entry.code.number(), entry.lag_steps)
        };
        // From 2^27 ns on a step is 65,536 ns: 150 ms is 240 steps into the octave.
        let base = 17 * 2_048;
        assert_eq!(at(150 * MS, 0), (base + 240, 0));
        assert_eq!(at(150 * MS, 10_000), (base + 240, 0));
        assert_eq!(at(150 * MS, 65_536), (base + 240, 1));
        assert_eq!(at(150 * MS, 10 * MS), (base + 240, 152));
        assert_eq!(at(150 * MS, 100 * MS), (base + 240, 255));
        assert_eq!(at(MS, 2 * MS).1, 255);
        let failed = SequenceEntry::of(Outcome::Unsent, 150 * MS, 10 * MS);
        assert_eq!((failed.code, failed.lag_steps), (LatencyCode::NOT_OK, 0));
    }

    #[test]
    fn a_sequence_is_read_back_without_loss() {
        for length in [0, 1, 2, 500, 70_000] {
            let sequence = pattern(length);
            let (codes, lags) = (sequence.encode_codes(), sequence.encode_lags());
            assert!(sequence.is_complete());
            assert_eq!(Sequence::decode(length, &codes, &lags), Ok(sequence));
        }
    }

    #[test]
    fn requests_behind_the_capacity_are_left_out_and_a_gap_is_seen() {
        let mut sequence = Sequence::default();
        sequence.set(MOST_IN_SEQUENCE, entry(MS, 0));
        assert!(sequence.is_empty());
        sequence.set(1, entry(MS, 0));
        assert_eq!((sequence.len(), sequence.is_complete()), (2, false));
        sequence.set(0, entry(MS, 0));
        assert!(sequence.is_complete());
    }

    #[test]
    fn damaged_text_is_refused() {
        let sequence = pattern(100);
        let (codes, lags) = (sequence.encode_codes(), sequence.encode_lags());
        let told = |length, codes: &str, lags: &str| {
            let error = Sequence::decode(length, codes, lags).expect_err("damaged");
            error.to_string()
        };
        assert_eq!(told(100, "?", &lags), "the codes are not zlib in base64");
        assert_eq!(told(100, &codes, "AAAA"), "the lags are not zlib in base64");
        let short = "200 bytes of codes where 101 requests need 202";
        assert_eq!(told(101, &codes, &lags), short);
        let long = "199 bytes of codes where 99 requests need 198";
        assert_eq!(told(99, &codes, &lags), long);
        let lags_of_codes = "101 bytes of lags where 100 requests need 100";
        assert_eq!(told(100, &codes, &codes), lags_of_codes);
        let huge = Sequence::decode(u64::MAX, &codes, &lags);
        assert!(matches!(huge, Err(SequenceError::Length { .. })));
        let mut gap = pattern(3);
        gap.set(5, entry(MS, 0));
        let unknown = "request 3 has code 1, which no response time has";
        assert_eq!(told(6, &gap.encode_codes(), &gap.encode_lags()), unknown);
    }
}
