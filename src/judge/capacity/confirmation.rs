//! Both bounds on fresh data: pairs of blocks, steps outward while a bound is not shown, and pairs between two that are.

use std::collections::VecDeque;
use std::time::Duration;

use super::options::CapacityOptions;
use super::rounding::nearest;
use super::trial::{BoundSide, PairTest, PlannedTrial, TrialPurpose, TrialVerdict};

/// Tests of one side.
const MAX_TESTS_A_SIDE: u32 = 5;

/// With this many tests in a search, the distance of two bounds is no longer refined.
const MAX_TESTS_TO_REFINE: u32 = 8;

/// An upper bound more than this many widths above the lower one says that short trials were kinder.
const FAR: f64 = 2.0;

/// What confirms the bounds next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ConfirmationStep {
    Block(PlannedTrial),
    Judge(PairTest),
}

/// The state of the confirmation.
#[derive(Clone, Debug)]
pub(super) struct Confirmation {
    /// The highest rate that is shown to pass.
    pub(super) lower: Option<f64>,
    /// The lowest rate that is shown to fail.
    pub(super) upper: Option<f64>,
    /// Pair tests planned.
    pub(super) tests: u32,
    /// The lowest rate of a block that this machine could not offer.
    pub(super) limited_at: Option<f64>,
    lower_side: SoughtBound,
    /// `None` if no upper bound is sought.
    upper_side: Option<SoughtBound>,
    roof: f64,
    queue: VecDeque<ConfirmationStep>,
    tested: Vec<f64>,
    contradicted: Vec<f64>,
    refining: Refining,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refining {
    Possible,
    Stopped,
}

/// One bound that is sought.
#[derive(Clone, Copy, Debug)]
struct SoughtBound {
    rate: f64,
    tests: u32,
    /// Whether a further step outward is allowed.
    steps: StepsLeft,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StepsLeft {
    Some,
    /// The latest step was cut to `--from` or to the roof.
    None,
}

impl SoughtBound {
    fn at(rate: f64) -> SoughtBound {
        SoughtBound {
            rate,
            tests: 0,
            steps: StepsLeft::Some,
        }
    }
}

/// Where a step outward may lead.
#[derive(Clone, Copy, Debug)]
struct StepRange {
    from: f64,
    roof: f64,
    width: f64,
}

impl Confirmation {
    /// Bounds placed by the search, and the highest rate that a step may reach.
    pub(super) fn new(lower: f64, upper: Option<f64>, roof: f64) -> Confirmation {
        Confirmation {
            lower: None,
            upper: None,
            tests: 0,
            limited_at: None,
            lower_side: SoughtBound::at(lower),
            upper_side: upper.map(SoughtBound::at),
            roof,
            queue: VecDeque::new(),
            tested: Vec::new(),
            contradicted: Vec::new(),
            refining: Refining::Possible,
        }
    }

    /// The next step; `None` if nothing is planned.
    pub(super) fn next(&self) -> Option<ConfirmationStep> {
        self.queue.front().copied()
    }

    pub(super) fn step_done(&mut self) {
        self.queue.pop_front();
    }

    /// The upper bound, shown or sought: slow spells of trials above it say nothing about the lower one.
    pub(super) fn ceiling(&self) -> Option<f64> {
        self.upper.or(self.upper_side.map(|side| side.rate))
    }

    /// Plans the first attempt. It runs even with a spent budget, which was checked before the search.
    pub(super) fn begin(&mut self, options: &CapacityOptions, spell: Option<Duration>) {
        let mut sides = vec![BoundSide::Lower];
        sides.extend(self.upper_side.map(|_| BoundSide::Upper));
        self.plan(&sides, options, spell);
    }

    /// Plans what follows an attempt: a step outward of each side that is not shown, else a pair between the bounds.
    /// Plans nothing if the search ends.
    pub(super) fn go_on(
        &mut self,
        options: &CapacityOptions,
        spent: Duration,
        spell: Option<Duration>,
    ) {
        if matches!((self.lower, self.upper), (Some(lower), Some(upper)) if lower >= upper) {
            return;
        }
        let left = options.budget.saturating_sub(spent);
        let sides = self.step_outward(options, left, spell);
        self.plan(&sides, options, spell);
        if sides.is_empty() {
            self.refine(options, left, spell);
        }
    }

    /// Moves each side that is not shown and whose two blocks fit what is left of the budget.
    fn step_outward(
        &mut self,
        options: &CapacityOptions,
        mut left: Duration,
        spell: Option<Duration>,
    ) -> Vec<BoundSide> {
        let mut sides = Vec::new();
        let range = StepRange {
            from: options.from,
            roof: self.roof,
            width: options.width,
        };
        for side in [BoundSide::Lower, BoundSide::Upper] {
            let number = self.tests + 1 + sides.len() as u32;
            let blocks = self.blocks_of(side, number, options, spell);
            let Some(bound) = self.open_side(side) else {
                continue;
            };
            let Some(stepped) = bound.stepped(side, range) else {
                continue;
            };
            if blocks > left || self.tested.contains(&stepped.rate) {
                continue;
            }
            left -= blocks;
            match side {
                BoundSide::Lower => self.lower_side = stepped,
                _ => self.upper_side = Some(stepped),
            }
            sides.push(side);
        }
        sides
    }

    /// The time of both blocks of a test of this number, with their warm-ups.
    fn blocks_of(
        &self,
        side: BoundSide,
        number: u32,
        options: &CapacityOptions,
        spell: Option<Duration>,
    ) -> Duration {
        let block = block_length(side, options.level(number), options, spell);
        2 * options.durations.with_warm_up(block)
    }

