//! Reads the file of a capacity search, so that it can be shown, judged and compared again.

use serde::Deserialize;

use super::trial::{seconds, verdict_of};
use super::{JsonCapacity, SCHEMA};
use crate::judge::capacity::{
    CapacityEnd, CapacityGoal, CapacityOptions, CapacityResult, SearchedRange, TrialDurations,
};
use crate::judge::gate::{ALPHA, Gate, Severity};
use crate::report::capacity_report::{AskedCapacity, CapacityOutcome, CapacityReport};
use crate::report::model::InconclusivePolicy;
use crate::run::run_file::Age;
use crate::units::Rate;

/// The name in every version.
const NAME: &str = "a7probe.capacity/";

/// The bytes at the beginning in which the name stands, also where the keys are sorted.
const HEAD: usize = 16 << 10;

/// Why a file of a capacity search cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CapacityFileError {
    /// The JSON stops in the middle.
    #[error("incomplete: JSON ends at line {line}, column {column}")]
    Cut {
        /// Line where it stops, from 1.
        line: usize,
        /// Column where it stops, from 1.
        column: usize,
    },
    /// Another major version.
    #[error("{found} is {age} than {SCHEMA}, which this a7probe reads")]
    Version {
        /// Format of the file.
        found: String,
        /// On which side of this a7probe's.
        age: Age,
    },
    /// A field is missing, has the wrong type, or contradicts another.
    #[error("the capacity file is damaged: {0}")]
    Damaged(String),
}

impl CapacityFileError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            CapacityFileError::Version {
                age: Age::Newer, ..
            } => "update a7probe, or search again with this one",
            _ => "copy the file again, or search again: a7probe capacity URL --save FILE",
        }
    }
}

/// Whether a text is that of a capacity search, of any version, whole or cut.
pub fn is_capacity_file(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(HEAD)];
    let name = NAME.as_bytes();
    let is_object = head
        .iter()
        .find(|byte| !byte.is_ascii_whitespace())
        .is_some_and(|first| *first == b'{');
    is_object && head.windows(name.len()).any(|window| window == name)
}

/// The name of the format, in a file of any version.
#[derive(Deserialize)]
struct CapacityFormat {
    schema: String,
}

impl CapacityReport {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`CapacityFileError`] for everything that is not a whole and consistent search of this major version.
    pub fn from_json(bytes: &[u8]) -> Result<CapacityReport, CapacityFileError> {
        let format: CapacityFormat = serde_json::from_slice(bytes).map_err(unreadable)?;
        if format.schema != SCHEMA {
            return Err(version(format.schema));
        }
        let document: JsonCapacity = serde_json::from_slice(bytes).map_err(unreadable)?;
        document.restored().map_err(CapacityFileError::Damaged)
    }
}

fn unreadable(error: serde_json::Error) -> CapacityFileError {
    if error.is_eof() {
        CapacityFileError::Cut {
            line: error.line(),
            column: error.column(),
        }
    } else {
        CapacityFileError::Damaged(error.to_string())
    }
}

fn version(found: String) -> CapacityFileError {
    let major = found.strip_prefix(NAME).and_then(|v| v.parse::<u64>().ok());
    match major {
        Some(0) => CapacityFileError::Version {
            found,
            age: Age::Older,
        },
        Some(_) => CapacityFileError::Version {
            found,
            age: Age::Newer,
        },
        None => CapacityFileError::Damaged(format!("its format is '{found}', not {SCHEMA}")),
    }
}

impl JsonCapacity {
    fn restored(self) -> Result<CapacityReport, String> {
        let gates = self
            .gates
            .iter()
            .map(|text| Gate::parse(text).map_err(|_| format!("the gate '{text}' cannot be read")));
        let gates: Vec<Gate> = gates.collect::<Result<_, _>>()?;
        let options = self.options(&gates)?;
        let timeout = self.plan.timeout;
        let trials = self.trials.iter().map(|trial| trial.restored(timeout));
        let report = CapacityReport {
            trials: trials.collect::<Result<_, _>>()?,
            outcome: self.outcome()?,
            recover: seconds(self.recover_s)?,
            took: seconds(self.seconds)?,
            endpoint: self.endpoint,
            method: self.method,
            url: self.url,
            gates,
            options,
            started_at: self.started_at,
            interrupted: self.interrupted,
            plan: self.plan,
            environment: self.environment,
            asked: None,
            inconclusive: InconclusivePolicy::default(),
        };
        // With a gate on a saved search, the verdict is that of the gate.
        if self.asked_per_s.is_none() && report.verdict() != self.verdict {
            return Err(format!(
                "its verdict is {}, and its rates say {}",
                self.verdict,
                report.verdict()
            ));
        }
        Ok(report)
    }

