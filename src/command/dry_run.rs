//! `measure --dry-run`: the resolved plan, and per gate whether the plan can decide it.

mod connection_line;
mod endpoint_lines;
mod fitted;
mod profile_lines;
mod shard_line;

use std::io::{self, Write};
use std::time::Duration;

use serde_json::json;

use crate::cli::measure::MeasureArgs;
use crate::cli::output::ScreenArgs;
use crate::cli::resolve::{self, Draft, Measure, planned, planned_samples};
use crate::cli::run_setup::Precheck;
use crate::exit::Exit;
use crate::judge::gate::{Condition, Gate, Planned, Prospect, Scope};
use crate::judge::summary::{CONFIDENCE, Summary};
use crate::printable::one_line;
use crate::redact;
use crate::report::text::planned_limit;
use crate::report::{ReportFormat, Style};
use crate::run::plan::{
    AuditPolicy, AuditSource, Design, Endpoint, Guard, HttpVersion, Model, Plan, PlannedRows,
    RedirectPolicy, RowUse, Segment, Size,
};
use crate::run::rate_profile::RateProfile;
use crate::run::run_file::{Baseline, PlanRecord};
use crate::stats::rank::min_samples_for_interval;
use crate::units::{Pretty, grouped, percent, plural};

pub(super) use connection_line::protocol;
pub(super) use endpoint_lines::{endpoint_lines, url};
use fitted::fitted;
use profile_lines::profile_lines;

/// Writes the plan in the form that was asked for; nothing is sent. A plan that cannot be carried out is shown before
/// the error.
///
/// # Errors
/// There is no plan, or something is wrong with it, or it cannot be written.
pub(super) fn show(args: &MeasureArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let Draft { meant, fault } = resolve::measure_draft(args)?;
    match args.output.format.output {
        ReportFormat::Json => write_json(&meant, out)?,
        _ => {
            let mut text = Vec::new();
            write_text(&meant, &args.output.screen.style(), &mut text)?;
            write_fitted(&text, &args.output.screen, out)?;
        }
    }
    out.flush()?;
    fault.map_or(Ok(Exit::Pass), Err)
}

/// Writes the lines of a plan for people.
pub(super) fn write_fitted(
    text: &[u8],
    screen: &ScreenArgs,
    out: &mut dyn Write,
) -> io::Result<()> {
    let text = String::from_utf8_lossy(text);
    out.write_all(fitted(&text, screen.style().width).as_bytes())
}

fn write_text(measure: &Measure, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let plan = &measure.plan;
    let origins: Vec<String> = plan
        .origins()
        .iter()
        .map(|o| redact::url(&o.to_string()))
        .collect();
    let target = origins.join(", ");
    writeln!(out, "plan for {target} (nothing is sent)")?;
    if let Some(proxy) = &plan.connections.proxy {
        writeln!(out, "  proxy      {proxy}")?;
    }
    if plan.connections.redirects == RedirectPolicy::Follow {
        writeln!(out, "  redirects  followed, at most 10")?;
    }
    let replayed = measure.replay.as_ref();
    let model = replayed.map(|source| format!("open, at the times of {}", one_line(&source.file)));
    let model = model.unwrap_or_else(|| self::model(plan));
    writeln!(out, "  model      {model}")?;
    writeln!(out, "  size       {}", size(measure))?;
    writeln!(out, "  warm-up    {}", Pretty(plan.warmup))?;
    writeln!(out, "  timeout    {}", Pretty(plan.timeout))?;
    writeln!(
        out,
        "  in flight  at most {}",
        plan.connections.max_in_flight
    )?;
    if plan.connections.version != HttpVersion::Http1 {
        writeln!(out, "  protocol   {}", protocol(plan))?;
    }
    if let Some(setup) = &measure.shard {
        writeln!(out, "  shard      {}", shard_line::line(setup))?;
    }
    writeln!(out, "  seed       {}", plan.seed)?;
    writeln!(out, "  spells     {}", bursts(measure.guard))?;
    writeln!(out, "  overhead   {}", own_error(measure.setup.calibration))?;
    writeln!(out, "  audit      {}", audit(measure))?;
    if let Some(resolved) = &measure.baseline {
        let Baseline { record, run } = &resolved.baseline;
        writeln!(
            out,
            "  baseline   {}, measured at {}",
            record.file, run.started_at
        )?;
    }
    if let Some(share) = measure.capture.resend {
        let share = percent(share);
        writeln!(
            out,
            "  resend     {share} of the audited requests, a second time with the same key"
        )?;
    }
    if let Some(rows) = &plan.rows {
        writeln!(out, "  data       {}", data(rows))?;
    }
    write_endpoints(measure, out)?;
    for line in profile_lines(measure, style) {
        writeln!(out, "{line}")?;
    }
    write_gates(measure, out)
}

