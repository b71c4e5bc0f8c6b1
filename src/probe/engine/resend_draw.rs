//! Which requests are sent twice on purpose, and when: drawn from the seed before the run.

use crate::run::schedule::mix;

/// Keeps the draw apart from the schedule's.
const SALT: u64 = 0x7265_7365_6e64;

/// When the repetition of a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResendTiming {
    /// With the original.
    Concurrent,
    /// When the original has ended.
    After,
}

/// The draw of one endpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct ResendDraw {
    /// From 0 to 1.
    share: f64,
    seed: u64,
}

impl ResendDraw {
    pub(super) fn new(share: f64, seed: u64, stream: u64) -> ResendDraw {
        ResendDraw {
            share,
            seed: mix(seed ^ SALT ^ mix(stream)),
        }
    }

    /// Whether the request with this index is repeated; half of them with the original, half after it.
    pub(super) fn timing_of(self, index: u64) -> Option<ResendTiming> {
        let draw = mix(self.seed ^ mix(index));
        let uniform = (draw >> 11) as f64 / (1u64 << 53) as f64;
        (uniform < self.share).then_some(match draw & 1 {
            0 => ResendTiming::Concurrent,
            _ => ResendTiming::After,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ResendDraw, ResendTiming};

    #[test]
    fn the_share_is_drawn_and_half_of_it_is_concurrent() {
        let draw = ResendDraw::new(0.05, 7, 1);
        let drawn: Vec<ResendTiming> = (0..100_000)
            .filter_map(|index| draw.timing_of(index))
            .collect();
        // 5 000 and 2 500, five standard deviations either way.
        assert!((4_655..=5_345).contains(&drawn.len()), "{}", drawn.len());
        let concurrent = drawn
            .iter()
            .filter(|r| **r == ResendTiming::Concurrent)
            .count();
        assert!((2_250..=2_750).contains(&concurrent), "{concurrent}");
        assert_eq!(ResendDraw::new(0.0, 7, 1).timing_of(3), None);
        assert!((0..100).all(|index| ResendDraw::new(1.0, 7, 1).timing_of(index).is_some()));
    }
}
