//! `a7probe compare`: load, check that the runs are comparable, compare, judge, report.

mod comparable;
mod compared_file;
mod searches;

use std::io::Write;

use super::saved::Saved;
use super::verdict_exit::verdict_exit;
use crate::cli::compare::CompareArgs;
use crate::exit::Exit;
use crate::judge::comparison::{self, Comparison, Noise, Pair, Side};
use crate::judge::gate::{
    self, CutRuns, FindingReason, Gate, NamedSegment, NextStep, Remedy, Scope, Subject,
};
use crate::report::{ComparisonReport, EndpointReport, Note, Report, ReportKind, SavedRunLink};
use crate::run::completion::Audit;
use crate::run::plan::Guard;
use crate::run::run_file::{Run, RunEnd};
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
    let strictness = if args.plans.allow_different_plans {
        Strictness::Warn
    } else {
        Strictness::Refuse
    };
    let read = read_both(args)?;
    let read = match (read.before, read.after) {
        (Ok(Saved::Capacity(before)), Ok(Saved::Capacity(after))) => {
            let searches = Pair {
                before: *before,
                after: *after,
            };
            return searches::compare(searches, args, strictness, stdout, stderr);
        }
        (before, after) => Pair { before, after },
    };
    args.output.check_formats("compare")?;
    let gates = args.gates.parsed()?;
    let files = load(args, read)?;
    let options = CompareOptions {
        gates: &gates,
        noise: &args.noise.noise,
        guard: args.guard.typed(),
    };
    let mut report = report(&files, &options, strictness)?;
    report.inconclusive = args.inconclusive.policy();
    for (label, path) in [("before", &args.before), ("after", &args.after)] {
        if !super::saved::is_stdin(path) {
            report.saved.push(SavedRunLink::new(label, path));
        }
    }
    args.output.publish(&report, stdout, stderr)?;
    Ok(verdict_exit(&report, stderr)?)
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

/// What is in both files, or why it cannot be read.
fn read_both(args: &CompareArgs) -> anyhow::Result<Pair<anyhow::Result<Saved>>> {
    let files = [&args.before, &args.after];
    if files.iter().all(|file| super::saved::is_stdin(file)) {
        anyhow::bail!("'-' is given twice\nhint: give a file for one side; stdin is read once");
    }
    let options = args.import.options();
    let [before, after] = files.map(|file| {
        super::saved::read(file, &options)
            .map_err(|e| super::saved::named(e, "compare", &super::saved::shown(file)))
    });
    Ok(Pair { before, after })
}

fn load(
    args: &CompareArgs,
    read: Pair<anyhow::Result<Saved>>,
) -> anyhow::Result<Pair<ComparedFile>> {
    let name = args.import.endpoint.as_deref();
    let (before, after) = (read.before?, read.after?);
    let is_search = |saved: &Saved| matches!(saved, Saved::Capacity(_));
    if is_search(&before) || is_search(&after) {
        let kind = |saved: &Saved| match saved {
            Saved::Capacity(_) => "a capacity search",
            Saved::Run(_) => "a run",
            Saved::Imported(_) => "latencies of another tool",
        };
        anyhow::bail!(
            "{} is {}, and {} is {}\nhint: compare two runs, or two capacity searches",
            super::saved::shown(&args.before),
            kind(&before),
            super::saved::shown(&args.after),
            kind(&after)
        );
    }
    let files = Pair {
        before: ComparedFile::of_saved(&args.before, name, before),
        after: ComparedFile::of_saved(&args.after, name, after),
    };
    compared_file::check_endpoint_flag(name, &files)?;
    if files.before.run().is_some() && files.after.run().is_some() {
        args.import.refuse_for_runs(&files.before.label)?;
    }
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
    let matched = without_ramps(files, matched, &mut report.notes)?;
    let gates = &gate::of_segments(gates.to_vec(), &named_segments(files, &matched));
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
    for file in [&files.before, &files.after] {
        if let Some(missing) = file.run().and_then(Run::missing_share) {
            gate::withhold_passes(report.findings.iter_mut(), &missing);
        }
    }
    if report.findings.is_empty() {
        report.notes.push(Note::NoGates);
    }
    report.comparison = Some(ComparisonReport {
        noise: *noise,
        audits: audits(files, &matched),
        sides: sides(files, &matched),
        comparisons,
        turns: None,
    });
    Ok(report)
}

/// A percentile across a ramp is one of no load, so ramps are not compared.
fn without_ramps<'a>(
    files: &Pair<ComparedFile>,
    matched: Vec<MatchedEndpoint<'a>>,
    notes: &mut Vec<Note>,
) -> anyhow::Result<Vec<MatchedEndpoint<'a>>> {
    let is_ramp = |file: &ComparedFile, name: &str| {
        let record = file.run().and_then(|run| run.plan.endpoint(name));
        record.is_some_and(|record| !record.shape().has_percentiles())
    };
    let (ramps, others): (Vec<_>, Vec<_>) = matched
        .into_iter()
        .partition(|m| is_ramp(&files.before, &m.name) || is_ramp(&files.after, &m.name));
    if others.is_empty() {
        anyhow::bail!(
            "a ramp has no percentiles that could be compared: each of its rates has its own\nhint: measure both sides in steps, such as --rate 50/s@30s,100/s@30s"
        );
    }
    notes.extend(ramps.into_iter().map(|ramp| Note::RampNotCompared {
        endpoint: ramp.name,
    }));
    Ok(others)
}

/// The segments that are compared, with the endpoints that they are parts of.
fn named_segments<'a>(
    files: &'a Pair<ComparedFile>,
    matched: &'a [MatchedEndpoint<'a>],
) -> Vec<NamedSegment<'a>> {
    let named = matched.iter().filter_map(|m| {
        let record = files.after.run()?.plan.endpoint(&m.name)?;
        Some(NamedSegment {
            name: &m.name,
            endpoint: record.base_name(),
            shape: record.shape(),
        })
    });
    named.collect()
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

/// Both runs of every endpoint that is compared, under its name.
fn sides(files: &Pair<ComparedFile>, matched: &[MatchedEndpoint<'_>]) -> Vec<Pair<EndpointReport>> {
    let of = |file: &ComparedFile, side: &Side<'_>, name: &str| match file.run() {
        Some(run) => {
            let mut report = EndpointReport::of_run(name, side.recording, &run.plan);
            let own = run
                .endpoint(name)
                .and_then(|endpoint| endpoint.audit.clone());
            report.audit = own;
            report
        }
        None => EndpointReport::of_list(name, side.recording, &file.label),
    };
    let sides = matched.iter().map(|m| Pair {
        before: of(&files.before, &m.sides.before, &m.name),
        after: of(&files.after, &m.sides.after, &m.name),
    });
    sides.collect()
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
