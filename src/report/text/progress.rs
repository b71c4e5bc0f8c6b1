//! What is said of a run under way.

use std::time::Duration;

use super::headline::{limit, metric};
use crate::judge::gate::{Gate, GateProgress};
use crate::judge::summary::Observed;
use crate::printable::one_line;
use crate::report::figures::{LatencyScale, thousands};
use crate::report::progress::{
    EndpointProgress, MOST_ENDPOINTS, OfferedLoad, PlannedEnd, ProgressSnapshot, ProgressStage,
    SendingProgress, divided,
};
use crate::units::{Rate, plural};
use crate::verdict::Verdict;

/// What Ctrl-C does to a run.
pub(in crate::report) const STOP_HINT: &str = "Ctrl-C: stop and report";

/// Said on the first signal; `None` where it is not known what is waited for.
pub(crate) fn stopping(in_flight: Option<u64>) -> String {
    let waits = match in_flight {
        Some(n) if n > 0 => {
            format!(
                "Stopping: waiting for {} {}.",
                thousands(n),
                plural(n, "answer")
            )
        }
        _ => "Stopping.".to_owned(),
    };
    format!("{waits} Ctrl-C again quits now and loses the result.")
}

/// Where a run is and when it ends, in parts: `14 s of 120 s at most`, `about 16 s to go`.
pub(in crate::report) fn headline(snapshot: &ProgressSnapshot) -> Vec<String> {
    let mut parts = Vec::new();
    if !snapshot.label.is_empty() {
        parts.push(one_line(&snapshot.label).into_owned());
    }
    let waiting = || match snapshot.sending.in_flight {
        0 => "waiting for the last answers".to_owned(),
        n => format!("waiting for {} {}", thousands(n), plural(n, "answer")),
    };
    match snapshot.stage {
        ProgressStage::Calibration(elapsed) => {
            parts.push("measuring this machine's overhead".to_owned());
            parts.push(time(elapsed));
        }
        ProgressStage::WarmUp { elapsed, of } => {
            parts.push(format!("warm-up, {} of {}", time(elapsed), time(of)));
        }
        ProgressStage::Running => {
            parts.push(ran(snapshot));
            parts.push(expected_end(snapshot.to_go));
        }
        ProgressStage::LastAnswers => parts.push(waiting()),
        ProgressStage::Decided => {
            parts.push("decided".to_owned());
            parts.push(waiting());
        }
        ProgressStage::Stopping => parts = vec![stopping(Some(snapshot.sending.in_flight))],
        ProgressStage::Audit(elapsed) => {
            parts.push("audit: waiting for accepted events to be processed".to_owned());
            parts.push(time(elapsed));
        }
    }
    parts
}

/// `14 s of 120 s at most`, `14 s of 30 s`, `2,412 of 10,000 requests`.
fn ran(snapshot: &ProgressSnapshot) -> String {
    match snapshot.end {
        PlannedEnd::AtMost(budget) => {
            format!("{} of {} at most", time(snapshot.elapsed), time(budget))
        }
        PlannedEnd::After(span) => format!("{} of {}", time(snapshot.elapsed), time(span)),
        PlannedEnd::Requests(n) => {
            let ended = snapshot.endpoints.iter().map(|endpoint| endpoint.requests);
            format!("{} of {} requests", thousands(ended.sum()), thousands(n))
        }
    }
}

/// `about 16 s to go`.
fn expected_end(to_go: Option<Duration>) -> String {
    match to_go {
        Some(left) => {
            let seconds = left.as_secs_f64().ceil().max(1.0);
            format!("about {} to go", time(Duration::from_secs_f64(seconds)))
        }
        None => "end unknown".to_owned(),
    }
}

