//! Scripted searches: trials are replaced by a script, so that the sequence of rates and the answer are exact.

mod command;
mod files;
mod operating;
mod real;
mod services;

use std::time::Duration;

use a7probe::judge::capacity::{
    CapacityEnd, CapacityGoal, CapacityOptions, CapacityResult, CapacitySearch, PlannedTrial,
    Recovery, SearchAction, ShareSide, TrialDurations, TrialPurpose, TrialVerdict,
};
use a7probe::verdict::Verdict;
use serde_json::Value;

/// One scripted search.
struct Script<'a> {
    case: &'a Value,
    /// What happened, as in `expected.sequence`.
    sequence: Vec<Value>,
    /// Verdicts of the pair tests of the attempt whose blocks run, by rate.
    verdicts: Vec<(f64, TrialVerdict)>,
    pair_tests: u64,
}

fn cases() -> Vec<Value> {
    let text = include_str!("../../fixtures/capacity.json");
    let all: Value = serde_json::from_str(text).unwrap();
    all["cases"].as_array().unwrap().clone()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

fn seconds(case: &Value, kind: &str, default: f64) -> Duration {
    Duration::from_secs_f64(case["cost_s"][kind].as_f64().unwrap_or(default))
}

fn options(case: &Value) -> CapacityOptions {
    let settings = &case["settings"];
    CapacityOptions {
        from: number(&settings["from"]),
        to: number(&settings["to"]),
        width: number(&settings["width"]),
        budget: Duration::from_secs_f64(number(&settings["budget_s"])),
        alpha: 0.05,
        goal: CapacityGoal {
            theta0: 0.05,
            limit: Duration::from_millis(150),
            spell: Some(Duration::from_millis(100)),
        },
        // The script counts the warm-up to the trial.
        durations: TrialDurations {
            warm_up: Duration::ZERO,
            reference: seconds(case, "reference", 5.0),
            screen: seconds(case, "screen", 5.0),
            narrow: seconds(case, "narrow", 20.0),
            narrow_pass: Duration::from_secs(10),
            block: seconds(case, "block", 30.0),
        },
    }
}

impl Script<'_> {
    /// The first rule that holds.
    fn outcome(&self, kind: &str, rate: f64, nth: u64) -> String {
        let rules = self.case["script"][kind].as_array().unwrap();
        let holds = |rule: &&Value| {
            rule["below"].as_f64().is_none_or(|below| rate < below)
                && rule["at_least"].as_f64().is_none_or(|least| rate >= least)
                && rule["after_at_least"]
                    .as_f64()
                    .is_none_or(|least| rate >= least)
                && rule["nth"].as_u64().is_none_or(|wanted| wanted == nth)
        };
        let rule = rules.iter().find(holds).unwrap();
        rule["is"].as_str().unwrap().to_owned()
    }

    fn note(&mut self, trial: &str, rate: f64, outcome: &str) {
        self.sequence
            .push(serde_json::json!({"trial": trial, "rate": rate, "outcome": outcome}));
    }

    fn send(&mut self, trial: PlannedTrial) -> (TrialVerdict, Duration) {
        let kind = match trial.purpose {
            TrialPurpose::Reference => "reference",
            TrialPurpose::Expand => "screen",
            TrialPurpose::Narrow => "narrow",
            TrialPurpose::Block(_) => return self.block(trial),
        };
        let outcome = self.outcome(kind, trial.rate, 0);
        self.note(kind, trial.rate, &outcome);
        let took = if kind == "narrow" && !outcome.starts_with("undecided") {
            seconds(self.case, "narrow_decided", 10.0)
        } else {
            trial.duration
        };
        (verdict(&outcome), took)
    }

    /// Rules count pair tests in the order L before U, which is the order in which the first blocks of an attempt come.
    fn block(&mut self, trial: PlannedTrial) -> (TrialVerdict, Duration) {
        let known = self.verdicts.iter().find(|(rate, _)| *rate == trial.rate);
        let verdict = match known {
            Some((_, verdict)) => *verdict,
            None => {
                self.pair_tests += 1;
                let verdict = verdict(&self.outcome("confirm", trial.rate, self.pair_tests));
                self.verdicts.push((trial.rate, verdict));
                verdict
            }
        };
        (verdict, trial.duration)
    }
}

fn verdict(outcome: &str) -> TrialVerdict {
    match outcome {
        "pass" | "ok" => TrialVerdict::Pass,
        "fail" | "bad" => TrialVerdict::Fail,
        "growing" => TrialVerdict::Growing,
        "client_limited" => TrialVerdict::ClientLimited,
        "undecided_above" => TrialVerdict::Undecided(ShareSide::Beyond),
        _ => TrialVerdict::Undecided(ShareSide::Within),
    }
}

