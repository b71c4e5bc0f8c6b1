//! Why a gate came out as it did, and what would decide it: one sentence each.

use std::time::Duration;

use super::judge::{DecisionReason, GateTest, RequestOrder, Uncertainty};
use super::{ALPHA, Condition, ExceedanceRange, LimitOperator};
use crate::run::completion::cause_and_hint;
use crate::run::plan::{Design, Guard};
use crate::run::recording::{Clock, Counts};
use crate::stats::binomial::{self, Projection};
use crate::stats::cluster;
use crate::stats::sequential::Mixture;
use crate::units::{Pretty, grouped, percent};
use crate::verdict::Verdict;

/// Why, in one sentence.
pub(super) fn reason(case: &GateTest<'_>, ground: DecisionReason) -> String {
    match ground {
        DecisionReason::NoData => "there are no data, and no data is never a pass".to_owned(),
        DecisionReason::Passed => format!("{}, and {}", case.seen(), case.room_to_pass()),
        DecisionReason::Failed => format!(
            "{} where at most {} are allowed{}",
            case.seen(),
            case.allowed(),
            case.caution()
        ),
        DecisionReason::InDoubt(doubt @ Uncertainty::Limited(_)) => case.doubt(doubt),
        DecisionReason::InDoubt(doubt) => {
            format!("{}, and the verdict hangs on them", case.doubt(doubt))
        }
        DecisionReason::AmongMany(gates) => format!(
            "{} where at most {} are allowed: too many by itself, but not surprising among {gates} gates",
            case.seen(),
            case.allowed()
        ),
        DecisionReason::SingleExceedance => {
            format!("{}, and a single one fails no gate", case.seen())
        }
        DecisionReason::TooFew => format!(
            "{} cannot carry {}: even with none {} it takes {}; {}",
            case.count(case.n),
            case.article_and_metric(),
            case.beyond(),
            case.what_a_pass_takes(),
            case.seen(),
        ),
        DecisionReason::OrderUnknown => format!(
            "{}, but {}, so nobody knows whether they came in bursts, and the verdict hangs on it",
            case.seen(),
            case.why_without_order()
        ),
        DecisionReason::FewEpisodes(_) => format!(
            "{} where at most {} are allowed, but {}: that could be an accident",
            case.seen(),
            case.allowed(),
            case.in_episodes()
        ),
        DecisionReason::NotExcluded(samples) => format!(
            "{}, but to exclude slow episodes of {} takes {}{}",
            case.seen(),
            case.episode(),
            case.count(samples),
            case.because_of_episodes()
        ),
        DecisionReason::Turned => format!(
            "{}: shown to be within {} for a part of the run and beyond it for another, so the service changed",
            case.seen(),
            percent(case.theta0)
        ),
        DecisionReason::HalvesDisagree => case.halves_in_words(),
        DecisionReason::Undecided => format!(
            "{}, {}: {}",
            case.seen_with_share(),
            case.beside_the_limit(),
            case.room_both_ways()
        ),
    }
}

