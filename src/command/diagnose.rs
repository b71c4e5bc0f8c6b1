//! `diagnose`: resolve, preflight, a few short runs, test every cause, report.

mod step_plan;

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::measuring::{Measurement, Measuring, PendingCalibration, Preflight, RunOptions};
use super::signals;
use super::writable;
use crate::cli::diagnose::DiagnoseArgs;
use crate::cli::progress::{Console, ProgressForm, ProgressMode};
use crate::cli::resolve::{self, Diagnose};
use crate::cli::run_setup::Intent;
use crate::exit::Exit;
use crate::judge::diagnosis::{
    BurstSteps, ConnectionSharing, Diagnosis, DiagnosisStep, MOST_IN_BURST, NotShared, Observation,
    Observations, Pilot, StepLoad, StepPlan, patience, steps,
};
use crate::judge::gate::StopRule;
use crate::judge::warning::{RunWarning, Warning};
use crate::printable::Shown as _;
use crate::probe::engine::RunIds;
use crate::report::{DiagnosisReport, Report, ReportKind, diagnosis_step};
use crate::run::plan::{Design, Guard, HttpVersion, Model, Plan, Size};
use crate::run::run_file::{Calibration, EndpointRun, Gating, Run};
use crate::stats::rank::Quantile;
use crate::units::{Pretty, grouped, trimmed};
use step_plan::{endpoint_at, plan_of};

/// Requests of each endpoint from which the steps' rates are chosen.
const PILOT: u64 = 5;

/// What an endpoint is taken to need whose pilot has no answer.
const UNKNOWN: Duration = Duration::from_secs(1);

/// Diagnoses a service.
///
/// # Errors
/// If the arguments contradict each other, the service is unreachable, or an output cannot be written.
pub fn run(
    args: &DiagnoseArgs,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let mut diagnose = resolve::diagnose(args)?;
    if diagnose.intent == Intent::Show {
        show(&diagnose, stdout)?;
        return Ok(Exit::Pass);
    }
    args.output.check_formats("diagnose")?;
    args.output.refuse_drawn("diagnose")?;
    writable::check_outputs(std::iter::empty(), &args.output)?;
    if let Some(folder) = &diagnose.save {
        std::fs::create_dir_all(folder).with_context(|| {
            format!(
                "cannot create the folder {}\nhint: choose a writable folder",
                folder.shown()
            )
        })?;
    }
    let measuring = Measuring::new(console(args), None)?.always_asking();
    let preflight = measuring.preflight_of_any_version(
        &mut diagnose.plan,
        None,
        diagnose.wait_ready,
        stderr,
    )?;
    if let Preflight::Interrupted(signal) = preflight {
        return Ok(signals::exit(signal));
    }
    let mut session = DiagnosisSession {
        diagnose: &diagnose,
        measuring: &measuring,
        stderr,
        quiet: args.output.screen.quiet,
        warnings: Vec::new(),
    };
    let began = Instant::now();
    let observations = session.observe()?;
    let took = began.elapsed();
    let mut warnings = session.warnings;
    let mut diagnosis = Diagnosis::of(&observations);
    if measuring.signals.received().is_some() {
        diagnosis = diagnosis.of_interrupted();
        warnings.insert(0, Warning::of(RunWarning::DiagnosisInterrupted));
    } else {
        diagnosis = diagnosis.within(diagnose.budget);
    }
    let mut report = Report::new(ReportKind::Diagnose, diagnose.plan.target.to_string());
    report.warnings = warnings;
    report.diagnosis = Some(DiagnosisReport {
        budget: diagnose.budget,
        took,
        timeout: patience(diagnose.budget, diagnose.plan.timeout),
        diagnosis,
        observations,
    });
    report.interrupted_by = measuring.signals.received();
    args.output.publish(&report, stdout, stderr)?;
    Ok(match measuring.signals.received() {
        Some(signal) => report.exit().worst(signals::exit(signal)),
        None => report.exit(),
    })
}

