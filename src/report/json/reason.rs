//! The reason of a finding for programs: a code, and its numbers under names that say their unit.

use serde_json::{Map, Value, json};

use crate::judge::comparison::{CompatibleRatios, EffectReason};
use crate::judge::gate::{
    AuditEnd, AuditReason, BurstWorth, ChangeReason, CutRuns, DecisionReason, Exclusion,
    FindingReason, HalfResult, IncompleteCount, Limitation, MissingEffects, PassMargin,
    SlowEpisodes, Uncertainty, UndecidedMargin, UnresolvedChange,
};
use crate::units::millis;

/// A code and its numbers.
pub(in crate::report) struct CodedReason {
    pub(in crate::report) code: &'static str,
    pub(in crate::report) values: Map<String, Value>,
}

/// A code with the members of a JSON object.
fn coded(code: &'static str, values: Value) -> CodedReason {
    let values = match values {
        Value::Object(values) => values,
        _ => Map::new(),
    };
    CodedReason { code, values }
}

fn bare(code: &'static str) -> CodedReason {
    coded(code, Value::Null)
}

impl From<&FindingReason> for CodedReason {
    fn from(reason: &FindingReason) -> CodedReason {
        match reason {
            FindingReason::Tested(tested) => decision(&tested.decision),
            FindingReason::Audit(reason) => audit(reason),
            FindingReason::Change(reason) => change(reason),
            FindingReason::Cut { runs, otherwise } => {
                let cut = match runs {
                    CutRuns::Before => "before",
                    CutRuns::After => "after",
                    CutRuns::Both => "both",
                };
                let otherwise = CodedReason::from(&**otherwise);
                coded(
                    "runs_cut",
                    json!({"runs": cut, "otherwise": otherwise.code, "otherwise_values": otherwise.values}),
                )
            }
        }
    }
}

fn decision(decision: &DecisionReason) -> CodedReason {
    match decision {
        DecisionReason::Passed(margin) => passed(margin),
        DecisionReason::Failed { pass_from } => {
            coded("failed", json!({"samples_to_pass": pass_from}))
        }
        DecisionReason::NoData => bare("no_data"),
        DecisionReason::Uncertain(uncertainty) => uncertain(uncertainty),
        DecisionReason::AmongMany { gates } => {
            coded("not_significant_among_gates", json!({"gates": gates}))
        }
        DecisionReason::SingleExceedance => bare("single_exceedance"),
        DecisionReason::OrderUnknown => bare("order_unknown"),
        DecisionReason::FewEpisodes(episodes) => coded("few_episodes", of_episodes(*episodes)),
        DecisionReason::NotExcluded { exclusion, seen } => coded(
            "episodes_not_excluded",
            with(of_exclusion(*exclusion), of_episodes(*seen)),
        ),
        DecisionReason::ShownBothWays => bare("shown_both_ways"),
        DecisionReason::HalvesDisagree { first, second } => coded(
            "halves_disagree",
            json!({"first_half": of_half(*first), "second_half": of_half(*second)}),
        ),
        DecisionReason::TooFew {
            by_number,
            exclusion,
        } => coded(
            "too_few_samples",
            with(
                json!({"samples_to_pass": by_number}),
                exclusion.map_or(Value::Null, of_exclusion),
            ),
        ),
        DecisionReason::Undecided(margin) => undecided(margin),
    }
}

fn passed(margin: &PassMargin) -> CodedReason {
    match margin {
        PassMargin::EvidenceAtLook => bare("passed_at_look"),
        PassMargin::AnyOrder => bare("passed_in_any_order"),
        PassMargin::Bursts(bursts) => coded("passed_in_bursts", of_bursts(bursts)),
        PassMargin::UpTo(most) => {
            coded("passed", json!({"exceedances_to_pass": most.unwrap_or(0)}))
        }
    }
}

