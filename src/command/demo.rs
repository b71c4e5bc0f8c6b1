//! `demo`: the whole story on this machine. Serve the problem, measure; serve the fix, measure the same plan;
//! compare; check that everything that was accepted was done once; leave a report.

mod child;
mod queue;
mod story;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::measuring::{Measurement, Measuring};
use super::signals;
use crate::audit::{self, Completion};
use crate::cli::DemoArgs;
use crate::cli::output::OutputArgs;
use crate::cli::resolve::{DEFAULT_RATE_PER_S, DEFAULT_TIMEOUT, DEFAULT_WARMUP, demo_plan};
use crate::exit::Exit;
use crate::gate::{self, Gate};
use crate::plan::Plan;
use crate::progress::Mode;
use crate::run_file::{Ended, Run};
use child::Server;
use queue::{Peak, Watch};
use story::Story;

/// What the proposal promised of the fix, as gates.
const PROMISES: [&str; 2] = ["ingest p95 <= 100ms", "ingest p95 reduction >= 70%"];

/// Position of the ingest endpoint in the plan, which its event ids are made from.
const INGEST: u64 = 1;

/// How long accepted work may take to be done once nothing more comes in.
const SETTLE: Duration = Duration::from_secs(20);

/// Tells the story; its last words say what to try next.
pub fn run(args: &DemoArgs, stdout: &mut dyn Write, stderr: &mut dyn Write) -> anyhow::Result<Exit> {
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot create {}", args.out.display()))?;
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    let measuring = Measuring::new(if args.quiet { Mode::Silent } else { Mode::of_stderr() })?;
    let mut story = Story::new(stdout, stderr, args.quiet);

    story.chapter("1. The problem: the provider is called inside the request (serve --mode sync)")?;
    let (before, _) = act(&measuring, folder.path(), "sync", args.duration)?;
    if let Some(exit) = interrupted(&before, args, &mut story)? {
        return Ok(exit);
    }
    story.percentiles(&before)?;

    story.chapter("2. The fix: 202 after a durable commit, the work after it (serve --mode background)")?;
    let (after, aftermath) = act(&measuring, folder.path(), "background", args.duration)?;
    if let Some(exit) = interrupted(&after, args, &mut story)? {
        return Ok(exit);
    }
    story.percentiles(&after)?;

    story.chapter("3. Before and after")?;
    let gates: Vec<Gate> = PROMISES.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let report = super::compare::report_of_runs(&before, &after, &gates)?;
    story.comparison(&report, &OutputArgs::default().style())?;

    story.chapter("4. What the fix costs, and whether it kept its promise")?;
    let aftermath = aftermath.context("the background server was not asked what became of the events")?;
    story.completion(&aftermath)?;
    story.save(&args.out, &before, &after, &report, &aftermath)?;
    story.farewell(&args.out)?;
    let kept = if aftermath.completion.is_exactly_once() { Exit::Pass } else { Exit::Fail };
    Ok(report.exit().worst(kept))
}

/// What became of the events that the server accepted.
pub(super) struct Aftermath {
    pub(super) completion: Completion,
    pub(super) peak: Peak,
}

/// Serves in a mode and measures it; afterwards asks what became of the accepted events.
fn act(
    measuring: &Measuring,
    folder: &Path,
    mode: &str,
    duration: Duration,
) -> anyhow::Result<(Run, Option<Aftermath>)> {
    let calls = (duration.as_secs_f64() * DEFAULT_RATE_PER_S) as u64;
    // Stratified draws: each run of so many calls has the evidence's percentiles, whatever the luck of the draw.
    let arguments = ["--mode", mode, "--sim-draws", &format!("stratified:{}", calls.max(1))].map(str::to_owned);
    let server = Server::start(folder, mode, &arguments)?;
    let plan: Plan = demo_plan(&server.url(), duration)?;
    measuring.preflight(&plan, Some(DEFAULT_TIMEOUT), stderr)?;
    let watch = Watch::start(&server.url())?;
    let Measurement { run, .. } = measuring.run(&plan, &gate::default_gates(crate::cli::resolve::DEFAULT_TARGET))?;
    let peak = watch.finish();
    if run.ended != Ended::Complete {
        return Ok((run, None));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listing = runtime.block_on(audit::settled_listing(&server.url(), run.id, SETTLE))?;
    let recording = &run.endpoint("ingest").context("the plan has an ingest endpoint")?.recording;
    let completion = audit::check(run.id, INGEST, recording, &listing);
    Ok((run, Some(Aftermath { completion, peak })))
}

/// Ends the story early after a signal, with what there is.
fn interrupted(run: &Run, args: &DemoArgs, story: &mut Story<'_>) -> anyhow::Result<Option<Exit>> {
    let Ended::Interrupted { signal } = run.ended else { return Ok(None) };
    let path = args.out.join("interrupted.json");
    run.save(&path)?;
    story.say(&format!("interrupted; what was measured until then is in {}", path.display()))?;
    Ok(Some(signals::exit(signal)))
}

/// How long the two measurements take, for the first words.
pub(super) fn expected_length(duration: Duration) -> Duration {
    2 * (DEFAULT_WARMUP + duration) + Duration::from_secs(5)
}
