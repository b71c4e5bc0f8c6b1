//! What every face for people says in the same words: rows, counts, notes and the verdict line.

mod audit_reason;
mod audit_remark;
mod change_reason;
pub(super) mod diagnosis;
pub(super) mod effect;
mod import_remark;
mod limitation;
mod next_step;
mod reason;
mod sample;
mod test_reason;

use std::time::Duration;

use super::audit;
use super::comparison;
use super::instrument;
use super::row::{NOTHING, TableRow};
use super::{EndpointReport, Report, RunInfo, Traffic};
use crate::judge::gate::{Condition, Finding, ObservedMetric, Severity};
use crate::judge::summary::{PERCENTILES, Percentile, Resolution};
use crate::printable::one_line;
use crate::run::plan::Model;
use crate::run::recording::TimeBase;
use crate::run::run_file::{AdaptiveRecord, RunEnd, SizeRecord, StopReason};
use crate::stats::rank::Quantile;
use crate::units::{Pretty, grouped, percent, plural, trimmed};
use crate::verdict::Verdict;

pub use next_step::next_step;
pub use reason::reason;

/// The lines of an endpoint's table: its percentiles ascending, the maximum, the error rate if there is
/// something to say about it.
pub(super) fn rows(report: &Report, endpoint: &EndpointReport) -> Vec<TableRow> {
    let findings = one_run_findings(report, &endpoint.name);
    let mut rows = Vec::new();
    for quantile in quantiles(&findings) {
        let row = || percentile_row(&endpoint.summary.percentile(quantile));
        let mut gated = findings
            .iter()
            .filter(|finding| finding.gate.condition.quantile() == Some(quantile))
            .map(|finding| row().gated(finding))
            .peekable();
        match gated.peek() {
            Some(_) => rows.extend(gated),
            None => rows.push(row()),
        }
    }
    rows.push(TableRow::ungated(
        "max".to_owned(),
        endpoint.summary.max().to_string(),
        NOTHING.to_owned(),
    ));
    let shares = findings
        .iter()
        .filter_map(|finding| error_rate_row(finding));
    rows.extend(shares);
    rows.extend(audit::rows(report, endpoint));
    rows
}

pub(super) fn one_run_findings<'a>(report: &'a Report, endpoint: &str) -> Vec<&'a Finding> {
    report
        .findings
        .iter()
        .filter(|finding| finding.endpoint == endpoint)
        .filter(|finding| {
            let condition = &finding.gate.condition;
            condition.allowed_share().is_some() && !condition.needs_audit()
        })
        .collect()
}

/// The usual percentiles and those with a gate, ascending.
pub(super) fn quantiles(findings: &[&Finding]) -> Vec<Quantile> {
    let mut quantiles = PERCENTILES.to_vec();
    quantiles.extend(findings.iter().filter_map(|f| f.gate.condition.quantile()));
    quantiles.sort_unstable();
    quantiles.dedup();
    quantiles
}

fn percentile_row(percentile: &Percentile) -> TableRow {
    TableRow::ungated(
        percentile.quantile.to_string(),
        percentile.value.to_string(),
        percentile.interval.to_string(),
    )
}

fn error_rate_row(finding: &Finding) -> Option<TableRow> {
    let ObservedMetric::Share { value, interval } = finding.measured else {
        return None;
    };
    let row = TableRow::ungated(
        "error rate".to_owned(),
        percent(value),
        format!("{} – {}", percent(interval.0), percent(interval.1)),
    );
    Some(row.gated(finding))
}

/// `600 requests to …`, `10 samples from evidence.txt`.
pub(super) fn heading(endpoint: &EndpointReport) -> String {
    let n = grouped(endpoint.summary.planned());
    let noun = noun(endpoint.summary.clock);
    match &endpoint.source {
        Some(source) => format!("{}: {n} {noun} from {source}", endpoint.name),
        None => format!("{}: {n} {noun}", endpoint.name),
    }
}

pub(super) fn noun(clock: TimeBase) -> &'static str {
    match clock {
        TimeBase::Given => "samples",
        TimeBase::IntendedStart | TimeBase::Send => "requests",
    }
}