fn write_endpoints(measure: &Measure, out: &mut dyn Write) -> io::Result<()> {
    let plan = &measure.plan;
    writeln!(out, "endpoints")?;
    let record = PlanRecord::of(plan);
    for (endpoint, recorded) in plan.endpoints.iter().zip(&record.endpoints) {
        let lines = endpoint_lines(&record, recorded, &load(measure, endpoint));
        // All segments of an endpoint send the same.
        let shown = if endpoint.is_first_segment() {
            lines.len()
        } else {
            2
        };
        for line in &lines[..shown] {
            writeln!(out, "{line}")?;
        }
    }
    for endpoint in &measure.unasked {
        writeln!(
            out,
            "  {}: {} {} is not sent to {} unasked",
            endpoint.name, endpoint.method, endpoint.path, endpoint.host
        )?;
    }
    Ok(())
}

fn write_gates(measure: &Measure, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "gates")?;
    for (gate, endpoint) in decisions(measure) {
        let text = gate.for_endpoint(&endpoint.name).to_string();
        writeln!(
            out,
            "  {text}\n    {}",
            Decision::of(measure, gate, endpoint).sentence()
        )?;
    }
    Ok(())
}

fn write_json(measure: &Measure, out: &mut dyn Write) -> io::Result<()> {
    let plan = &measure.plan;
    let gates: Vec<_> = decisions(measure)
        .map(|(gate, endpoint)| {
            let decision = Decision::of(measure, gate, endpoint);
            json!({
                "endpoint": endpoint.name,
                "gate": gate.for_endpoint(&endpoint.name).to_string(),
                "samples": decision.samples,
                "passes_up_to": decision.prospect.and_then(|p| p.pass_up_to),
                "fails_from": decision.prospect.and_then(|p| p.fail_from),
                "clean_passes_after": decision.prospect.map(|p| p.passes_from),
                "sentence": decision.sentence(),
            })
        })
        .collect();
    let record = PlanRecord::of(plan);
    let endpoints = plan.endpoints.iter().zip(&record.endpoints);
    let endpoints: Vec<_> = endpoints
        .map(|(endpoint, recorded)| {
            json!({
                "name": endpoint.name,
                "url": url(&record, recorded),
                "requests": planned_samples(plan, endpoint),
            })
        })
        .collect();
    let whole = json!({
        "plan": record,
        "endpoints": endpoints,
        "own_error": own_error(measure.setup.calibration),
        "audit": audit(measure),
        "shard": measure.shard.as_ref().map(shard_line::json),
        "baseline": measure.baseline.as_ref().map(|resolved| &resolved.baseline.record),
        "resend": measure.capture.resend,
        "gates": gates,
    });
    writeln!(out, "{whole:#}")
}

/// Every gate with each endpoint that it is about.
fn decisions(measure: &Measure) -> impl Iterator<Item = (&Gate, &Endpoint)> {
    let selects = |gate: &Gate, endpoint: &Endpoint| gate.selector.selects(&endpoint.name);
    let endpoints = &measure.plan.endpoints;
    measure.gates.iter().flat_map(move |gate| {
        endpoints
            .iter()
            .filter(move |e| selects(gate, e))
            .map(move |e| (gate, e))
    })
}

/// What the plan can say of one gate.
pub(super) struct Decision {
    /// `None` where the answers decide how many there will be.
    samples: Option<u64>,
    rate_per_s: Option<f64>,
    design: Design,
    prospect: Option<Prospect>,
    /// Whether it is judged only after the run and its audit.
    after_audit: bool,
    /// Samples from which the percentile has a finite interval.
    interval_from: Option<u64>,
    /// What decides instead of a number of samples: the baseline of a gate on two runs, or that it is not judged.
    over_baseline: Option<String>,
}

impl Decision {
    fn of(measure: &Measure, gate: &Gate, endpoint: &Endpoint) -> Decision {
        let planned = planned(&measure.plan, endpoint, measure.guard, measure.design);
        Decision {
            over_baseline: across_ramp(gate, endpoint)
                .or_else(|| over_baseline(measure, gate, endpoint)),
            ..Decision::planned(gate, &planned)
        }
    }

