//! `measure --shard`: agree on the start with the other shards, send this one's part, save it for `merge`.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::before_run::{Preflighted, certificate, options, preflight};
use super::measuring::{Calibrating, Measurement, Measuring, PendingCalibration, ShardStart};
use super::rendezvous::{Met, NamedStart, Rendezvous};
use super::save_target::SaveTarget;
use super::signals;
use super::wall_clock::wall_clock;
use crate::cli::measure::MeasureArgs;
use crate::cli::resolve::{self, Measure};
use crate::cli::run_setup::Precheck;
use crate::cli::shard::{Gathering, ShardSetup, StartAt};
use crate::exit::Exit;
use crate::judge::warnings::of as warnings_of;
use crate::printable::Shown as _;
use crate::probe::engine::LateStart;
use crate::report::text::shard_lines;
use crate::run::run_file::{PlanRecord, Run, RunEnd, Signal, WallClock};
use crate::run::shard::Shard;

/// From the agreement to the warm-up: time for the preflight, and for a calibration over another version of HTTP.
const AHEAD: Duration = Duration::from_secs(5);

/// Before the warm-up: time to ask whether the service lists its runs, and for the threads to open connections.
const GET_READY: Duration = Duration::from_secs(3);

/// How often the time and signals are looked at.
const PERIOD: Duration = Duration::from_millis(10);

