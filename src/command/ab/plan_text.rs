//! `ab --dry-run`: both plans, how long they take, and per gate whether they can decide it.

use std::io::{self, Write};

use serde_json::json;

use super::super::dry_run::{Decision, bursts, model};
use crate::cli::resolve::{Ab, Sameness};
use crate::judge::gate::{Gate, Scope};
use crate::redact;
use crate::report::ReportFormat;
use crate::run::plan::Endpoint;
use crate::run::run_file::{HeaderRecord, PlanRecord};
use crate::stats::paired::MIN_PAIRS;
use crate::units::{Pretty, grouped};

/// Writes the plans in the form that was asked for; nothing is sent.
pub(super) fn write(ab: &Ab, format: ReportFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        ReportFormat::Json => write_json(ab, out),
        _ => write_text(ab, out),
    }
}

fn write_text(ab: &Ab, out: &mut dyn Write) -> io::Result<()> {
    let (before, after) = (&ab.plans.before, &ab.plans.after);
    let aa = match ab.sameness {
        Sameness::Same => "; the same on both sides (A/A)",
        Sameness::Different => "",
    };
    writeln!(
        out,
        "plan for {} → {} (nothing is sent{aa})",
        redact::url(&before.target.to_string()),
        redact::url(&after.target.to_string())
    )?;
    writeln!(
        out,
        "  blocks     {} of {}, each after {} to settle, in the order before, after, after, before",
        2 * ab.pairs,
        Pretty(ab.block),
        Pretty(before.warmup)
    )?;
    writeln!(out, "  pairs      {}", pairs(ab))?;
    writeln!(
        out,
        "  takes      {}, and the last answers of each block",
        Pretty(ab.takes())
    )?;
    writeln!(out, "  model      {}", model(before))?;
    writeln!(out, "  timeout    {}", Pretty(before.timeout))?;
    writeln!(
        out,
        "  in flight  at most {}",
        before.connections.max_in_flight
    )?;
    writeln!(
        out,
        "  seed       {} (of the schedules; the order is fixed)",
        before.seed
    )?;
    writeln!(out, "  bursts     {}", bursts(ab.guard))?;
    writeln!(out, "endpoints")?;
    for (own, other) in before.endpoints.iter().zip(&after.endpoints) {
        writeln!(out, "  {}", line(ab, own))?;
        for (role, header) in headers_apart(ab, own, other) {
            writeln!(out, "    {role} {}: {}", header.name, header.value)?;
        }
    }
    writeln!(out, "gates")?;
    if ab.gates.is_empty() {
        writeln!(out, "  none: the comparison is information")?;
    }
    for (gate, endpoint) in gates(ab) {
        let text = gate.for_endpoint(&endpoint.name).to_string();
        writeln!(out, "  {text}\n    {}", sentence(ab, gate, endpoint))?;
    }
    Ok(())
}

fn write_json(ab: &Ab, out: &mut dyn Write) -> io::Result<()> {
    let gates: Vec<_> = gates(ab)
        .map(|(gate, endpoint)| {
            json!({
                "endpoint": endpoint.name,
                "gate": gate.for_endpoint(&endpoint.name).to_string(),
                "samples": ab.planned(endpoint).samples,
                "sentence": sentence(ab, gate, endpoint),
            })
        })
        .collect();
    let whole = json!({
        "order": "ABBA",
        "pairs": ab.pairs,
        "block_s": ab.block.as_secs_f64(),
        "settle_s": ab.plans.before.warmup.as_secs_f64(),
        "takes_s": ab.takes().as_secs_f64(),
        "same": ab.sameness == Sameness::Same,
        "before": PlanRecord::of(&ab.plans.before),
        "after": PlanRecord::of(&ab.plans.after),
        "gates": gates,
    });
    writeln!(out, "{whole:#}")
}

fn pairs(ab: &Ab) -> String {
    if ab.pairs < MIN_PAIRS as u64 {
        format!(
            "{}: too few for an interval over pairs, which takes {MIN_PAIRS}; only the profile interval is used",
            ab.pairs
        )
    } else {
        format!(
            "{}: of the profile and the paired interval the wider one counts",
            ab.pairs
        )
    }
}

fn line(ab: &Ab, endpoint: &Endpoint) -> String {
    let rate = endpoint
        .rate
        .map(|rate| format!(", {rate}"))
        .unwrap_or_default();
    let samples = ab.planned(endpoint).samples;
    let samples = samples
        .map(|n| format!(", {} requests to each side", grouped(n)))
        .unwrap_or_default();
    format!(
        "{}: {} {}{rate}{samples}, ok is {}",
        endpoint.name,
        endpoint.method,
        redact::url(&endpoint.path.source()),
        endpoint.expect
    )
}

/// The headers that only one side has, secrets hidden.
fn headers_apart(
    ab: &Ab,
    before: &Endpoint,
    after: &Endpoint,
) -> Vec<(&'static str, HeaderRecord)> {
    let records = |plan| -> Vec<HeaderRecord> {
        let plan = PlanRecord::of(plan);
        let own = plan.endpoints.into_iter().find(|e| e.name == before.name);
        own.map(|endpoint| endpoint.headers).unwrap_or_default()
    };
    let sides = [
        ("before", before, after, records(&ab.plans.before)),
        ("after ", after, before, records(&ab.plans.after)),
    ];
    let mut apart = Vec::new();
    for (role, own, other, records) in sides {
        let alone = own
            .headers
            .iter()
            .zip(records)
            .filter(|(h, _)| !other.headers.contains(h));
        apart.extend(alone.map(|(_, record)| (role, record)));
    }
    apart
}

/// Every gate with each endpoint that it is about.
fn gates(ab: &Ab) -> impl Iterator<Item = (&Gate, &Endpoint)> {
    let endpoints = &ab.plans.after.endpoints;
    ab.gates.iter().flat_map(move |gate| {
        let own = endpoints.iter().filter(|e| gate.selector.selects(&e.name));
        own.map(move |endpoint| (gate, endpoint))
    })
}

fn sentence(ab: &Ab, gate: &Gate, endpoint: &Endpoint) -> String {
    let planned = ab.planned(endpoint);
    match gate.condition.scope() {
        Scope::OneRun => format!(
            "of the side after: {}",
            Decision::planned(gate, &planned).sentence()
        ),
        Scope::TwoRuns => match planned.samples {
            Some(samples) => format!(
                "{} requests on each side, enough for an interval of this percentile",
                grouped(samples)
            ),
            None => "the number of requests depends on the answers".to_owned(),
        },
    }
}
