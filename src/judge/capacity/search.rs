//! The search as a state machine: outcomes of trials in, the next trial out.

use std::time::Duration;

use super::confirmation::{Confirmation, ConfirmationStep};
use super::end::{CapacityEnd, CapacityResult, SearchedRange};
use super::options::CapacityOptions;
use super::rounding::{downward, nearest, upward};
use super::trial::{
    PairTest, PlannedTrial, Recovery, SearchAction, ShareSide, TrialPurpose, TrialVerdict,
};

/// A search for the highest rate within the gates.
///
/// The caller does what [`CapacitySearch::next`] says, reports how it ended, and asks again:
///
/// ```
/// use std::time::Duration;
/// use a7probe::judge::capacity::{
///     CapacityEnd, CapacityGoal, CapacityOptions, CapacitySearch, Recovery, SearchAction, ShareSide,
///     TrialDurations, TrialVerdict,
/// };
///
/// let goal = CapacityGoal {
///     theta0: 0.05,
///     limit: Duration::from_millis(150),
///     spell: Some(Duration::from_millis(100)),
/// };
/// let mut search = CapacitySearch::new(CapacityOptions {
///     from: 20.0,
///     to: 2_000.0,
///     width: 0.1,
///     budget: Duration::from_secs(900),
///     alpha: 0.05,
///     goal,
///     durations: TrialDurations::of(&goal, 0.1, Duration::from_secs(30)),
/// });
/// // A service that holds below 200/s.
/// let verdict = |rate: f64| if rate < 200.0 { TrialVerdict::Pass } else { TrialVerdict::Fail };
/// let (no_spell, took) = (Duration::ZERO, Duration::from_secs(5));
/// loop {
///     match search.next() {
///         SearchAction::Send(trial) => search.trial_ended(verdict(trial.rate), no_spell, took),
///         SearchAction::Recover { .. } => search.recovery_ended(Recovery::Recovered, took),
///         SearchAction::Judge(test) => search.pair_judged(verdict(test.rate)),
///         SearchAction::End => break,
///     }
/// }
/// let found = search.result();
/// assert_eq!(found.end, CapacityEnd::Claimed);
/// assert_eq!((found.lower, found.upper), (Some(190.0), Some(207.0)));
/// ```
#[derive(Clone, Debug)]
pub struct CapacitySearch {
    options: CapacityOptions,
    spent: Duration,
    stage: SearchStage,
    /// The rate before a recovery that is due.
    recovers_after: Option<f64>,
    range: SearchedRange,
    /// Why the upper end of the range is bad.
    high_cause: HighCause,
    /// The highest screening rate.
    highest_screen: f64,
    spells: Vec<SeenSpell>,
    confirmation: Option<Confirmation>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum SearchStage {
    Reference,
    Expand { rate: f64 },
    Narrow { rate: f64 },
    Confirm,
    Ended(CapacityEnd),
}

/// Why the lowest bad rate is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HighCause {
    Service,
    ThisMachine,
}

/// The longest slow spell of a trial that did not fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SeenSpell {
    pub(super) rate: f64,
    pub(super) length: Duration,
}

impl CapacitySearch {
    /// A search that has sent nothing.
    ///
    /// # Panics
    /// If not `0 < from ≤ to`, or the width is not positive.
    pub fn new(options: CapacityOptions) -> CapacitySearch {
        let CapacityOptions {
            from, to, width, ..
        } = options;
        assert!(0.0 < from && from <= to && to.is_finite(), "no rates");
        assert!(width > 0.0, "no width: {width}");
        CapacitySearch {
            options,
            spent: Duration::ZERO,
            stage: SearchStage::Reference,
            recovers_after: None,
            range: SearchedRange {
                low: from,
                high: None,
            },
            high_cause: HighCause::Service,
            highest_screen: from,
            spells: Vec::new(),
            confirmation: None,
        }
    }

    /// The next step.
    pub fn next(&self) -> SearchAction {
        if let Some(after) = self.recovers_after {
            return SearchAction::Recover { after };
        }
        let durations = &self.options.durations;
        let send = |purpose, rate, duration| {
            SearchAction::Send(PlannedTrial {
                purpose,
                rate,
                duration,
            })
        };
        match self.stage {
            SearchStage::Reference => send(
                TrialPurpose::Reference,
                self.options.from,
                durations.reference,
            ),
            SearchStage::Expand { rate } => send(TrialPurpose::Expand, rate, durations.screen),
            SearchStage::Narrow { rate } => send(TrialPurpose::Narrow, rate, durations.narrow),
            SearchStage::Confirm => self.next_of_confirmation(),
            SearchStage::Ended(_) => SearchAction::End,
        }
    }

