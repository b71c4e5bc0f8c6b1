//! `a7probe compare`: load, check that the runs are comparable, compare, judge, report.

mod comparable;
mod compared_file;

use std::io::Write;

use crate::cli::compare::CompareArgs;
use crate::exit::Exit;
use crate::judge::comparison::{self, Comparison, Noise, Pair, Side};
use crate::judge::gate::{self, CutRuns, FindingReason, Gate, NextStep, Remedy, Scope, Subject};
use crate::report::{ComparisonReport, Note, Report, ReportKind};
use crate::run::completion::Audit;
use crate::run::plan::Guard;
#[cfg(feature = "reference")]
use crate::run::run_file::Run;
use crate::run::run_file::RunEnd;
use crate::verdict::Verdict;

use comparable::{Strictness, check_plans};
use compared_file::{ComparedFile, MatchedEndpoint};

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
    args.output.check_formats("compare")?;
    let files = load(args)?;
    let strictness = if args.allow_different_plans {
        Strictness::Warn
    } else {
        Strictness::Refuse
    };
    let options = CompareOptions {
        gates: &args.gates,
        noise: &args.noise.noise,
        guard: args.guard.typed(),
    };
    let report = report(&files, &options, strictness)?;
    args.output.publish(&report, stdout, stderr)?;
    Ok(report.exit())
}

/// The comparison of two runs of one plan that were just made.
///
/// # Errors
/// As [`run`], but for the files.
#[cfg(feature = "reference")]
pub(super) fn report_of_runs(before: &Run, after: &Run, gates: &[Gate]) -> anyhow::Result<Report> {
    let files = Pair {
        before: ComparedFile::of_run("before", before.clone()),
        after: ComparedFile::of_run("after", after.clone()),
    };
    let options = CompareOptions {
        gates,
        noise: &Noise::default(),
        guard: None,
    };
    report(&files, &options, Strictness::Refuse)
}

fn load(args: &CompareArgs) -> anyhow::Result<Pair<ComparedFile>> {
    let files = [&args.before, &args.after];
    if files.iter().all(|file| super::saved::is_stdin(file)) {
        anyhow::bail!("'-' is given twice; stdin can be read only once");
    }
    let options = args.import.options();
    let [before, after] = files.map(|file| {
        ComparedFile::load(file, args.endpoint.as_deref(), &options)
            .map_err(|e| super::saved::named(e, "compare", &super::saved::shown(file)))
    });
    let files = Pair {
        before: before?,
        after: after?,
    };
    compared_file::check_endpoint_flag(args.endpoint.as_deref(), &files)?;
    Ok(files)
}

/// How the comparison is judged.
struct CompareOptions<'a> {
    gates: &'a [Gate],
    noise: &'a Noise,
    /// How bursts of the run after are judged; as when it was measured if nothing is said.
    guard: Option<Guard>,
}

fn report(
    files: &Pair<ComparedFile>,
    options: &CompareOptions<'_>,
    strictness: Strictness,
) -> anyhow::Result<Report> {
    let CompareOptions { gates, noise, .. } = *options;
    let title = format!("{} → {}", files.before.label, files.after.label);
    let mut report = Report::new(ReportKind::Compare, title);
    check_plans(files, strictness, &mut report)?;
    files.before.describe("before", &mut report);
    files.after.describe("after", &mut report);
    let matched = compared_file::matched(files, &mut report.warnings)?;
    let subjects = subjects(files, &matched, options.guard);
    check_gates(gates, &matched, &subjects)?;

    let comparisons: Vec<Comparison> = matched
        .iter()
        .map(|m| {
            let sides = m.sides.map(|side| Side {
                guard: options.guard.unwrap_or(side.guard),
                ..side
            });
            comparison::compare(&m.name, sides, &comparison::quantiles(gates), noise)
        })
        .collect();
    report.findings = findings(gates, &subjects, &comparisons);
    let ended = |file: &ComparedFile| file.run().map_or(RunEnd::Complete, |run| run.ended);
    withhold_from_cut_runs(
        &mut report.findings,
        ended(&files.before),
        ended(&files.after),
    );
    if report.findings.is_empty() {
        report.notes.push(Note::NoGates);
    }
    report.comparison = Some(ComparisonReport {
        noise: *noise,
        audits: audits(files, &matched),
        comparisons,
        turns: None,
    });
    Ok(report)
}

/// What the audits of both sides found of every endpoint that is compared.
fn audits(files: &Pair<ComparedFile>, matched: &[MatchedEndpoint<'_>]) -> Vec<Pair<Option<Audit>>> {
    let of = |file: &ComparedFile, name: &str| file.run()?.endpoint(name)?.audit.clone();
    let audits = matched.iter().map(|m| Pair {
        before: of(&files.before, &m.name),
        after: of(&files.after, &m.name),
    });
    audits.collect()
}

/// Gates on one run are about the run after.
fn check_gates(
    gates: &[Gate],
    matched: &[MatchedEndpoint<'_>],
    subjects: &[Subject<'_>],
) -> anyhow::Result<()> {
    let names: Vec<&str> = matched.iter().map(|m| m.name.as_str()).collect();
    gate::check_names(gates, &names)?;
    Ok(gate::check_recorded(&on_one_run(gates), subjects)?)
}

/// What the gates say, endpoint by endpoint.
pub(super) fn findings(
    gates: &[Gate],
    subjects: &[Subject<'_>],
    comparisons: &[Comparison],
) -> Vec<gate::Finding> {
    let mut findings = gate::judge(&on_one_run(gates), subjects);
    findings.extend(comparison::judge(gates, comparisons));
    findings.sort_by_key(|f| comparisons.iter().position(|c| c.endpoint == f.endpoint));
    findings
}

/// A gate over two runs is valid only at a size that was fixed beforehand. The size of an interrupted run was not.
pub(super) fn withhold_from_cut_runs(
    findings: &mut [gate::Finding],
    before: RunEnd,
    after: RunEnd,
) {
    let is_cut = |end: RunEnd| end != RunEnd::Complete;
    let runs = match (is_cut(before), is_cut(after)) {
        (false, false) => return,
        (true, false) => CutRuns::Before,
        (false, true) => CutRuns::After,
        (true, true) => CutRuns::Both,
    };
    for finding in findings {
        let over_two_runs = finding.gate.condition.scope() == Scope::TwoRuns;
        if over_two_runs && finding.verdict != Verdict::Inconclusive {
            finding.verdict = Verdict::Inconclusive;
            finding.reason = FindingReason::Cut {
                runs,
                otherwise: Box::new(finding.reason.clone()),
            };
            finding.next_step = Some(NextStep::Fix(Remedy::FinishBothRuns));
        }
    }
}

pub(super) fn on_one_run(gates: &[Gate]) -> Vec<Gate> {
    let gates = gates.iter();
    gates
        .filter(|gate| gate.condition.scope() == Scope::OneRun)
        .cloned()
        .collect()
}

/// The run after, to be judged by gates on one run.
fn subjects<'a>(
    files: &'a Pair<ComparedFile>,
    matched: &'a [MatchedEndpoint<'a>],
    guard: Option<Guard>,
) -> Vec<Subject<'a>> {
    let subject = |m: &'a MatchedEndpoint<'a>| {
        let recording = m.sides.after.recording;
        let mut subject = match files.after.run() {
            Some(run) => Subject::of_endpoint(&m.name, &m.name, recording, run),
            None => Subject::of_list(&m.name, recording, Guard::default()),
        };
        subject.guard = guard.unwrap_or(subject.guard);
        subject
    };
    matched.iter().map(subject).collect()
}
