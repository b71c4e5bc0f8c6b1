//! `a7probe selftest`: measure known delays; show the measurement overhead.

mod scenario;
mod script;
mod server;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;

use super::measure::check_writable;
use super::measuring::calibrated;
use super::signals::{self, SignalListener};
use crate::cli::selftest::SelftestArgs;
use crate::exit::Exit;
use crate::printable::Shown as _;
use crate::probe::engine::{self, RunIds, RunSpec, StopSignal, stop_switch};
use crate::report::{self, ReportFormat};
use crate::run::run_file::{Calibration, CheckUnit, SelftestCertificate, SelftestCheck};
use crate::units::millis;
use scenario::Scenario;
use server::ScriptedServer;

/// The largest measurement overhead with which a self-test can pass.
const MOST_OWN_ERROR: Duration = Duration::from_millis(10);

/// Runs every scenario, shows measured against true, saves the certificate.
///
/// # Errors
/// If this machine has no port or thread for it, or the result cannot be written.
pub fn run(
    args: &SelftestArgs,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> anyhow::Result<Exit> {
    if let Some(path) = &args.save {
        check_writable(path)?;
    }
    let (stopper, stop) = stop_switch();
    let signals = SignalListener::start(stopper, None).context("cannot listen for signals")?;
    let started_at = Timestamp::now();
    let certificate = certificate(args, started_at, &stop, stderr)?;
    let Some(certificate) = certificate else {
        let exit = signals.received().map_or(Exit::Error, signals::exit);
        writeln!(stderr, "interrupted; no check was completed")?;
        return Ok(exit);
    };
    if let Some(path) = &args.save {
        save(&certificate, path)?;
    }
    match args.format.output {
        ReportFormat::Json => report::write_certificate_json(&certificate, stdout)?,
        _ => report::write_certificate(&certificate, &args.screen.style(), stdout)?,
    }
    Ok(if certificate.passes() {
        Exit::Pass
    } else {
        Exit::Fail
    })
}

/// `None` if it was interrupted.
fn certificate(
    args: &SelftestArgs,
    started_at: Timestamp,
    stop: &StopSignal,
    stderr: &mut dyn Write,
) -> anyhow::Result<Option<SelftestCertificate>> {
    let mut say = |text: &str| {
        if args.screen.quiet {
            Ok(())
        } else {
            writeln!(stderr, "{text} …")
        }
    };
    say("null server on loopback")?;
    let scenarios = scenario::all(args.quick);
    let first = scenarios.first().context("there are scenarios")?;
    let Some(calibration) = calibrated(&first.plan(1), stop) else {
        return Ok(None);
    };
    if let Calibration::Failed { why } = &calibration {
        return Err(anyhow!(
            "the measurement overhead cannot be measured: {why}\nhint: raise the limit of open files (ulimit -n), or free some ports"
        ));
    }
    let mut checks = vec![own_error(&calibration)];
    for scenario in &scenarios {
        say(&scenario.name())?;
        match play(scenario, &calibration, stop)? {
            Some(own) => checks.extend(own),
            None => return Ok(None),
        }
    }
    let certificate = SelftestCertificate::new(started_at, args.quick, calibration, checks);
    Ok(Some(certificate))
}

/// Tolerances grow with the measurement overhead, so the overhead must be small as well.
fn own_error(calibration: &Calibration) -> SelftestCheck {
    SelftestCheck {
        scenario: "null server".to_owned(),
        figure: "overhead".to_owned(),
        unit: CheckUnit::Ms,
        truth: 0.0,
        measured: millis(calibration.own_error()),
        tolerance: millis(MOST_OWN_ERROR),
    }
}

/// Serves a script and measures it; `None` if it was interrupted.
fn play(
    scenario: &Scenario,
    calibration: &Calibration,
    stop: &StopSignal,
) -> anyhow::Result<Option<Vec<SelftestCheck>>> {
    let ids = RunIds::fresh();
    let server = ScriptedServer::start(scenario.script, ids.run.to_string())?;
    let plan = scenario.plan(server.port());
    let finished = engine::run(&RunSpec::new(&plan, ids, stop))?;
    let handled = server.finish();
    if stop.is_interrupted() {
        return Ok(None);
    }
    let endpoint = finished.endpoints.first();
    let recording = &endpoint.context("the plan has an endpoint")?.recording;
    Ok(Some(scenario.checks(
        recording,
        &handled,
        calibration.own_error(),
    )))
}

fn save(certificate: &SelftestCertificate, path: &Path) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        serde_json::to_writer_pretty(&mut file, certificate)?;
        writeln!(file)?;
        file.flush()
    };
    write().with_context(|| {
        format!(
            "cannot write {}\nhint: choose a folder that exists, is writable and has room",
            path.shown()
        )
    })
}
