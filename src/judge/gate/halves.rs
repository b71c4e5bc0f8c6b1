//! Withholds a verdict on a run whose halves contradict each other: there is no one service to judge.
//!
//! A verdict is withheld only if one half, judged by itself as the run is, passes, the other one fails, and their
//! shares differ at the 1 % level ([`same_share`], each half worth what its own bursts leave of it). For a service
//! that does not change one of the two is a false verdict at the 5 % level or better, so this happens to less than 1 in
//! 100 runs, and mostly to such as would have been undecided (`tests/it/stationarity.rs` counts).
//!
//! Requests that are taken as independent (`--iid`) have no halves. In a run of fixed size the guard leaves hardly a
//! verdict to such a change, because it reads it as one long burst; what was decided early in an adaptive run stays
//! decided, and there it is the halves that withhold it.

use super::ALPHA;
use super::evidence::ProportionTest;
use super::judge::{DecisionReason, GateTest};
use crate::run::recording::{Bits, Rows};
use crate::stats::binomial::reaches;
use crate::stats::cluster::Clusters;
use crate::stats::stationarity::same_share;
use crate::units::grouped;
use crate::verdict::Verdict;

/// Level at which the shares of the halves must differ.
const DIFFERENCE: f64 = 0.01;

/// Both halves of a run, by the number of requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Halves {
    first: Half,
    second: Half,
}

#[derive(Clone, Copy, Debug)]
struct Half {
    samples: u64,
    exceedances: u64,
    design_effect: f64,
    verdict: Verdict,
}

impl Halves {
    pub(super) fn of(test: &ProportionTest, rows: &Rows<'_>) -> Halves {
        let middle = rows.at_most.len() / 2;
        Halves {
            first: Half::of(test, rows, 0..middle),
            second: Half::of(test, rows, middle..rows.at_most.len()),
        }
    }

    fn disagree(&self) -> bool {
        let verdicts = (self.first.verdict, self.second.verdict);
        let opposite = matches!(
            verdicts,
            (Verdict::Pass, Verdict::Fail) | (Verdict::Fail, Verdict::Pass)
        );
        let share = |half: &Half| (half.samples, half.exceedances);
        let effect = self.first.design_effect.max(self.second.design_effect);
        opposite && same_share(share(&self.first), share(&self.second), effect) <= DIFFERENCE
    }
}

impl Half {
    fn of(test: &ProportionTest, rows: &Rows<'_>, range: std::ops::Range<u64>) -> Half {
        let part = |bits: &Bits| Clusters::of(range.clone().map(|index| bits.get(index)));
        let at_most = test.at_end(part(&rows.at_most));
        let certain = match rows.at_most == rows.certain {
            true => at_most,
            false => test.at_end(part(&rows.certain)),
        };
        let fails = reaches(certain.p_for_family(), ALPHA);
        Half {
            samples: range.end - range.start,
            exceedances: at_most.clusters.slow.total,
            design_effect: at_most.clusters.design_effect,
            verdict: match (at_most.passes(), fails) {
                (true, false) => Verdict::Pass,
                (false, true) => Verdict::Fail,
                _ => Verdict::Inconclusive,
            },
        }
    }
}

impl GateTest<'_> {
    /// The same ground, unless it is a verdict that the halves withhold.
    pub(super) fn held_by_halves(&self, ground: DecisionReason) -> DecisionReason {
        // Who takes requests as independent has said that their order means nothing.
        let guarded = self.test.episode.is_some();
        let disagree = || guarded && self.halves.is_some_and(|halves| halves.disagree());
        match ground {
            DecisionReason::Passed | DecisionReason::Failed if disagree() => {
                DecisionReason::HalvesDisagree
            }
            other => other,
        }
    }

    /// `none of 300 requests in the first half of the run was above 150 ms, 120 of 300 in the second: …`.
    pub(super) fn halves_in_words(&self) -> String {
        let Some(Halves { first, second }) = self.halves else {
            return String::new();
        };
        let part = |half: Half| {
            format!(
                "{} of {}",
                grouped(half.exceedances),
                self.count(half.samples)
            )
        };
        let way = match first.verdict {
            Verdict::Pass => "passes and the second fails",
            _ => "fails and the second passes",
        };
        format!(
            "{} were {} in the first half of the run and {} in the second: the first by itself {way}, so the service changed",
            part(first),
            self.beyond(),
            part(second),
        )
    }

    pub(super) fn after_halves_disagree(&self) -> String {
        match self.halves.map(|halves| halves.first.verdict) {
            Some(Verdict::Fail) => {
                "if the service was warming up, measure again with a longer --warmup; else find out what changed"
            }
            _ => "find out what changed during the run, and measure again",
        }
        .to_owned()
    }
}
