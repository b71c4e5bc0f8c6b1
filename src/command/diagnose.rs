//! `diagnose`: resolve, preflight, a few short runs, test every cause, report.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::measure;
use super::measuring::{Measurement, Measuring, PendingCalibration, Preflight, RunOptions};
use super::signals;
use crate::cli::diagnose::DiagnoseArgs;
use crate::cli::progress::{Console, ProgressForm, ProgressMode};
use crate::cli::resolve::{self, Diagnose};
use crate::cli::run_setup::Intent;
use crate::exit::Exit;
use crate::judge::diagnosis::{
    Diagnosis, DiagnosisStep, Observation, Observations, Pilot, StepLoad, StepPlan, ladder,
    patience, steps,
};
use crate::judge::gate::StopRule;
use crate::judge::warning::{RunWarning, Warning};
use crate::printable::Shown as _;
use crate::probe::engine::RunIds;
use crate::report::{DiagnosisReport, Report, ReportKind, diagnosis_step};
use crate::run::plan::{Arrivals, Design, Endpoint, Guard, Keepalive, Model, Plan, Size};
use crate::run::run_file::{Calibration, EndpointRun, Gating, Run};
use crate::stats::rank::Quantile;
use crate::units::{Pretty, Rate, grouped, trimmed};

/// Requests of each endpoint from which the steps' rates are chosen.
const PILOT: u64 = 5;

/// The part of a step that is sent before it, so that connections are open.
const WARMUP: f64 = 0.1;

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
    measure::check_outputs(std::iter::empty(), &args.output)?;
    if let Some(folder) = &diagnose.save {
        std::fs::create_dir_all(folder).with_context(|| {
            format!(
                "cannot create the folder {}\nhint: choose a writable folder",
                folder.shown()
            )
        })?;
    }
    let measuring = Measuring::new(console(args), None)?.always_asking();
    let preflight =
        measuring.preflight_of_any_version(&mut diagnose.plan, None, diagnose.wait_ready, stderr)?;
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
    );
    for planned in &planned.loads {
        // What the load can bear is not known yet.
        let load_per_s = planned.load_per_s.map(|_| diagnose.rates.load_per_s);
        let shown = StepLoad {
            load_per_s,
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
    format!("{} for {}", rates.join(", "), Pretty(planned.duration))
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
        let rates = plan.endpoints.iter().map(|endpoint| endpoint.rate);
        let parts = run.endpoints.into_iter().zip(rates);
        let mut parts = parts.map(|(endpoint, rate)| Observation {
            recording: endpoint.recording,
            rate_per_s: rate.map(|rate| rate.as_per_second()),
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

fn plan_of(diagnose: &Diagnose, planned: &StepLoad, timeout: Duration) -> Plan {
    let rates = [planned.probe_per_s, planned.load_per_s];
    let endpoints = diagnose.plan.endpoints.iter().zip(rates);
    let mut endpoints: Vec<Endpoint> = endpoints
        .filter_map(|(endpoint, rate)| Some(endpoint_at(endpoint, Some(rate?))))
        .collect();
    for endpoint in &mut endpoints {
        endpoint.targets = ladder();
        endpoint.targets.push(diagnose.target);
        endpoint.targets.sort_unstable();
        endpoint.targets.dedup();
    }
    let warmup = match planned.step {
        // A queue must be seen from its beginning, and single requests need no more than one connection.
        DiagnosisStep::Offered | DiagnosisStep::OneAtATime => Duration::ZERO,
        _ => planned.duration.mul_f64(WARMUP),
    };
    let mut connections = diagnose.plan.connections.clone();
    connections.keepalive = match planned.step {
        DiagnosisStep::NewConnections => Keepalive::PerRequest,
        _ => Keepalive::Reuse,
    };
    Plan {
        endpoints,
        model: Model::Open {
            // One at a time means as far from each other as can be.
            arrivals: match planned.step {
                DiagnosisStep::OneAtATime => Arrivals::Grid,
                _ => Arrivals::Jitter,
            },
        },
        size: Size::Duration(planned.duration - warmup),
        warmup,
        timeout,
        connections,
        ..diagnose.plan.clone()
    }
}

fn endpoint_at(endpoint: &Endpoint, rate_per_s: Option<f64>) -> Endpoint {
    Endpoint {
        rate: rate_per_s.and_then(Rate::per_second),
        ..endpoint.clone()
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