    fn next_of_confirmation(&self) -> SearchAction {
        match self.confirmation.as_ref().and_then(Confirmation::next) {
            Some(ConfirmationStep::Block(trial)) => SearchAction::Send(trial),
            Some(ConfirmationStep::Judge(test)) => SearchAction::Judge(self.with_spell(test)),
            None => SearchAction::End,
        }
    }

    /// Slow spells of trials up to the upper bound count, the ones of the blocks before this test too.
    fn with_spell(&self, test: PairTest) -> PairTest {
        let ceiling = self.confirmation.as_ref().and_then(Confirmation::ceiling);
        PairTest {
            spell: self.spell_up_to(ceiling),
            ..test
        }
    }

    fn spell_up_to(&self, ceiling: Option<f64>) -> Option<Duration> {
        let seen = self.spells.iter();
        let counted = seen.filter(|spell| ceiling.is_none_or(|ceiling| spell.rate <= ceiling));
        let longest = counted.map(|spell| spell.length).max().unwrap_or_default();
        Some(self.options.goal.spell?.max(longest))
    }

    /// Reports how the trial ended that was asked for, its longest slow spell, and how long it took with its warm-up.
    /// For a narrowing trial PASS and FAIL are what is shown, for the others too; a screening trial that shows no FAIL
    /// is good.
    ///
    /// # Panics
    /// If no trial was due.
    pub fn trial_ended(&mut self, verdict: TrialVerdict, longest_spell: Duration, took: Duration) {
        let SearchAction::Send(trial) = self.next() else {
            panic!("no trial was due");
        };
        self.spent += took;
        if !verdict.is_failure() {
            self.spells.push(SeenSpell {
                rate: trial.rate,
                length: longest_spell,
            });
        }
        match self.stage {
            SearchStage::Reference => self.reference_ended(verdict),
            SearchStage::Expand { rate } => self.screen_ended(rate, verdict),
            SearchStage::Narrow { rate } => self.narrow_ended(rate, verdict),
            SearchStage::Confirm => self.block_ended(trial.rate, verdict),
            SearchStage::Ended(_) => {}
        }
    }

    fn reference_ended(&mut self, verdict: TrialVerdict) {
        let from = self.options.from;
        self.stage = match verdict {
            TrialVerdict::Fail | TrialVerdict::Growing => {
                SearchStage::Ended(CapacityEnd::LessThanFrom)
            }
            TrialVerdict::ClientLimited => {
                SearchStage::Ended(CapacityEnd::ClientLimited { at: from })
            }
            TrialVerdict::Pass | TrialVerdict::Undecided(_) => {
                self.expand_from(from);
                return;
            }
        };
    }

    fn expand_from(&mut self, rate: f64) {
        if rate < self.options.to {
            let rate = nearest(2.0 * rate).min(self.options.to);
            self.stage = SearchStage::Expand { rate };
        } else {
            self.narrow();
        }
    }

    fn screen_ended(&mut self, rate: f64, verdict: TrialVerdict) {
        self.highest_screen = rate;
        match verdict {
            TrialVerdict::Fail | TrialVerdict::Growing | TrialVerdict::ClientLimited => {
                self.is_bad(rate, verdict);
                self.narrow();
            }
            TrialVerdict::Pass | TrialVerdict::Undecided(_) => {
                self.range.low = rate;
                self.expand_from(rate);
            }
        }
    }

    fn is_bad(&mut self, rate: f64, verdict: TrialVerdict) {
        self.range.high = Some(rate);
        if verdict == TrialVerdict::ClientLimited {
            self.high_cause = HighCause::ThisMachine;
        } else {
            self.high_cause = HighCause::Service;
            self.recovers_after = Some(rate);
        }
    }

    fn narrow_ended(&mut self, rate: f64, verdict: TrialVerdict) {
        match verdict {
            TrialVerdict::Pass | TrialVerdict::Undecided(ShareSide::Within) => {
                self.range.low = rate;
            }
            _ => self.is_bad(rate, verdict),
        }
        self.narrow();
    }

    /// The next narrowing trial, or the first attempt of the confirmation.
    fn narrow(&mut self) {
        let SearchedRange { low, high } = self.range;
        if let Some(high) = high
            && self.options.is_wider(low, high)
            && self.fits_with_four_blocks()
        {
            let rate = nearest((low * high).sqrt());
            if low < rate && rate < high {
                self.stage = SearchStage::Narrow { rate };
                return;
            }
        }
        self.place();
    }

    fn fits_with_four_blocks(&self) -> bool {
        let durations = &self.options.durations;
        let narrow = durations.with_warm_up(durations.narrow);
        let blocks = 4 * durations.with_warm_up(durations.block);
        self.spent + narrow + blocks <= self.options.budget
    }