    fn options(&self, gates: &[Gate]) -> Result<CapacityOptions, String> {
        let rate = |rate: f64| {
            let known = Rate::per_second(rate).map(Rate::as_per_second);
            known.ok_or_else(|| format!("{rate} is not a rate"))
        };
        let (from, to) = (rate(self.from_per_s)?, rate(self.to_per_s)?);
        if to < from {
            return Err(format!("it searched from {from}/s to {to}/s"));
        }
        if !(self.width.is_finite() && self.width > 0.0) {
            return Err(format!("its width is {}", self.width));
        }
        let shares = gates
            .iter()
            .filter_map(|gate| gate.condition.allowed_share());
        let limits = gates
            .iter()
            .filter_map(|gate| gate.condition.latency_limit());
        let theta0 = shares.fold(1.0, f64::min);
        if !(0.0 < theta0 && theta0 < 1.0) {
            return Err("no gate allows a share of slow requests".to_owned());
        }
        let goal = CapacityGoal {
            theta0,
            limit: limits.max().unwrap_or_default(),
            spell: self.spell_s.map(seconds).transpose()?,
        };
        let block = seconds(self.block_s)?;
        Ok(CapacityOptions {
            from,
            to,
            width: self.width,
            budget: seconds(self.budget_s)?,
            alpha: ALPHA,
            goal,
            durations: TrialDurations {
                block,
                ..TrialDurations::of(&goal, self.width, block)
            },
        })
    }

    fn outcome(&self) -> Result<CapacityOutcome, String> {
        if let Some(tested) = self.tested_per_s {
            let rate = Rate::per_second(tested);
            let verdict = self.tested_verdict.as_deref().unwrap_or_default();
            return Ok(CapacityOutcome::Tested {
                asked: AskedCapacity {
                    rate: rate.ok_or_else(|| format!("{tested} is not a rate"))?,
                    severity: if self.tested_warns == Some(true) {
                        Severity::Warns
                    } else {
                        Severity::Decides
                    },
                },
                verdict: verdict_of(verdict)?,
            });
        }
        let (lower, upper) = (self.lower_per_s, self.upper_per_s);
        for bound in [lower, upper].into_iter().flatten() {
            if !(bound.is_finite() && bound > 0.0) {
                return Err(format!("{bound} is not a rate"));
            }
        }
        if let (Some(lower), Some(upper)) = (lower, upper)
            && lower >= upper
        {
            return Err(format!("it holds at {lower}/s and fails at {upper}/s"));
        }
        Ok(CapacityOutcome::Searched(CapacityResult {
            end: self.end()?,
            lower,
            upper,
            searched: self.searched.map(|range| SearchedRange {
                low: range.low_per_s,
                high: range.high_per_s,
            }),
            not_repeatable: self.not_repeatable_per_s.clone(),
            pair_tests: self.pair_tests,
        }))
    }

