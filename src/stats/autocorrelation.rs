//! The integrated autocorrelation time of a sequence of bits: over how many of them one draw is spread.
//!
//! Γ(m) = γ(2m) + γ(2m+1) of the sample autocovariances is added up while it is positive, each at most the smallest
//! before it (Geyer's initial monotone sequence, Statistical Science 7, 1992), and `IAT = (2·ΣΓ − γ(0)) / γ(0)`.
//!
//! Most sums end after a few lags, so lags are computed only as they are asked for: the first 64
//! exactly, by counting bits, the next ones between blocks of 8, then of 64, and so on (the multiple-tau
//! scheme of Schätzel, 1990). Even a correlation as long as the run costs a few operations a bit.

/// Lags 0..64 are exact; each coarser level has block lags 8..64.
const LAGS: usize = 64;

/// How many blocks of one level make a block of the next.
const COARSENING: usize = 8;

/// A sequence of bits, packed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OutcomeSequence {
    words: Vec<u64>,
    length: usize,
}

impl FromIterator<bool> for OutcomeSequence {
    fn from_iter<I: IntoIterator<Item = bool>>(bits: I) -> OutcomeSequence {
        let mut packed = OutcomeSequence::default();
        for bit in bits {
            let position = packed.length % 64;
            if position == 0 {
                packed.words.push(0);
            }
            let last = packed.words.len() - 1;
            packed.words[last] |= u64::from(bit) << position;
            packed.length += 1;
        }
        packed
    }
}

impl OutcomeSequence {
    /// The first `length` bits of words, the lowest bit first, or all of them if there are fewer.
    pub(super) fn prefix(words: &[u64], length: u64) -> OutcomeSequence {
        let length = (length as usize).min(64 * words.len());
        let mut words = words[..length.div_ceil(64)].to_vec();
        if let (Some(last), rest @ 1..) = (words.last_mut(), length % 64) {
            *last &= (1 << rest) - 1;
        }
        OutcomeSequence { words, length }
    }

    /// The runs of equal bits in order: the bit and how often it repeats.
    pub(super) fn runs(&self) -> impl Iterator<Item = (bool, u64)> {
        let mut start = 0;
        std::iter::from_fn(move || {
            (start < self.length).then(|| {
                let bit = self.get(start);
                let end = self.end_of_run(start, bit);
                let run = (bit, (end - start) as u64);
                start = end;
                run
            })
        })
    }

    fn get(&self, index: usize) -> bool {
        self.words[index / 64] >> (index % 64) & 1 == 1
    }

    /// Where the run of `bit` that contains `start` ends.
    fn end_of_run(&self, start: usize, bit: bool) -> usize {
        let mut position = start;
        while position < self.length {
            let word = self.words[position / 64];
            let same = (if bit { word } else { !word }) >> (position % 64);
            let here = same.trailing_ones() as usize;
            let to_word_end = 64 - position % 64;
            position += here.min(to_word_end);
            if here < to_word_end {
                break;
            }
        }
        position.min(self.length)
    }

    fn ones(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    /// The integrated autocorrelation time; about 1 for independent bits, ℓ for bursts of length ℓ, and
    /// 1 for bits that are all equal.
    pub(super) fn autocorrelation_time(&self) -> f64 {
        let mean = self.ones() as f64 / self.length as f64;
        let variance = mean * (1.0 - mean);
        if self.length == 0 || variance == 0.0 {
            return 1.0;
        }
        let (mut sum, mut smallest) = (0.0, f64::INFINITY);
        for (weight, pair) in self.lag_pairs(mean) {
            if pair <= 0.0 {
                break;
            }
            smallest = pair.min(smallest);
            sum += weight * smallest;
        }
        (2.0 * sum - variance) / variance
    }

    /// Γ of adjacent pairs of lags, with the number of lags that each lag of the pair stands for.
    fn lag_pairs(&self, mean: f64) -> impl Iterator<Item = (f64, f64)> {
        let exact = (0..LAGS).step_by(2).map(move |lag| {
            (
                1.0,
                self.covariance(lag, mean) + self.covariance(lag + 1, mean),
            )
        });
        let coarse = std::iter::once_with(|| BlockSums::of_eight(self))
            .flat_map(|finest| std::iter::successors(Some(finest), |blocks| Some(blocks.coarser())))
            .take_while(|blocks| blocks.counts.len() > LAGS)
            .flat_map(move |blocks| {
                (COARSENING..LAGS).step_by(2).map(move |lag| {
                    let pair = blocks.covariance(lag, mean) + blocks.covariance(lag + 1, mean);
                    (blocks.size as f64, pair)
                })
            });
        exact.chain(coarse)
    }

    /// The sample autocovariance at a lag below 64, divided by n as Geyer's sequence wants it.
    fn covariance(&self, lag: usize, mean: f64) -> f64 {
        if lag >= self.length {
            return 0.0;
        }
        let next = self.words.iter().skip(1).chain(std::iter::once(&0));
        let both: u64 = self
            .words
            .iter()
            .zip(next)
            .map(|(&word, &next)| {
                let shifted = ((u128::from(next) << 64 | u128::from(word)) >> lag) as u64;
                u64::from((word & shifted).count_ones())
            })
            .sum();
        let total = self.ones();
        let ones_in =
            |range: std::ops::Range<usize>| range.filter(|&index| self.get(index)).count() as u64;
        let without_last = total - ones_in(self.length - lag..self.length);
        let without_first = total - ones_in(0..lag);
        let centred = both as f64 - mean * (without_last + without_first) as f64
            + (self.length - lag) as f64 * mean * mean;
        centred / self.length as f64
    }
}

/// Numbers of ones in consecutive blocks of equal size; an incomplete last block is left out.
struct BlockSums {
    size: usize,
    counts: Vec<u32>,
}

impl BlockSums {
    fn of_eight(bits: &OutcomeSequence) -> BlockSums {
        let bytes = bits.words.iter().flat_map(|word| word.to_le_bytes());
        BlockSums {
            size: 8,
            counts: bytes.take(bits.length / 8).map(u8::count_ones).collect(),
        }
    }

