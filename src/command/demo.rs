//! `demo`: the whole story on this machine. Serve the problem, measure; serve the fix, measure the same plan;
//! compare; check that everything that was accepted was done once; leave a report.

mod child;
mod queue;
mod story;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::measuring::{AuditOptions, Calibrating, Measurement, Measuring, Preflight, RunOptions};
use super::signals;
use crate::cli::DemoArgs;
use crate::cli::output::OutputArgs;
use crate::cli::resolve::{
    DEFAULT_RATE_PER_S, DEFAULT_TARGET, DEFAULT_TIMEOUT, DEFAULT_WARMUP, demo_plan,
};
use crate::command::progress::ProgressMode;
use crate::exit::Exit;
use crate::judge::gate::{self, Gate};
use crate::printable::Shown as _;
use crate::run::completion::{Audit, Completion};
use crate::run::plan::{
    AuditCapture, AuditPolicy, AuditSource, Auditing, DEFAULT_AUDIT_QUIET, Design, Guard,
};
use crate::run::run_file::{Run, RunEnd, Signal};
use crate::units::Pretty;
use child::Server;
use queue::{Peak, Watch};
use story::Story;

/// What the proposal promised of the fix, as gates.
const PROMISES: [&str; 2] = ["ingest p95 <= 100ms", "ingest p95 reduction >= 70%"];

/// How long accepted work may take to be done once nothing more comes in.
const SETTLE: Duration = Duration::from_secs(20);

/// Tells the story; its last words say what to try next.
pub fn run(
    args: &DemoArgs,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> anyhow::Result<Exit> {
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot create {}", args.out.shown()))?;
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    let mode = if args.quiet {
        ProgressMode::Silent
    } else {
        ProgressMode::of_stderr()
    };
    let measuring = Measuring::new(mode, Some(folder.path().to_owned()))?;
    let stage = Stage {
        measuring,
        folder: folder.path(),
        duration: args.duration,
    };
    let mut story = Story::new(stdout, stderr, args.quiet);
    story.say(&format!(
        "about {} on this machine; nothing leaves it",
        Pretty(expected_length(args.duration))
    ))?;

    story
        .chapter("1. The problem: the provider is called inside the request (serve --mode sync)")?;
    let (before, _) = match stage.act("sync", story.err())? {
        Act::Played(played) => *played,
        Act::Interrupted(signal) => return Ok(signals::exit(signal)),
    };
    story.percentiles(&before)?;

    story.chapter(
        "2. The fix: 202 after a durable commit, the work after it (serve --mode background)",
    )?;
    let (after, aftermath) = match stage.act("background", story.err())? {
        Act::Played(played) => *played,
        Act::Interrupted(signal) => return Ok(signals::exit(signal)),
    };
    story.percentiles(&after)?;

    story.chapter("3. Before and after")?;
    let report = super::compare::report_of_runs(&before, &after, &promises()?)?;
    story.comparison(&report, &OutputArgs::default().style())?;

    story.chapter("4. What the fix costs, and whether it kept its promise")?;
    story.completion(&aftermath)?;
    story.save(&args.out, &before, &after, &report, &aftermath)?;
    story.farewell(&args.out)?;
    let kept = if aftermath.completion.is_exactly_once() {
        Exit::Pass
    } else {
        Exit::Fail
    };
    Ok(report.exit().worst(kept))
}

fn promises() -> anyhow::Result<Vec<Gate>> {
    PROMISES.iter().map(|text| Ok(text.parse()?)).collect()
}

/// What became of the events that the server accepted.
struct Aftermath {
    completion: Completion,
    peak: Peak,
}

/// What every act is played with.
struct Stage<'a> {
    measuring: Measuring,
    folder: &'a Path,
    duration: Duration,
}

/// How an act ended.
enum Act {
    Played(Box<(Run, Aftermath)>),
    Interrupted(Signal),
}

impl Stage<'_> {
    /// Serves in a mode and measures it; afterwards asks what became of the accepted events.
    fn act(&self, mode: &str, stderr: &mut dyn Write) -> anyhow::Result<Act> {
        let calls = (self.duration.as_secs_f64() * DEFAULT_RATE_PER_S) as u64;
        // Stratified draws: each run of so many calls has the evidence's percentiles, whatever the luck of the draw.
        let arguments = [
            "--mode",
            mode,
            "--sim-draws",
            &format!("stratified:{}", calls.max(1)),
        ]
        .map(str::to_owned);
        let server = Server::start(self.folder, mode, &arguments)?;
        let gates: Vec<Gate> = gate::default_gates(DEFAULT_TARGET)
            .into_iter()
            .chain(promises()?)
            .collect();
        let plan = demo_plan(&server.url(), self.duration, &gates)?;
        if let Preflight::Interrupted(signal) =
            self.measuring
                .preflight(&plan, Some(DEFAULT_TIMEOUT), stderr)?
        {
            return Ok(Act::Interrupted(signal));
        }
        let calibration = match self.measuring.calibrate(&plan, stderr)? {
            Calibrating::Done(calibration) => calibration,
            Calibrating::Interrupted(signal) => return Ok(Act::Interrupted(signal)),
        };
        let watch = Watch::start(&server.url())?;
        let own_gates = gate::default_gates(DEFAULT_TARGET);
        let auditing = Auditing {
            policy: AuditPolicy::Asked,
            patience: SETTLE,
            quiet: DEFAULT_AUDIT_QUIET,
            source: AuditSource::Listing,
        };
        let options = RunOptions {
            gates: &own_gates,
            guard: Guard::default(),
            design: Design::Fixed,
            audit: Some(AuditOptions {
                auditing: &auditing,
                capture: &AuditCapture::of_listing(&plan),
            }),
            calibration: &calibration,
            certificate: None,
        };
        let Measurement { run, .. } = self.measuring.run(&plan, &options)?;
        let peak = watch.finish();
        if let RunEnd::Interrupted { signal } = run.ended {
            return Ok(Act::Interrupted(signal));
        }
        let completion = completion(&run)?;
        Ok(Act::Played(Box::new((run, Aftermath { completion, peak }))))
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
                crate::run::completion::in_one_line(reason)
            )
        }
        None => bail!("the plan has no ingest endpoint that was audited"),
    }
}

/// How long the instrument is calibrated before each.
const CALIBRATION: Duration = Duration::from_secs(2);

/// How long the two measurements take, for the first words.
fn expected_length(duration: Duration) -> Duration {
    2 * (CALIBRATION + DEFAULT_WARMUP + duration) + Duration::from_secs(5)
}