/// What would decide it, if anything would.
pub(super) fn next_step(case: &GateTest<'_>, ground: DecisionReason) -> Option<String> {
    Some(match ground {
        DecisionReason::Passed | DecisionReason::Failed => return None,
        DecisionReason::NoData => {
            "check that the run reached this endpoint and was not cut at once".to_owned()
        }
        DecisionReason::InDoubt(Uncertainty::Bucket) if case.is_completion() => {
            "let the server tell when an event was done (--audit-done-at), or measure with this gate"
                .to_owned()
        }
        DecisionReason::InDoubt(Uncertainty::Bucket) if case.is_imported() => {
            "give a file that has every latency, or measure with this gate".to_owned()
        }
        DecisionReason::InDoubt(Uncertainty::Bucket) => {
            "measure again with this gate, so that its target is counted exactly".to_owned()
        }
        DecisionReason::InDoubt(Uncertainty::OwnError) => {
            "measure from a quieter machine, or move the target away from what was measured"
                .to_owned()
        }
        DecisionReason::InDoubt(Uncertainty::Limited(limitation)) => limitation.remedy().to_owned(),
        DecisionReason::InDoubt(Uncertainty::SendLag) => {
            "measure from a quieter machine, or at a lower rate".to_owned()
        }
        DecisionReason::InDoubt(Uncertainty::Client) if case.is_completion() => {
            "look at the service, and audit again".to_owned()
        }
        DecisionReason::InDoubt(Uncertainty::Client) if case.counts().unsent > 0 => {
            "let the run finish".to_owned()
        }
        DecisionReason::InDoubt(Uncertainty::Client) => {
            "raise the limit of open files (ulimit -n), or lower the rate".to_owned()
        }
        DecisionReason::OrderUnknown if case.is_imported() => {
            "give a file that has every request in the order of time, or take requests as independent with --iid"
                .to_owned()
        }
        DecisionReason::OrderUnknown => {
            "measure again with this gate, so that its target is counted in order, or take requests as independent with --iid"
                .to_owned()
        }
        DecisionReason::FewEpisodes(condition) => case.episodes_that_fail(condition),
        DecisionReason::NotExcluded(samples) => case.time_that_excludes(samples),
        DecisionReason::HalvesDisagree => case.after_halves_disagree(),
        DecisionReason::Turned => "find out what changed during the run, and measure again".to_owned(),
        DecisionReason::AmongMany(gates) => case.samples_that_decide(ALPHA / gates as f64),
        DecisionReason::Undecided if case.order_matters() => format!(
            "measure with this gate, so that its target is counted in order; {}",
            case.samples_that_decide(ALPHA)
        ),
        DecisionReason::TooFew | DecisionReason::Undecided | DecisionReason::SingleExceedance => {
            case.samples_that_decide(ALPHA)
        }
    })
}