    fn coarser(&self) -> BlockSums {
        let counts = self
            .counts
            .chunks_exact(COARSENING)
            .map(|chunk| chunk.iter().sum())
            .collect();
        BlockSums {
            size: self.size * COARSENING,
            counts,
        }
    }

    /// The autocovariance of single bits about `lag` blocks apart, as the mean over the blocks.
    fn covariance(&self, lag: usize, mean: f64) -> f64 {
        let centre = mean * self.size as f64;
        let later = &self.counts[lag..];
        let sum: f64 = self
            .counts
            .iter()
            .zip(later)
            .map(|(&a, &b)| (f64::from(a) - centre) * (f64::from(b) - centre))
            .sum();
        sum / (self.counts.len() * self.size * self.size) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::OutcomeSequence;

    /// Bits whose every value is drawn from the hash of its index: independent, and the same everywhere.
    fn independent(length: u64, share: f64) -> OutcomeSequence {
        (0..length)
            .map(|index| {
                let hash = (index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                ((hash ^ (hash >> 31)) >> 11) as f64 * (-53.0_f64).exp2() < share
            })
            .collect()
    }

    /// Every bit of `bits` repeated `times`.
    fn repeated(bits: &OutcomeSequence, times: usize) -> OutcomeSequence {
        bits.runs()
            .flat_map(|(bit, length)| vec![bit; length as usize * times])
            .collect()
    }

    #[test]
    fn runs_are_found_across_words() {
        let lengths = [3_u64, 61, 64, 1, 130, 2, 64, 7];
        let bits: OutcomeSequence = (0..lengths.len())
            .flat_map(|i| vec![i % 2 == 1; lengths[i] as usize])
            .collect();
        let expected: Vec<(bool, u64)> = (0..lengths.len())
            .map(|i| (i % 2 == 1, lengths[i]))
            .collect();
        assert_eq!(bits.runs().collect::<Vec<_>>(), expected);
        assert_eq!(OutcomeSequence::default().runs().count(), 0);
    }

    #[test]
    fn covariances_follow_their_definition() {
        let bits = repeated(&independent(200, 0.3), 3);
        let values: Vec<f64> = (0..600).map(|i| f64::from(u8::from(bits.get(i)))).collect();
        let mean = values.iter().sum::<f64>() / 600.0;
        for lag in [0, 1, 2, 5, 31, 63] {
            let defined: f64 = values
                .iter()
                .zip(&values[lag..])
                .map(|(a, b)| (a - mean) * (b - mean))
                .sum::<f64>()
                / 600.0;
            assert!(
                (bits.covariance(lag, mean) - defined).abs() < 1e-14,
                "lag {lag}"
            );
        }
    }

    #[test]
    fn independent_bits_have_a_time_of_one() {
        for share in [0.01, 0.05, 0.5, 0.9] {
            let time = independent(1_000_000, share).autocorrelation_time();
            assert!((time - 1.0).abs() < 0.03, "share {share}: {time}");
        }
    }

    #[test]
    fn bits_that_come_in_blocks_have_the_time_of_the_block() {
        // A block of L equal bits: γ(t) falls linearly to 0 at t = L, and the sum over all lags is L.
        for length in [2, 5, 20, 100, 500] {
            let time = repeated(&independent(4_000, 0.3), length).autocorrelation_time();
            assert!(
                (time / length as f64 - 1.0).abs() < 0.15,
                "blocks of {length}: {time}"
            );
        }
    }

    #[test]
    fn bits_that_never_change_have_a_time_of_one() {
        assert_eq!(OutcomeSequence::default().autocorrelation_time(), 1.0);
        assert_eq!(
            OutcomeSequence::from_iter([true; 100]).autocorrelation_time(),
            1.0
        );
        assert_eq!(
            OutcomeSequence::from_iter([false; 100]).autocorrelation_time(),
            1.0
        );
    }
}
