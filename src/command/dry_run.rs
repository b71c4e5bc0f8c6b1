//! `measure --dry-run`: the resolved plan, and per gate whether the plan can decide it.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::json;

use crate::cli::resolve::{Measure, planned, planned_samples};
use crate::cli::run_setup::Precheck;
use crate::judge::gate::{Gate, Planned, Prospect};
use crate::judge::summary::CONFIDENCE;
use crate::redact;
use crate::report::ReportFormat;
use crate::run::plan::{AuditPolicy, AuditSource, Design, Endpoint, Guard, Model, Plan, Size};
use crate::run::run_file::PlanRecord;
use crate::stats::rank::min_samples_for_interval;
use crate::units::{Pretty, grouped, percent, plural};

/// Writes the plan in the form that was asked for; nothing is sent.
pub(super) fn write(
    measure: &Measure,
    format: ReportFormat,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        ReportFormat::Json => write_json(measure, out),
        _ => write_text(measure, out),
    }
}

fn write_text(measure: &Measure, out: &mut dyn Write) -> io::Result<()> {
    let plan = &measure.plan;
    let target = redact::url(&plan.target.to_string());
    writeln!(out, "plan for {target} (nothing is sent)")?;
    writeln!(out, "  model      {}", model(plan))?;
    writeln!(out, "  size       {}", size(measure))?;
    writeln!(out, "  warm-up    {}", Pretty(plan.warmup))?;
    writeln!(out, "  timeout    {}", Pretty(plan.timeout))?;
    writeln!(
        out,
        "  in flight  at most {}",
        plan.connections.max_in_flight
    )?;
    writeln!(out, "  seed       {}", plan.seed)?;
    writeln!(out, "  bursts     {}", bursts(measure.guard))?;
    writeln!(out, "  own error  {}", own_error(measure.setup.calibration))?;
    writeln!(out, "  audit      {}", audit(measure))?;
    if let Some(share) = measure.capture.resend {
        let share = percent(share);
        writeln!(
            out,
            "  resend     {share} of what is audited, a second time with the same key"
        )?;
    }
    writeln!(out, "endpoints")?;
    for endpoint in &plan.endpoints {
        writeln!(out, "  {}", line(plan, endpoint))?;
    }
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
    let whole = json!({
        "plan": PlanRecord::of(plan),
        "own_error": own_error(measure.setup.calibration),
        "audit": audit(measure),
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
    /// Whether it is judged only when the run and its audit are over.
    after_audit: bool,
    /// Samples from which the percentile has a finite interval.
    interval_from: Option<u64>,
}

impl Decision {
    fn of(measure: &Measure, gate: &Gate, endpoint: &Endpoint) -> Decision {
        let planned = planned(&measure.plan, endpoint, measure.guard, measure.design);
        Decision::planned(gate, &planned)
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
        }
    }

    pub(super) fn sentence(&self) -> String {
        let (Some(samples), Some(prospect)) = (self.samples, &self.prospect) else {
            if self.after_audit {
                return "counted by the audit when the run is over".to_owned();
            }
            return "the number of samples depends on the answers, so it is decided when they are in".to_owned();
        };
        let pass = prospect
            .pass_up_to
            .map(|k| format!("passes with up to {} beyond the limit", grouped(k)));
        let fail = prospect
            .fail_from
            .map(|k| format!("fails with {} or more", grouped(k)));
        let both: Vec<String> = pass.into_iter().chain(fail).collect();
        let both = both.join(", ");
        match self.design {
            Design::Fixed => format!(
                "{} samples: {both}{}",
                grouped(samples),
                self.between(samples)
            ),
            Design::Adaptive if self.after_audit => format!(
                "judged when the audit is over, so the run goes to its budget; with all of {} samples accepted: {both}",
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
            Some(needed) if samples < needed => format!(
                "; its interval is open, which takes {} samples",
                grouped(needed)
            ),
            _ => "; inconclusive between".to_owned(),
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

pub(super) fn bursts(guard: Guard) -> String {
    match guard {
        Guard::Episode(episode) => format!(
            "a PASS excludes slow episodes of {}; counts below are of requests that are slow one by one",
            Pretty(episode)
        ),
        Guard::Iid => "requests are taken as independent (--iid)".to_owned(),
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
        _ if names.is_empty() => return "none: nothing that is sent promises work".to_owned(),
        AuditPolicy::Never => return "none (--no-audit)".to_owned(),
        AuditPolicy::IfOffered => "if the service lists its runs: ",
        AuditPolicy::Required => "",
    };
    let at = match &measure.auditing.source {
        AuditSource::Listing => "GET /runs/{run}/events",
        AuditSource::Polls(polls) => &redact::url(&polls.url),
    };
    format!(
        "{condition}what {} accepted, at {at}, for at most {} after the run",
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

fn line(plan: &Plan, endpoint: &Endpoint) -> String {
    let rate = endpoint
        .rate
        .map(|rate| format!(", {rate}"))
        .unwrap_or_default();
    let samples = planned_samples(plan, endpoint)
        .map(|n| format!(", {} {}", grouped(n), plural(n, "request")))
        .unwrap_or_default();
    format!(
        "{}: {} {}{}{rate}{samples}, ok is {}",
        endpoint.name,
        endpoint.method,
        redact::url(&plan.target.prefix),
        redact::url(&endpoint.path.source()),
        endpoint.expect
    )
}