/// `ok 593 · failed 5 (connect 2, status 3) · timed out 2 · unsent 0`.
pub(super) fn counts(endpoint: &EndpointReport) -> String {
    let counts = &endpoint.summary.counts;
    let failed = grouped(counts.failed_total());
    if endpoint.summary.clock == TimeBase::Given && counts.timeout + counts.unsent == 0 {
        return format!("ok {} · failed {failed}", grouped(counts.ok));
    }
    let kinds: Vec<String> = counts
        .failed
        .iter()
        .map(|(kind, &n)| format!("{} {}", kind.as_str(), grouped(n)))
        .collect();
    let kinds = match kinds.is_empty() {
        true => String::new(),
        false => format!(" ({})", kinds.join(", ")),
    };
    format!(
        "ok {} · failed {failed}{kinds} · timed out {} · unsent {}",
        grouped(counts.ok),
        grouped(counts.timeout),
        grouped(counts.unsent)
    )
}

/// `achieved 20 of 20/s offered · send lag P50 31 µs, P99 92 µs, max 210 µs`.
pub(super) fn traffic(traffic: &Traffic) -> String {
    let achieved = match traffic.achieved_per_s {
        Some(rate) => trimmed(rate, 2),
        None => NOTHING.to_owned(),
    };
    let mut parts = vec![match traffic.offered {
        Some(offered) => format!("achieved {achieved} of {offered} offered"),
        None => format!("achieved {achieved}/s"),
    }];
    if let Some(lag) = traffic.send_lag {
        parts.push(format!(
            "send lag P50 {}, P99 {}, max {}",
            Pretty(lag.p50),
            Pretty(lag.p99),
            Pretty(lag.max)
        ));
    }
    parts.push(match traffic.new_connections {
        1 => "1 new connection".to_owned(),
        n => format!("{} new connections", grouped(n)),
    });
    if traffic.pool_limited > 0 {
        parts.push(format!(
            "{} waited for a connection (in-flight cap)",
            grouped(traffic.pool_limited)
        ));
    }
    parts.join(" · ")
}

/// The plan of a run in one line.
pub(super) fn run(run: &RunInfo) -> String {
    let model = match run.model {
        Model::Open { arrivals } => format!("open model, {} arrivals", arrivals.as_str()),
        Model::Closed { concurrency } => format!("closed model, {concurrency} at a time"),
    };
    let size = match run.size {
        _ if run.adaptive.is_some() => adaptive(run),
        SizeRecord::Duration { duration } => Pretty(duration).to_string(),
        SizeRecord::Requests { requests } => {
            format!(
                "{} {} per endpoint",
                grouped(requests),
                plural(requests, "request")
            )
        }
    };
    let warmup = match run.warmup.is_zero() {
        true => "no warm-up".to_owned(),
        false => format!("{} of warm-up", Pretty(run.warmup)),
    };
    let size = match run.turns {
        Some(turns) => format!("{} blocks of {} in turns", turns.pairs, Pretty(turns.block)),
        None => size,
    };
    let warmup = match run.turns {
        Some(_) if !run.warmup.is_zero() => format!("{} to settle each", Pretty(run.warmup)),
        _ => warmup,
    };
    let label = match run.label.as_str() {
        "" => String::new(),
        label => format!("{label}: "),
    };
    let cut = match run.ended {
        RunEnd::Complete => "",
        RunEnd::Interrupted { .. } => " · INTERRUPTED",
    };
    let line = format!(
        "{label}{} · {model} · {size} after {warmup} · timeout {} · seed {}{cut}",
        run.target,
        Pretty(run.timeout),
        run.seed
    );
    one_line(&line).into_owned()
}

/// `stopped when decided, at most 120 s`.
fn adaptive(run: &RunInfo) -> String {
    let Some(AdaptiveRecord { budget, stopped }) = run.adaptive else {
        return String::new();
    };
    match stopped {
        StopReason::Decided => format!("stopped when decided (budget {})", Pretty(budget)),
        StopReason::Budget => format!("budget of {} spent", Pretty(budget)),
        StopReason::Interrupted => format!("budget {}", Pretty(budget)),
    }
}

