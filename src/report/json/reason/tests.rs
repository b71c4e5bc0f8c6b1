//! Codes and the names of numbers are promised to programs.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::Value;

use super::CodedReason;
use crate::judge::gate::{
    AuditEnd, AuditReason, BurstWorth, ChangeReason, CutRuns, DecisionReason, Exclusion,
    FindingReason, HalfResult, IncompleteCount, Limitation, MissingEffects, PassMargin,
    SlowEpisodes, Uncertainty, UndecidedMargin, UnresolvedChange,
};
use crate::verdict::Verdict;

const MS: Duration = Duration::from_millis(1);

/// A line for each: the code and the numbers.
fn coded(reasons: impl IntoIterator<Item = CodedReason>) -> String {
    let line = |reason: CodedReason| format!("{} {}", reason.code, Value::Object(reason.values));
    let lines: Vec<String> = reasons.into_iter().map(line).collect();
    lines.join("\n")
}

#[test]
fn a_decision_has_a_code_and_its_numbers() {
    use DecisionReason::*;
    let seen = SlowEpisodes {
        count: 2,
        longest: 7,
    };
    let bursts = BurstWorth {
        episodes: seen,
        independent: 40,
    };
    let exclusion = Exclusion {
        samples: 900,
        episode: Some(MS),
    };
    let half = |verdict| HalfResult {
        samples: 10,
        exceedances: 1,
        verdict,
    };
    let few = |exclusion| TooFew {
        by_number: 60,
        exclusion,
    };
    let decisions = [
        Passed(PassMargin::EvidenceAtLook),
        Passed(PassMargin::AnyOrder),
        Passed(PassMargin::Bursts(bursts)),
        Passed(PassMargin::UpTo { most: None }),
        Failed { pass_from: None },
        NoData,
        AmongMany { gates: 3 },
        SingleExceedance,
        OrderUnknown,
        FewEpisodes(seen),
        NotExcluded { exclusion, seen },
        ShownBothWays,
        HalvesDisagree {
            first: half(Verdict::Pass),
            second: half(Verdict::Fail),
        },
        few(None),
        few(Some(exclusion)),
        Undecided(UndecidedMargin::OrderUnknown),
        Undecided(UndecidedMargin::Bursts(bursts)),
        Undecided(UndecidedMargin::Bounds {
            pass_up_to: None,
            fail_from: Some(9),
        }),
    ];
    assert_snapshot!(coded(decisions.iter().map(CodedReason::of)), @r#"
    passed_at_look {}
    passed_in_any_order {}
    passed_in_bursts {"episodes":2,"independent_samples":40,"longest_episode_requests":7}
    passed {"exceedances_to_pass":0}
    failed {"samples_to_pass":null}
    no_data {}
    not_significant_among_gates {"gates":3}
    single_exceedance {}
    order_unknown {}
    few_episodes {"episodes":2,"longest_episode_requests":7}
    episodes_not_excluded {"episode_ms":1.0,"episodes":2,"longest_episode_requests":7,"samples_to_exclude_episodes":900}
    shown_both_ways {}
    halves_disagree {"first_half":{"exceedances":1,"samples":10,"verdict":"PASS"},"second_half":{"exceedances":1,"samples":10,"verdict":"FAIL"}}
    too_few_samples {"samples_to_pass":60}
    too_few_samples {"episode_ms":1.0,"samples_to_exclude_episodes":900,"samples_to_pass":60}
    undecided_order_unknown {}
    undecided_in_bursts {"episodes":2,"independent_samples":40,"longest_episode_requests":7}
    undecided {"exceedances_to_fail":9,"exceedances_to_pass":null}
    "#);
}

#[test]
fn an_uncertainty_has_a_code_and_its_numbers() {
    use Uncertainty::*;
    let late = Limitation::Late {
        p99: MS,
        on_time: 0.5,
        allowed: 2 * MS,
    };
    let uncertain = [
        ClientFailures { requests: 4 },
        Unsent { requests: 4 },
        Bucket,
        SendLag,
        OwnError { at_most: MS },
        Limited(late),
        Limited(Limitation::Busy { share: 0.5 }),
        Limited(Limitation::Throttled { time: MS }),
        Limited(Limitation::SocketErrors { count: 4 }),
    ]
    .map(DecisionReason::Uncertain);
    assert_snapshot!(coded(uncertain.iter().map(CodedReason::of)), @r#"
    client_failures {"requests":4}
    run_cut {"requests":4}
    limit_not_counted {}
    send_lag {}
    measurement_overhead {"overhead_ms":1.0}
    client_late {"on_time_ms":2.0,"on_time_share":0.5,"send_lag_p99_ms":1.0}
    client_busy {"cpu_share":0.5}
    client_throttled {"throttled_ms":1.0}
    client_socket_errors {"requests":4}
    "#);
}

#[test]
fn an_audit_has_a_code_and_its_numbers() {
    use AuditReason::*;
    let incomplete = |cause| Incomplete {
        cause,
        read_again_after: None,
    };
    let missing = MissingEffects::Both;
    let end = AuditEnd::Signal;
    let reasons = [
        NotAudited,
        SeveralEvents { keys: 1, resent: 5 },
        Interrupted { pending: 2 },
        Counted {
            read_again_after: Some(MS),
        },
        incomplete(IncompleteCount::NothingAccepted),
        incomplete(IncompleteCount::EffectsNotReported { missing }),
        incomplete(IncompleteCount::UnknownNames),
        incomplete(IncompleteCount::PerhapsTwice { events: 3 }),
        incomplete(IncompleteCount::Pending { events: 3, end }),
    ]
    .map(FindingReason::Audit);
    assert_snapshot!(coded(reasons.iter().map(CodedReason::of)), @r#"
    not_audited {}
    several_events_per_key {"keys":1,"keys_resent":5}
    audit_interrupted {"events_pending":2}
    counted {"read_again_after_ms":1.0}
    nothing_accepted {"read_again_after_ms":null}
    effects_not_reported {"missing":["inserts","notifications"],"read_again_after_ms":null}
    unknown_event_names {"read_again_after_ms":null}
    perhaps_notified_twice {"events":3,"read_again_after_ms":null}
    events_pending {"ended_by":"signal","events":3,"read_again_after_ms":null}
    "#);
}

#[test]
fn a_change_has_a_code_and_its_numbers() {
    use ChangeReason::*;
    let (low, high) = (0.5, 2.0);
    let reasons = [
        Unresolved(UnresolvedChange {
            samples_before: 10,
            samples_after: 20,
            independent_samples_before: 5,
            independent_samples_after: 6,
            samples_needed: 60,
        }),
        SentLate {
            low: 0.0,
            high: f64::INFINITY,
        },
        RatioAtMost { ratio: low },
        RatioAtLeast { ratio: low },
        RatioBetween { low, high },
    ]
    .map(FindingReason::Change);
    let cut = FindingReason::Cut {
        runs: CutRuns::Both,
        otherwise: Box::new(FindingReason::Change(NotCompared)),
    };
    assert_snapshot!(coded(reasons.iter().chain([&cut]).map(CodedReason::of)), @r#"
    change_unresolved {"independent_samples_after":6,"independent_samples_before":5,"samples_after":20,"samples_before":10,"samples_needed":60}
    change_send_lag {"ratio_high":null,"ratio_low":null}
    change_within_limit {"ratio_high":0.5}
    change_beyond_limit {"ratio_low":0.5}
    change_undecided {"ratio_high":2.0,"ratio_low":0.5}
    runs_cut {"otherwise":{"code":"not_compared","values":{}},"runs":"both"}
    "#);
}
