//! What a run was, in one line: the requests, their number, the rate and the time.

use std::time::Duration;

use super::endpoint::stream_waits;
use crate::printable::one_line;
use crate::report::endpoint_report::{EndpointReport, Traffic};
use crate::report::figures::{bytes, per_second, thousands};
use crate::report::model::Report;
use crate::report::run_info::RunInfo;
use crate::report::text::shards;
use crate::run::plan::{HttpVersion, Model};
use crate::run::run_file::{ProfileRecord, RunEnd, SegmentRecord};
use crate::run::sample::FailureKind;
use crate::units::{Pretty, Rate, plural};

/// `GET https://shop.example/search`, `600 requests at 20/s in 30 s`; `evidence.txt`, `10 samples`.
pub(in crate::report) fn facts(report: &Report) -> Vec<String> {
    let run = report.runs.first();
    let mut facts = match report.endpoints.as_slice() {
        [only] => vec![subject(report, only), load(only, run)],
        several => {
            let mut facts = vec![report.title.clone()];
            facts.extend(common_load(several, run));
            facts
        }
    };
    let version = run.map(|run| run.version);
    let version = version.filter(|version| *version != HttpVersion::Http1);
    facts.extend(version.map(|version| version.as_str().to_owned()));
    facts.extend(run.and_then(shards::fact));
    match run.map(|run| run.ended) {
        Some(RunEnd::Interrupted { .. }) => facts.push("interrupted".to_owned()),
        Some(RunEnd::Aborted) => facts.push("aborted".to_owned()),
        Some(RunEnd::Complete) | None => {}
    }
    let facts = facts.iter().map(|fact| one_line(fact).into_owned());
    facts.collect()
}

/// `orders  POST /orders · 600 requests, 600 ok`.
pub(in crate::report) fn heading(endpoint: &EndpointReport) -> String {
    let name = &endpoint.name;
    let planned = endpoint.summary.planned();
    let what = match (&endpoint.request, &endpoint.source) {
        (Some(request), _) => format!("{} {}", request.method, request.path),
        (None, Some(source)) => source.clone(),
        (None, None) => String::new(),
    };
    let noun = super::endpoint::noun(endpoint.summary.clock);
    let what = match endpoint.segment.as_ref() {
        Some(segment) if segment.count() > 1 => format!("{what} · {}", segment_time(segment)),
        _ => what,
    };
    let line = format!(
        "{name}  {what} · {} {noun}, {} ok",
        thousands(planned),
        thousands(endpoint.summary.counts.ok)
    );
    one_line(&line).into_owned()
}

/// `30 s to 90 s`: when a part of a profile was sent.
fn segment_time(segment: &SegmentRecord) -> String {
    let start = segment.start();
    let length = segment.part().map(|part| part.length).unwrap_or_default();
    if start.is_zero() {
        return format!("first {}", Pretty(length));
    }
    format!("{} to {}", Pretty(start), Pretty(start + length))
}

fn subject(report: &Report, endpoint: &EndpointReport) -> String {
    match (&endpoint.request, &endpoint.source) {
        (Some(request), _) => format!("{} {}", request.method, request.url),
        (None, Some(source)) => source.clone(),
        (None, None) => report.title.clone(),
    }
}

/// `600 requests at 20/s in 30 s`, `200 requests, 50 at a time, 40 ms`.
fn load(endpoint: &EndpointReport, run: Option<&RunInfo>) -> String {
    let planned = endpoint.summary.planned();
    let noun = match planned {
        1 => super::endpoint::noun(endpoint.summary.clock).trim_end_matches('s'),
        _ => super::endpoint::noun(endpoint.summary.clock),
    };
    let count = format!("{} {noun}", thousands(planned));
    let Some(traffic) = &endpoint.traffic else {
        return count;
    };
    if planned == 0 {
        return count;
    }
    let is_whole = run.is_none_or(|run| run.missing.is_none());
    let rate = traffic.offered.filter(|_| is_whole);
    let rate = rate.map(|rate| rate.as_per_second());
    let time = rate.or(traffic.achieved_per_s).map(|per_s| {
        let time = Duration::from_secs_f64(planned as f64 / per_s);
        Pretty(coarse(time)).to_string()
    });
    match (traffic.offered, run.map(|run| run.model), time) {
        (Some(_), _, Some(time)) if is_replay(endpoint) => {
            format!("{count} at the times of a file in {time}")
        }
        (Some(rate), _, Some(time)) => {
            format!("{count} at {} in {time}", load_rate(endpoint, rate))
        }
        (None, Some(Model::Closed { concurrency }), Some(time)) => {
            format!("{count}, {concurrency} at a time, {time}")
        }
        (None, Some(Model::Closed { concurrency }), None) => {
            format!("{count}, {concurrency} at a time")
        }
        _ => count,
    }
}