/// What is planned; the rates of the steps are chosen when the pilot is in.
fn show(diagnose: &Diagnose, out: &mut dyn Write) -> std::io::Result<()> {
    let (probe, load) = names(&diagnose.plan);
    writeln!(
        out,
        "diagnosis of {} (nothing is sent)",
        diagnose.plan.target
    )?;
    writeln!(out, "  budget     {}", Pretty(diagnose.budget))?;
    writeln!(
        out,
        "  limit      {}; effects below {} do not count",
        Pretty(diagnose.target),
        Pretty(diagnose.target.mul_f64(crate::judge::diagnosis::MATERIAL))
    )?;
    let timeout = patience(diagnose.budget, diagnose.plan.timeout);
    writeln!(out, "  timeout    {}", Pretty(timeout))?;
    writeln!(
        out,
        "pilot: {PILOT} requests to each endpoint, one after the other; the rates below are upper bounds"
    )?;
    let quick = Pilot {
        probe: Duration::from_micros(1),
        load: Duration::MAX / 4,
    };
    let planned = steps(
        diagnose.budget,
        diagnose.plan.timeout,
        diagnose.rates,
        quick,
        diagnose.plan.connections.version.depth(),
    );
    for planned in &planned.loads {
        // What the load can bear is not known yet.
        let load_per_s = planned.load_per_s.map(|_| diagnose.rates.load_per_s);
        let streams = diagnose.plan.connections.version.depth();
        let shown = StepLoad {
            load_per_s,
            burst: planned.burst.map(|_| MOST_IN_BURST.min(streams)),
            ..*planned
        };
        writeln!(
            out,
            "  {}: {}",
            diagnosis_step(shown.step, probe, load),
            in_words(&shown, probe, load)
        )?;
    }
    Ok(())
}

fn names(plan: &Plan) -> (&str, &str) {
    (&plan.endpoints[0].name, &plan.endpoints[1].name)
}

/// `health 20/s, ingest 3/s, for 9 s`.
fn in_words(planned: &StepLoad, probe: &str, load: &str) -> String {
    let rates = [(probe, planned.probe_per_s), (load, planned.load_per_s)];
    let rates = rates
        .iter()
        .filter_map(|(name, rate)| Some((name, (*rate)?)));
    let rates: Vec<String> = rates
        .map(|(name, rate)| format!("{name} {}/s", per_second(rate)))
        .collect();
    let bursts = match planned.burst {
        Some(burst) => format!(" in bursts of {burst}"),
        None => String::new(),
    };
    let rates = rates.join(", ");
    format!("{rates}{bursts} for {}", Pretty(planned.duration))
}

/// `3.8`, and `0.001` where a decimal would show nothing.
fn per_second(rate: f64) -> String {
    let digits = if rate > 0.0 && rate < 0.1 {
        (1.0 - rate.log10().floor()).min(15.0) as usize
    } else {
        1
    };
    trimmed(rate, digits)
}

/// One diagnosis under way.
struct DiagnosisSession<'a> {
    diagnose: &'a Diagnose,
    measuring: &'a Measuring,
    stderr: &'a mut dyn Write,
    quiet: bool,
    warnings: Vec<Warning>,
}