    fn place(&mut self) {
        let SearchedRange { low, high } = self.range;
        let spread = (1.0 + self.options.width).sqrt();
        let mut confirmation = match (high, self.high_cause) {
            (Some(high), HighCause::Service) => {
                let center = (low * high).sqrt();
                let lower = upward(center / spread).max(self.options.from);
                let upper = downward(center * spread).min(self.highest_screen);
                Confirmation::new(lower, Some(upper), self.highest_screen)
            }
            (Some(_), HighCause::ThisMachine) | (None, _) => {
                Confirmation::new(low, None, self.highest_screen)
            }
        };
        let spell = self.spell_up_to(confirmation.ceiling());
        confirmation.begin(&self.options, spell);
        self.confirmation = Some(confirmation);
        self.stage = SearchStage::Confirm;
    }

    fn block_ended(&mut self, rate: f64, verdict: TrialVerdict) {
        if verdict.is_beyond() {
            self.recovers_after = Some(rate);
        }
        if let Some(confirmation) = &mut self.confirmation {
            confirmation.step_done();
        }
    }

    /// Reports how the recovery ended, and how long it took.
    ///
    /// # Panics
    /// If no recovery was due.
    pub fn recovery_ended(&mut self, recovery: Recovery, took: Duration) {
        let Some(after) = self.recovers_after.take() else {
            panic!("no recovery was due");
        };
        self.spent += took;
        if recovery == Recovery::StillWorse {
            self.stage = SearchStage::Ended(CapacityEnd::DoesNotRecover { after });
        }
    }

    /// Reports the verdict of both blocks of a rate as one sample.
    ///
    /// # Panics
    /// If no test was due.
    pub fn pair_judged(&mut self, verdict: TrialVerdict) {
        let SearchAction::Judge(test) = self.next() else {
            panic!("no test was due");
        };
        let Some(confirmation) = &mut self.confirmation else {
            return;
        };
        confirmation.judged(&test, verdict, &self.options);
        confirmation.step_done();
        if confirmation.next().is_none() {
            let spell =
                self.spell_up_to(self.confirmation.as_ref().and_then(Confirmation::ceiling));
            if let Some(confirmation) = &mut self.confirmation {
                confirmation.go_on(&self.options, self.spent, spell);
            }
            if self.next() == SearchAction::End {
                self.stage = SearchStage::Ended(self.end_of_confirmation());
            }
        }
    }

    fn end_of_confirmation(&self) -> CapacityEnd {
        let Some(confirmation) = &self.confirmation else {
            return CapacityEnd::Undecided;
        };
        match (confirmation.lower, confirmation.upper) {
            (Some(lower), Some(upper)) if lower >= upper => CapacityEnd::Contradiction,
            (Some(lower), Some(upper)) if self.options.is_wider(lower, upper) => {
                CapacityEnd::ClaimedWide
            }
            (Some(_), Some(_)) => CapacityEnd::Claimed,
            (Some(lower), None) if lower >= self.options.to => CapacityEnd::NeverFailed,
            (Some(_), None) => self.end_without_upper(confirmation),
            // The pair at the lowest rate failed.
            (None, Some(upper)) if upper <= self.options.from => CapacityEnd::LessThanFrom,
            (None, Some(_)) => CapacityEnd::LowerNotShown,
            (None, None) => CapacityEnd::Undecided,
        }
    }

    fn end_without_upper(&self, confirmation: &Confirmation) -> CapacityEnd {
        match (confirmation.limited_at, self.range.high, self.high_cause) {
            (Some(at), _, _) | (None, Some(at), HighCause::ThisMachine) => {
                CapacityEnd::ClientLimited { at }
            }
            (None, Some(_), HighCause::Service) => CapacityEnd::UpperNotShown,
            (None, None, _) => CapacityEnd::NeverFailed,
        }
    }

    /// The result; of a search that has not ended, the bounds that are shown already.
    pub fn result(&self) -> CapacityResult {
        let end = match self.stage {
            SearchStage::Ended(end) => end,
            _ => self.end_of_confirmation(),
        };
        let (lower, upper) = match (end, &self.confirmation) {
            (CapacityEnd::Contradiction, _) => (None, None),
            (CapacityEnd::LessThanFrom, None) => (None, Some(self.options.from)),
            (_, Some(shown)) => (shown.lower, shown.upper),
            (_, None) => (None, None),
        };
        let confirmation = self.confirmation.as_ref();
        CapacityResult {
            end,
            lower,
            upper,
            searched: confirmation.map(|_| self.range),
            not_repeatable: confirmation
                .map(|confirmation| confirmation.not_repeatable(self.options.width))
                .unwrap_or_default(),
            pair_tests: confirmation.map_or(0, |confirmation| confirmation.tests),
        }
    }

    /// The time of all trials and recoveries that were reported.
    pub fn spent(&self) -> Duration {
        self.spent
    }

    /// The options of the search.
    pub fn options(&self) -> &CapacityOptions {
        &self.options
    }
}
