//! `a7probe compare`: load, check that the runs are comparable, compare, judge, report.

mod comparable;
mod half;

use std::io::Write;

use anyhow::Context as _;

use crate::cli::compare::CompareArgs;
use crate::comparison::{self, Comparison, Noise, Pair};
use crate::exit::Exit;
use crate::gate::{self, Gate, Scope, Subject};
use crate::import::Options;
use crate::report::{ComparisonReport, Kind, Report};
use crate::run_file::Run;

use comparable::{Strictness, check_plans};
use half::{Half, Matched};

/// Compares two files and publishes the result.
///
/// # Errors
/// A file that cannot be read, runs that are not comparable, a gate that does not fit, an output that
/// cannot be written.
pub fn run(
    args: &CompareArgs,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let halves = load(args)?;
    let strictness = match args.allow_different_plans {
        true => Strictness::Warn,
        false => Strictness::Refuse,
    };
    let report = report(&halves, &args.gates, &args.noise, strictness)?;
    args.output.publish(&report, stdout, stderr)?;
    Ok(report.exit())
}

/// The comparison of two runs of one plan that were just made.
///
/// # Errors
/// As [`run`], but for the files.
pub(super) fn report_of_runs(before: &Run, after: &Run, gates: &[Gate]) -> anyhow::Result<Report> {
    let halves = Pair {
        before: Half::of_run("before", before.clone()),
        after: Half::of_run("after", after.clone()),
    };
    report(&halves, gates, &Noise::default(), Strictness::Refuse)
}

fn load(args: &CompareArgs) -> anyhow::Result<Pair<Half>> {
    let files = [&args.before, &args.after];
    if files.iter().all(|file| super::saved::is_stdin(file)) {
        anyhow::bail!("'-' is given twice; stdin can be read only once");
    }
    let options = Options {
        unit: args.unit,
        column: args.column.clone(),
        format: args.format,
    };
    let [before, after] = files.map(|file| {
        Half::load(file, args.endpoint.as_deref(), &options)
            .with_context(|| format!("cannot compare {}", super::saved::shown(file)))
    });
    let halves = Pair {
        before: before?,
        after: after?,
    };
    half::check_endpoint_flag(args.endpoint.as_deref(), &halves)?;
    Ok(halves)
}

fn report(
    halves: &Pair<Half>,
    gates: &[Gate],
    noise: &Noise,
    strictness: Strictness,
) -> anyhow::Result<Report> {
    let title = format!("{} → {}", halves.before.label, halves.after.label);
    let mut report = Report::new(Kind::Compare, title);
    check_plans(halves, strictness, &mut report)?;
    halves.before.describe("before", &mut report);
    halves.after.describe("after", &mut report);
    let matched = half::matched(halves, &mut report.warnings)?;
    check_gates(gates, &matched)?;

    let comparisons: Vec<Comparison> = matched
        .iter()
        .map(|m| comparison::compare(&m.name, m.sides, &comparison::quantiles(gates), noise))
        .collect();
    report.findings = findings(gates, &matched, &comparisons);
    if report.findings.is_empty() {
        report.notes.push(
            "no gates, so nothing was judged; add for example --gate 'p95 reduction >= 70%'"
                .to_owned(),
        );
    }
    report.comparison = Some(ComparisonReport {
        noise: *noise,
        comparisons,
    });
    Ok(report)
}

/// Gates on one run are about the run after.
fn check_gates(gates: &[Gate], matched: &[Matched<'_>]) -> anyhow::Result<()> {
    let names: Vec<&str> = matched.iter().map(|m| m.name.as_str()).collect();
    gate::check_names(gates, &names)?;
    Ok(gate::check_recorded(
        &on_one_run(gates),
        &subjects(matched),
    )?)
}

/// What the gates say, endpoint by endpoint.
fn findings(
    gates: &[Gate],
    matched: &[Matched<'_>],
    comparisons: &[Comparison],
) -> Vec<gate::Finding> {
    let mut findings = gate::judge(&on_one_run(gates), &subjects(matched));
    findings.extend(comparison::judge(gates, comparisons));
    findings.sort_by_key(|f| comparisons.iter().position(|c| c.endpoint == f.endpoint));
    findings
}

fn on_one_run(gates: &[Gate]) -> Vec<Gate> {
    let gates = gates.iter();
    gates
        .filter(|gate| gate.condition.scope() == Scope::OneRun)
        .cloned()
        .collect()
}

fn subjects<'a>(matched: &'a [Matched<'a>]) -> Vec<Subject<'a>> {
    let subject = |m: &'a Matched<'a>| Subject {
        endpoint: &m.name,
        recording: m.sides.after.recording,
        timeout: m.sides.after.timeout,
    };
    matched.iter().map(subject).collect()
}