    /// A side that is sought and not shown.
    fn open_side(&self, side: BoundSide) -> Option<SoughtBound> {
        match side {
            BoundSide::Lower => self.lower.is_none().then_some(self.lower_side),
            _ if self.upper.is_none() && self.limited_at.is_none() => self.upper_side,
            _ => None,
        }
    }

    fn refine(&mut self, options: &CapacityOptions, left: Duration, spell: Option<Duration>) {
        let (Some(lower), Some(upper)) = (self.lower, self.upper) else {
            return;
        };
        let rate = nearest((lower * upper).sqrt());
        let is_between = lower < rate && rate < upper;
        let blocks = self.blocks_of(BoundSide::Middle, self.tests + 1, options, spell);
        if self.refining == Refining::Possible
            && options.is_wider(lower, upper)
            && self.tests < MAX_TESTS_TO_REFINE
            && is_between
            && !self.tested.contains(&rate)
            && blocks <= left
        {
            self.plan_pairs(
                &[SidePlan {
                    side: BoundSide::Middle,
                    rate,
                }],
                options,
                spell,
            );
        }
    }

    fn plan(&mut self, sides: &[BoundSide], options: &CapacityOptions, spell: Option<Duration>) {
        let plans: Vec<SidePlan> = sides
            .iter()
            .filter_map(|&side| {
                let bound = match side {
                    BoundSide::Upper => self.upper_side.as_mut()?,
                    _ => &mut self.lower_side,
                };
                bound.tests += 1;
                Some(SidePlan {
                    side,
                    rate: bound.rate,
                })
            })
            .collect();
        self.plan_pairs(&plans, options, spell);
    }

    /// Blocks in the order A, B, B, A, so that a linear drift is the same for both rates, then the tests.
    fn plan_pairs(
        &mut self,
        plans: &[SidePlan],
        options: &CapacityOptions,
        spell: Option<Duration>,
    ) {
        let mut blocks = Vec::new();
        let mut tests = Vec::new();
        for plan in plans {
            self.tests += 1;
            self.tested.push(plan.rate);
            let level = options.level(self.tests);
            blocks.push(ConfirmationStep::Block(PlannedTrial {
                purpose: TrialPurpose::Block(plan.side),
                rate: plan.rate,
                duration: block_length(plan.side, level, options, spell),
            }));
            tests.push(ConfirmationStep::Judge(PairTest {
                number: self.tests,
                level,
                side: plan.side,
                rate: plan.rate,
                spell,
            }));
        }
        self.queue.extend(blocks.iter().copied());
        self.queue.extend(blocks.into_iter().rev());
        self.queue.extend(tests);
    }

    /// Takes in the verdict of a pair. A PASS is a claim of L and a FAIL one of U, wherever they come.
    pub(super) fn judged(
        &mut self,
        test: &PairTest,
        verdict: TrialVerdict,
        options: &CapacityOptions,
    ) {
        let rate = test.rate;
        match verdict {
            TrialVerdict::Pass => {
                self.lower = Some(self.lower.map_or(rate, |lower| lower.max(rate)));
                if test.side == BoundSide::Upper {
                    self.contradicted.push(rate);
                    self.roof = self.roof.max((2.0 * rate).min(options.to));
                }
            }
            TrialVerdict::Fail => {
                self.upper = Some(self.upper.map_or(rate, |upper| upper.min(rate)));
                if test.side == BoundSide::Lower {
                    self.contradicted.push(rate);
                }
            }
            TrialVerdict::ClientLimited if test.side == BoundSide::Upper => {
                self.limited_at = Some(self.limited_at.map_or(rate, |at| at.min(rate)));
            }
            TrialVerdict::Growing | TrialVerdict::Undecided(_) | TrialVerdict::ClientLimited => {
                if test.side == BoundSide::Middle {
                    self.refining = Refining::Stopped;
                }
            }
        }
    }

    /// Rates at which blocks contradicted the short trials, and an upper bound far above the lower one.
    pub(super) fn not_repeatable(&self, width: f64) -> Vec<f64> {
        let mut rates = self.contradicted.clone();
        if let (Some(lower), Some(upper)) = (self.lower, self.upper)
            && upper / lower - 1.0 > FAR * width
            && !rates.contains(&upper)
        {
            rates.push(upper);
        }
        rates
    }
}

/// A pair that is to be planned.
#[derive(Clone, Copy, Debug)]
struct SidePlan {
    side: BoundSide,
    rate: f64,
}

/// A pair that may pass is long enough for a PASS at its level.
fn block_length(
    side: BoundSide,
    level: f64,
    options: &CapacityOptions,
    spell: Option<Duration>,
) -> Duration {
    match side {
        BoundSide::Lower | BoundSide::Middle => options.block_at(level, spell),
        BoundSide::Upper => options.durations.block,
    }
}

impl SoughtBound {
    /// The next step outward, by the factor `1 + width·2^(m−1)` for the m-th; `None` if none is left.
    fn stepped(self, side: BoundSide, range: StepRange) -> Option<SoughtBound> {
        if self.tests >= MAX_TESTS_A_SIDE || self.steps == StepsLeft::None {
            return None;
        }
        let factor = 1.0 + range.width * f64::from(self.tests - 1).exp2();
        let wanted = match side {
            BoundSide::Upper => nearest(self.rate * factor),
            _ => nearest(self.rate / factor),
        };
        let rate = wanted.max(range.from).min(range.roof);
        Some(SoughtBound {
            rate,
            tests: self.tests,
            steps: if rate == wanted {
                StepsLeft::Some
            } else {
                StepsLeft::None
            },
        })
    }
}