/// `20/s`, of a ramp `50/s..500/s`.
fn load_rate(endpoint: &EndpointReport, mean: Rate) -> String {
    let part = endpoint.segment.as_ref().and_then(SegmentRecord::part);
    part.map_or_else(|| per_second(mean.as_per_second()), ToString::to_string)
}

fn is_replay(endpoint: &EndpointReport) -> bool {
    let segment = endpoint.segment.as_ref();
    segment.is_some_and(|segment| matches!(segment.profile, ProfileRecord::Replay(_)))
}

/// Two digits are enough for the length of a run.
fn coarse(time: Duration) -> Duration {
    let unit = match time {
        t if t >= Duration::from_secs(10) => Duration::from_secs(1),
        t if t >= Duration::from_secs(1) => Duration::from_millis(100),
        _ => Duration::from_millis(1),
    };
    let units = (time.as_secs_f64() / unit.as_secs_f64()).round().max(1.0);
    unit.mul_f64(units)
}

/// What all endpoints have in common: `20/s each · 30 s`.
fn common_load(endpoints: &[EndpointReport], run: Option<&RunInfo>) -> Vec<String> {
    let offered = endpoints.iter().map(|e| e.traffic.as_ref()?.offered);
    let mut offered = offered.collect::<Vec<_>>();
    offered.dedup();
    let mut parts = Vec::new();
    match (offered.as_slice(), run.map(|run| run.model)) {
        (&[Some(rate)], _) => parts.push(format!("{} each", per_second(rate.as_per_second()))),
        (_, Some(Model::Closed { concurrency })) => parts.push(format!("{concurrency} at a time")),
        _ => {}
    }
    let times = endpoints.iter().filter_map(|endpoint| {
        let profile = endpoint.segment.as_ref().map(|segment| &segment.profile);
        if let Some(ProfileRecord::Parts { parts }) = profile {
            return Some(parts.length().as_secs_f64());
        }
        let traffic = endpoint.traffic.as_ref()?;
        let per_s = traffic.offered.map(|rate| rate.as_per_second());
        let per_s = per_s.or(traffic.achieved_per_s)?;
        Some(endpoint.summary.planned() as f64 / per_s)
    });
    let longest = times.fold(0.0, f64::max);
    if longest > 0.0 {
        parts.push(Pretty(coarse(Duration::from_secs_f64(longest))).to_string());
    }
    parts
}

/// `ok 600 · failed 0 · sent 20.0/s of 20/s · 1.9 MB received`.
pub(in crate::report) fn status_line(endpoint: &EndpointReport) -> String {
    let counts = &endpoint.summary.counts;
    let mut parts = vec![
        format!("ok {}", thousands(counts.ok)),
        format!(
            "failed {}",
            thousands(counts.failed_total() + counts.timeout)
        ),
    ];
    if counts.unsent > 0 {
        parts.push(format!("unsent {}", thousands(counts.unsent)));
    }
    if let Some(traffic) = &endpoint.traffic {
        parts.push(match (traffic.achieved_per_s, traffic.offered) {
            (Some(sent), Some(offered)) => {
                let mean = match load_rate(endpoint, offered) {
                    _ if is_replay(endpoint) => " on average",
                    own if own == per_second(offered.as_per_second()) => "",
                    _ => " on average",
                };
                format!(
                    "sent {}/s of {}{mean}",
                    rate(sent),
                    per_second(offered.as_per_second())
                )
            }
            (Some(sent), None) => format!("sent {}/s", rate(sent)),
            (None, Some(offered)) => format!("sent – of {}", per_second(offered.as_per_second())),
            (None, None) => "sent –".to_owned(),
        });
        parts.push(format!("{} received", bytes(traffic.body_bytes)));
        if traffic.pool_limited > 0 {
            parts.push(format!(
                "{} waited for a connection",
                thousands(traffic.pool_limited)
            ));
        }
        parts.extend(stream_waits(traffic));
    }
    parts.join(" · ")
}

