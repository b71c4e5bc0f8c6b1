//! A growing row of bits in order of the intended start, and its compact text.

use super::deflated::{self, InflateError};
use crate::run::shard::Shard;

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

    /// This many clear bits.
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

    /// The same of a shard's row, whose requests are numbered on their own.
    pub fn union_shard(&mut self, other: &Bits, shard: Shard) {
        if shard.is_whole() {
            return self.union(other);
        }
        let Some(last) = other.length.checked_sub(1) else {
            return;
        };
        let length = shard.global(last) + 1;
        self.length = self.length.max(length);
        let words = self.length.div_ceil(64) as usize;
        if words > self.words.len() {
            self.words.resize(words, 0);
        }
        other.ones().for_each(|own| {
            let index = shard.global(own);
            self.words[(index / 64) as usize] |= 1 << (index % 64);
        });
    }

    /// The indices of the bits that are set, ascending.
    pub fn ones(&self) -> impl Iterator<Item = u64> + '_ {
        (0u64..).zip(&self.words).flat_map(|(place, &word)| {
            let rest = std::iter::successors(Some(word), |&rest| Some(rest & rest.wrapping_sub(1)));
            let rest = rest.take_while(|rest| *rest != 0);
            rest.map(move |rest| place * 64 + u64::from(rest.trailing_zeros()))
        })
    }

    /// The same row after this many clear bits.
    pub fn shifted(&self, by: u64) -> Bits {
        let mut shifted = Bits::zeros(if self.length > 0 { by } else { 0 });
        (0..self.length).for_each(|index| shifted.set(by + index, self.get(index)));
        shifted
    }

    /// Adds this many bits at the end, the last `set` of them set; all of them where that is more.
    pub(super) fn extend_with_spell(&mut self, more: u64, set: u64) {
        let (end, set) = (self.length + more, set.min(more));
        self.words.resize(end.div_ceil(64) as usize, 0);
        self.length = end;
        (end - set..end).for_each(|index| self.set(index, true));
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

    /// The first of this many bits that is set and is not set in another row.
    pub(crate) fn first_outside(&self, other: &Bits, length: u64) -> Option<u64> {
        let outside = |word: usize| {
            let theirs = other.words.get(word).copied().unwrap_or(0);
            let rest = self.words[word] & !theirs;
            (rest != 0).then(|| word as u64 * 64 + u64::from(rest.trailing_zeros()))
        };
        let words = length.min(self.length).div_ceil(64) as usize;
        (0..words).find_map(outside).filter(|&index| index < length)
    }

    /// The bits in words of 64, the lowest bit first; clear behind the last one.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// zlib in base64 of the bits, eight a byte, lowest bit first.
    pub fn encode(&self) -> String {
        let bytes = self.words.iter().flat_map(|word| word.to_le_bytes());
        deflated::encode(bytes.take(self.length.div_ceil(8) as usize))
    }

    /// Reads [`Bits::encode`]'s text for this many requests.
    ///
    /// # Errors
    /// [`BitsError`] if the text is not base64 of deflated bits of this length.
    pub fn decode(text: &str, length: u64) -> Result<Bits, BitsError> {
        let expected = length.div_ceil(8);
        let wrong_length = |found| BitsError::Length {
            length,
            expected,
            found,
        };
        if length > MAX_BITS {
            return Err(wrong_length(0));
        }
        let bytes = deflated::decode(text, expected).map_err(|error| match error {
            InflateError::Encoding => BitsError::Encoding,
            InflateError::Length { found } => wrong_length(found),
        })?;
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

impl FromIterator<bool> for Bits {
    fn from_iter<I: IntoIterator<Item = bool>>(bits: I) -> Bits {
        let mut row = Bits::new();
        for bit in bits {
            let position = row.length % 64;
            if position == 0 {
                row.words.push(0);
            }
            if let Some(last) = row.words.last_mut() {
                *last |= u64::from(bit) << position;
            }
            row.length += 1;
        }
        row
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
            assert_eq!(bits.iter().collect::<Bits>(), bits);
            assert_eq!(Bits::decode(&bits.encode(), length), Ok(bits));
        }
    }

    #[test]
    fn a_spell_at_the_end_is_as_long_as_it_can_be() {
        for (more, set, runs) in [
            (0, 5, vec![]),
            (70, 0, vec![false; 70]),
            (3, 2, vec![false, true, true]),
            (2, 9, vec![true, true]),
        ] {
            let mut bits = pattern(100);
            bits.extend_with_spell(more, set);
            let expected = pattern(100).iter().chain(runs).collect::<Bits>();
            assert_eq!(bits, expected, "{set} of {more}");
        }
    }

    #[test]
    fn the_first_bit_that_another_row_lacks_is_found_within_a_length() {
        let whole = pattern(500);
        let mut less = whole.clone();
        less.set(300, false);
        assert_eq!(whole.first_outside(&less, 500), Some(300));
        assert_eq!(whole.first_outside(&less, 301), Some(300));
        assert_eq!(whole.first_outside(&less, 300), None);
        assert_eq!(less.first_outside(&whole, 500), None);
        assert_eq!(whole.first_outside(&Bits::new(), 500), Some(0));
        assert_eq!(Bits::new().first_outside(&whole, 500), None);
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