    fn end(&self) -> Result<CapacityEnd, String> {
        let shown = (self.lower_per_s.is_some(), self.upper_per_s.is_some());
        let lacks = || Err(format!("'{}' lacks a rate", self.ended));
        Ok(match (self.ended.as_str(), shown) {
            ("claimed", (true, true)) => CapacityEnd::Claimed,
            ("claimed_wide", (true, true)) => CapacityEnd::ClaimedWide,
            ("never_failed", (true, _)) => CapacityEnd::NeverFailed,
            ("upper_not_shown", (true, _)) => CapacityEnd::UpperNotShown,
            ("lower_not_shown", (_, true)) => CapacityEnd::LowerNotShown,
            ("claimed" | "claimed_wide" | "never_failed", _)
            | ("upper_not_shown" | "lower_not_shown", _) => return lacks(),
            ("less_than_from", _) => CapacityEnd::LessThanFrom,
            ("undecided", _) => CapacityEnd::Undecided,
            ("contradiction", _) => CapacityEnd::Contradiction,
            ("client_limited", _) => match self.limited_at_per_s {
                Some(at) => CapacityEnd::ClientLimited { at },
                None => return lacks(),
            },
            ("does_not_recover", _) => match self.not_recovered_after_per_s {
                Some(after) => CapacityEnd::DoesNotRecover { after },
                None => return lacks(),
            },
            (other, _) => return Err(format!("unknown end '{other}'")),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::text_of;
    use super::{CapacityFileError, is_capacity_file};
    use crate::judge::capacity::{CapacityEnd, ShareSide, TrialVerdict};
    use crate::judge::gate::Severity;
    use crate::judge::summary::Observed;
    use crate::report::capacity_sample::{ended, report};
    use crate::report::{
        AskedCapacity, CapacityOutcome, CapacityReport, TrialRecovery, TrialTrace, TrialWork,
    };
    use crate::units::Rate;

    fn error(text: &str) -> String {
        CapacityReport::from_json(text.as_bytes())
            .expect_err(text)
            .to_string()
    }

    #[test]
    fn other_versions_cut_and_damaged_files_say_what_is_wrong() {
        assert_eq!(
            error(r#"{"schema": "a7probe.capacity/2"}"#),
            "a7probe.capacity/2 is newer than a7probe.capacity/1, which this a7probe reads"
        );
        assert_eq!(
            error("{\"schema\": \"a7probe.capacity/1\",\n\"endpoint\""),
            "incomplete: JSON ends at line 2, column 10"
        );
        let lacking = error(r#"{"schema": "a7probe.capacity/1"}"#);
        assert!(
            lacking.starts_with("the capacity file is damaged: missing field `endpoint`"),
            "{lacking}"
        );
        let hint = CapacityFileError::Damaged(String::new()).hint();
        assert!(hint.contains("capacity URL --save FILE"));
    }

    #[test]
    fn a_search_that_is_read_again_is_shown_as_it_was() {
        let mut ends = vec![
            ended(CapacityEnd::Claimed, Some(414.0), Some(454.0)),
            ended(CapacityEnd::Undecided, None, None),
            ended(CapacityEnd::Contradiction, None, None),
            ended(CapacityEnd::LessThanFrom, None, Some(20.0)),
            ended(CapacityEnd::NeverFailed, Some(900.0), None),
            ended(CapacityEnd::DoesNotRecover { after: 640.0 }, None, None),
            ended(CapacityEnd::ClientLimited { at: 640.0 }, Some(320.0), None),
        ];
        ends.push(CapacityOutcome::Tested {
            asked: AskedCapacity {
                rate: Rate::per_second(400.0).unwrap(),
                severity: Severity::Warns,
            },
            verdict: TrialVerdict::Undecided(ShareSide::Beyond),
        });
        for outcome in ends {
            let mut search = report(outcome);
            search.trials[0].value = Observed::BeyondTimeout(Duration::from_secs(10));
            search.trials[1].median = Observed::Failed;
            search.trials[2].traces = vec![TrialTrace {
                trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
                latency: Duration::from_millis(446),
                outcome: "ok".to_owned(),
            }];
            search.trials[3].recovered = Some(TrialRecovery::NotWithin {
                took: Duration::from_secs(60),
                value: Observed::NoData,
            });
            search.trials[4].work = Some(TrialWork {
                accepted: 5,
                processed: 4,
                most_waiting: Some(3),
                drained: None,
            });
            let text = text_of(&search).unwrap();
            let again = CapacityReport::from_json(text.as_bytes()).unwrap();
            assert_eq!(again.trials, search.trials);
            assert_eq!(text_of(&again).unwrap(), text);
        }
    }

    #[test]
    fn a_file_that_contradicts_itself_is_refused() {
        let claimed = ended(CapacityEnd::Claimed, Some(414.0), Some(454.0));
        let text = text_of(&report(claimed)).unwrap();
        for (from, to, message) in [
            (
                "\"lower_per_s\": 414.0",
                "\"lower_per_s\": 460.0",
                "it holds at 460/s and fails at 454/s",
            ),
            (
                "\"verdict\": \"PASS\"",
                "\"verdict\": \"FAIL\"",
                "its verdict is FAIL, and its rates say PASS",
            ),
            (
                "\"ended\": \"claimed\"",
                "\"ended\": \"won\"",
                "unknown end 'won'",
            ),
            (
                "\"from_per_s\": 20.0",
                "\"from_per_s\": -1.0",
                "-1 is not a rate",
            ),
        ] {
            let damaged = text.replacen(from, to, 1);
            assert_ne!(damaged, text, "{from}");
            let expected = format!("the capacity file is damaged: {message}");
            assert_eq!(error(&damaged), expected);
        }
    }

    /// No beginning of a file makes the reader panic, and every one says that it is cut.
    #[test]
    fn every_cut_of_a_file_is_said_to_be_one() {
        let claimed = ended(CapacityEnd::Claimed, Some(414.0), Some(454.0));
        let text = text_of(&report(claimed)).unwrap();
        let whole = text.trim_end().len();
        for length in (60..whole).step_by(97) {
            let found = error(&text[..length]);
            assert!(found.starts_with("incomplete: JSON ends at"), "{found}");
        }
    }

    #[test]
    fn a_capacity_file_is_known_by_its_beginning() {
        assert!(is_capacity_file(
            b"{\n  \"schema\": \"a7probe.capacity/1\","
        ));
        assert!(!is_capacity_file(b"{\"schema\": \"a7probe.report/1\"}"));
        assert!(!is_capacity_file(b"a7probe.capacity/1"));
    }
}
