//! A growing row of bits in order of the intended start, and its compact text.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// Most bits that are read back from a file: a guard against a damaged length, 128 MB.
const MAX_BITS: u64 = 1 << 30;

/// One bit per planned request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    length: u64,
}

/// An encoded row of bits that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BitsError {
    /// Not base64, or not zlib inside it.
    #[error("the bits are not zlib in base64")]
    Encoding,
    /// Bits are set behind the last request.
    #[error("bits are set behind the last of {length} requests")]
    Padding {
        /// Requests in the file.
        length: u64,
    },
    /// Another number of bytes than the length needs.
    #[error("{found} bytes of bits where {length} requests need {expected}")]
    Length {
        /// Requests that the file speaks of.
        length: u64,
        /// Bytes they need.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
}

impl Bits {
    /// No bits yet.
    pub fn new() -> Bits {
        Bits::default()
    }

    /// So many clear bits.
    pub fn zeros(length: u64) -> Bits {
        Bits {
            words: vec![0; length.div_ceil(64) as usize],
            length,
        }
    }

    /// Sets or clears the bit of a request; the row grows to hold it.
    pub fn set(&mut self, index: u64, value: bool) {
        let word = (index / 64) as usize;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.length = self.length.max(index + 1);
        let mask = 1u64 << (index % 64);
        if value {
            self.words[word] |= mask
        } else {
            self.words[word] &= !mask
        }
    }

    /// The bit of a request; false beyond the end.
    pub fn get(&self, index: u64) -> bool {
        self.words
            .get((index / 64) as usize)
            .is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// How many bits there are.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// How many bits are set.
    pub fn count_ones(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    /// The bits in order.
    pub fn iter(&self) -> impl Iterator<Item = bool> + '_ {
        (0..self.length).map(|index| self.get(index))
    }

    /// Sets every bit that another row has set; rows of one plan that were filled apart become one.
    pub fn union(&mut self, other: &Bits) {
        if other.words.len() > self.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        self.length = self.length.max(other.length);
        self.words
            .iter_mut()
            .zip(&other.words)
            .for_each(|(own, theirs)| *own |= theirs);
    }

    /// The same row behind so many clear bits.
    pub fn shifted(&self, by: u64) -> Bits {
        let mut shifted = Bits::zeros(if self.length > 0 { by } else { 0 });
        (0..self.length).for_each(|index| shifted.set(by + index, self.get(index)));
        shifted
    }

    /// The other way round: every bit that is clear here is set there.
    pub fn complement(&self) -> Bits {
        let words = self.words.iter().map(|word| !word).collect();
        let mut all = Bits {
            words,
            length: self.length,
        };
        all.words.resize(self.length.div_ceil(64) as usize, 0);
        if let (Some(last), rest @ 1..) = (all.words.last_mut(), self.length % 64) {
            *last &= (1 << rest) - 1;
        }
        all
    }

    /// These bits, cleared wherever another row has its bit set.
    pub fn without(&self, other: &Bits) -> Bits {
        let mut rest = self.clone();
        rest.words
            .iter_mut()
            .zip(&other.words)
            .for_each(|(own, theirs)| *own &= !theirs);
        rest
    }

    /// The first so many bits, in order.
    pub fn prefix(&self, length: u64) -> impl Iterator<Item = bool> + '_ {
        (0..self.length.min(length)).map(|index| self.get(index))
    }

    /// zlib in base64 of the bits, eight a byte, lowest bit first.
    pub fn encode(&self) -> String {
        let bytes: Vec<u8> = self
            .words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        let used = self.length.div_ceil(8) as usize;
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        let compressed = encoder
            .write_all(&bytes[..used])
            .and_then(|()| encoder.finish());
        BASE64.encode(compressed.expect("writing to memory does not fail"))
    }

    /// Reads [`Bits::encode`]'s text for so many requests.
    ///
    /// # Errors
    /// [`BitsError`] if the text is not base64 of deflated bits of this length.
    pub fn decode(text: &str, length: u64) -> Result<Bits, BitsError> {
        let compressed = BASE64.decode(text).map_err(|_| BitsError::Encoding)?;
        let expected = length.div_ceil(8);
        if length > MAX_BITS {
            return Err(BitsError::Length {
                length,
                expected,
                found: 0,
            });
        }
        let mut bytes = Vec::new();
        ZlibDecoder::new(compressed.as_slice())
            .take(expected + 1)
            .read_to_end(&mut bytes)
            .map_err(|_| BitsError::Encoding)?;
        if bytes.len() as u64 != expected {
            return Err(BitsError::Length {
                length,
                expected,
                found: bytes.len() as u64,
            });
        }
        let used = length % 8;
        if used > 0 && bytes.last().is_some_and(|last| last >> used > 0) {
            return Err(BitsError::Padding { length });
        }
        let word = |chunk: &[u8]| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        };
        let words = bytes.chunks(8).map(word).collect();
        Ok(Bits { words, length })
    }
}

#[cfg(test)]
mod tests {
    use super::{Bits, BitsError};

    fn pattern(length: u64) -> Bits {
        let mut bits = Bits::new();
        (0..length).for_each(|i| bits.set(i, i % 3 == 0 || i % 7 == 2));
        bits
    }

    #[test]
    fn bits_keep_their_order_and_their_text_round_trips() {
        for length in [0, 1, 7, 8, 63, 64, 65, 1000] {
            let bits = pattern(length);
            assert_eq!(bits.len(), length);
            assert_eq!(bits.count_ones(), bits.iter().filter(|b| *b).count() as u64);
            assert_eq!(Bits::decode(&bits.encode(), length), Ok(bits));
        }
    }

    #[test]
    fn shares_filled_apart_unite() {
        let whole = pattern(500);
        let (mut even, mut odd) = (Bits::new(), Bits::new());
        for i in 0..500 {
            if i % 2 == 0 {
                even.set(i, whole.get(i))
            } else {
                odd.set(i, whole.get(i))
            }
        }
        even.union(&odd);
        assert_eq!(even, whole);
    }

    #[test]
    fn damaged_text_is_refused() {
        let text = pattern(100).encode();
        assert_eq!(Bits::decode("?", 100), Err(BitsError::Encoding));
        assert_eq!(Bits::decode("AAAA", 100), Err(BitsError::Encoding));
        assert!(matches!(
            Bits::decode(&text, 1000),
            Err(BitsError::Length { .. })
        ));
        assert!(matches!(
            Bits::decode(&text, 10),
            Err(BitsError::Length { .. })
        ));
        assert!(matches!(
            Bits::decode(&text, u64::MAX),
            Err(BitsError::Length { .. })
        ));
    }
}
