//! Why a gate came out as it did, and what would decide it: one sentence each.

use super::judge::{Case, Doubt, Ground, min_samples};
use super::{ALPHA, Comparison, Condition, Exceeding};
use crate::recording::{Clock, Counts};
use crate::stats::binomial::{self, Projection};
use crate::units::{Pretty, grouped, trimmed};
use crate::verdict::Verdict;

/// Why, in one sentence.
pub(super) fn reason(case: &Case<'_>, ground: Ground) -> String {
    match ground {
        Ground::NoData => "there are no data, and no data is never a pass".to_owned(),
        Ground::Passed => format!("{}; {}", case.seen(), case.room_to_pass()),
        Ground::Failed => format!(
            "{} where at most {} are allowed{}",
            case.seen(),
            case.allowed(),
            case.caution()
        ),
        Ground::InDoubt(doubt) => format!("{}, and the verdict hangs on them", case.doubt(doubt)),
        Ground::AmongMany(gates) => format!(
            "{} where at most {} are allowed: too many by itself, but not surprising among {gates} gates",
            case.seen(),
            case.allowed()
        ),
        Ground::SingleExceedance => format!("{}, and a single one fails no gate", case.seen()),
        Ground::TooFew => format!(
            "{} cannot carry {}: even with none {} it takes {} to pass; {}",
            case.count(case.n),
            case.article_and_metric(),
            case.beyond(),
            grouped(case.needed()),
            case.seen(),
        ),
        Ground::Undecided => format!(
            "{}, too near the {} allowed: {}",
            case.seen_with_share(),
            percent(case.theta0),
            case.room_both_ways()
        ),
    }
}

/// What would decide it, if anything would.
pub(super) fn next_step(case: &Case<'_>, ground: Ground) -> Option<String> {
    Some(match ground {
        Ground::Passed | Ground::Failed => return None,
        Ground::NoData => {
            "check that the run reached this endpoint and was not cut at once".to_owned()
        }
        Ground::InDoubt(Doubt::Bucket) if case.is_imported() => {
            "give a file that has every latency, or measure with this gate".to_owned()
        }
        Ground::InDoubt(Doubt::Bucket) => {
            "measure again with this gate, so that its target is counted exactly".to_owned()
        }
        Ground::InDoubt(Doubt::SendLag) => {
            "measure from a quieter machine, or at a lower rate".to_owned()
        }
        Ground::InDoubt(Doubt::Client) if case.counts().unsent > 0 => {
            "let the run finish".to_owned()
        }
        Ground::InDoubt(Doubt::Client) => {
            "raise the limit of open files (ulimit -n), or lower the rate".to_owned()
        }
        Ground::TooFew | Ground::Undecided | Ground::AmongMany(_) | Ground::SingleExceedance => {
            case.samples_that_decide()
        }
    })
}

