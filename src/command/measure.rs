//! `measure`: resolve, preflight, run, save, judge, report.

use std::io::{self, Write};

use super::baseline::{self, ComparedSubject};
use super::before_run::{Preflighted, certificate, options, preflight};
use super::compare::withhold_from_cut_runs;
use super::measuring::{Calibrating, Measurement, Measuring};
use super::save_target::{SaveTarget, say_saved};
use super::verdict_exit::verdict_exit;
use super::writable::check_outputs;
use super::{dry_run, sharded, signals};
use crate::cli::measure::MeasureArgs;
use crate::cli::resolve::{self, Measure, ResolvedBaseline};
use crate::cli::run_setup::{Intent, Precheck};
use crate::exit::Exit;
use crate::judge::gate::{self, Subject};
use crate::report::{Note, Report, ReportKind, SavedRunLink};
use crate::run::run_file::Run;

/// Measures a service and judges what it measured.
///
/// # Errors
/// If the arguments contradict each other, the service is unreachable, or an output cannot be written.
pub fn run(
    args: &MeasureArgs,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> anyhow::Result<Exit> {
    if args.run.base.intent() == Intent::Show {
        return dry_run::show(args, stdout);
    }
    let mut measure = resolve::measure(args, &[])?;
    if let Some(setup) = measure.shard.clone() {
        return sharded::run(args, measure, &setup, stdout, stderr);
    }
    let target = measure.save.as_deref().map(SaveTarget::of);
    check_outputs(
        target.iter().filter_map(SaveTarget::file),
        &measure.setup.output,
    )?;
    let certificate = certificate(measure.setup.certificate.as_deref())?;
    let measuring = Measuring::new(measure.setup.console(), None)?;
    // It begins before the preflight, which may leave an endpoint out.
    let planned = measure.plan.clone();
    let calibration = measuring.calibration(measure.setup.calibration, &planned);
    let mut notes = unasked_notes(&measure);
    notes.extend(measure.replay.clone().map(Note::Replayed));
    if measure.setup.preflight == Precheck::Run {
        match preflight(args, measure, &measuring, stderr)? {
            Preflighted::Ready(asked, left_out) => {
                measure = *asked;
                notes.extend(left_out);
            }
            Preflighted::Interrupted(signal) => return Ok(signals::exit(signal)),
        }
    }
    let spoken = measure.plan.clone();
    let calibration = if calibration.is_over(spoken.connections.version) {
        calibration
    } else {
        calibration.replaced(measure.setup.calibration, &spoken)
    };
    let calibration = match calibration.ready(stderr)? {
        Calibrating::Ready(calibration) => calibration,
        Calibrating::Interrupted(signal) => return Ok(signals::exit(signal)),
    };
    let options = options(&measure, &calibration, certificate.as_ref());
    let Measurement { mut run, warnings } = measuring.run(&measure.plan, &options)?;
    if measure.setup.save_bodies {
        run.plan.keep_bodies(&measure.plan);
    }
    run.baseline = measure.baseline.as_ref().map(|b| b.baseline.record.clone());
    let mut report = Report::new(ReportKind::Measure, run.plan.origins().join(", "));
    report.notes.extend(notes);
    let files = target.iter().filter_map(SaveTarget::file);
    let link = files.map(|path| SavedRunLink::new("", path));
    report.saved.extend(link);
    report.add_run("", &run);
    judge(&measure, &run, &mut report);
    report.warnings.extend(warnings);
    report.inconclusive = measure.inconclusive.policy();
    report.interrupted_by = measuring.signals.received();
    // A file that cannot be written must not cost the result, nor the other way round.
    let saved = save(target.as_ref(), &measure, &run, stderr);
    args.output.publish(&report, stdout, stderr)?;
    saved?;
    let exit = verdict_exit(&report, stderr)?;
    // A signal may have cut the run, or the audit after it.
    Ok(match measuring.signals.received() {
        None => exit,
        Some(signal) => exit.worst(signals::exit(signal)),
    })
}

/// Judges the run alone, and against its baseline.
fn judge(measure: &Measure, run: &Run, report: &mut Report) {
    let (gates, subjects) = (&measure.gates, Subject::of_run(run));
    let mut findings = gate::judge(gates, &subjects);
    match &measure.baseline {
        None => findings.extend(gate::without_baseline(gates, &subjects, None)),
        Some(ResolvedBaseline { baseline, warnings }) => {
            let compared: Vec<ComparedSubject<'_>> = subjects
                .iter()
                .map(|&subject| ComparedSubject {
                    subject,
                    name_in_baseline: subject.endpoint,
                })
                .collect();
            let (mut over_two, changes) = baseline::compared(gates, &compared, baseline);
            withhold_from_cut_runs(&mut over_two, baseline.run.ended, run.ended);
            findings.extend(over_two);
            report.baseline = Some(changes);
            report.warnings.extend(warnings.iter().cloned());
        }
    }
    findings.extend(gate::two_runs_across_ramps(gates, &subjects));
    baseline::sort_by_endpoint(&mut findings, &subjects);
    report.findings = findings;
}

/// Notes on implied endpoints that are not sent to.
fn unasked_notes(measure: &Measure) -> Vec<Note> {
    let unasked = measure.unasked.iter().cloned();
    unasked
        .map(|endpoint| Note::NotAskedFor {
            name: endpoint.name,
            method: endpoint.method,
            path: endpoint.path,
            host: endpoint.host,
        })
        .collect()
}

fn save(
    target: Option<&SaveTarget>,
    measure: &Measure,
    run: &Run,
    stderr: &mut dyn Write,
) -> anyhow::Result<()> {
    let Some(target) = target else {
        return Ok(());
    };
    target.save(run, &mut io::sink())?;
    if !measure.setup.output.screen.quiet {
        say_saved(target, stderr)?;
    }
    Ok(())
}
