//! Withholds a verdict on a run whose halves contradict each other: there is no one service to judge.
//!
//! A verdict is withheld only if one half, judged alone by the rules of the run, passes, the other one fails, and their
//! shares differ at the 1 % level ([`same_share`], each half divided by the φ of its own spells). For a service that
//! does not change one of the two is a false verdict at the 5 % level or better, so this happens to less than 1 in 100
//! runs, and mostly to such as would have been undecided (`tests/it/stationarity.rs` counts).
//!
//! Requests that are taken as independent (`--iid`) have no halves. In a run of fixed size the guard leaves hardly a
//! verdict to such a change, because it reads it as one long spell. An early decision of an adaptive run is final, so
//! there the halves withhold it.

use super::evidence::ProportionTest;
use super::reason::HalfResult;
use super::spec::ALPHA;
use crate::run::recording::{Bits, Rows};
use crate::stats::binomial::reaches;
use crate::stats::cluster::Clusters;
use crate::stats::stationarity::{PartCount, same_share};
use crate::verdict::Verdict;

/// Level at which the shares of the halves must differ.
const DIFFERENCE: f64 = 0.01;

/// Both halves of a run, by the number of requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Halves {
    pub(super) first: HalfEvidence,
    pub(super) second: HalfEvidence,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct HalfEvidence {
    pub(super) result: HalfResult,
    design_effect: f64,
}

impl Halves {
    pub(super) fn of(test: &ProportionTest, rows: &Rows<'_>) -> Halves {
        let middle = rows.at_most.len() / 2;
        Halves {
            first: HalfEvidence::of(test, rows, 0..middle),
            second: HalfEvidence::of(test, rows, middle..rows.at_most.len()),
        }
    }

    pub(super) fn disagree(&self) -> bool {
        let (first, second) = (&self.first.result, &self.second.result);
        let opposite = matches!(
            (first.verdict, second.verdict),
            (Verdict::Pass, Verdict::Fail) | (Verdict::Fail, Verdict::Pass)
        );
        let share = |half: &HalfResult| PartCount {
            samples: half.samples,
            exceedances: half.exceedances,
        };
        let effect = self.first.design_effect.max(self.second.design_effect);
        opposite && same_share(share(first), share(second), effect) <= DIFFERENCE
    }
}

impl HalfEvidence {
    fn of(test: &ProportionTest, rows: &Rows<'_>, range: std::ops::Range<u64>) -> HalfEvidence {
        let part = |bits: &Bits| Clusters::of(range.clone().map(|index| bits.get(index)));
        let at_most = test.at_end(part(&rows.at_most));
        let certain = if rows.at_most == rows.certain {
            at_most
        } else {
            test.at_end(part(&rows.certain))
        };
        let fails = reaches(certain.p_for_family(), ALPHA);
        HalfEvidence {
            result: HalfResult {
                samples: range.end - range.start,
                exceedances: at_most.clusters.slow.total,
                verdict: match (at_most.passes(), fails) {
                    (true, false) => Verdict::Pass,
                    (false, true) => Verdict::Fail,
                    _ => Verdict::Inconclusive,
                },
            },
            design_effect: at_most.clusters.design_effect,
        }
    }
}
