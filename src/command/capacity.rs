//! `capacity`: resolve, say what to expect, search, save, report.

mod session;

use std::io::Write;
use std::time::Instant;

use anyhow::bail;
use jiff::Timestamp;

use super::measuring::{AuditOptions, Measuring, Preflight, TrialWorkAudit};
use super::saved::hinted;
use super::{dry_run, signals, verdict_exit, writable};
use crate::cli::capacity::CapacityArgs;
use crate::cli::resolve::{self, Capacity};
use crate::cli::run_setup::Intent;
use crate::exit::Exit;
use crate::printable::Shown as _;
use crate::redact;
use crate::report::{self, CapacityReport};
use crate::run::plan::Size;
use crate::run::run_file::{Environment, PlanRecord, Signal, write_atomically};
use crate::units::Rate;
use session::CapacitySession;

/// Searches for the highest rate within the gates, or tests one.
///
/// # Errors
/// If the arguments contradict each other, the service is unreachable, or an output cannot be written.
pub(crate) fn run(
    args: &CapacityArgs,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let mut capacity = resolve::capacity(args)?;
    args.output.check_capacity_formats()?;
    let patience = capacity.work.as_ref().map(|work| work.auditing.patience);
    let expected = report::capacity_expectation(&capacity.options, capacity.tested, patience);
    if capacity.intent == Intent::Show {
        let text = format!("{}\nnothing was sent\n", expected.join("\n"));
        dry_run::write_fitted(text.as_bytes(), &args.output.screen, stdout)?;
        return Ok(Exit::Pass);
    }
    writable::check_outputs(capacity.save.iter(), &args.output)?;
    let console = args.run.progress.console(&args.output.screen);
    let measuring = Measuring::new(console, None)?.always_asking();
    let quiet = args.output.screen.quiet;
    let searched = search(&mut capacity, &measuring, &expected, quiet, stderr)?;
    let report = match searched {
        CapacitySearched::Report(report) => report,
        CapacitySearched::Interrupted(signal) => return Ok(signals::exit(signal)),
    };
    // A file that cannot be written must not cost the result, nor the other way round.
    let saved = save(&capacity, &report, quiet, stderr);
    let path = capacity.save.as_deref().filter(|_| saved.is_ok());
    let published = args
        .output
        .publish_saved(report.as_ref(), path, stdout, stderr);
    published?;
    saved?;
    Ok(match measuring.signals.received() {
        Some(signal) => signals::exit(signal),
        None => capacity_exit(&report, stderr)?,
    })
}

/// How a search ended.
pub(super) enum CapacitySearched {
    Report(Box<CapacityReport>),
    /// Before the first trial.
    Interrupted(Signal),
}

/// Asks the service, says what to expect, and searches.
///
/// # Errors
/// The service is unreachable, or a gate is about work that it does not report.
pub(super) fn search(
    capacity: &mut Capacity,
    measuring: &Measuring,
    expected: &[String],
    quiet: bool,
    stderr: &mut dyn Write,
) -> anyhow::Result<CapacitySearched> {
    let preflight = measuring.preflight_of_any_version(
        &mut capacity.plan,
        None,
        capacity.wait_ready,
        stderr,
    )?;
    if let Preflight::Interrupted(signal) = preflight {
        return Ok(CapacitySearched::Interrupted(signal));
    }
    let work = work_audit(capacity)?;
    if !quiet {
        for line in expected {
            writeln!(stderr, "{line}")?;
        }
    }
    let (began, started_at) = (Instant::now(), Timestamp::now());
    let found = CapacitySession::new(capacity, measuring, work, stderr).run()?;
    let endpoint = &capacity.plan.endpoints[0];
    Ok(CapacitySearched::Report(Box::new(CapacityReport {
        endpoint: endpoint.name.clone(),
        method: endpoint.method.clone(),
        url: url(capacity),
        gates: capacity.gates.clone(),
        options: capacity.options,
        recover: capacity.recover,
        started_at,
        took: began.elapsed(),
        interrupted: measuring.signals.received().is_some(),
        trials: found.trials,
        outcome: found.outcome,
        plan: plan_record(capacity),
        environment: Environment::here(),
        asked: None,
        inconclusive: capacity.inconclusive,
    })))
}

/// The plan of a block at the lowest rate, so that two searches that sent the same have the same plan.
fn plan_record(capacity: &Capacity) -> PlanRecord {
    let durations = &capacity.options.durations;
    let mut plan = capacity.plan.clone();
    plan.size = Size::Duration(durations.block);
    plan.warmup = durations.warm_up;
    for endpoint in &mut plan.endpoints {
        endpoint.rate = Rate::per_second(capacity.options.from);
    }
    PlanRecord::of(&plan)
}

/// Asks whether the service reports the events that it accepts, if a gate is about them.
fn work_audit(capacity: &Capacity) -> anyhow::Result<Option<TrialWorkAudit>> {
    let Some(work) = &capacity.work else {
        return Ok(None);
    };
    let options = AuditOptions {
        auditing: &work.auditing,
        capture: &work.capture,
    };
    let audit = TrialWorkAudit::new(&capacity.plan, options);
    if audit.is_none() {
        bail!(
            "{} does not list the events of a run, so the time to completion cannot be judged\nhint: name the URL of one event's state: --audit-url '/status/{{id}}'",
            capacity.plan.target
        );
    }
    Ok(audit)
}

/// The exit code of a search that no signal ended, with a warning where `--inconclusive warn` makes it 0.
///
/// # Errors
/// The warning cannot be written.
pub(super) fn capacity_exit(
    report: &CapacityReport,
    stderr: &mut dyn Write,
) -> std::io::Result<Exit> {
    if report.is_let_through() {
        verdict_exit::warn_of_exit_0(stderr)?;
    }
    Ok(report.exit())
}

fn url(capacity: &Capacity) -> String {
    let endpoint = &capacity.plan.endpoints[0];
    let target = capacity.plan.target_of(endpoint);
    let (scheme, path) = (target.scheme.as_str(), endpoint.path.source());
    redact::message(&format!("{scheme}://{}{path}", target.authority()))
}

fn save(
    capacity: &Capacity,
    report: &CapacityReport,
    quiet: bool,
    stderr: &mut dyn Write,
) -> anyhow::Result<()> {
    let Some(path) = &capacity.save else {
        return Ok(());
    };
    let text = report::capacity_json(report)?;
    write_atomically(path, &text).map_err(|e| hinted(&e))?;
    if !quiet {
        writeln!(stderr, "saved {}", path.shown())?;
    }
    Ok(())
}
