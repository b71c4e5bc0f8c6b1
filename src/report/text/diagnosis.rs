//! The sentences of a diagnosis: causes, what speaks for or against them, and what to do next.

use std::time::Duration;

use super::diagnosis_numbers::{difference, pretty_ns};
use super::diagnosis_sharing::{SHARED, burst_times, not_shared, stream_limit};
use crate::judge::comparison::ChangeRange;
use crate::judge::diagnosis::{
    BoundedShare, CauseEvidence, CauseFinding, CauseNextStep, DelayedShare, DiagnosisStep,
    EndpointRole, FailedRequests, LateSends, LatencyGrowth, LatencyShape, MissedStep, Observations,
    OverallReason, RootCause, SampleKind, ServedRequests, Support, TooFew,
};
use crate::stats::modes::Modes;
use crate::units::{Pretty, grouped, percent, plural, trimmed};

/// How the two endpoints of a diagnosis are called.
#[derive(Clone, Copy)]
pub(in crate::report) struct EndpointNames<'a> {
    pub(in crate::report) probe: &'a str,
    pub(in crate::report) load: &'a str,
}

impl<'a> EndpointNames<'a> {
    pub(in crate::report) fn of(observations: &'a Observations) -> EndpointNames<'a> {
        EndpointNames {
            probe: &observations.probe,
            load: &observations.load,
        }
    }
}

/// What speaks for or against a cause, one sentence each.
pub(in crate::report) fn evidence_of<'a>(
    finding: &'a CauseFinding,
    names: EndpointNames<'a>,
) -> impl Iterator<Item = String> + 'a {
    let evidence_of_it = finding.evidence.iter();
    evidence_of_it.map(move |found| evidence(found, names))
}

/// What to do next about a cause, where there is something.
pub(in crate::report) fn next_of(
    finding: &CauseFinding,
    names: EndpointNames<'_>,
) -> Option<String> {
    finding.next.map(|next| next_step(next, names))
}

/// What may be the cause, as people call it.
pub(in crate::report) fn cause(cause: RootCause) -> &'static str {
    match cause {
        RootCause::Connection => "network and connections",
        RootCause::SlowCall => "slow call inside the request",
        RootCause::BlockedLoop => "blocked event loop",
        RootCause::Queueing => "overload",
        RootCause::SharedConnection => "shared HTTP/2 connection",
        RootCause::Client => "client-limited",
        RootCause::Nothing => "nothing wrong",
    }
}

/// A step in the table.
pub(in crate::report) fn step_name(step: DiagnosisStep, load: &str) -> String {
    match step {
        DiagnosisStep::Alone => "alone".to_owned(),
        DiagnosisStep::NewConnections => "new connections".to_owned(),
        DiagnosisStep::OneAtATime => "one at a time".to_owned(),
        DiagnosisStep::DuringLoad => format!("during {load}"),
        DiagnosisStep::OneConnection => "one connection".to_owned(),
        DiagnosisStep::SeparateConnections => "one each".to_owned(),
        DiagnosisStep::Offered => "full rate".to_owned(),
    }
}

/// The words that stand before a cause.
pub(in crate::report) fn support(cause: RootCause, support: Support) -> &'static str {
    match (cause, support) {
        (RootCause::Nothing, Support::Supported) => "no cause found",
        (_, Support::Supported) => "likely cause",
        (_, Support::NotSupported) => "ruled out",
        (_, Support::NotEnough) => "cannot tell",
    }
}

/// What happens in a step.
pub(crate) fn step(step: DiagnosisStep, probe: &str, load: &str) -> String {
    match step {
        DiagnosisStep::Alone => format!("{probe} alone"),
        DiagnosisStep::NewConnections => {
            format!("{probe} alone, a new connection for each request")
        }
        DiagnosisStep::OneAtATime => format!("{load} alone, one at a time"),
        DiagnosisStep::DuringLoad => format!("{probe} while {load} gets light load"),
        DiagnosisStep::OneConnection => format!("{load} alone, over one HTTP/2 connection"),
        DiagnosisStep::SeparateConnections => {
            format!("{load} alone, over a connection for each request")
        }
        DiagnosisStep::Offered => format!("{load} alone, at the full rate"),
    }
}

