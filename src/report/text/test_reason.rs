//! What a test of a share decided, in one sentence.

use super::limitation::limitation;
use super::sample::{beyond, count, metric};
use crate::judge::gate::{
    BurstWorth, Condition, Counting, DecisionReason, ExceedanceRange, Exclusion, Finding,
    HalfResult, PassMargin, SampleUnit, SlowEpisodes, TestedSample, Uncertainty, UndecidedMargin,
};
use crate::units::{Pretty, grouped, percent};
use crate::verdict::Verdict;

/// A tested gate and what it was tested on.
pub(super) struct TestedText<'a> {
    finding: &'a Finding,
    sample: &'a TestedSample,
    /// The share that the gate allows.
    theta0: f64,
}

impl<'a> TestedText<'a> {
    pub(super) fn new(finding: &'a Finding, sample: &'a TestedSample) -> TestedText<'a> {
        TestedText {
            finding,
            sample,
            // Only conditions that allow a share are tested.
            theta0: finding.gate.condition.allowed_share().unwrap_or_default(),
        }
    }

    pub(super) fn reason(&self, decision: &DecisionReason) -> String {
        match decision {
            DecisionReason::NoData => "no data to judge".to_owned(),
            DecisionReason::Passed(margin) => {
                format!("{}, and {}", self.seen(), self.pass_margin(margin))
            }
            DecisionReason::Failed { pass_from } => {
                format!("{}{}", self.seen_and_allowed(), self.caution(*pass_from))
            }
            DecisionReason::Uncertain(uncertainty) => self.uncertain(uncertainty),
            DecisionReason::AmongMany { gates } => format!(
                "{}: too many for one gate alone, but not surprising among {gates} gates",
                self.seen_and_allowed()
            ),
            DecisionReason::SingleExceedance => {
                format!("{}, and one alone cannot fail a gate", self.seen())
            }
            DecisionReason::TooFew {
                by_number,
                exclusion,
            } => format!(
                "{} cannot pass with {}, even with none {}: needs {}; {}",
                tested_metric(&self.finding.gate.condition),
                self.count(self.finding.n),
                self.beyond(),
                self.pass_needs(*by_number, *exclusion),
                self.seen(),
            ),
            DecisionReason::OrderUnknown => format!(
                "{}; {}, so slow spells cannot be seen, and the verdict depends on them",
                self.seen(),
                self.why_without_order()
            ),
            DecisionReason::FewEpisodes(episodes) => format!(
                "{}, {}: that may be chance",
                self.seen_and_allowed(),
                self.in_episodes(*episodes)
            ),
            DecisionReason::NotExcluded { exclusion, seen } => format!(
                "{}, but allowing for slow spells of {} needs {}{}",
                self.seen(),
                self.episode(*exclusion),
                self.count(exclusion.samples),
                self.because_of_episodes(*seen)
            ),
            DecisionReason::ShownBothWays => format!(
                "{}: shown to be within {} in one part of the run and beyond it in another, so the service changed",
                self.seen(),
                percent(self.theta0)
            ),
            DecisionReason::HalvesDisagree { first, second } => self.halves(*first, *second),
            DecisionReason::Undecided(margin) => format!(
                "{}, {}: {}",
                self.seen_with_share(),
                self.near_the_limit(),
                self.undecided_margin(margin)
            ),
        }
    }

    fn count(&self, n: u64) -> String {
        count(self.sample.unit, n)
    }

    fn beyond(&self) -> String {
        beyond(&self.finding.gate.condition)
    }

    /// `57 of 600 requests were slower than 150 ms (55 slow, 2 timed out)`.
    fn seen(&self) -> String {
        self.observation("")
    }

    /// `24 of 600 requests (4 %) were slower than 150 ms`.
    fn seen_with_share(&self) -> String {
        self.observation(&format!(" ({})", percent(self.share())))
    }

    /// `57 of 600 requests were slower than 150 ms; at most 30 (5 %) are allowed`.
    fn seen_and_allowed(&self) -> String {
        format!("{}; at most {} are allowed", self.seen(), self.allowed())
    }

    fn share(&self) -> f64 {
        self.finding.exceedances.at_most as f64 / self.finding.n as f64
    }

    fn observation(&self, share: &str) -> String {
        let ExceedanceRange {
            at_least,
            at_most: k,
        } = self.finding.exceedances;
        let n = self.count(self.finding.n);
        let of = format!("of {n}{share}");
        let beyond = self.beyond();
        if self.sample.counting == Counting::Bucket {
            let range = format!("between {} and {}", grouped(at_least), grouped(k));
            return format!("{range} {of} were {beyond}");
        }
        let breakdown = self.breakdown(k);
        match (self.finding.gate.condition, k) {
            (Condition::ErrorRate { .. }, 0) => format!("all {n} ended ok"),
            (Condition::ErrorRate { .. }, k) => {
                format!("{} {of} did not end ok{breakdown}", grouped(k))
            }
            (_, 0) => format!("none {of} was {beyond}"),
            (_, 1) => format!("1 {of} was {beyond}{breakdown}"),
            (_, k) => format!("{} {of} were {beyond}{breakdown}", grouped(k)),
        }
    }

    /// How the exceedances ended, where not all of them were merely slow.
    fn breakdown(&self, k: u64) -> String {
        let sample = self.sample;
        let not_ok = sample.failed + sample.timed_out + sample.unsent;
        if not_ok == 0 {
            return String::new();
        }
        let (failed, timed_out) = match sample.unit {
            SampleUnit::AcceptedEvent => ("unread", "never"),
            SampleUnit::Request | SampleUnit::Sample => ("failed", "timed out"),
        };
        let parts = [
            (k.saturating_sub(not_ok), "slow"),
            (sample.failed, failed),
            (sample.timed_out, timed_out),
            (sample.unsent, "never sent"),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|&(count, _)| count > 0)
            .map(|(count, word)| format!("{} {word}", grouped(count)))
            .collect();
        format!(" ({})", parts.join(", "))
    }

    /// `30 (5 %)`; the share alone where it is less than one request.
    fn allowed(&self) -> String {
        // The product may fall short of a whole number by rounding alone.
        let whole = (self.finding.n as f64 * self.theta0 + 1e-9).floor() as u64;
        match whole {
            0 => percent(self.theta0),
            whole => format!("{} ({})", grouped(whole), percent(self.theta0)),
        }
    }

    fn pass_margin(&self, margin: &PassMargin) -> String {
        let at_most = format!("at most {} are", percent(self.theta0));
        match margin {
            PassMargin::EvidenceAtLook => format!("that was enough to show that {at_most}"),
            PassMargin::AnyOrder => format!("in any order, that shows that {at_most}"),
            PassMargin::Bursts(bursts) => format!("{} shows that {at_most}", self.worth(bursts)),
            PassMargin::UpTo { most: None } => "one would have left the gate open".to_owned(),
            PassMargin::UpTo { most: Some(most) } => format!("up to {} would pass", grouped(*most)),
        }
    }

    fn undecided_margin(&self, margin: &UndecidedMargin) -> String {
        match margin {
            UndecidedMargin::OrderUnknown => format!(
                "{}, so slow spells cannot be seen",
                self.why_without_order()
            ),
            UndecidedMargin::Bursts(bursts) => {
                format!("{} decides neither way", self.worth(bursts))
            }
            UndecidedMargin::Bounds {
                pass_up_to,
                fail_from,
            } => {
                let pass = pass_up_to.map(|k| format!("up to {} would pass", grouped(k)));
                let fail = fail_from.map(|k| format!("{} or more would fail", grouped(k)));
                let both: Vec<String> = pass.into_iter().chain(fail).collect();
                both.join(", ")
            }
        }
    }

    /// `too near the 5 % allowed`, where it is near.
    fn near_the_limit(&self) -> String {
        let allowed = percent(self.theta0);
        if self.share() <= 2.0 * self.theta0 {
            format!("too near the {allowed} allowed")
        } else {
            format!("with {allowed} allowed")
        }
    }

    /// `59`, and the number that slow spells need.
    fn pass_needs(&self, by_number: u64, exclusion: Option<Exclusion>) -> String {
        let by_number = grouped(by_number);
        match exclusion {
            Some(exclusion) => format!(
                "{by_number}, and {} to allow for slow spells of {}",
                grouped(exclusion.samples),
                self.episode(exclusion)
            ),
            None => by_number,
        }
    }

    /// A percentile that the sample cannot resolve can fail, and it cannot pass.
    fn caution(&self, pass_from: Option<u64>) -> String {
        pass_from.map_or_else(String::new, |needed| {
            format!(
                "; {} cannot pass with {} ({}needs {}), but it can fail",
                tested_metric(&self.finding.gate.condition),
                self.count(self.finding.n),
                self.is_maximum(),
                grouped(needed),
            )
        })
    }

    /// Says so where the percentile is nothing but the slowest of all.
    fn is_maximum(&self) -> &'static str {
        let condition = &self.finding.gate.condition;
        match condition.quantile().or(condition.done_quantile()) {
            Some(quantile) if quantile.rank(self.finding.n) == self.finding.n => {
                "here it is the maximum; "
            }
            _ => "",
        }
    }

    /// `they came in 4 spells …, and 600 requests in such spells count as 37 independent ones, which`.
    fn worth(&self, bursts: &BurstWorth) -> String {
        format!(
            "they came {}, and {} in such spells count as {} independent ones, which",
            self.in_episodes(bursts.episodes),
            self.count(self.finding.n),
            grouped(bursts.independent)
        )
    }

    /// `in 2 spells, the longest of 31 requests`.
    fn in_episodes(&self, episodes: SlowEpisodes) -> String {
        let longest = self.count(episodes.longest);
        match episodes.count {
            1 => format!("in one spell of {longest}"),
            count => format!("in {} spells, the longest of {longest}", grouped(count)),
        }
    }

    fn episode(&self, exclusion: Exclusion) -> String {
        match exclusion.episode {
            Some(episode) => Pretty(episode).to_string(),
            None => self.count(1),
        }
    }

    /// The spells that were seen, as the reason for a larger need.
    fn because_of_episodes(&self, episodes: SlowEpisodes) -> String {
        match episodes.count {
            0 => String::new(),
            _ => format!(", because there were some ({})", self.in_episodes(episodes)),
        }
    }

    fn why_without_order(&self) -> &'static str {
        match self.sample.unit {
            SampleUnit::Sample => "the file does not keep the time order",
            SampleUnit::Request | SampleUnit::AcceptedEvent => {
                "the run file does not keep the order of all requests"
            }
        }
    }

    /// `0 of 300 requests were slower than 150 ms in the first half of the run and 120 of 300 in the second: …`.
    fn halves(&self, first: HalfResult, second: HalfResult) -> String {
        let part = |half: HalfResult| {
            let (k, n) = (grouped(half.exceedances), self.count(half.samples));
            format!("{k} of {n}")
        };
        let way = match first.verdict {
            Verdict::Pass => "passes and the second fails",
            _ => "fails and the second passes",
        };
        format!(
            "{} were {} in the first half of the run and {} in the second: the first half alone {way}, so the service changed",
            part(first),
            self.beyond(),
            part(second),
        )
    }

    fn uncertain(&self, uncertainty: &Uncertainty) -> String {
        let n = self.count(self.finding.n);
        let ExceedanceRange { at_least, at_most } = self.finding.exceedances;
        let (at_least, at_most, beyond) = (grouped(at_least), grouped(at_most), self.beyond());
        let range = format!("between {at_least} and {at_most} of {n} are {beyond}");
        let cause = match uncertainty {
            Uncertainty::Limited(flag) => {
                return format!(
                    "client-limited: {}, and only {at_least} of {n} are {beyond} by more than that explains",
                    limitation(*flag),
                );
            }
            Uncertainty::UnreadEvents {
                events,
                last_answer,
            } => format!(
                "the state of {} could not be read when the audit ended{}, so {range}",
                self.count(*events),
                last_answer
                    .as_ref()
                    .map_or_else(String::new, |last| format!(
                        " (the last answer: {})",
                        last.cause()
                    ))
            ),
            Uncertainty::Unsent { requests } => format!(
                "the run was interrupted with {} never sent, so {range}",
                self.count(*requests)
            ),
            Uncertainty::ClientFailures { requests } => format!(
                "{} failed for a cause on this machine (no free file descriptor or local port), so {range}",
                self.count(*requests)
            ),
            Uncertainty::Bucket => match self.sample.unit {
                SampleUnit::AcceptedEvent => {
                    format!("the audit shows only that {range}")
                }
                SampleUnit::Sample => format!("the file shows only that {range}"),
                SampleUnit::Request => format!(
                    "the run did not count this limit, which lies inside a bucket of the stored times, so {range}"
                ),
            },
            Uncertainty::SendLag => {
                format!("client-limited: this machine sent late; without its own delay {range}")
            }
            Uncertainty::OwnError { at_most } => format!(
                "the measurement overhead is up to {}, so {range} because of the server",
                Pretty(*at_most)
            ),
        };
        format!("{cause}, and the verdict depends on the exact number")
    }
}

fn tested_metric(condition: &Condition) -> String {
    match condition {
        Condition::ErrorRate { limit, .. } => format!("an error rate of {limit}"),
        _ => metric(condition),
    }
}