fn word(verdict: TrialVerdict) -> &'static str {
    match verdict {
        TrialVerdict::Pass => "pass",
        TrialVerdict::Fail => "fail",
        TrialVerdict::Growing => "growing",
        TrialVerdict::ClientLimited => "client_limited",
        TrialVerdict::Undecided(ShareSide::Beyond) => "undecided_above",
        TrialVerdict::Undecided(ShareSide::Within) => "undecided_below",
    }
}

fn ended(end: CapacityEnd) -> &'static str {
    match end {
        CapacityEnd::Claimed => "claimed",
        CapacityEnd::ClaimedWide => "claimed_wide",
        CapacityEnd::NeverFailed => "never_failed",
        CapacityEnd::ClientLimited { .. } => "client_limited",
        CapacityEnd::LessThanFrom => "less_than_from",
        CapacityEnd::UpperNotShown => "upper_not_shown",
        CapacityEnd::LowerNotShown => "lower_not_shown",
        CapacityEnd::Undecided => "undecided",
        CapacityEnd::Contradiction => "contradiction",
        CapacityEnd::DoesNotRecover { .. } => "does_not_recover",
    }
}

/// Runs a search by its script.
fn searched<'a>(case: &'a Value) -> (CapacitySearch, Script<'a>) {
    let mut search = CapacitySearch::new(options(case));
    let mut script = Script {
        case,
        sequence: Vec::new(),
        verdicts: Vec::new(),
        pair_tests: 0,
    };
    loop {
        match search.next() {
            SearchAction::Send(trial) => {
                let (verdict, took) = script.send(trial);
                search.trial_ended(verdict, Duration::ZERO, took);
            }
            SearchAction::Recover { after } => {
                let has_rules = case["script"]["recover"].is_array();
                let no = has_rules && script.outcome("recover", after, 0) == "no";
                if no {
                    script.note("recover", number(&case["settings"]["from"]), "no");
                    let took = seconds(case, "recover_limit", 60.0);
                    search.recovery_ended(Recovery::StillWorse, took);
                } else {
                    let took = seconds(case, "recover", 2.0);
                    search.recovery_ended(Recovery::Recovered, took);
                }
            }
            SearchAction::Judge(test) => {
                let at = script
                    .verdicts
                    .iter()
                    .position(|(rate, _)| *rate == test.rate);
                let (_, verdict) = script.verdicts.remove(at.unwrap());
                script.sequence.push(serde_json::json!({
                    "trial": "pair", "rate": test.rate, "outcome": word(verdict),
                    "test": test.number, "alpha": test.level,
                }));
                search.pair_judged(verdict);
            }
            SearchAction::End => return (search, script),
        }
    }
}

fn same(found: &Value, expected: &Value, tolerance: f64) -> bool {
    match (found.as_f64(), expected.as_f64()) {
        (Some(found), Some(expected)) => (found - expected).abs() <= tolerance,
        _ => found == expected,
    }
}

fn assert_same_sequence(name: &str, found: &[Value], expected: &[Value]) {
    let fields = ["trial", "rate", "outcome", "test", "alpha"];
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        for field in fields {
            let tolerance = if field == "rate" { 0.0 } else { 1e-9 };
            let is_same = same(&found[field], &expected[field], tolerance);
            assert!(is_same, "{name} {index}: {found} where {expected}");
        }
    }
    assert_eq!(found.len(), expected.len(), "{name}: {found:?}");
}

#[test]
fn scripted_searches_take_these_rates_and_end_so() {
    let cases = cases();
    assert_eq!(cases.len(), 20);
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let (search, script) = searched(case);
        let (found, expected) = (search.result(), &case["expected"]);
        let sequence = expected["sequence"].as_array().unwrap();
        assert_same_sequence(name, &script.sequence, sequence);
        assert_eq!(found.lower, expected["lower"].as_f64(), "{name}");
        assert_eq!(found.upper, expected["upper"].as_f64(), "{name}");
        assert_eq!(ended(found.end), expected["ended"], "{name}");
        assert_eq!(
            Some(u64::from(found.pair_tests)),
            expected["pair_tests"].as_u64(),
            "{name}"
        );
        assert_eq!(
            search.spent().as_secs_f64(),
            number(&expected["seconds"]),
            "{name}"
        );
        if let Some(ends) = expected["searched"].as_array() {
            let range = found.searched.unwrap();
            assert_eq!(
                (Some(range.low), range.high),
                (ends[0].as_f64(), ends[1].as_f64()),
                "{name}"
            );
        }
        let exit = match found.verdict() {
            Verdict::Pass => 0,
            Verdict::Fail => 1,
            Verdict::Inconclusive | Verdict::NotJudged => 3,
        };
        assert_eq!(Some(exit), expected["exit"].as_i64(), "{name}");
        match found.end {
            CapacityEnd::ClientLimited { at } => assert_eq!(at, number(&expected["limited_at"])),
            CapacityEnd::DoesNotRecover { after } => assert_eq!(after, number(&expected["after"])),
            _ => {}
        }
    }
}

