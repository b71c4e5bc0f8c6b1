//! `demo`: serves the problem and measures it, serves the fix and measures the same plan, compares both, audits the
//! accepted events, and leaves a report.

mod capacities;
mod measured_mode;
mod output;
mod queue_watch;
mod server_process;

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::measuring::{AuditOptions, Calibrating, Measurement, Measuring, Preflight, RunOptions};
use super::signals;
use crate::cli::DemoArgs;
use crate::cli::defaults::{DEFAULT_RATE_PER_S, DEFAULT_TARGET, DEFAULT_TIMEOUT, DEFAULT_WARMUP};
use crate::cli::resolve::demo_plan;
use crate::cli::run_setup::Precheck;
use crate::exit::Exit;
use crate::judge::gate::{self, Gate, StopRule, Subject};
use crate::printable::Shown as _;
use crate::report::{DemoReport, Report, ReportKind, SavedRunLink};
use crate::run::completion::{Audit, Completion};
use crate::run::plan::{
    AuditCapture, AuditPolicy, AuditSource, Auditing, DEFAULT_AUDIT_QUIET, Design, Guard,
};
use crate::run::run_file::{Gating, Run, RunEnd, Signal};
use crate::units::Pretty;
use measured_mode::MeasuredMode;
use output::DemoOutput;
use queue_watch::QueueWatch;
use server_process::ServerProcess;

/// What the proposal promised of the fix, as gates.
const PROMISES: [&str; 2] = ["ingest p95 <= 100ms", "ingest p95 reduction >= 70%"];

/// How long accepted work may take to be done once nothing more comes in.
const SETTLE: Duration = Duration::from_secs(20);

/// Serves and measures both modes, compares them, and prints the verdicts first. The last line says what to try next.
pub(crate) fn run(
    args: &DemoArgs,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> anyhow::Result<Exit> {
    std::fs::create_dir_all(&args.out).with_context(|| {
        format!(
            "cannot create --out {}\nhint: name a folder that can be created: --out FOLDER",
            args.out.shown()
        )
    })?;
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    if args.capacity {
        return capacities::run(args, folder.path(), stdout, stderr);
    }
    let console = args.progress.console(&args.screen);
    let setup = DemoSetup {
        measuring: Measuring::new(console, Some(folder.path().to_owned()))?,
        folder: folder.path(),
        duration: args.duration,
    };
    let began = Instant::now();
    let mut output = DemoOutput::new(stdout, stderr, args.screen.quiet);
    output.say(&format!(
        "about {} on this machine; no request leaves it",
        Pretty(expected_length(args.duration))
    ))?;
    output.say("1/2 before: the provider is called inside the request (serve --mode sync)")?;
    let before = match setup.measure("sync", output.err())? {
        ModeOutcome::Measured(measured) => measured,
        ModeOutcome::Interrupted(signal) => return Ok(signals::exit(signal)),
    };
    output.say("2/2 after: 202 after a durable commit (serve --mode background)")?;
    let after = match setup.measure("background", output.err())? {
        ModeOutcome::Measured(measured) => measured,
        ModeOutcome::Interrupted(signal) => return Ok(signals::exit(signal)),
    };
    let mut comparison = super::compare::report_of_runs(&before.run, &after.run, &promises()?)?;
    let links = output::RUN_FILES.into_iter();
    comparison.saved = links
        .map(|(label, name)| SavedRunLink::new(label, &args.out.join(name)))
        .collect();
    output::save(&args.out, &before.run, &after, &comparison)?;
    let demo = DemoReport {
        before: judged(&before.run),
        after: judged(&after.run),
        comparison,
        completion: after.completion.clone(),
        took: began.elapsed(),
        file: args.out.join(output::PAGE_FILE).shown().to_string(),
    };
    output.screen(&demo, &args.screen.style())?;
    let kept = if after.completion.is_exactly_once() {
        Exit::Pass
    } else {
        Exit::Fail
    };
    Ok(demo.comparison.exit().worst(kept))
}

/// A mode under the gates that `measure` has by default.
fn judged(run: &Run) -> Report {
    let mut report = Report::new(ReportKind::Measure, run.plan.target.clone());
    report.add_run("", run);
    let gates = gate::default_gates(DEFAULT_TARGET);
    report.findings = gate::judge(&gates, &Subject::of_run(run));
    report
}

fn promises() -> anyhow::Result<Vec<Gate>> {
    PROMISES.iter().map(|text| Ok(text.parse()?)).collect()
}

/// What both modes are measured with.
struct DemoSetup<'a> {
    measuring: Measuring,
    folder: &'a Path,
    duration: Duration,
}