impl DiagnosisSession<'_> {
    fn observe(&mut self) -> anyhow::Result<Observations> {
        let (probe, load) = names(&self.diagnose.plan);
        let mut observed = Observations {
            target: self.diagnose.target,
            probe: probe.to_owned(),
            load: load.to_owned(),
            alone: None,
            new_connections: None,
            one_at_a_time: None,
            probe_during_load: None,
            load_during_probe: None,
            asked_per_s: self.diagnose.rates.load_per_s,
            offered: None,
            sharing: sharing(&self.diagnose.plan),
        };
        let began = Instant::now();
        let pilot = Pilot {
            probe: self.pilot(0)?,
            load: self.pilot(1)?,
        };
        self.tell(&format!(
            "pilot: one request after the other, {probe} needs {}, {load} up to {}",
            Pretty(pilot.probe),
            Pretty(pilot.load)
        ))?;
        let StepPlan { loads, timeout } = steps(
            self.diagnose.budget.saturating_sub(began.elapsed()),
            self.diagnose.plan.timeout,
            self.diagnose.rates,
            pilot,
            self.diagnose.plan.connections.version.depth(),
        );
        for (number, planned) in loads.iter().enumerate() {
            if self.measuring.signals.received().is_some() {
                break;
            }
            self.tell(&format!(
                "{}/{} {}: {}",
                number + 1,
                loads.len(),
                diagnosis_step(planned.step, probe, load),
                in_words(planned, probe, load)
            ))?;
            self.step(planned, timeout, &mut observed)?;
        }
        Ok(observed)
    }

    fn tell(&mut self, line: &str) -> std::io::Result<()> {
        if self.quiet {
            Ok(())
        } else {
            writeln!(self.stderr, "{line}")
        }
    }

    /// How long a request takes when it follows another.
    fn pilot(&mut self, endpoint: usize) -> anyhow::Result<Duration> {
        if self.measuring.signals.received().is_some() {
            return Ok(UNKNOWN);
        }
        let timeout = patience(self.diagnose.budget, self.diagnose.plan.timeout) / 2;
        let plan = Plan {
            endpoints: vec![endpoint_at(&self.diagnose.plan.endpoints[endpoint], None)],
            model: Model::Closed { concurrency: 1 },
            size: Size::Requests(PILOT),
            warmup: Duration::ZERO,
            timeout,
            ..self.diagnose.plan.clone()
        };
        let measured = self.measure(&plan)?;
        let Some(EndpointRun { recording, .. }) = measured.endpoints.into_iter().next() else {
            return Ok(UNKNOWN);
        };
        let levels = recording.latency.ranked_values();
        // One may have opened the connection or met a busy moment. Of the load, whose steps must not queue, the slowest
        // of the others; of the probe, the median.
        let rank = match endpoint {
            0 => Quantile::P50.rank(levels.count()),
            _ => levels.count().saturating_sub(1).max(1),
        };
        let typical = levels.at_rank(rank);
        Ok(typical.map_or(UNKNOWN, Duration::from_nanos))
    }

    fn measure(&mut self, plan: &Plan) -> anyhow::Result<Run> {
        let options = RunOptions {
            gates: &[],
            guard: Guard::default(),
            design: Design::Fixed,
            stop_rule: StopRule::Decided,
            gating: Gating::Gates,
            abort_on: &[],
            // An effect below a tenth of the limit does not count here: that is far more than the measurement overhead.
            calibration: &PendingCalibration::known(Calibration::Skipped),
            certificate: None,
            shard: None,
            audit: None,
        };
        // As a block: an interruption ends the schedule, and unsent requests count neither as slow nor as fast.
        let ids = RunIds::fresh();
        let own_error = options.calibration.own_error();
        let measured = self.measuring.block(plan, ids, own_error, "")?;
        let Measurement { run, warnings } = self.measuring.of_blocks(plan, &options, ids, measured);
        let open = matches!(plan.model, Model::Open { .. });
        let new = warnings
            .into_iter()
            .filter(|warning| open && !self.warnings.contains(warning));
        let new: Vec<Warning> = new.collect();
        self.warnings.extend(new);
        Ok(run)
    }

    fn step(
        &mut self,
        planned: &StepLoad,
        timeout: Duration,
        observed: &mut Observations,
    ) -> anyhow::Result<()> {
        let plan = plan_of(self.diagnose, planned, timeout);
        let run = self.measure(&plan)?;
        if let Some(folder) = &self.diagnose.save {
            run.save(&folder.join(format!("{}.json", planned.step.as_str())))
                .map_err(|e| super::saved::hinted(&e))?;
        }
        let cpu_share = run.busy();
        let allowed = run.instrument.streams.iter().filter_map(|s| s.allowed);
        let allowed = allowed.min();
        let rates = plan.endpoints.iter().map(|endpoint| endpoint.rate);
        let parts = run.endpoints.into_iter().zip(rates);
        let mut parts = parts.map(|(endpoint, rate)| Observation {
            recording: endpoint.recording,
            // Of bursts, not the highest rate but the mean.
            rate_per_s: match planned.burst {
                Some(_) => planned.load_per_s,
                None => rate.map(|rate| rate.as_per_second()),
            },
            cpu_share,
        });
        let first = parts.next();
        if let Some(first) = &first {
            self.tell(&result(planned.step, first))?;
        }
        match planned.step {
            DiagnosisStep::Alone => observed.alone = first,
            DiagnosisStep::NewConnections => observed.new_connections = first,
            DiagnosisStep::OneAtATime => observed.one_at_a_time = first,
            DiagnosisStep::DuringLoad => {
                observed.load_during_probe = parts.next();
                observed.probe_during_load = first;
            }
            DiagnosisStep::Offered => observed.offered = first,
            DiagnosisStep::OneConnection | DiagnosisStep::SeparateConnections => {
                observed.sharing.add(planned, first, allowed);
            }
        }
        Ok(())
    }
}

/// `    180 requests, P50 1.2 ms, P95 2 ms`.
fn result(step: DiagnosisStep, observation: &Observation) -> String {
    let shown = |quantile| {
        let latency = observation.in_step(step, quantile);
        latency.map_or("no answer".to_owned(), |latency| {
            Pretty(latency).to_string()
        })
    };
    format!(
        "    {} requests, P50 {}, P95 {}",
        grouped(observation.requests()),
        shown(Quantile::P50),
        shown(Quantile::P95)
    )
}

/// Whether the requests of a plan may share connections.
fn sharing(plan: &Plan) -> ConnectionSharing {
    match plan.connections.version {
        HttpVersion::Http1 => ConnectionSharing::None(NotShared::Http1),
        version if version.depth() == 1 => ConnectionSharing::None(NotShared::OneStream),
        HttpVersion::Http2 { .. } => ConnectionSharing::Bursts(Box::new(BurstSteps {
            burst: 1,
            one: None,
            many: None,
            allowed: None,
        })),
    }
}

/// Lines for a log come from the steps, unless progress was asked for.
fn console(args: &DiagnoseArgs) -> Console {
    let progress = args.run.progress;
    let mut console = progress.console(&args.output.screen);
    if progress.progress == ProgressForm::Auto && console.mode == ProgressMode::Plain {
        console.mode = ProgressMode::Silent;
    }
    console
}