fn undecided(margin: &UndecidedMargin) -> CodedReason {
    match margin {
        UndecidedMargin::OrderUnknown => bare("undecided_order_unknown"),
        UndecidedMargin::Bursts(bursts) => coded("undecided_in_bursts", of_bursts(bursts)),
        UndecidedMargin::Bounds {
            pass_up_to,
            fail_from,
        } => coded(
            "undecided",
            json!({"exceedances_to_pass": pass_up_to, "exceedances_to_fail": fail_from}),
        ),
    }
}

fn uncertain(uncertainty: &Uncertainty) -> CodedReason {
    match uncertainty {
        Uncertainty::ClientFailures { requests } => {
            coded("client_failures", json!({"requests": requests}))
        }
        Uncertainty::Unsent { requests } => coded("run_cut", json!({"requests": requests})),
        Uncertainty::UnreadEvents {
            events,
            last_answer,
        } => coded(
            "events_unread",
            json!({"events": events, "last_answer": last_answer}),
        ),
        Uncertainty::Bucket => bare("limit_not_counted"),
        Uncertainty::SendLag => bare("send_lag"),
        Uncertainty::OwnError { at_most } => coded(
            "measurement_overhead",
            json!({"overhead_ms": millis(*at_most)}),
        ),
        Uncertainty::Limited(limitation) => limited(*limitation),
    }
}

fn limited(limitation: Limitation) -> CodedReason {
    match limitation {
        Limitation::Late {
            p99,
            on_time,
            allowed,
        } => coded(
            "client_late",
            json!({
                "send_lag_p99_ms": millis(p99),
                "on_time_share": on_time,
                "on_time_ms": millis(allowed),
            }),
        ),
        Limitation::Busy { share } => coded("client_busy", json!({"busy_share": share})),
        Limitation::Throttled { time } => {
            coded("client_throttled", json!({"throttled_ms": millis(time)}))
        }
        Limitation::SocketErrors { count } => {
            coded("client_socket_errors", json!({"requests": count}))
        }
    }
}

fn audit(reason: &AuditReason) -> CodedReason {
    match reason {
        AuditReason::NotAudited => bare("not_audited"),
        AuditReason::Unread { cause } => coded("audit_unread", json!({"cause": cause})),
        AuditReason::SeveralEvents { keys, resent } => coded(
            "several_events_per_key",
            json!({"keys": keys, "keys_resent": resent}),
        ),
        AuditReason::Interrupted { pending } => {
            coded("audit_interrupted", json!({"events_pending": pending}))
        }
        AuditReason::Counted { read_again_after } => coded(
            "counted",
            json!({"read_again_after_ms": read_again_after.map(millis)}),
        ),
        AuditReason::Incomplete {
            cause,
            read_again_after,
        } => {
            let mut reason = incomplete(cause);
            let read_again_after = json!(read_again_after.map(millis));
            reason
                .values
                .insert("read_again_after_ms".to_owned(), read_again_after);
            reason
        }
    }
}

fn incomplete(cause: &IncompleteCount) -> CodedReason {
    match cause {
        IncompleteCount::NothingAccepted => bare("nothing_accepted"),
        IncompleteCount::EffectsNotReported(missing) => {
            let missing = match missing {
                MissingEffects::Inserts => json!(["inserts"]),
                MissingEffects::Notifications => json!(["notifications"]),
                MissingEffects::Both => json!(["inserts", "notifications"]),
            };
            coded("effects_not_reported", json!({"missing": missing}))
        }
        IncompleteCount::NoListing => bare("no_listing"),
        IncompleteCount::SharedEvents { requests } => {
            coded("shared_events", json!({"requests": requests}))
        }
        IncompleteCount::InterruptedBeforeReadingAgain => bare("interrupted_before_reading_again"),
        IncompleteCount::NotReadAgain => bare("not_read_again"),
        IncompleteCount::UnknownNames => bare("unknown_event_names"),
        IncompleteCount::PerhapsTwice { events } => {
            coded("perhaps_notified_twice", json!({"events": events}))
        }
        IncompleteCount::UnreadEvents {
            events,
            last_answer,
        } => coded(
            "events_unread",
            json!({"events": events, "last_answer": last_answer}),
        ),
        IncompleteCount::Pending { events, end } => {
            let end = match end {
                AuditEnd::Deadline => "deadline",
                AuditEnd::Signal => "signal",
            };
            coded("events_pending", json!({"events": events, "ended_by": end}))
        }
    }
}