/// Sends one shard of a run.
///
/// # Errors
/// The service is unreachable, the shards contradict each other, or the file cannot be written.
pub(super) fn run(
    args: &MeasureArgs,
    measure: Measure,
    setup: &ShardSetup,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> anyhow::Result<Exit> {
    if let Gathering::Folder { folder, .. } = &setup.gathering {
        // If it cannot be made, the check of the file in it says why.
        let _ = std::fs::create_dir_all(folder);
    }
    let target = SaveTarget::of(measure.save.as_deref().unwrap_or(Path::new("-")));
    target.check()?;
    if let Some(variables) = &setup.found_in {
        writeln!(stderr, "{}", shard_lines::found(setup.shard, variables))?;
    }
    let measuring = Measuring::new(measure.setup.console(), None)?;
    let clock = std::thread::spawn(wall_clock);
    let begun = begin(args, measure, &measuring, stderr);
    let ready = match begun? {
        Begun::Ready(ready) => ready,
        Begun::Nothing(reason) => return nothing_sent(&reason, stderr),
        Begun::Interrupted(signal) => return Ok(signals::exit(signal)),
    };
    let wall_clock = clock.join().unwrap_or_else(|_| wall_clock());
    if let Some(warning) = shard_lines::clock_warning(&wall_clock) {
        writeln!(stderr, "{warning}")?;
    }
    let Measurement { run, warnings } = match sent(&ready, &measuring, wall_clock, setup.shard)? {
        Sent::Run(measurement) => *measurement,
        Sent::Nothing(reason) => return nothing_sent(&reason, stderr),
    };
    target.save(&run, stdout)?;
    if !ready.measure.setup.output.screen.quiet {
        let mut warnings = warnings;
        warnings.extend(warnings_of("", &run));
        for warning in shard_lines::warnings(&warnings) {
            writeln!(stderr, "{warning}")?;
        }
        let lines = shard_lines::sent(&run, setup.shard, &target.shown());
        match target {
            SaveTarget::Stdout => writeln!(stderr, "{lines}")?,
            SaveTarget::File(_) | SaveTarget::Url(_) => writeln!(stdout, "{lines}")?,
        }
    }
    Ok(exit(&run, &measuring))
}

/// The run that was sent, or why nothing was.
enum Sent {
    Run(Box<Measurement>),
    Nothing(String),
}

fn sent(
    ready: &ReadyShard,
    measuring: &Measuring,
    wall_clock: WallClock,
    shard: Shard,
) -> anyhow::Result<Sent> {
    let measure = &ready.measure;
    let certificate = certificate(measure.setup.certificate.as_deref())?;
    let start = ShardStart {
        shard,
        run: ready.named.run,
        start: ready.start,
        wall_clock,
    };
    let mut options = options(measure, &ready.calibration, certificate.as_ref());
    options.shard = Some(&start);
    let mut measured = match measuring.run(&measure.plan, &options) {
        Ok(measured) => measured,
        Err(error) => match error.downcast::<LateStart>() {
            Ok(late) => {
                return Ok(Sent::Nothing(shard_lines::late(
                    shard, late.start, late.late,
                )));
            }
            Err(error) => return Err(error),
        },
    };
    if measure.setup.save_bodies {
        measured.run.plan.keep_bodies(&measure.plan);
    }
    measured.run.baseline = measure.baseline.as_ref().map(|b| b.baseline.record.clone());
    Ok(Sent::Run(Box::new(measured)))
}

/// A shard whose plan the service answers, and whose start is near.
struct ReadyShard {
    measure: Measure,
    calibration: PendingCalibration,
    named: NamedStart,
    start: Timestamp,
}

/// How the time before the run ended.
enum Begun {
    Ready(Box<ReadyShard>),
    /// Why nothing is sent.
    Nothing(String),
    Interrupted(Signal),
}

/// Calibrates, agrees with the others on the start, asks every endpoint, and waits.
fn begin(
    args: &MeasureArgs,
    measure: Measure,
    measuring: &Measuring,
    stderr: &mut dyn Write,
) -> anyhow::Result<Begun> {
    let Some(setup) = measure.shard.clone() else {
        unreachable!("only a shard comes here");
    };
    if let Gathering::At(StartAt::Time(start)) = setup.gathering
        && let Some(late) = lateness(start, &measure)
    {
        return Ok(Begun::Nothing(shard_lines::late(setup.shard, start, late)));
    }
    let version = measure.plan.connections.version;
    let mut calibration = match calibrated(measuring, &measure, stderr)? {
        Calibrating::Ready(calibration) => calibration,
        Calibrating::Interrupted(signal) => return Ok(Begun::Interrupted(signal)),
    };
    let named = match gather(measuring, &measure, &setup)? {
        Gathered::Start(named) => named,
        Gathered::Nothing(reason) => return Ok(Begun::Nothing(reason)),
        Gathered::Interrupted(signal) => return Ok(Begun::Interrupted(signal)),
    };
    let start = named.time()?;
    // The seed decides the number of Poisson arrivals.
    let mut args = args.clone();
    args.timing.seed = Some(named.seed);
    let mut measure = resolve::measure(&args, &[])?;
    if measure.setup.preflight == Precheck::Run {
        match preflight(&args, measure, measuring, stderr)? {
            Preflighted::Ready(asked, _) => measure = *asked,
            Preflighted::Interrupted(signal) => return Ok(Begun::Interrupted(signal)),
        }
    }
    if measure.plan.connections.version != version {
        calibration = match calibrated(measuring, &measure, stderr)? {
            Calibrating::Ready(calibration) => calibration,
            Calibrating::Interrupted(signal) => return Ok(Begun::Interrupted(signal)),
        };
    }
    if let Some(late) = lateness(start, &measure) {
        return Ok(Begun::Nothing(shard_lines::late(setup.shard, start, late)));
    }
    if let Some(signal) = wait(measuring, start, &measure) {
        return Ok(Begun::Interrupted(signal));
    }
    Ok(Begun::Ready(Box::new(ReadyShard {
        measure,
        calibration,
        named,
        start,
    })))
}

/// A shard has no verdict: it was carried out, or it was cut.
fn exit(run: &Run, measuring: &Measuring) -> Exit {
    match (measuring.signals.received(), run.ended) {
        (Some(signal), _) => signals::exit(signal),
        (None, RunEnd::Complete) => Exit::Pass,
        (None, RunEnd::Aborted | RunEnd::Interrupted { .. }) => Exit::Inconclusive,
    }
}

fn nothing_sent(reason: &str, stderr: &mut dyn Write) -> anyhow::Result<Exit> {
    writeln!(stderr, "{reason}")?;
    Ok(Exit::Inconclusive)
}

/// How the agreement on a start ended.
enum Gathered {
    Start(NamedStart),
    /// Why nothing was sent.
    Nothing(String),
    Interrupted(Signal),
}

fn gather(
    measuring: &Measuring,
    measure: &Measure,
    setup: &ShardSetup,
) -> anyhow::Result<Gathered> {
    let record = PlanRecord::of(&measure.plan);
    let ahead = AHEAD + measure.plan.warmup;
    let named_at = |start: Timestamp| {
        let run = record.shared_run_id(start);
        NamedStart::at(start, measure.plan.seed, run)
    };
    match &setup.gathering {
        Gathering::At(at) => {
            let start = at.instant(Timestamp::now(), ahead);
            Ok(Gathered::Start(named_at(start)))
        }
        Gathering::Folder { folder, timeout } => {
            let rendezvous = Rendezvous {
                folder,
                shard: setup.shard,
                plan_hash: &record.hash(),
                timeout: *timeout,
            };
            let now = || {
                let now = Timestamp::now();
                now.checked_add(ahead).unwrap_or(now)
            };
            Ok(match rendezvous.meet(measuring, || named_at(now()))? {
                Met::All(named) => Gathered::Start(named),
                Met::Late { ready } => Gathered::Nothing(shard_lines::alone(
                    setup.shard,
                    ready,
                    *timeout,
                    &folder.shown().to_string(),
                )),
                Met::Interrupted(signal) => Gathered::Interrupted(signal),
            })
        }
    }
}

/// By how much the beginning of the warm-up has passed, if it has.
fn lateness(start: Timestamp, measure: &Measure) -> Option<Duration> {
    let begin = start.checked_sub(measure.plan.warmup).ok()?;
    let late = Timestamp::now().duration_since(begin);
    late.is_positive().then(|| late.unsigned_abs())
}

/// What the instrument measures of itself, at this shard's part of the rate.
fn calibrated(
    measuring: &Measuring,
    measure: &Measure,
    stderr: &mut dyn Write,
) -> anyhow::Result<Calibrating> {
    let shard = measure
        .shard
        .as_ref()
        .map_or(Shard::WHOLE, |setup| setup.shard);
    let own = measure.plan.share_of(shard);
    let task = measuring.calibration(measure.setup.calibration, &own);
    let ready = task.ready(stderr)?;
    if let Calibrating::Ready(calibration) = &ready {
        // Dropping the task gives up what is not known yet.
        calibration.result();
    }
    Ok(ready)
}

/// Until shortly before the warm-up, or a signal.
fn wait(measuring: &Measuring, start: Timestamp, measure: &Measure) -> Option<Signal> {
    let ahead = measure.plan.warmup + GET_READY;
    let begin = start.checked_sub(ahead).unwrap_or(start);
    while Timestamp::now() < begin {
        if let Some(signal) = measuring.signals.received() {
            return Some(signal);
        }
        std::thread::sleep(PERIOD);
    }
    None
}
