//! Interleaved measurement: the order of the blocks, and their sums.

use std::time::Duration;

use crate::run::recording::Recording;

/// A side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SideName {
    /// What it was.
    Before,
    /// What it is now.
    After,
}

/// One block to be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The pair it belongs to, from 0.
    pub pair: u64,
    /// Whose block it is.
    pub side: SideName,
}

impl SideName {
    /// As outputs say it.
    pub fn as_str(self) -> &'static str {
        match self {
            SideName::Before => "before",
            SideName::After => "after",
        }
    }
}

/// Before, after, after, before, and so on: over two pairs a linear drift adds as much to one side as to the other, so
/// it cancels in the mean.
pub fn order_of(pairs: u64) -> impl Iterator<Item = Turn> {
    use SideName::{After, Before};
    (0..pairs).flat_map(|pair| {
        let sides = match pair % 2 {
            0 => [Before, After],
            _ => [After, Before],
        };
        sides.map(|side| Turn { pair, side })
    })
}

/// The blocks of one side as one recording, laid end to end: its time is the time in which this side was measured.
/// `None` without blocks.
pub fn whole<'a>(
    blocks: impl IntoIterator<Item = &'a Recording>,
    block: Duration,
) -> Option<Recording> {
    let mut blocks = blocks.into_iter();
    let mut whole = blocks.next()?.clone();
    for (number, next) in (1..).zip(blocks) {
        whole.append(next, block * number);
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::{SideName, order_of};

    #[test]
    fn the_order_is_abba_and_has_the_same_mean_place_for_both_sides() {
        let order: Vec<SideName> = order_of(4).map(|turn| turn.side).collect();
        use SideName::{After as B, Before as A};
        assert_eq!(order, [A, B, B, A, A, B, B, A]);
        let places = |side| -> usize { (0..8).filter(|&place| order[place] == side).sum() };
        assert_eq!(places(A), places(B));
        let pairs: Vec<u64> = order_of(4).map(|turn| turn.pair).collect();
        assert_eq!(pairs, [0, 0, 1, 1, 2, 2, 3, 3]);
    }
}