    pub(super) fn planned(gate: &Gate, planned: &Planned<'_>) -> Decision {
        Decision {
            samples: planned.samples,
            rate_per_s: planned.rate_per_s,
            design: planned.design,
            prospect: Prospect::of(gate, planned),
            after_audit: gate.condition.needs_audit(),
            interval_from: gate
                .condition
                .quantile()
                .map(|q| min_samples_for_interval(q, CONFIDENCE)),
            over_baseline: None,
        }
    }

    pub(super) fn sentence(&self) -> String {
        if let Some(limit) = &self.over_baseline {
            return limit.clone();
        }
        let (Some(samples), Some(prospect)) = (self.samples, &self.prospect) else {
            if self.after_audit {
                return "counted by the audit after the run".to_owned();
            }
            return "the number of requests depends on the answers".to_owned();
        };
        let pass = prospect
            .pass_up_to
            .map(|k| format!("passes with up to {} slow requests", grouped(k)));
        let fail = prospect
            .fail_from
            .map(|k| format!("fails with {} or more slow requests", grouped(k)));
        let both: Vec<String> = pass.into_iter().chain(fail).collect();
        let both = both.join(", ");
        match self.design {
            Design::Fixed => format!(
                "{} samples: {both}{}",
                grouped(samples),
                self.between(samples)
            ),
            Design::Adaptive if self.after_audit => format!(
                "judged after the audit, so the run uses its whole budget; with all {} samples accepted: {both}",
                grouped(samples)
            ),
            Design::Adaptive => format!(
                "{}; at the budget, {} samples: {both}",
                self.earliest(prospect),
                grouped(samples)
            ),
        }
    }

    fn between(&self, samples: u64) -> String {
        match self.interval_from {
            Some(needed) if samples < needed => {
                format!(
                    "; an interval with two ends needs {} samples",
                    grouped(needed)
                )
            }
            _ => "; INCONCLUSIVE in between".to_owned(),
        }
    }

    /// `decided after 600 samples (30 s) if none is beyond the limit, after 368 (18.4 s) if all are`.
    fn earliest(&self, prospect: &Prospect) -> String {
        let with_interval = |n: u64| n.max(self.interval_from.unwrap_or(0));
        let after = |n: u64| match self.rate_per_s {
            Some(rate) => {
                let time = Duration::from_secs_f64(n as f64 / rate);
                format!("{} ({})", grouped(n), Pretty(time))
            }
            None => grouped(n),
        };
        let clean = after(with_interval(prospect.passes_from));
        let fails = prospect
            .fails_from
            .map(|n| format!(", after {} if all are", after(with_interval(n))));
        format!(
            "decided after {clean} if none is beyond the limit{}",
            fails.unwrap_or_default()
        )
    }
}

/// A percentile across a ramp is not judged.
fn across_ramp(gate: &Gate, endpoint: &Endpoint) -> Option<String> {
    let condition = &gate.condition;
    let is_percentile = condition.quantile().or(condition.done_quantile()).is_some();
    (is_percentile && !endpoint.shape().has_percentiles())
        .then(|| "not judged: each rate of a ramp has a percentile of its own".to_owned())
}

/// `at most 2.32 ms (baseline 1.32 ms + 1 ms)`; not judged without a baseline.
fn over_baseline(measure: &Measure, gate: &Gate, endpoint: &Endpoint) -> Option<String> {
    if gate.condition.scope() == Scope::OneRun {
        return None;
    }
    let Some(resolved) = &measure.baseline else {
        return Some("not judged: it needs a baseline (--baseline FILE)".to_owned());
    };
    let run = &resolved.baseline.run;
    let recording = &run.endpoint(&endpoint.name)?.recording;
    let summary = Summary::of(recording, Some(run.plan.timeout));
    let before = summary.percentile(gate.condition.quantile()?).value;
    let Condition::Baseline { allowance, .. } = gate.condition else {
        return Some(format!("compared with the baseline's {before}"));
    };
    let part = before.value().map(|value| {
        let part = allowance.larger_over(value);
        (part, part.limit_over(value))
    });
    Some(planned_limit(before, part))
}

