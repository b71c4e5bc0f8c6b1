//! `--abort-on`: conditions that abort a run before it overloads the service. They end it and give no verdict.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::gate::{Condition, Gate, Selector};
use crate::units::parse_duration;

/// Fewer requests in a window say nothing.
const FEWEST_IN_A_WINDOW: u64 = 20;

/// A condition on what ended within a window, such as `search p95 > 500ms for 10s`.
#[derive(Clone, Debug, PartialEq)]
pub struct AbortRule {
    /// What would have to hold instead: a percentile of the response time or the error rate, at most a limit.
    kept: Gate,
    window: Duration,
    text: String,
}

impl AbortRule {
    /// Reads `[ENDPOINT] p95 > 500ms for 10s` and `[ENDPOINT] error_rate > 5% for 10s`.
    ///
    /// # Errors
    /// What cannot be read, with a hint.
    pub fn parse(text: &str) -> Result<AbortRule, String> {
        let wrong = |what: &str| {
            format!(
                "'{}' is not an abort rule: {what}\nhint: write 'p95 > 500ms for 10s' or 'error_rate > 5% for 10s'",
                text.trim()
            )
        };
        let (condition, window) = text
            .rsplit_once(" for ")
            .ok_or_else(|| wrong("it does not end with 'for TIME'"))?;
        let window = parse_duration(window.trim()).map_err(|error| wrong(&error.to_string()))?;
        if window < Duration::from_secs(1) {
            return Err(wrong("the window is shorter than 1 s"));
        }
        let (metric, limit) = condition
            .split_once('>')
            .ok_or_else(|| wrong("the '>' is missing"))?;
        let kept = Gate::parse(&format!("{metric} <= {}", limit.trim_start_matches('=')))
            .map_err(|_| wrong("the condition cannot be read"))?;
        match kept.condition {
            Condition::Latency { .. } | Condition::ErrorRate { .. } => Ok(AbortRule {
                kept,
                window,
                text: text.trim().to_owned(),
            }),
            _ => Err(wrong("the metric must be a percentile or error_rate")),
        }
    }

    /// The endpoint that it names; `None` for every one.
    pub fn endpoint(&self) -> Option<&str> {
        match &self.kept.selector {
            Selector::Every => None,
            Selector::Named(name) => Some(name),
        }
    }

    /// The response time above which it counts a request; `None` where it counts failures.
    pub fn limit(&self) -> Option<Duration> {
        self.kept.condition.target()
    }

    /// Over how long it looks.
    pub fn window(&self) -> Duration {
        self.window
    }

    /// Whether `beyond` of `requests` are more than it allows.
    fn is_broken(&self, requests: u64, beyond: u64) -> bool {
        if requests < FEWEST_IN_A_WINDOW {
            return false;
        }
        match self.kept.condition.quantile() {
            // The percentile is beyond the limit if fewer requests than its rank are within it.
            Some(quantile) => requests - beyond < quantile.rank(requests),
            None => self
                .kept
                .condition
                .allowed_share()
                .is_some_and(|share| beyond as f64 > share * requests as f64),
        }
    }
}

impl fmt::Display for AbortRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Requests of one endpoint that have ended since the run began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EndedRequests {
    pub ended: u64,
    /// Those beyond the limit of a rule: failed, or slower.
    pub beyond: u64,
}

/// One rule on one endpoint, watched during the run.
#[derive(Clone, Debug)]
pub(crate) struct AbortWatch {
    rule: AbortRule,
    /// Since the first request ended, one mark a look, the oldest as old as the window.
    marks: VecDeque<(Duration, EndedRequests)>,
}

impl AbortWatch {
    /// Nothing seen yet.
    pub(crate) fn new(rule: AbortRule) -> AbortWatch {
        AbortWatch {
            rule,
            marks: VecDeque::new(),
        }
    }

    pub(crate) fn rule(&self) -> &AbortRule {
        &self.rule
    }

    /// Notes what has ended by `at`, counted from any fixed moment. Whether the rule is broken over a whole window.
    pub(crate) fn look(&mut self, at: Duration, now: EndedRequests) -> bool {
        if now.ended == 0 {
            // The window begins when answers do.
            self.marks.clear();
        }
        self.marks.push_back((at, now));
        let start = at.checked_sub(self.rule.window);
        let Some(start) = start else {
            return false;
        };
        while self.marks.get(1).is_some_and(|(mark, _)| *mark <= start) {
            self.marks.pop_front();
        }
        match self.marks.front() {
            Some((mark, then)) if *mark <= start => self
                .rule
                .is_broken(now.ended - then.ended, now.beyond - then.beyond),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{AbortRule, AbortWatch, EndedRequests};

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// When a rule ends a run at 10/s of which a share is beyond its limit from a second on.
    fn aborted_at(rule: &str, per_second: u64, beyond_from: u64, beyond: u64) -> Option<u64> {
        let mut watch = AbortWatch::new(AbortRule::parse(rule).unwrap());
        let mut total = EndedRequests::default();
        watch.look(seconds(0), total);
        (1..=60).find(|&at| {
            total.ended += per_second;
            total.beyond += if at > beyond_from { beyond } else { 0 };
            watch.look(seconds(at), total)
        })
    }

    #[test]
    fn a_rule_needs_a_whole_window_in_which_the_percentile_is_beyond_its_limit() {
        let rule = "search p95 > 500ms for 10s";
        assert_eq!(aborted_at(rule, 10, 0, 1), Some(10), "10 % are slower");
        assert_eq!(aborted_at(rule, 100, 0, 5), None, "5 % may be");
        assert_eq!(aborted_at(rule, 100, 0, 6), Some(10));
        // All are slow from the 30th second on: more than 5 % of the last ten seconds are after one more.
        assert_eq!(aborted_at(rule, 10, 30, 10), Some(31));
        assert_eq!(
            aborted_at(rule, 1, 0, 1),
            None,
            "10 requests in the window say nothing"
        );
        assert_eq!(aborted_at("p95 > 500ms for 20s", 1, 0, 1), Some(20));
    }

    #[test]
    fn an_error_rate_is_beyond_its_limit_when_it_is_larger() {
        let rule = "error_rate > 5% for 10s";
        assert_eq!(aborted_at(rule, 100, 0, 5), None);
        assert_eq!(aborted_at(rule, 100, 0, 6), Some(10));
    }

    #[test]
    fn what_is_no_rule_is_refused_with_an_example() {
        for (text, reason) in [
            ("p95 > 500ms", "it does not end with 'for TIME'"),
            ("p95 <= 500ms for 10s", "the '>' is missing"),
            ("p95 > 500 for 10s", "cannot be read"),
            ("lost > 0 for 10s", "a percentile or error_rate"),
            ("p95 > 500ms for 10", "for 10s"),
            ("p95 > 500ms for 0s", "shorter than 1 s"),
            ("p95 reduction > 70% for 10s", "cannot be read"),
        ] {
            let error = AbortRule::parse(text).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
            assert!(error.contains("hint: "), "{text}: {error}");
        }
    }
}