/// `19.8/s`.
pub(in crate::report) fn sent_per_second(per_s: Option<f64>) -> String {
    per_s.map_or_else(|| "–".to_owned(), |per_s| format!("{}/s", rate(per_s)))
}

/// `20.0`, `1,500`: requests per second.
pub(super) fn rate(per_s: f64) -> String {
    match per_s {
        r if r >= 100.0 => thousands(r.round() as u64),
        r => format!("{r:.1}"),
    }
}

/// `11 × HTTP 500`, `3 × timeout (10 s)`: how requests failed, the most frequent first.
pub(in crate::report) fn failures(endpoint: &EndpointReport, run: Option<&RunInfo>) -> Vec<String> {
    let counts = &endpoint.summary.counts;
    let statuses = endpoint.traffic.as_ref().map(|t| &t.failed_statuses);
    let mut rows: Vec<(u64, String)> = Vec::new();
    for (kind, &count) in &counts.failed {
        let by_status = statuses.filter(|_| kind.as_str() == "status");
        let told: u64 = by_status.map_or(0, |statuses| statuses.values().sum());
        for (status, &count) in by_status.into_iter().flatten() {
            rows.push((count, format!("HTTP {status}")));
        }
        if count > told {
            rows.push((count - told, failure(*kind).to_owned()));
        }
    }
    if counts.timeout > 0 {
        let timeout = run.map(|run| format!(" ({})", Pretty(run.timeout)));
        rows.push((
            counts.timeout,
            format!("timeout{}", timeout.unwrap_or_default()),
        ));
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.0));
    let width = rows.iter().map(|row| thousands(row.0).len()).max();
    let width = width.unwrap_or(0);
    rows.into_iter()
        .map(|(count, what)| format!("{:>width$} × {what}", thousands(count)))
        .collect()
}

/// The word of a kind, more where that could be misread.
pub(super) fn failure(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Content => "unexpected body",
        FailureKind::RefusedStream => "refused stream",
        FailureKind::StreamReset => "stream reset",
        FailureKind::GoAway => "GOAWAY",
        other => other.as_str(),
    }
}

/// `50 requests were slower than 150 ms`, `14 requests failed or were slower than 150 ms`.
pub(in crate::report) fn slow_requests(
    endpoint: &EndpointReport,
    slow: u64,
    limit: Duration,
) -> String {
    let limit = Pretty(limit);
    let failed = endpoint.summary.counts.not_ok();
    let noun = super::endpoint::noun(endpoint.summary.clock);
    let requests = format!(
        "{} {}",
        thousands(slow),
        plural(slow, noun.trim_end_matches('s'))
    );
    let were = if slow == 1 { "was" } else { "were" };
    match failed {
        0 => format!("{requests} {were} slower than {limit}"),
        _ => format!("{requests} failed or {were} slower than {limit}"),
    }
}

/// `, in 21 spells`.
pub(in crate::report) fn in_spells(spells: u64) -> String {
    format!(", in {} {}", thousands(spells), plural(spells, "spell"))
}

/// `status 200 × 586 · 500 × 14`.
pub(in crate::report) fn statuses(traffic: &Traffic) -> String {
    let statuses = traffic.statuses.iter();
    let statuses: Vec<String> = statuses
        .map(|(status, &count)| format!("{status} × {}", thousands(count)))
        .collect();
    format!("status {}", statuses.join(" · "))
}