/// What to do next about a cause.
pub(in crate::report) fn next_step(step: CauseNextStep, names: EndpointNames<'_>) -> String {
    let load = names.load;
    match step {
        CauseNextStep::LargerBudget => "a larger --budget".to_owned(),
        CauseNextStep::Budget { seconds } => format!("--budget {seconds}s"),
        CauseNextStep::FindFailures => "find out why requests fail".to_owned(),
        CauseNextStep::LetItFinish => "let the diagnosis finish".to_owned(),
        CauseNextStep::KeepConnections => {
            "keep connections open in the clients; else check distance (connect), certificates (tls), and a proxy or a slow accept (first_byte)"
                .to_owned()
        }
        CauseNextStep::AnswerBeforeTheCall => {
            "commit, answer 202, then call: a7probe serve".to_owned()
        }
        CauseNextStep::TakeOffTheLoop => format!(
            "move the blocking call of {load} to a thread pool, use an async client, or a worker process; see a7probe help \
             diagnose"
        ),
        CauseNextStep::LowerLoad => {
            "lower the rate (-q), or add the scarce resource: workers, connections, threads".to_owned()
        }
        CauseNextStep::MoreConnections => {
            "open more connections in the clients (here: a lower --streams), or raise what the service does at a time on one: its \
             limit of concurrent streams, its workers per connection"
                .to_owned()
        }
        CauseNextStep::SeparateConnections => "repeat with --streams 1".to_owned(),
        CauseNextStep::QuieterMachine => {
            "measure from a quieter or larger machine, or at a lower rate (-q)".to_owned()
        }
    }
}

/// What speaks for or against a cause.
pub(in crate::report) fn evidence(evidence: &CauseEvidence, names: EndpointNames<'_>) -> String {
    let EndpointNames { probe, load } = names;
    match evidence {
        CauseEvidence::StepNotMade(step) => missed(*step, names),
        CauseEvidence::FailedRequests(failed) => failed_requests(failed, names),
        CauseEvidence::TooFew(few) => too_few(few),
        CauseEvidence::NewConnections { new, reused, shift } => format!(
            "{probe} on new connections {}, on reused ones {}: P50 changes by {} (95%)",
            median(*new),
            median(*reused),
            difference(shift.ranges.difference_ns),
        ),
        CauseEvidence::Phases(phases) => {
            let phases = phases.iter();
            let phases = phases.map(|(name, median)| format!("{name} {}", Pretty(*median)));
            let phases: Vec<String> = phases.collect();
            format!("phases, P50 each: {}", phases.join(", "))
        }
        CauseEvidence::OneAtATime {
            load: loaded,
            probe: other,
            shift,
        } => format!(
            "{load} one at a time: {}; {probe}: {}; P50 is {} apart (95%)",
            shape(loaded),
            shape(other),
            difference(shift.ranges.difference_ns),
        ),
        CauseEvidence::ServerTiming {
            metric,
            median,
            share,
        } => format!(
            "Server-Timing: {metric} takes {} at P50, {}% of the service time",
            Pretty(*median),
            trimmed(share * 100.0, 0)
        ),
        CauseEvidence::Delayed(delayed) => delayed_requests(delayed, names),
        CauseEvidence::Shapes { alone, during_load } => format!(
            "{probe} alone: {}; during {load}: {}",
            shape(alone),
            shape(during_load)
        ),
        CauseEvidence::Interference { quantile, ratio } => format!(
            "{quantile} during load is {} that alone (95%)",
            times(*ratio)
        ),
        CauseEvidence::Growth(growth) => latency_growth(growth, load),
        CauseEvidence::Served(served) => served_requests(served),
        CauseEvidence::NotShared(why) => not_shared(*why).to_owned(),
        CauseEvidence::BurstTimes(times) => burst_times(times, load),
        CauseEvidence::StreamLimit(allowed) => stream_limit(*allowed),
        CauseEvidence::SharedConnection => SHARED.to_owned(),
        CauseEvidence::LateSends(sends) => late_sends(sends),
        CauseEvidence::AboveTarget { target, share } => format!(
            "above {}: {} of all requests at light load",
            Pretty(*target),
            bounded(share)
        ),
        CauseEvidence::Overall(reason) => overall(*reason).to_owned(),
    }
}

fn missed(step: MissedStep, EndpointNames { probe, load }: EndpointNames<'_>) -> String {
    let step = match step {
        MissedStep::NewConnections => format!("{probe} on new connections"),
        MissedStep::OneAtATime => format!("{load} one at a time"),
        MissedStep::DuringLoad => format!("{probe} during {load}"),
        MissedStep::Bursts => format!("bursts of {load} over one connection and over several"),
        MissedStep::AtRate { per_s } => format!("{load} at {}/s", trimmed(per_s, 1)),
    };
    format!("0 requests: the step '{step}' was not run")
}