fn change(reason: &ChangeReason) -> CodedReason {
    match reason {
        ChangeReason::NotCompared => bare("not_compared"),
        ChangeReason::Unresolved(UnresolvedChange {
            planned,
            independent,
            samples_needed,
        }) => coded(
            "change_unresolved",
            json!({
                "samples_before": planned[0],
                "samples_after": planned[1],
                "independent_samples_before": independent[0],
                "independent_samples_after": independent[1],
                "samples_needed": samples_needed,
            }),
        ),
        ChangeReason::SentLate { low, high } => coded("change_send_lag", of_ratios(*low, *high)),
        ChangeReason::RatioAtMost(ratio) => {
            coded("change_within_limit", json!({"ratio_high": ratio}))
        }
        ChangeReason::RatioAtLeast(ratio) => {
            coded("change_beyond_limit", json!({"ratio_low": ratio}))
        }
        ChangeReason::FailuresAfter => bare("failures_after"),
        ChangeReason::RatioBetween { low, high } => {
            coded("change_undecided", of_ratios(*low, *high))
        }
    }
}

impl From<&EffectReason> for CodedReason {
    fn from(reason: &EffectReason) -> CodedReason {
        match reason {
            EffectReason::Unresolved(lack) => change(&ChangeReason::Unresolved(*lack)),
            EffectReason::FailuresBefore => bare("failures_before"),
            EffectReason::FailuresAfter => bare("failures_after"),
            EffectReason::AtMost(bound) => coded(
                "change_at_most",
                json!({"ratio_high": bound.ratio, "difference_high_ms": bound.difference_ns / 1e6}),
            ),
            EffectReason::AtLeast(bound) => coded(
                "change_at_least",
                json!({"ratio_low": bound.ratio, "difference_low_ms": bound.difference_ns / 1e6}),
            ),
            EffectReason::WithinNoise => bare("within_noise"),
            EffectReason::Undecided(CompatibleRatios { ratio, .. }) => {
                coded("change_undecided", of_ratios(ratio.low, ratio.high))
            }
            EffectReason::SentLate(CompatibleRatios { ratio, .. }) => {
                coded("change_send_lag", of_ratios(ratio.low, ratio.high))
            }
        }
    }
}

/// An open end is `null`, as in `interval_ratio`.
fn of_ratios(low: f64, high: f64) -> Value {
    json!({"ratio_low": (low > 0.0).then_some(low), "ratio_high": high})
}

fn of_episodes(episodes: SlowEpisodes) -> Value {
    json!({"episodes": episodes.count, "longest_episode_requests": episodes.longest})
}

fn of_bursts(bursts: &BurstWorth) -> Value {
    with(
        of_episodes(bursts.episodes),
        json!({"independent_samples": bursts.independent}),
    )
}

fn of_exclusion(exclusion: Exclusion) -> Value {
    json!({
        "samples_to_exclude_episodes": exclusion.samples,
        "episode_ms": exclusion.episode.map(millis),
    })
}

fn of_half(half: HalfResult) -> Value {
    json!({
        "samples": half.samples,
        "exceedances": half.exceedances,
        "verdict": half.verdict,
    })
}

/// The members of both objects.
fn with(one: Value, other: Value) -> Value {
    let mut all = coded("", one).values;
    all.extend(coded("", other).values);
    Value::Object(all)
}