impl GateTest<'_> {
    fn counts(&self) -> &Counts {
        &self.subject.recording.counts
    }

    /// `600 requests`; what another tool measured are samples.
    pub(super) fn count(&self, n: u64) -> String {
        format!("{} {}", grouped(n), self.noun(n))
    }

    /// Whether another tool measured it.
    fn is_imported(&self) -> bool {
        self.subject.recording.clock == Clock::Given && !self.is_completion()
    }

    /// Whether it is about the time until accepted events were done.
    fn is_completion(&self) -> bool {
        self.gate.condition.done_quantile().is_some()
    }

    /// What came instead of the state of an event.
    fn last_trouble(&self) -> String {
        let completion = self.subject.audit.and_then(|audit| audit.completion());
        let trouble = completion.and_then(|completion| completion.trouble());
        trouble.map_or_else(String::new, |last| {
            format!(" (the last answer: {})", cause_and_hint(last).0)
        })
    }

    fn why_without_order(&self) -> &'static str {
        match self.is_imported() {
            true => "the file does not keep the order of time",
            false => "the target was not counted in the run",
        }
    }

    fn noun(&self, n: u64) -> &'static str {
        match (self.subject.recording.clock, n) {
            (_, 1) if self.is_completion() => "accepted event",
            (_, _) if self.is_completion() => "accepted events",
            (Clock::Given, 1) => "sample",
            (Clock::Given, _) => "samples",
            (Clock::IntendedStart | Clock::Send, 1) => "request",
            (Clock::IntendedStart | Clock::Send, _) => "requests",
        }
    }

    /// `57 of 600 requests were above 150 ms (55 slow, 2 timed out)`.
    fn seen(&self) -> String {
        self.observation("")
    }

    /// `24 of 600 requests (4 %) were above 150 ms`.
    fn seen_with_share(&self) -> String {
        let share = self.exceeding.at_most as f64 / self.n as f64;
        self.observation(&format!(" ({})", percent(share)))
    }

    fn observation(&self, share: &str) -> String {
        let ExceedanceRange {
            at_least,
            at_most: k,
        } = self.exceeding;
        let of = format!("of {}{share}", self.count(self.n));
        let beyond = self.beyond();
        if self.doubt == Some(Uncertainty::Bucket) && at_least < k {
            let range = format!("between {} and {}", grouped(at_least), grouped(k));
            return format!("{range} {of} were {beyond}");
        }
        let breakdown = self.breakdown(k);
        match (self.gate.condition, k) {
            (Condition::ErrorRate { .. }, 0) => format!("all {} ended ok", self.count(self.n)),
            (Condition::ErrorRate { .. }, k) => {
                format!("{} {of} did not end ok{breakdown}", grouped(k))
            }
            (_, 0) => format!("none {of} was {beyond}"),
            (_, 1) => format!("1 {of} was {beyond}{breakdown}"),
            (_, k) => format!("{} {of} were {beyond}{breakdown}", grouped(k)),
        }
    }

    /// `above 150 ms`.
    pub(super) fn beyond(&self) -> String {
        match self.gate.condition {
            Condition::Done { limit, .. } => format!("not done after {}", Pretty(limit)),
            Condition::Latency {
                operator: LimitOperator::AtMost,
                limit,
                ..
            } => format!("above {}", Pretty(limit)),
            Condition::Latency {
                operator: LimitOperator::Below,
                limit,
                ..
            } => format!("not below {}", Pretty(limit)),
            _ => "failed".to_owned(),
        }
    }

    /// How the exceedances ended, where not all of them were merely slow.
    fn breakdown(&self, k: u64) -> String {
        let counts = self.counts();
        let parts = [
            (k.saturating_sub(counts.not_ok()), "slow"),
            (
                counts.failed_total(),
                match self.is_completion() {
                    true => "unread",
                    false => "failed",
                },
            ),
            (
                counts.timeout,
                match self.is_completion() {
                    true => "never",
                    false => "timed out",
                },
            ),
            (counts.unsent, "never sent"),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|&(count, _)| count > 0)
            .map(|(count, word)| format!("{} {word}", grouped(count)))
            .collect();
        match counts.not_ok() {
            0 => String::new(),
            _ => format!(" ({})", parts.join(", ")),
        }
    }

    /// `30 (5 %)`; the share alone where it is less than one request.
    fn allowed(&self) -> String {
        // The product may fall short of a whole number by rounding alone.
        let whole = (self.n as f64 * self.theta0 + 1e-9).floor() as u64;
        match whole {
            0 => percent(self.theta0),
            whole => format!("{} ({})", grouped(whole), percent(self.theta0)),
        }
    }

    fn room_to_pass(&self) -> String {
        if let Design::Adaptive = self.test.design {
            return format!(
                "that was enough to show that at most {} are",
                percent(self.theta0)
            );
        }
        if self.order_matters() {
            return format!(
                "in whatever order, that shows that at most {} are",
                percent(self.theta0)
            );
        }
        if self.effect() > 1.0 {
            return format!(
                "{} shows that at most {} are",
                self.worth(),
                percent(self.theta0)
            );
        }
        match binomial::max_exceedances_to_pass(self.n, self.theta0, ALPHA) {
            None | Some(0) => "a single one would have left it open".to_owned(),
            Some(most) => format!("up to {} would pass", grouped(most)),
        }
    }

    /// Whether a verdict hangs on an order that nobody knows.
    fn order_matters(&self) -> bool {
        self.order == RequestOrder::Unknown
            && self.exceeding.at_most > 0
            && self.test.episode.is_some()
    }

    /// `too near the 5 % allowed`, where it is near.
    fn beside_the_limit(&self) -> String {
        let share = self.exceeding.at_most as f64 / self.n as f64;
        let allowed = percent(self.theta0);
        match share <= 2.0 * self.theta0 {
            true => format!("too near the {allowed} allowed"),
            false => format!("where {allowed} are allowed"),
        }
    }

    /// `59 to pass`, and what excluding slow episodes adds.
    fn what_a_pass_takes(&self) -> String {
        let (by_number, needed) = (self.needed_by_number(), self.needed());
        match needed > by_number {
            true => format!(
                "{} to pass, and {} to exclude slow episodes of {}",
                grouped(by_number),
                grouped(needed),
                self.episode()
            ),
            false => format!("{} to pass", grouped(needed)),
        }
    }

    fn room_both_ways(&self) -> String {
        if self.order_matters() {
            return format!(
                "{}, so nobody knows whether they came in bursts",
                self.why_without_order()
            );
        }
        if self.effect() > 1.0 {
            return format!("{} decides neither way", self.worth());
        }
        let (pass, fail) = match self.test.design {
            Design::Fixed => (
                binomial::max_exceedances_to_pass(self.n, self.theta0, ALPHA),
                binomial::min_exceedances_to_fail(self.n, self.theta0, ALPHA),
            ),
            Design::Adaptive => {
                let mixture = Mixture::new(self.theta0);
                (
                    mixture.max_exceedances_to_pass(self.n, ALPHA),
                    mixture.min_exceedances_to_fail(self.n, ALPHA),
                )
            }
        };
        let pass = pass.map(|k| format!("up to {} would pass", grouped(k)));
        let fail = fail.map(|k| format!("{} or more would fail", grouped(k)));
        let both: Vec<String> = pass.into_iter().chain(fail).collect();
        both.join(", ")
    }

    /// What a failure of a percentile that the sample cannot resolve says, and what it does not say.
    fn caution(&self) -> String {
        match self.n < self.needed_by_number() {
            true => format!(
                "; {} cannot carry {} ({}a pass takes {}), but they can refute it",
                self.count(self.n),
                self.article_and_metric(),
                self.is_maximum(),
                grouped(self.needed()),
            ),
            false => String::new(),
        }
    }

    /// Says so where the percentile is nothing but the slowest of all.
    fn is_maximum(&self) -> &'static str {
        let condition = &self.gate.condition;
        match condition.quantile().or(condition.done_quantile()) {
            Some(quantile) if quantile.rank(self.n) == self.n => "here it is the maximum; ",
            _ => "",
        }
    }

    /// φ as it was seen; 1 where requests are taken as independent or their order is not known.
    fn effect(&self) -> f64 {
        match (self.test.episode, self.order) {
            (Some(_), RequestOrder::Known) => self.sides.at_most.clusters.design_effect,
            _ => 1.0,
        }
    }

    /// `what 600 requests in 4 bursts are worth, 37 independent ones,`.
    fn worth(&self) -> String {
        let independent = (self.n as f64 / self.effect()).round() as u64;
        format!(
            "they came {}, and {} in such bursts are worth {} independent ones, which",
            self.in_episodes(),
            self.count(self.n),
            grouped(independent)
        )
    }

    /// `in 2 episodes, the longest of 31 requests`.
    fn in_episodes(&self) -> String {
        let slow = &self.sides.at_most.clusters.slow;
        match slow.count {
            1 => format!("in a single episode of {}", self.count(slow.longest)),
            count => format!(
                "in {} episodes, the longest of {}",
                grouped(count),
                self.count(slow.longest)
            ),
        }
    }

    /// τ0, and where there is no rate what stands for it.
    fn episode(&self) -> String {
        match (self.subject.guard, self.subject.rate_per_s) {
            (Guard::Episode(episode), Some(_)) => Pretty(episode).to_string(),
            (_, _) => self.count(1),
        }
    }

    /// What the episodes that were seen add to the samples that it takes.
    fn because_of_episodes(&self) -> String {
        match self.sides.at_most.clusters.slow.count {
            0 => String::new(),
            _ => format!(", given that there were some ({})", self.in_episodes()),
        }
    }

    fn episodes_that_fail(&self, condition: cluster::EpisodeCondition) -> String {
        match condition {
            cluster::EpisodeCondition::NeedsSamples(samples) => {
                format!(
                    "{}: that would do if it goes on like this",
                    self.run_of(samples)
                )
            }
            _ => "run longer: a third slow episode would show that they are no accident".to_owned(),
        }
    }

    fn time_that_excludes(&self, samples: u64) -> String {
        format!(
            "{} for {} to exclude {} episodes",
            self.run_of(samples),
            self.metric(),
            self.episode()
        )
    }

    /// `run at least 30 s`, or how many samples where time is not known.
    fn run_of(&self, samples: u64) -> String {
        match self.subject.rate_per_s {
            Some(rate) => {
                let tenths = (samples as f64 / rate * 10.0 - 1e-9).ceil();
                let time = Duration::from_millis(tenths as u64 * 100);
                format!("run at least {}", Pretty(time))
            }
            None => format!("take at least {}", self.count(samples)),
        }
    }

    fn metric(&self) -> String {
        let condition = &self.gate.condition;
        match (condition.quantile(), condition.done_quantile()) {
            (Some(quantile), _) => quantile.to_string(),
            (None, Some(quantile)) => format!("{quantile} of the time to completion"),
            (None, None) => "the error rate".to_owned(),
        }
    }

    fn article_and_metric(&self) -> String {
        match self.gate.condition {
            Condition::ErrorRate { limit, .. } => format!("an error rate of {limit}"),
            _ => format!("a {}", self.metric()),
        }
    }

    fn doubt(&self, doubt: Uncertainty) -> String {
        let counts = self.counts();
        let range = format!(
            "between {} and {} of {} are {}",
            grouped(self.exceeding.at_least),
            grouped(self.exceeding.at_most),
            self.count(self.n),
            self.beyond()
        );
        match doubt {
            Uncertainty::Client if self.is_completion() => format!(
                "the state of {} could not be read when the audit ended{}, so {range}",
                self.count(counts.client_side()),
                self.last_trouble()
            ),
            Uncertainty::Client if counts.unsent > 0 => format!(
                "the run was cut and {} never sent, so {range}",
                self.count(counts.client_side())
            ),
            Uncertainty::Client => format!(
                "{} failed for a cause on this machine (no free file descriptor or local port), so {range}",
                self.count(counts.client_side())
            ),
            Uncertainty::Bucket if self.is_completion() => {
                format!("the audit does not tell more than that {range}")
            }
            Uncertainty::Bucket if self.is_imported() => {
                format!("the file does not tell more than that {range}")
            }
            Uncertainty::Bucket => format!(
                "the target was not counted in the run and lies inside a histogram's bucket, so {range}"
            ),
            Uncertainty::SendLag => {
                format!("client-limited: this machine sent late; without its own delay {range}")
            }
            Uncertainty::OwnError => format!(
                "measurement: the instrument's own error is up to {}, so {range} by the server's own doing",
                Pretty(self.subject.recording.own_error)
            ),
            Uncertainty::Limited(limitation) => format!(
                "client-limited: {limitation}, and only {} of {} are so far {} that this cannot be the reason",
                grouped(self.exceeding.at_least),
                self.count(self.n),
                self.beyond()
            ),
        }
    }

    /// When its test would decide, looked at then, each request worth what it is worth now.
    fn projection(&self, alpha: f64) -> Option<Projection> {
        let effect = self.effect();
        let worth = |count: u64| count as f64 / effect;
        let (n, k) = (worth(self.n), worth(self.exceeding.at_most));
        let projection = match self.test.design {
            Design::Fixed => {
                let (n, k) = (n.round() as u64, k.round() as u64);
                binomial::samples_to_decide(n, k, self.theta0, alpha)
            }
            Design::Adaptive => Mixture::new(self.theta0).samples_to_decide(n, k, alpha),
        }?;
        Some(Projection {
            samples: (projection.samples as f64 * effect).ceil() as u64,
            ..projection
        })
    }

    /// How many more requests would decide it, if they went on as those so far.
    fn samples_that_decide(&self, alpha: f64) -> String {
        let needed = self.needed();
        let k = self.exceeding.at_most;
        match self.projection(alpha).filter(|_| k > 0) {
            Some(Projection { verdict, samples }) if samples > self.n => {
                let total = match verdict {
                    Verdict::Pass => samples.max(needed),
                    _ => samples,
                };
                let more = total - self.n;
                let outcome = match verdict {
                    Verdict::Pass => "a pass",
                    _ => "a failure",
                };
                format!(
                    "about {} more {} at this rate would show {outcome}",
                    grouped(more),
                    self.noun(more)
                )
            }
            _ if self.n < needed => format!(
                "at least {} are needed for {} to pass",
                self.count(needed),
                self.metric()
            ),
            Some(_) => format!("a few more {} would decide it", self.noun(2)),
            None => "the share is too near the limit for any number of samples; move the target"
                .to_owned(),
        }
    }
}