fn failed_requests(failed: &FailedRequests, names: EndpointNames<'_>) -> String {
    let endpoint = match failed.endpoint {
        EndpointRole::Probe => names.probe,
        EndpointRole::Load => names.load,
    };
    format!(
        "{} of {} requests to {endpoint} did not end ok",
        grouped(failed.not_ok),
        grouped(failed.requests)
    )
}

fn too_few(few: &TooFew) -> String {
    let TooFew {
        of,
        present,
        needed,
    } = few;
    match of {
        SampleKind::Requests => {
            format!("{present} requests are too few (needs {needed})")
        }
        SampleKind::RequestsForMedian => {
            format!("{present} requests are too few for an interval of P50")
        }
        SampleKind::RequestsForTrend => {
            format!("{present} requests are too few for a trend (needs {needed})")
        }
        SampleKind::Bursts => {
            format!("{present} bursts are too few for an interval of P50 (needs {needed})")
        }
        SampleKind::Sends => format!("{present} sends are too few (needs {needed})"),
    }
}

fn delayed_requests(delayed: &DelayedShare, names: EndpointNames<'_>) -> String {
    let rate = delayed.load_per_s;
    format!(
        "{} above {}: {} alone, {} during {} at {}/s, in {} {}",
        names.probe,
        Pretty(delayed.limit),
        bounded(&delayed.alone),
        bounded(&delayed.during_load),
        names.load,
        rate.map_or("?".to_owned(), |rate| trimmed(rate, 1)),
        delayed.during_load.episodes,
        plural(delayed.during_load.episodes, "episode"),
    )
}

fn latency_growth(growth: &LatencyGrowth, load: &str) -> String {
    let at_most = if growth.at_most_ns.is_finite() {
        pretty_ns(growth.at_most_ns.max(0.0))
    } else {
        "∞".to_owned()
    };
    let every_second = if growth.slope > 0.0 {
        let more = Pretty(Duration::from_secs_f64(growth.slope));
        format!(", {more} more every second")
    } else {
        String::new()
    };
    let side = if growth.p <= growth.level {
        "within"
    } else {
        "above"
    };
    format!(
        "{load} at {}/s: P50 {} in the first of {} parts, {} in the last{every_second} (trend p = {}, {side} {}); in \
         flight {} and {}; growth at most {at_most} (95%), {} matters",
        trimmed(growth.rate_per_s, 1),
        answered_within(growth.first_ns),
        growth.parts,
        answered_within(growth.last_ns),
        trimmed(growth.p, 4),
        percent(growth.level),
        in_flight(growth.in_flight(growth.first_ns)),
        in_flight(growth.in_flight(growth.last_ns)),
        pretty_ns(growth.material_ns),
    )
}

fn served_requests(served: &ServedRequests) -> String {
    let decides = if served.decides {
        "; shown at the 5% level that most are unanswered, while one at a time they are answered: this decides"
    } else {
        ""
    };
    format!(
        "{} of {} were answered in time; {} waited for a free connection{decides}",
        grouped(served.answered),
        grouped(served.requests),
        grouped(served.pool_limited)
    )
}

fn late_sends(sends: &LateSends) -> String {
    let caution = if sends.is_minor {
        "; late, but by too little to matter here"
    } else {
        ""
    };
    format!(
        "send lag P99 {} (limit {}), {} of {} sends later than that; {}% of the processor time of the sending threads \
         used{caution}; later than {}: {}, at most {}% (95%)",
        Pretty(sends.p99),
        Pretty(sends.limit),
        grouped(sends.late),
        grouped(sends.sends),
        trimmed(sends.cpu_share * 100.0, 0),
        Pretty(sends.material),
        grouped(sends.beyond),
        trimmed(sends.beyond_high * 100.0, 1),
    )
}

fn overall(reason: OverallReason) -> &'static str {
    match reason {
        OverallReason::CauseFound => "a likely cause was found",
        OverallReason::BeyondTarget => {
            "the latency is above the limit, and none of these causes is shown"
        }
        OverallReason::CausesOpen => "not every cause is ruled out",
        OverallReason::AllRuledOut => "every cause is ruled out",
        OverallReason::TargetOpen => "P95 is not shown to be within the limit",
    }
}