/// What must be known to read the numbers: from where they count, what they cannot resolve, and what
/// the command adds.
pub(super) fn notes(report: &Report) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for endpoint in &report.endpoints {
        let note = clock_note(endpoint.summary.clock).map(str::to_owned);
        notes.extend(note.filter(|note| !notes.contains(note)));
    }
    let unresolved = report.endpoints.iter();
    notes.extend(unresolved.filter_map(|endpoint| resolution_note(report, endpoint)));
    notes.extend(comparison::notes(report));
    notes.extend(guard_note(report));
    notes.extend(instrument::notes(report));
    notes.extend(report.notes.iter().cloned());
    notes
        .iter()
        .map(|note| one_line(note).into_owned())
        .collect()
}

pub(super) fn clock_note(clock: TimeBase) -> Option<&'static str> {
    match clock {
        // What another tool's file says, its importer says.
        TimeBase::IntendedStart | TimeBase::Given => None,
        TimeBase::Send => Some(
            "closed model: this is service time, counted from the send; what a stall costs the requests \
             that were not sent because of it is not in these numbers",
        ),
    }
}

/// What the verdicts say of bursts.
fn guard_note(report: &Report) -> Option<String> {
    let on_one_run = report.findings.iter().filter(|f| f.p_pass.is_some());
    let (guarded, independent): (Vec<_>, Vec<_>) =
        on_one_run.partition(|finding| finding.episodes.is_some());
    let mut excluded: Vec<Duration> = guarded
        .iter()
        .filter_map(|finding| Some(finding.episodes?.excluded))
        .collect();
    excluded.sort_unstable();
    excluded.dedup();
    let excluded: Vec<String> = excluded
        .into_iter()
        .map(|d| Pretty(d).to_string())
        .collect();
    let given = |f: &&Finding| {
        let own = report.endpoints.iter().find(|e| e.name == f.endpoint);
        own.is_some_and(|endpoint| endpoint.summary.clock == TimeBase::Given)
    };
    // What a comparison says of bursts stands in its own notes.
    let (verdicts, pass) = match report.comparisons().is_empty() {
        true => ("the verdicts", "a PASS"),
        false => ("the verdicts on one run", "such a PASS"),
    };
    match (guarded.is_empty(), independent.is_empty()) {
        (true, true) => None,
        (true, false) => Some(
            "--iid: requests are taken as independent; if slow ones come in bursts, the verdicts are less certain \
             than stated"
                .to_owned(),
        ),
        (false, _) if guarded.iter().all(given) => Some(
            format!("{verdicts} reckon with bursts; without a rate, a slow episode to exclude is taken as 1 sample"),
        ),
        (false, _) => Some(format!(
            "{verdicts} reckon with bursts; {pass} excludes slow episodes of {}",
            excluded.join(" and ")
        )),
    }
}

/// `health: 10 samples: P95 and P99 are both the maximum; …`.
fn resolution_note(report: &Report, endpoint: &EndpointReport) -> Option<String> {
    let percentiles: Vec<Percentile> = gated_quantiles(report, &endpoint.name)
        .into_iter()
        .map(|quantile| endpoint.summary.percentile(quantile))
        .collect();
    let needed: Vec<String> = percentiles
        .iter()
        .filter(|percentile| percentile.resolution == Resolution::Unresolved)
        .map(|p| format!("{} for {}", grouped(p.samples_needed), p.quantile))
        .collect();
    let n = endpoint.summary.planned();
    if n == 0 || needed.is_empty() {
        return None;
    }
    let at_maximum: Vec<String> = percentiles
        .iter()
        .filter(|percentile| percentile.rank == n)
        .map(|percentile| percentile.quantile.to_string())
        .collect();
    let maximum = match at_maximum.as_slice() {
        [] => String::new(),
        [one] => format!("{one} is the maximum; "),
        [a, b] => format!("{a} and {b} are both the maximum; "),
        [rest @ .., last] => format!("{} and {last} are all the maximum; ", rest.join(", ")),
    };
    Some(format!(
        "{}: {} {}: {maximum}an interval with two ends takes {}",
        endpoint.name,
        grouped(n),
        noun(endpoint.summary.clock),
        needed.join(", ")
    ))
}

