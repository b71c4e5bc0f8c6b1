//! One machine's part of a run that several machines send: which of its requests, and where they stand in the whole.

use std::fmt;
use std::str::FromStr;

/// Most shards of a run.
pub const MOST_SHARDS: u32 = 10_000;

/// Shard `index` of `count`, from 0: of every endpoint it has the requests whose index leaves this remainder. Within the
/// shard they are numbered from 0 as well.
///
/// ```
/// use a7probe::run::shard::Shard;
///
/// let shard: Shard = "1/4".parse().unwrap();
/// assert_eq!((0..3).map(|own| shard.global(own)).collect::<Vec<_>>(), [1, 5, 9]);
/// // Of ten requests, numbers 1, 5 and 9 are its own.
/// assert_eq!(shard.own_below(10), 3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

/// A text or a pair of numbers that is not a shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// Not two numbers with a slash.
    #[error("'{0}' is not a shard\nhint: write 0/8 for the first of eight, or auto")]
    Form(String),
    /// A number that the shards do not have.
    #[error(
        "there is no shard {index} of {count}\nhint: shards count from 0, and a run has 1 to {MOST_SHARDS} of them"
    )]
    Range {
        /// The number of the shard.
        index: u64,
        /// The number of shards.
        count: u64,
    },
}

impl Shard {
    /// The only shard of a run that is not divided.
    pub const WHOLE: Shard = Shard { index: 0, count: 1 };

    /// Shard `index` of `count`.
    ///
    /// # Errors
    /// [`ShardError::Range`] if there is no such shard.
    pub fn new(index: u64, count: u64) -> Result<Shard, ShardError> {
        if index >= count || count > u64::from(MOST_SHARDS) {
            return Err(ShardError::Range { index, count });
        }
        Ok(Shard {
            index: index as u32,
            count: count as u32,
        })
    }

    /// Its number, from 0.
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many shards the run has.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Whether the run is not divided.
    pub fn is_whole(self) -> bool {
        self.count == 1
    }

    /// The index that one of its requests has in the whole run.
    pub fn global(self, own: u64) -> u64 {
        own.saturating_mul(self.count.into())
            .saturating_add(self.index.into())
    }

    /// How many of the run's requests before this index are its own.
    pub fn own_below(self, global: u64) -> u64 {
        global
            .saturating_sub(u64::from(self.index))
            .div_ceil(u64::from(self.count))
    }
}

impl Default for Shard {
    fn default() -> Shard {
        Shard::WHOLE
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Shard, ShardError> {
        let number = |digits: &str| digits.parse::<u64>().ok();
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(index, count)| number(index).zip(number(count)));
        let (index, count) = numbers.ok_or_else(|| ShardError::Form(text.to_owned()))?;
        Shard::new(index, count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::Shard;

    #[test]
    fn a_shard_is_read_as_it_is_written() {
        for text in ["0/1", "7/8", "9999/10000"] {
            assert_eq!(text.parse::<Shard>().unwrap().to_string(), text);
        }
        for wrong in ["8/8", "0/0", "1/10001", "1", "a/b", "-1/8", "1/8/9", ""] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn the_shards_have_every_request_once(count in 1u64..20, planned in 0u64..200) {
            let mut all = Vec::new();
            for index in 0..count {
                let shard = Shard::new(index, count).unwrap();
                all.extend((0..shard.own_below(planned)).map(|own| shard.global(own)));
            }
            all.sort_unstable();
            proptest::prop_assert_eq!(all, (0..planned).collect::<Vec<_>>());
        }
    }
}