pub(super) fn bursts(guard: Guard) -> String {
    match guard {
        Guard::Episode(episode) => format!(
            "a PASS allows for slow spells of up to {}; the counts below are for single slow requests",
            Pretty(episode)
        ),
        Guard::Iid => "requests are treated as independent (--iid)".to_owned(),
    }
}

fn own_error(calibration: Precheck) -> &'static str {
    match calibration {
        Precheck::Run => "measured before the run, for 2 s",
        Precheck::Skip => "not measured (--no-calibration)",
    }
}

/// Which endpoints' accepted requests are asked after, where, and for how long.
fn audit(measure: &Measure) -> String {
    let accepting = measure.plan.endpoints.iter().filter(|e| e.is_accepting());
    let names: Vec<&str> = accepting.map(|endpoint| endpoint.name.as_str()).collect();
    let condition = match measure.auditing.policy {
        _ if names.is_empty() => return "none: no endpoint accepts events".to_owned(),
        AuditPolicy::Never => return "none (--no-audit)".to_owned(),
        AuditPolicy::IfOffered => "if the service lists its runs: ",
        AuditPolicy::Required => "",
    };
    let at = match &measure.auditing.source {
        AuditSource::Listing => "GET /runs/{run}/events",
        AuditSource::Polls(polls) => &redact::url(&polls.url),
    };
    format!(
        "{condition}accepted events of {}, at {at}, for at most {} after the run",
        names.join(", "),
        Pretty(measure.auditing.patience)
    )
}

pub(super) fn model(plan: &Plan) -> String {
    match plan.model {
        Model::Open { arrivals } => format!("open, arrivals on a {} schedule", arrivals.as_str()),
        Model::Closed { concurrency } => {
            format!("closed, {concurrency} in flight: service time only")
        }
    }
}

/// `users.csv: 100 rows, then again from the first`.
pub(super) fn data(planned: &PlannedRows) -> String {
    let rows = planned.rows.len() as u64;
    let usage = match planned.usage {
        RowUse::Cycle => "in order, then again from the first",
        RowUse::Once => "each at most once",
    };
    format!(
        "{}: {} {}, {usage}",
        one_line(planned.rows.file()),
        grouped(rows),
        plural(rows, "row")
    )
}

fn size(measure: &Measure) -> String {
    match measure.plan.size {
        Size::Duration(budget) if measure.design == Design::Adaptive => {
            format!("until every gate is decided, at most {}", Pretty(budget))
        }
        Size::Duration(duration) => Pretty(duration).to_string(),
        Size::Requests(n) => {
            format!("{} {} to each endpoint", grouped(n), plural(n, "request"))
        }
    }
}

/// `at most 2 400 requests at 20/s, after 2 s of warm-up`.
fn load(measure: &Measure, endpoint: &Endpoint) -> String {
    let plan = &measure.plan;
    let most = match measure.design {
        Design::Adaptive => "at most ",
        Design::Fixed => "",
    };
    let requests = match planned_samples(plan, endpoint) {
        Some(n) => format!("{most}{} {}", grouped(n), plural(n, "request")),
        None => "as many requests as are answered in time".to_owned(),
    };
    let rate = match &endpoint.segment {
        None => endpoint.rate.map(|rate| format!(" at {rate}")),
        Some(segment) => Some(segment_load(segment)),
    };
    let warmup = match plan.warmup {
        _ if !endpoint.is_first_segment() => {
            return format!("{requests}{}", rate.unwrap_or_default());
        }
        Duration::ZERO => "without warm-up".to_owned(),
        warmup => format!("after {} of warm-up", Pretty(warmup)),
    };
    format!("{requests}{}, {warmup}", rate.unwrap_or_default())
}

/// ` at 100/s from 30 s to 60 s`, ` at the instants of access.log`.
fn segment_load(segment: &Segment) -> String {
    match (segment.part(), &segment.profile) {
        (Some(part), _) => {
            let start = segment.start();
            if start.is_zero() {
                return format!(" at {part} in {}", Pretty(part.length));
            }
            format!(
                " at {part} from {} to {}",
                Pretty(start),
                Pretty(start + part.length)
            )
        }
        (None, RateProfile::Replay(replay)) => {
            let file = one_line(&replay.record.file);
            match replay.record.speed {
                1.0 => format!(" at the times of {file}"),
                speed => format!(" at the times of {file}, {speed} times as fast"),
            }
        }
        (None, RateProfile::Parts(_)) => String::new(),
    }
}