/// The percentiles that were asked for, ascending; the customary ones if nothing was asked at all.
fn gated_quantiles(report: &Report, endpoint: &str) -> Vec<Quantile> {
    let findings = one_run_findings(report, endpoint);
    let gated = findings.iter().filter_map(|f| f.gate.condition.quantile());
    let mut quantiles: Vec<Quantile> = match report.findings.is_empty() {
        true => vec![Quantile::P50, Quantile::P95, Quantile::P99],
        false => gated.collect(),
    };
    quantiles.sort_unstable();
    quantiles.dedup();
    quantiles
}

/// `health P95`.
pub(super) fn subject(finding: &Finding) -> String {
    let metric = match finding.gate.condition.quantile() {
        Some(quantile) => quantile.to_string(),
        None if finding.gate.condition.needs_audit() => audit::name(&finding.gate.condition),
        None => "error rate".to_owned(),
    };
    let change = match finding.gate.condition {
        Condition::Reduction { .. } => " reduction",
        Condition::Baseline { .. } => " against the baseline",
        _ => "",
    };
    format!("{} {metric}{change}", finding.endpoint)
}

/// What did not pass, the worst first.
pub(super) fn not_passed(report: &Report) -> Vec<&Finding> {
    let worst_first = [
        (Severity::Decides, Verdict::Fail),
        (Severity::Decides, Verdict::Inconclusive),
        (Severity::Warns, Verdict::Fail),
        (Severity::Warns, Verdict::Inconclusive),
    ];
    worst_first
        .iter()
        .flat_map(|&(severity, verdict)| {
            report
                .findings
                .iter()
                .filter(move |f| f.severity() == severity && f.verdict == verdict)
        })
        .collect()
}

/// The findings that make the verdict, in order; empty where no gate decides.
pub(super) fn decisive(report: &Report) -> Vec<&Finding> {
    let verdict = report.verdict();
    report
        .findings
        .iter()
        .filter(|f| f.severity() == Severity::Decides && Some(f.verdict) == verdict)
        .collect()
}

/// The findings that are listed with their reason: what did not pass; in a comparison, whose table shows no targets, all.
pub(super) fn listed(report: &Report) -> Vec<&Finding> {
    match report.comparison {
        Some(_) => report.findings.iter().collect(),
        None => not_passed(report),
    }
}

/// The verdict in one line; `None` where nothing was asked.
pub(super) fn verdict_line(report: &Report) -> Option<String> {
    let verdict = report.verdict()?;
    if let Some(diagnosis) = &report.diagnosis {
        return Some(format!("{verdict} {}", diagnosis.outcome()));
    }
    let decisive = decisive(report);
    let names: Vec<String> = decisive.iter().map(|finding| subject(finding)).collect();
    let names = match names.as_slice() {
        [a, b, _, rest @ ..] if !rest.is_empty() => format!("{a}, {b} and {} more", rest.len() + 1),
        names => names.join(", "),
    };
    Some(match (verdict, decisive.as_slice()) {
        (_, []) if report.findings.is_empty() => {
            format!("{verdict} no gate was judged, and that is never a pass")
        }
        (_, []) => {
            format!("{verdict} every gate only warns, so none decides, and that is never a pass")
        }
        (Verdict::Pass, [_, _, ..]) => format!("{verdict} all {} gates", decisive.len()),
        (_, [first, ..]) => format!("{verdict} {names}: {}", headline(report, first)),
    })
}

/// The reason of a finding in the verdict line: whole where it stands nowhere else, else its first clause.
fn headline(report: &Report, finding: &Finding) -> String {
    let reason = reason(finding);
    let end = match listed(report).len() {
        0 | 1 => reason.len(),
        _ => reason.find("; ").unwrap_or(reason.len()),
    };
    reason[..end].to_owned()
}
