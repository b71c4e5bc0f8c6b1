//! `measure`: resolve, preflight, run, save, judge, report.

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use super::measuring::{AuditOptions, Calibrating, Measurement, Measuring, Preflight, RunOptions};
use super::saved::hinted;
use super::{dry_run, signals};
use crate::cli::measure::MeasureArgs;
use crate::cli::output::OutputArgs;
use crate::cli::resolve::{self, Measure};
use crate::cli::run_setup::{Intent, Precheck};
use crate::command::progress::ProgressMode;
use crate::exit::Exit;
use crate::judge::gate::{self, Subject};
use crate::printable::Shown as _;
use crate::report::{Report, ReportKind};
use crate::run::plan::Plan;
use crate::run::run_file::{Calibration, SelftestCertificate};

/// Measures a service and judges what it measured.
///
/// # Errors
/// If the arguments contradict each other, the service is unreachable, or an output cannot be written.
pub fn run(
    args: &MeasureArgs,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let measure = resolve::measure(args)?;
    if measure.setup.intent == Intent::Show {
        dry_run::write(&measure, args.output.output, stdout)?;
        return Ok(Exit::Pass);
    }
    check_outputs(measure.save.iter(), &measure.setup.output)?;
    let certificate = certificate(measure.setup.certificate.as_deref())?;
    let measuring = Measuring::new(progress_mode(&args.output), None)?;
    if measure.setup.preflight == Precheck::Run
        && let Preflight::Interrupted(signal) =
            measuring.preflight(&measure.plan, measure.setup.wait_ready, stderr)?
    {
        return Ok(signals::exit(signal));
    }
    let calibration =
        match calibration(measure.setup.calibration, &measuring, &measure.plan, stderr)? {
            Calibrating::Done(calibration) => calibration,
            Calibrating::Interrupted(signal) => return Ok(signals::exit(signal)),
        };
    let options = RunOptions {
        gates: &measure.gates,
        guard: measure.guard,
        design: measure.design,
        audit: Some(AuditOptions {
            auditing: &measure.auditing,
            capture: &measure.capture,
        }),
        calibration: &calibration,
        certificate: certificate.as_ref(),
    };
    let Measurement { mut run, warnings } = measuring.run(&measure.plan, &options)?;
    if measure.setup.save_bodies {
        run.plan.keep_bodies(&measure.plan);
    }
    let mut report = Report::new(ReportKind::Measure, run.plan.target.clone());
    report.add_run("", &run);
    report.findings = gate::judge(&measure.gates, &Subject::of_run(&run));
    report.warnings.extend(warnings);
    // A file that cannot be written must not cost the result, nor the other way round.
    let saved = save(&measure, &run, stderr);
    args.output.publish(&report, stdout, stderr)?;
    saved?;
    // A signal may have cut the run, or the audit after it.
    Ok(match measuring.signals.received() {
        None => report.exit(),
        Some(signal) => report.exit().worst(signals::exit(signal)),
    })
}

/// What the instrument says of itself before a run of this plan.
pub(super) fn calibration(
    asked: Precheck,
    measuring: &Measuring,
    plan: &Plan,
    stderr: &mut dyn Write,
) -> anyhow::Result<Calibrating> {
    match asked {
        Precheck::Skip => Ok(Calibrating::Done(Calibration::Skipped)),
        Precheck::Run => measuring.calibrate(plan, stderr),
    }
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
    for path in saved.chain(reports) {
        // What is there already, a device perhaps, is opened when it is written.
        if path.exists() && !path.is_dir() {
            continue;
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
            format!(
                "cannot write {}\nhint: choose a writable folder; nothing was sent",
                path.shown()
            )
        })?;
    }
    Ok(())
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
    measure: &Measure,
    run: &crate::run::run_file::Run,
    stderr: &mut dyn Write,
) -> anyhow::Result<()> {
    let Some(path) = &measure.save else {
        return Ok(());
    };
    run.save(path).map_err(|e| hinted(&e))?;
    if !measure.setup.output.quiet {
        writeln!(stderr, "saved {}", path.shown())?;
    }
    Ok(())
}

/// Progress, unless `--quiet` is given.
pub(super) fn progress_mode(output: &OutputArgs) -> ProgressMode {
    if output.quiet {
        ProgressMode::Silent
    } else {
        ProgressMode::of_stderr()
    }
}
