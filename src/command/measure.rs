//! `measure`: resolve, preflight, run, save, judge, report.

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};

use super::baseline::{self, ComparedSubject};
use super::compare::withhold_from_cut_runs;
use super::measuring::{
    AuditOptions, Calibrating, Measurement, Measuring, PendingCalibration, Preflight, RunOptions,
};
use super::save_target::{SaveTarget, say_saved};
use super::verdict_exit::verdict_exit;
use super::{dry_run, sharded, signals};
use crate::cli::measure::MeasureArgs;
use crate::cli::output::OutputArgs;
use crate::cli::resolve::{self, Measure, ResolvedBaseline};
use crate::cli::run_setup::{Intent, Precheck};
use crate::exit::Exit;
use crate::judge::gate::{self, Gate, Selector, Subject};
use crate::printable::Shown as _;
use crate::report::{Note, Report, ReportKind, SavedRunLink};
use crate::run::run_file::{Run, SelftestCertificate, Signal};

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

pub(super) fn options<'a>(
    measure: &'a Measure,
    calibration: &'a PendingCalibration,
    certificate: Option<&'a SelftestCertificate>,
) -> RunOptions<'a> {
    RunOptions {
        gates: &measure.gates,
        guard: measure.guard,
        design: measure.design,
        stop_rule: measure.stop_rule,
        gating: measure.gating,
        abort_on: &measure.abort_on,
        audit: Some(AuditOptions {
            auditing: &measure.auditing,
            capture: &measure.capture,
        }),
        calibration,
        certificate,
        shard: None,
    }
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

/// How the questions before the run ended.
pub(super) enum Preflighted {
    /// The measured endpoints, and notes on missing ones.
    Ready(Box<Measure>, Vec<Note>),
    Interrupted(Signal),
}

/// Asks every endpoint. An implied endpoint that the service does not have is left out.
pub(super) fn preflight(
    args: &MeasureArgs,
    mut measure: Measure,
    measuring: &Measuring,
    stderr: &mut dyn Write,
) -> anyhow::Result<Preflighted> {
    let (mut names, mut notes): (Vec<String>, Vec<Note>) = (Vec::new(), Vec::new());
    loop {
        let plan = measure.plan.without_segments();
        let asked =
            measuring.preflight(&plan, &measure.implied, measure.setup.wait_ready, stderr)?;
        match asked {
            Preflight::Ready => return Ok(Preflighted::Ready(Box::new(measure), notes)),
            Preflight::Interrupted(signal) => return Ok(Preflighted::Interrupted(signal)),
            Preflight::Http2Only => measuring.use_http2(&mut measure.plan, None, stderr)?,
            Preflight::Absent(absent) => {
                for (name, status) in absent {
                    notes.push(left_out(&measure, &name, status)?);
                    names.push(name);
                }
                let version = measure.plan.connections.version;
                measure = resolve::measure(args, &names)?;
                measure.plan.connections.version = version;
            }
        }
    }
}

/// The note on an endpoint that the service does not have. A gate on it cannot be judged.
fn left_out(measure: &Measure, name: &str, status: u16) -> anyhow::Result<Note> {
    let endpoint = measure
        .plan
        .endpoints
        .iter()
        .find(|e| e.base_name() == name);
    let (method, path) = endpoint.map_or_else(Default::default, |endpoint| {
        (endpoint.method.clone(), endpoint.path.source())
    });
    let mut own = measure
        .plan
        .endpoints
        .iter()
        .filter(|e| e.base_name() == name);
    let is_gated = |gate: &Gate| own.any(|e| gate.selector == Selector::Named(e.name.clone()));
    if measure.gates.iter().any(is_gated) {
        bail!(
            "gate on '{name}': {method} {path} returned {status}\nhint: name the endpoint with its path, such as --{} {name}=/PATH",
            method.to_ascii_lowercase()
        );
    }
    Ok(Note::LeftOut {
        name: name.to_owned(),
        method,
        path,
        status,
    })
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

/// What `selftest` said of this instrument, if `--certificate` names a file.
pub(super) fn certificate(path: Option<&Path>) -> anyhow::Result<Option<SelftestCertificate>> {
    let load = |path: &Path| {
        SelftestCertificate::load(path).map_err(|error| {
            anyhow!(
                "--certificate {}: {error}\nhint: make one with `a7probe selftest --save {}`",
                path.shown(),
                path.shown()
            )
        })
    };
    path.map(load).transpose()
}

/// Tries the folders of all files before anything is measured: a typing error there would cost the run.
pub(super) fn check_outputs<'a>(
    saved: impl Iterator<Item = &'a PathBuf>,
    output: &'a OutputArgs,
) -> anyhow::Result<()> {
    let reports = output.reports.iter().map(|report| &report.path);
    saved
        .chain(reports)
        .try_for_each(|path| check_writable(path))
}

/// Tries the folder of a file before anything is measured.
///
/// # Errors
/// A file cannot be made there; the message names it and the reason.
pub(super) fn check_writable(path: &Path) -> anyhow::Result<()> {
    // What is there already, a device perhaps, is opened when it is written.
    if path.exists() && !path.is_dir() {
        return Ok(());
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let tried = if path.is_dir() {
        Err(ErrorKind::IsADirectory.into())
    } else {
        tempfile::tempfile_in(folder).map(drop)
    };
    tried.map_err(|error| reason(&error)).with_context(|| {
        let hint = if path.is_dir() {
            "name a file in that folder"
        } else {
            "choose a writable folder"
        };
        format!(
            "cannot write {}\nhint: {hint}; nothing was sent",
            path.shown()
        )
    })
}

/// The operating system's reason, without the name of a temporary file.
fn reason(error: &io::Error) -> io::Error {
    match error.raw_os_error().or_else(|| os_error_below(error)) {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}

fn os_error_below(error: &io::Error) -> Option<i32> {
    let mut below = error
        .get_ref()
        .map(|e| e as &(dyn std::error::Error + 'static));
    while let Some(cause) = below {
        let found = cause.downcast_ref::<io::Error>();
        if let Some(code) = found.and_then(io::Error::raw_os_error) {
            return Some(code);
        }
        below = cause.source();
    }
    None
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
