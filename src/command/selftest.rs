//! `a7probe selftest`: measure known delays; show the measurement overhead.

mod http2_server;
mod scenario;
mod script;
mod server;
mod server_account;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;

use super::measuring::calibrated;
use super::signals::{self, SignalListener};
use super::writable::check_writable;
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
    let Some(calibration) = overhead(first, stop)? else {
        return Ok(None);
    };
    let mut checks = vec![own_error(first, &calibration)];
    // That of the scenarios that follow.
    let (mut version, mut own) = (first.version, calibration.clone());
    for scenario in &scenarios {
        if scenario.version != version {
            version = scenario.version;
            let Some(other) = overhead(scenario, stop)? else {
                return Ok(None);
            };
            checks.push(own_error(scenario, &other));
            own = other;
        }
        say(&scenario.name())?;
        match play(scenario, &own, stop)? {
            Some(own) => checks.extend(own),
            None => return Ok(None),
        }
    }
    let certificate = SelftestCertificate::new(started_at, args.quick, calibration, checks);
    Ok(Some(certificate))
}

/// The measurement overhead over the protocol of a scenario; `None` if it was interrupted.
fn overhead(scenario: &Scenario, stop: &StopSignal) -> anyhow::Result<Option<Calibration>> {
    match calibrated(&scenario.plan(1), stop) {
        Some(Calibration::Failed { why }) => Err(anyhow!(
            "the measurement overhead cannot be measured: {why}\nhint: raise the limit of open files (ulimit -n), or free some ports"
        )),
        measured => Ok(measured),
    }
}

/// Tolerances grow with the measurement overhead, so the overhead must be small as well.
fn own_error(scenario: &Scenario, calibration: &Calibration) -> SelftestCheck {
    SelftestCheck {
        scenario: scenario.over("null server"),
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
    let server = ScriptedServer::start(scenario.script, scenario.version, ids.run.to_string())?;
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
