//! `measure --dry-run`: the resolved plan, and per gate whether the plan can decide it.

use std::io::{self, Write};

use serde_json::json;

use crate::cli::resolve::{Measure, planned_samples};
use crate::gate::{ALPHA, Gate};
use crate::plan::{Endpoint, Model, Plan, Size};
use crate::report::Format;
use crate::run_file::PlanRecord;
use crate::stats::binomial::{max_exceedances_to_pass, min_exceedances_to_fail};
use crate::stats::rank::min_samples_for_interval;
use crate::summary::CONFIDENCE;
use crate::units::{Pretty, grouped};

/// Writes the plan in the form that was asked for; nothing is sent.
pub(super) fn write(measure: &Measure, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Json => write_json(measure, out),
        _ => write_text(measure, out),
    }
}

fn write_text(measure: &Measure, out: &mut dyn Write) -> io::Result<()> {
    let plan = &measure.plan;
    writeln!(out, "plan for {} (nothing is sent)", plan.target)?;
    writeln!(out, "  model      {}", model(plan))?;
    writeln!(out, "  size       {}", size(plan))?;
    writeln!(out, "  warm-up    {}", Pretty(plan.warmup))?;
    writeln!(out, "  timeout    {}", Pretty(plan.timeout))?;
    writeln!(
        out,
        "  in flight  at most {}",
        plan.connections.max_in_flight
    )?;
    writeln!(out, "  seed       {}", plan.seed)?;
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
            Decision::of(plan, gate, endpoint).sentence()
        )?;
    }
    Ok(())
}

fn write_json(measure: &Measure, out: &mut dyn Write) -> io::Result<()> {
    let plan = &measure.plan;
    let gates: Vec<_> = decisions(measure)
        .map(|(gate, endpoint)| {
            let decision = Decision::of(plan, gate, endpoint);
            json!({
                "endpoint": endpoint.name,
                "gate": gate.for_endpoint(&endpoint.name).to_string(),
                "samples": decision.samples,
                "passes_up_to": decision.pass_up_to,
                "fails_from": decision.fail_from,
                "sentence": decision.sentence(),
            })
        })
        .collect();
    let whole = json!({ "plan": PlanRecord::of(plan), "gates": gates });
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
struct Decision {
    /// `None` where the answers decide how many there will be.
    samples: Option<u64>,
    /// Most exceedances with which it passes.
    pass_up_to: Option<u64>,
    /// Fewest exceedances with which it fails.
    fail_from: Option<u64>,
    /// Samples from which the percentile has a finite interval.
    interval_from: Option<u64>,
}

impl Decision {
    fn of(plan: &Plan, gate: &Gate, endpoint: &Endpoint) -> Decision {
        let samples = planned_samples(plan, endpoint);
        let theta0 = gate.condition.allowed_share();
        Decision {
            samples,
            pass_up_to: samples
                .zip(theta0)
                .and_then(|(n, theta0)| max_exceedances_to_pass(n, theta0, ALPHA)),
            fail_from: samples
                .zip(theta0)
                .and_then(|(n, theta0)| min_exceedances_to_fail(n, theta0, ALPHA)),
            interval_from: gate
                .condition
                .quantile()
                .map(|q| min_samples_for_interval(q, CONFIDENCE)),
        }
    }

    fn sentence(&self) -> String {
        let Some(samples) = self.samples else {
            return "the number of samples depends on the answers, so it is decided when they are in".to_owned();
        };
        let pass = self
            .pass_up_to
            .map(|k| format!("passes with up to {} beyond the limit", grouped(k)));
        let fail = self
            .fail_from
            .map(|k| format!("fails with {} or more", grouped(k)));
        let both: Vec<String> = pass.into_iter().chain(fail).collect();
        let mut sentence = format!("{} samples: {}", grouped(samples), both.join(", "));
        match self.interval_from {
            Some(needed) if samples < needed => {
                sentence.push_str(&format!(
                    "; its interval is open, which takes {} samples",
                    grouped(needed)
                ));
            }
            _ => sentence.push_str("; inconclusive between"),
        }
        sentence
    }
}

fn model(plan: &Plan) -> String {
    match plan.model {
        Model::Open { arrivals } => format!("open, arrivals on a {} schedule", arrivals.as_str()),
        Model::Closed { concurrency } => {
            format!("closed, {concurrency} in flight: service time only")
        }
    }
}

fn size(plan: &Plan) -> String {
    match plan.size {
        Size::Duration(duration) => Pretty(duration).to_string(),
        Size::Requests(n) => format!("{} requests to each endpoint", grouped(n)),
    }
}

fn line(plan: &Plan, endpoint: &Endpoint) -> String {
    let rate = endpoint
        .rate
        .map(|rate| format!(", {rate}"))
        .unwrap_or_default();
    let samples = planned_samples(plan, endpoint)
        .map(|n| format!(", {} requests", grouped(n)))
        .unwrap_or_default();
    format!(
        "{}: {} {}{}{rate}{samples}, ok is {}",
        endpoint.name,
        endpoint.method,
        plan.target.prefix,
        endpoint.path.source(),
        endpoint.expect
    )
}
