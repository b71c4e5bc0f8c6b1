//! `ab --dry-run`: both plans, how long they take, and per gate whether they can decide it.

use std::io::{self, Write};

use serde_json::json;

use super::super::dry_run::{
    Decision, bursts, data, endpoint_lines, model, protocol, write_fitted,
};
use crate::cli::ab::AbArgs;
use crate::cli::resolve::{self, Ab, Draft, Sameness};
use crate::exit::Exit;
use crate::judge::gate::{Gate, Scope};
use crate::redact;
use crate::report::ReportFormat;
use crate::run::plan::{Endpoint, HttpVersion};
use crate::run::run_file::{HeaderRecord, PlanRecord};
use crate::stats::paired::MIN_PAIRS;
use crate::units::{Pretty, grouped, plural};

/// Writes the plans in the form that was asked for; nothing is sent. Plans that cannot be carried out are shown before
/// the error.
///
/// # Errors
/// There are no plans, or something is wrong with them, or they cannot be written.
pub(super) fn show(args: &AbArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let Draft { meant, fault } = resolve::ab_draft(args)?;
    match args.measure.output.format.output {
        ReportFormat::Json => write_json(&meant, out)?,
        _ => {
            let mut text = Vec::new();
            write_text(&meant, &mut text)?;
            write_fitted(&text, &args.measure.output.screen, out)?;
        }
    }
    out.flush()?;
    fault.map_or(Ok(Exit::Pass), Err)
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
        "  time       {}, plus the last answers of each block",
        Pretty(ab.takes())
    )?;
    writeln!(out, "  model      {}", model(before))?;
    writeln!(out, "  timeout    {}", Pretty(before.timeout))?;
    writeln!(
        out,
        "  in flight  at most {}",
        before.connections.max_in_flight
    )?;
    let versions = [before, after].map(|plan| plan.connections.version);
    if versions[0] != versions[1] {
        let (before, after) = (protocol(before), protocol(after));
        writeln!(out, "  protocol   before: {before}; after: {after}")?;
    } else if versions[0] != HttpVersion::Http1 {
        writeln!(out, "  protocol   {}", protocol(before))?;
    }
    writeln!(
        out,
        "  seed       {} (of the schedules; the order is fixed)",
        before.seed
    )?;
    writeln!(out, "  spells     {}", bursts(ab.guard))?;
    if let Some(rows) = &before.rows {
        writeln!(out, "  data       {}", data(rows))?;
    }
    writeln!(out, "endpoints")?;
    let record = PlanRecord::of(before);
    let endpoints = before.endpoints.iter().zip(&after.endpoints);
    for ((own, other), recorded) in endpoints.zip(&record.endpoints) {
        for line in endpoint_lines(&record, recorded, &load(ab, own)) {
            writeln!(out, "{line}")?;
        }
        for (role, header) in headers_apart(ab, own, other) {
            writeln!(out, "    {role:7}  {}: {}", header.name, header.value)?;
        }
    }
    writeln!(out, "gates")?;
    if ab.gates.is_empty() {
        writeln!(out, "  none: no verdict")?;
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
            "{}: too few for an interval over pairs (needs {MIN_PAIRS}); only the profile interval is used",
            ab.pairs
        )
    } else {
        format!(
            "{}: the wider of the profile and the paired interval counts",
            ab.pairs
        )
    }
}

/// `240 requests to each side at 20/s`.
fn load(ab: &Ab, endpoint: &Endpoint) -> String {
    let requests = match ab.planned(endpoint).samples {
        Some(n) => format!("{} {} to each side", grouped(n), plural(n, "request")),
        None => "as many requests as are answered in time".to_owned(),
    };
    let rate = endpoint.rate.map(|rate| format!(" at {rate}"));
    format!("{requests}{}", rate.unwrap_or_default())
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
        ("after", after, before, records(&ab.plans.after)),
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
        Scope::OneRun | Scope::Search => format!(
            "of the side after: {}",
            Decision::planned(gate, &planned).sentence()
        ),
        Scope::TwoRuns => match planned.samples {
            Some(samples) => format!(
                "{} requests per side, enough for an interval of this percentile",
                grouped(samples)
            ),
            None => "the number of requests depends on the answers".to_owned(),
        },
    }
}