/// `30 of 75 (40 %, bounds with bursts 21 – 61 %)`.
fn bounded(share: &BoundedShare) -> String {
    let rounded = |share: f64| trimmed(share * 100.0, 1);
    format!(
        "{} of {} ({}, bounds with slow spells {} to {}%)",
        grouped(share.counted),
        grouped(share.requests),
        percent((share.share() * 1e4).round() / 1e4),
        rounded(share.low),
        rounded(share.high)
    )
}

/// `P50 166.1 ms, P95 320.4 ms (P95/P50 1.9, one mode)`.
fn shape(shape: &LatencyShape) -> String {
    let modes = match shape.modes {
        Modes::Unknown => "too few for modes".to_owned(),
        Modes::One => "one mode".to_owned(),
        Modes::Two {
            lower,
            upper,
            upper_share,
        } => format!(
            "two modes, near {} ms and {} ms, {}% in the upper",
            trimmed(lower, 1),
            trimmed(upper, 0),
            trimmed(upper_share * 100.0, 0)
        ),
    };
    let ratio = match shape.tail_ratio() {
        Some(ratio) => format!("P95/P50 {}, ", trimmed(ratio, 1)),
        None => String::new(),
    };
    format!(
        "P50 {}, P95 {} ({ratio}{modes})",
        latency(shape.p50),
        latency(shape.p95)
    )
}

/// `166.1 ms`.
fn latency(latency: Option<Duration>) -> String {
    latency.map_or("no answer".to_owned(), |latency| {
        Pretty(latency).to_string()
    })
}

fn median(latency: Option<Duration>) -> String {
    latency.map_or("no answer".to_owned(), |latency| {
        format!("P50 {}", Pretty(latency))
    })
}

fn answered_within(latency_ns: f64) -> String {
    if latency_ns.is_finite() {
        format!("≤ {}", pretty_ns(latency_ns))
    } else {
        "no answer in time".to_owned()
    }
}

fn in_flight(in_flight: f64) -> String {
    if in_flight.is_finite() {
        trimmed(in_flight, 1)
    } else {
        "beyond the timeout".to_owned()
    }
}

/// `40× – 110×`.
fn times(ratio: ChangeRange) -> String {
    let end = |ratio: f64| match ratio {
        ratio if !ratio.is_finite() => "∞".to_owned(),
        ratio if ratio >= 10.0 => format!("{}×", trimmed(ratio, 0)),
        ratio => format!("{}×", trimmed(ratio, 2)),
    };
    format!("{} – {}", end(ratio.low), end(ratio.high))
}

#[cfg(test)]
mod tests {
    use super::{EndpointNames, evidence};
    use crate::judge::diagnosis::{
        BoundedShare, CauseEvidence, EndpointRole, FailedRequests, MissedStep, OverallReason,
        SampleKind, TooFew,
    };

    const NAMES: EndpointNames<'_> = EndpointNames {
        probe: "health",
        load: "ingest",
    };

    #[test]
    fn evidence_that_leaves_a_cause_open_has_figures_in_its_words() {
        let share = BoundedShare {
            requests: 75,
            counted: 30,
            episodes: 4,
            low: 0.21,
            high: 0.61,
        };
        let failed = FailedRequests {
            endpoint: EndpointRole::Load,
            not_ok: 1_200,
            requests: 2_000,
        };
        let too_few = TooFew {
            of: SampleKind::Sends,
            present: 9,
            needed: 50,
        };
        for (found, words) in [
            (
                CauseEvidence::StepNotMade(MissedStep::AtRate { per_s: 20.0 }),
                "0 requests: the step 'ingest at 20/s' was not run",
            ),
            (
                CauseEvidence::FailedRequests(failed),
                "1,200 of 2,000 requests to ingest did not end ok",
            ),
            (
                CauseEvidence::TooFew(too_few),
                "9 sends are too few (needs 50)",
            ),
            (
                CauseEvidence::AboveTarget {
                    target: std::time::Duration::from_millis(150),
                    share,
                },
                "above 150 ms: 30 of 75 (40%, bounds with slow spells 21 to 61%) of all requests at light load",
            ),
            (
                CauseEvidence::Overall(OverallReason::TargetOpen),
                "P95 is not shown to be within the limit",
            ),
        ] {
            assert_eq!(evidence(&found, NAMES).replace('\u{a0}', " "), words);
        }
    }
}