/// Whole seconds, and minutes from ten minutes on.
fn time(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds < 600 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

/// A gate in a list: its name, and its verdict or how far it is from one.
pub(in crate::report) struct GatePart {
    pub(in crate::report) name: String,
    /// `None` while it is undecided.
    pub(in crate::report) verdict: Option<Verdict>,
    pub(in crate::report) state: String,
}

/// The gates of one endpoint: `P95` `FAIL`, `P99` `86% to FAIL`. Gates of one name are shown with their limits.
pub(in crate::report) fn gates(endpoint: &EndpointProgress) -> Vec<GatePart> {
    let same = |gate: &Gate| {
        let name = metric(&gate.condition);
        let gates = endpoint.gates.iter();
        gates.filter(|g| metric(&g.gate.condition) == name).count()
    };
    let gates = endpoint.gates.iter();
    gates
        .map(|progress| {
            let condition = &progress.gate.condition;
            let mut name = metric(condition);
            if same(&progress.gate) > 1
                && let Some(limit) = limit(condition)
            {
                name = format!("{name} {limit}");
            }
            GatePart {
                name,
                verdict: (progress.verdict != Verdict::Inconclusive).then_some(progress.verdict),
                state: gate_state(progress),
            }
        })
        .collect()
}

fn gate_state(gate: &GateProgress) -> String {
    match (gate.verdict, gate.held_by) {
        (Verdict::Inconclusive, Some(_)) => "client-limited".to_owned(),
        (Verdict::Inconclusive, None) => {
            let percent = (gate.progress * 100.0).floor();
            format!("{percent}% to {}", gate.towards)
        }
        (verdict, _) => verdict.to_string(),
    }
}

/// `and 7 more endpoints, all gates decided`.
pub(in crate::report) fn left_out(hidden: &[&EndpointProgress]) -> String {
    let count = hidden.len() as u64;
    let more = format!("and {count} more {}", plural(count, "endpoint"));
    if hidden.iter().all(|endpoint| endpoint.gates.is_empty()) {
        return more;
    }
    let open: usize = { hidden.iter() }
        .map(|endpoint| endpoint.open_gates().count())
        .sum();
    match open {
        0 => format!("{more}, all gates decided"),
        1 => format!("{more}, 1 gate undecided"),
        open => format!("{more}, {open} gates undecided"),
    }
}

/// `sent 20.0/s of 20/s each`, `in flight 2`, `send lag P99 0.4 ms`.
pub(in crate::report) fn sending(sending: &SendingProgress, endpoints: usize) -> Vec<String> {
    let sent = |share: f64| match sending.sent_per_s {
        Some(per_s) => format!("sent {}/s", super::facts::rate(per_s / share)),
        None => "sent –".to_owned(),
    };
    let mut parts = match sending.offered {
        OfferedLoad::Each(rate) if endpoints > 1 => {
            vec![format!(
                "{} of {} each",
                sent(endpoints as f64),
                offered(rate)
            )]
        }
        OfferedLoad::Each(rate) | OfferedLoad::Total(rate) => {
            vec![format!("{} of {}", sent(1.0), offered(rate))]
        }
        OfferedLoad::AtATime(n) => vec![sent(1.0), format!("{} at a time", thousands(n as u64))],
    };
    parts.push(format!("in flight {}", thousands(sending.in_flight)));
    if let Some(lag) = sending.send_lag_p99 {
        let lag_ms = lag.as_secs_f64() * 1e3;
        parts.push(match lag_ms {
            ms if ms < 10.0 => format!("send lag P99 {ms:.1} ms"),
            _ => format!("send lag P99 {}", LatencyScale::Millis.latency(lag)),
        });
    }
    parts
}

fn offered(per_s: f64) -> String {
    let rate = Rate::per_second(per_s);
    rate.map_or_else(|| "–".to_owned(), |rate| rate.to_string())
}

/// Latencies of every endpoint in one unit.
pub(in crate::report) fn scale(endpoints: &[&EndpointProgress]) -> LatencyScale {
    let all = endpoints.iter().flat_map(|endpoint| endpoint.percentiles);
    LatencyScale::of(all.filter_map(Observed::value))
}

/// What stands at a percentile: `221 ms`, `failed`, `–`.
pub(in crate::report) fn percentile(value: Observed, scale: LatencyScale) -> String {
    match value {
        Observed::NoData => "–".to_owned(),
        value => scale.observed(value),
    }
}

impl ProgressSnapshot {
    /// Lines for a log.
    pub fn plain(&self) -> Vec<String> {
        plain(self)
    }
}

/// `10 s  health 200: P95 218 ms (P50 PASS, P95 FAIL, P99 61% to FAIL)`, a line an endpoint, then the expected end.
fn plain(snapshot: &ProgressSnapshot) -> Vec<String> {
    if snapshot.stage == ProgressStage::Stopping {
        return headline(snapshot);
    }
    let clock = match snapshot.stage {
        ProgressStage::Calibration(elapsed)
        | ProgressStage::Audit(elapsed)
        | ProgressStage::WarmUp { elapsed, .. } => elapsed,
        _ => snapshot.elapsed,
    };
    let clock = time(clock);
    let mut lines = Vec::new();
    if snapshot.stage == ProgressStage::Running {
        let (shown, hidden) = divided(&snapshot.endpoints, MOST_ENDPOINTS);
        lines.extend(shown.iter().map(|endpoint| plain_endpoint(endpoint)));
        if !hidden.is_empty() {
            lines.push(left_out(&hidden));
        }
    }
    let mut parts = headline(snapshot);
    match snapshot.stage {
        ProgressStage::Running => {
            parts.retain(|part| *part != ran(snapshot));
        }
        ProgressStage::Calibration(_) | ProgressStage::Audit(_) => drop(parts.pop()),
        _ => {}
    }
    lines.push(parts.join(", "));
    lines
        .iter()
        .map(|line| format!("{clock}  {line}"))
        .collect()
}

fn plain_endpoint(endpoint: &EndpointProgress) -> String {
    let name = one_line(&endpoint.name);
    let p95 = percentile(endpoint.percentiles[1], scale(&[endpoint]));
    let failed = match endpoint.failed {
        0 => String::new(),
        n => format!(", {} failed", thousands(n)),
    };
    let gates: Vec<String> = gates(endpoint)
        .into_iter()
        .map(|gate| format!("{} {}", gate.name, gate.state))
        .collect();
    let gates = match gates.as_slice() {
        [] => String::new(),
        gates => format!(" ({})", gates.join(", ")),
    };
    let requests = thousands(endpoint.requests);
    format!("{name} {requests}: P95 {p95}{failed}{gates}")
}