/// How the measurement of a mode ended.
enum ModeOutcome {
    Measured(Box<MeasuredMode>),
    Interrupted(Signal),
}

impl DemoSetup<'_> {
    /// Serves in a mode, measures it, and audits the accepted events.
    fn measure(&self, mode: &str, stderr: &mut dyn Write) -> anyhow::Result<ModeOutcome> {
        let calls = (self.duration.as_secs_f64() * DEFAULT_RATE_PER_S) as u64;
        // Stratified draws: every run of that many calls has exactly the percentiles of the evidence.
        let arguments = [
            "--mode",
            mode,
            "--sim-draws",
            &format!("stratified:{}", calls.max(1)),
        ]
        .map(str::to_owned);
        let server = ServerProcess::start(self.folder, mode, &arguments)?;
        let gates: Vec<Gate> = gate::default_gates(DEFAULT_TARGET)
            .into_iter()
            .chain(promises()?)
            .collect();
        let plan = demo_plan(&server.url(), self.duration, &gates)?;
        let calibration = self.measuring.calibration(Precheck::Run, &plan);
        if let Preflight::Interrupted(signal) =
            self.measuring
                .preflight(&plan, &[], Some(DEFAULT_TIMEOUT), stderr)?
        {
            return Ok(ModeOutcome::Interrupted(signal));
        }
        let calibration = match calibration.ready(stderr)? {
            Calibrating::Ready(calibration) => calibration,
            Calibrating::Interrupted(signal) => return Ok(ModeOutcome::Interrupted(signal)),
        };
        let watch = QueueWatch::start(&server.url())?;
        let own_gates = gate::default_gates(DEFAULT_TARGET);
        let auditing = Auditing {
            policy: AuditPolicy::Required,
            patience: SETTLE,
            quiet: DEFAULT_AUDIT_QUIET,
            source: AuditSource::Listing,
        };
        let options = RunOptions {
            gates: &own_gates,
            guard: Guard::default(),
            design: Design::Fixed,
            stop_rule: StopRule::Decided,
            gating: Gating::Gates,
            abort_on: &[],
            audit: Some(AuditOptions {
                auditing: &auditing,
                capture: &AuditCapture::of_listing(&plan),
            }),
            calibration: &calibration,
            certificate: None,
            shard: None,
        };
        let Measurement { run, .. } = self.measuring.run(&plan, &options)?;
        let queue = watch.finish();
        if let RunEnd::Interrupted { signal } = run.ended {
            return Ok(ModeOutcome::Interrupted(signal));
        }
        let completion = completion(&run)?;
        Ok(ModeOutcome::Measured(Box::new(MeasuredMode {
            run,
            completion,
            queue,
        })))
    }
}

/// What the audit found of the ingest endpoint.
fn completion(run: &Run) -> anyhow::Result<Completion> {
    let ingest = run.endpoint("ingest");
    match ingest.and_then(|ingest| ingest.audit.as_ref()) {
        Some(Audit::Read(completion)) => Ok(completion.as_ref().clone()),
        Some(Audit::Unread { reason, .. }) => {
            bail!(
                "the reference server was not audited: {}",
                reason.in_one_line()
            )
        }
        None => bail!("the plan has no ingest endpoint that was audited"),
    }
}

/// How long the instrument is calibrated before each.
const CALIBRATION: Duration = Duration::from_secs(2);

/// How long the two measurements take, printed first.
fn expected_length(duration: Duration) -> Duration {
    2 * (CALIBRATION + DEFAULT_WARMUP + duration) + Duration::from_secs(5)
}