/// Outcomes without any order: no search may loop, leave its range, test a rate twice or spend more than its level.
#[test]
fn any_outcomes_end_the_search_within_its_rates_and_its_level() {
    let mut random = 1_u64;
    let mut draw = |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let verdicts = [
        TrialVerdict::Pass,
        TrialVerdict::Fail,
        TrialVerdict::Growing,
        TrialVerdict::Undecided(ShareSide::Within),
        TrialVerdict::Undecided(ShareSide::Beyond),
        TrialVerdict::ClientLimited,
    ];
    for round in 0..2_000 {
        let mut asked = options(&cases_settings(draw(1_000), draw(500)));
        asked.width = [0.02, 0.05, 0.1, 0.5][draw(4) as usize];
        let mut search = CapacitySearch::new(asked);
        let (mut tested, mut levels) = (Vec::new(), 0.0);
        for step in 0.. {
            assert!(step < 300, "round {round} does not end");
            let verdict = verdicts[draw(6) as usize];
            match search.next() {
                SearchAction::Send(trial) => {
                    let inside = asked.from <= trial.rate && trial.rate <= asked.to;
                    assert!(inside, "round {round}: {trial:?}");
                    search.trial_ended(verdict, Duration::from_millis(draw(300)), trial.duration);
                }
                SearchAction::Recover { .. } => {
                    search.recovery_ended(Recovery::Recovered, Duration::from_secs(2));
                }
                SearchAction::Judge(test) => {
                    assert!(!tested.contains(&test.rate), "round {round}: {test:?}");
                    tested.push(test.rate);
                    levels += test.level;
                    search.pair_judged(verdict);
                }
                SearchAction::End => break,
            }
        }
        assert!(levels < asked.alpha, "round {round}: {levels}");
        if let CapacityResult {
            lower: Some(lower),
            upper: Some(upper),
            ..
        } = search.result()
        {
            assert!(lower < upper, "round {round}: {:?}", search.result());
        }
    }
}

fn cases_settings(from: u64, more: u64) -> Value {
    let from = 1.0 + from as f64 / 7.0;
    serde_json::json!({
        "settings": {"from": from, "to": from + more as f64, "width": 0.1, "budget_s": 900},
    })
}

/// A pair that is to pass without an exceedance is long enough at its level for the longest slow spell that was seen.
#[test]
fn blocks_of_the_lower_bound_are_lengthened_for_slow_spells_of_trials_that_did_not_fail() {
    let block_after = |spell_ms, spell_at: f64| {
        let mut search = CapacitySearch::new(options(&cases_settings(0, 1_000)));
        loop {
            match search.next() {
                SearchAction::Send(trial) => {
                    if let TrialPurpose::Block(_) = trial.purpose {
                        return trial.duration.as_secs_f64();
                    }
                    let bad = trial.rate >= 200.0;
                    let verdict = if bad {
                        TrialVerdict::Fail
                    } else {
                        TrialVerdict::Pass
                    };
                    let spell = if trial.rate >= spell_at { spell_ms } else { 0 };
                    search.trial_ended(verdict, Duration::from_millis(spell), trial.duration);
                }
                SearchAction::Recover { .. } => {
                    search.recovery_ended(Recovery::Recovered, Duration::from_secs(2));
                }
                _ => panic!("no block came"),
            }
        }
    };
    assert_eq!(block_after(0, 0.0), 30.0);
    // ln(1/0.025)·1 s/(2·0.05) = 36.9 s, and at most 2·D.
    assert!((block_after(1_000, 100.0) - 36.888_794_541).abs() < 1e-6);
    assert_eq!(block_after(5_000, 100.0), 60.0);
    // Spells of trials that failed say nothing about the lower bound.
    assert_eq!(block_after(5_000, 200.0), 30.0);
}