impl Case<'_> {
    fn counts(&self) -> &Counts {
        &self.subject.recording.counts
    }

    /// `600 requests`; what another tool measured are samples.
    fn count(&self, n: u64) -> String {
        format!("{} {}", grouped(n), self.noun(n))
    }

    /// Whether another tool measured it.
    fn is_imported(&self) -> bool {
        self.subject.recording.clock == Clock::Given
    }

    fn noun(&self, n: u64) -> &'static str {
        match (self.subject.recording.clock, n) {
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
        let Exceeding {
            at_least,
            at_most: k,
        } = self.exceeding;
        let is_range = self.doubt == Some(Doubt::Bucket) && at_least < k;
        let number = match k {
            0 => "none".to_owned(),
            k if is_range => format!("between {} and {}", grouped(at_least), grouped(k)),
            k => grouped(k),
        };
        let verb = match (self.gate.condition, k) {
            (Condition::ErrorRate { .. }, 1) => "has not ended ok".to_owned(),
            (Condition::ErrorRate { .. }, _) => "have not ended ok".to_owned(),
            (_, 1) => format!("was {}", self.beyond()),
            (_, _) => format!("were {}", self.beyond()),
        };
        let breakdown = match is_range {
            true => String::new(),
            false => self.breakdown(k),
        };
        format!(
            "{number} of {}{share} {verb}{breakdown}",
            self.count(self.n)
        )
    }

    /// `above 150 ms`.
    fn beyond(&self) -> String {
        match self.gate.condition {
            Condition::Latency {
                comparison: Comparison::AtMost,
                limit,
                ..
            } => format!("above {}", Pretty(limit)),
            Condition::Latency {
                comparison: Comparison::Below,
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
            (counts.failed_total(), "failed"),
            (counts.timeout, "timed out"),
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
        let most = binomial::max_exceedances_to_pass(self.n, self.theta0, ALPHA).unwrap_or(0);
        let share = percent(self.theta0);
        match most {
            0 => format!("with none, the share is shown to be within {share}"),
            most => format!(
                "up to {} show that the share is within {share}",
                grouped(most)
            ),
        }
    }

    fn room_both_ways(&self) -> String {
        let pass = binomial::max_exceedances_to_pass(self.n, self.theta0, ALPHA);
        let fail = binomial::min_exceedances_to_fail(self.n, self.theta0, ALPHA);
        let pass = pass.map(|k| format!("up to {} would pass", grouped(k)));
        let fail = fail.map(|k| format!("{} or more would fail", grouped(k)));
        let both: Vec<String> = pass.into_iter().chain(fail).collect();
        both.join(", ")
    }

    /// What a failure of a percentile that the sample cannot resolve says, and what it does not say.
    fn caution(&self) -> String {
        match self.n < self.needed() {
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
        match self.gate.condition.quantile() {
            Some(quantile) if quantile.rank(self.n) == self.n => "here it is the maximum; ",
            _ => "",
        }
    }

    fn needed(&self) -> u64 {
        min_samples(&self.gate.condition).unwrap_or(0)
    }

    fn metric(&self) -> String {
        match self.gate.condition.quantile() {
            Some(quantile) => quantile.to_string(),
            None => "error rate".to_owned(),
        }
    }

    fn article_and_metric(&self) -> String {
        match self.gate.condition {
            Condition::ErrorRate { limit, .. } => format!("an error rate of {limit}"),
            _ => format!("a {}", self.metric()),
        }
    }

    fn doubt(&self, doubt: Doubt) -> String {
        let counts = self.counts();
        let range = format!(
            "between {} and {} of {} are {}",
            grouped(self.exceeding.at_least),
            grouped(self.exceeding.at_most),
            self.count(self.n),
            self.beyond()
        );
        match doubt {
            Doubt::Client if counts.unsent > 0 => format!(
                "the run was cut and {} never sent, so {range}",
                self.count(counts.client_side())
            ),
            Doubt::Client => format!(
                "{} failed for a cause on this machine (no free file descriptor or local port), so {range}",
                self.count(counts.client_side())
            ),
            Doubt::Bucket if self.is_imported() => {
                format!("the file does not tell more than that {range}")
            }
            Doubt::Bucket => format!(
                "the target was not counted in the run and lies inside a histogram's bucket, so {range}"
            ),
            Doubt::SendLag => format!("this machine sent late; without its own delay {range}"),
        }
    }

    /// How many more requests would decide it, if they went on as those so far.
    fn samples_that_decide(&self) -> String {
        let needed = self.needed();
        let k = self.exceeding.at_most;
        match binomial::samples_to_decide(self.n, k, self.theta0, ALPHA).filter(|_| k > 0) {
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
            _ => "the share is too near the limit for any number of samples; move the target"
                .to_owned(),
        }
    }
}

/// `5 %`, `0.1 %`.
fn percent(fraction: f64) -> String {
    format!("{} %", trimmed(fraction * 100.0, 4))
}
