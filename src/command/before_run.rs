//! What precedes a run, of one machine or of a shard: options, certificate, preflight.

use std::io::Write;
use std::path::Path;

use anyhow::{anyhow, bail};

use super::measuring::{AuditOptions, Measuring, PendingCalibration, Preflight, RunOptions};
use crate::cli::measure::MeasureArgs;
use crate::cli::resolve::{self, Measure};
use crate::judge::gate::{Gate, Selector};
use crate::printable::Shown as _;
use crate::report::Note;
use crate::run::run_file::{SelftestCertificate, Signal};

pub(super) fn options<'a>(
    measure: &'a Measure,
    calibration: &'a PendingCalibration,
    certificate: Option<&'a SelftestCertificate>,
) -> RunOptions<'a> {
    RunOptions {
        gates: &measure.gates,
        guard: measure.guard,
        design: measure.design,
        stop_rule: measure.stop_rule,
        gating: measure.gating,
        abort_on: &measure.abort_on,
        audit: Some(AuditOptions {
            auditing: &measure.auditing,
            capture: &measure.capture,
        }),
        calibration,
        certificate,
        shard: None,
    }
}

/// How the questions before the run ended.
pub(super) enum Preflighted {
    /// The measured endpoints, and notes on missing ones.
    Ready(Box<Measure>, Vec<Note>),
    Interrupted(Signal),
}

/// Asks every endpoint. An implied endpoint that the service does not have is left out.
pub(super) fn preflight(
    args: &MeasureArgs,
    mut measure: Measure,
    measuring: &Measuring,
    stderr: &mut dyn Write,
) -> anyhow::Result<Preflighted> {
    let (mut names, mut notes): (Vec<String>, Vec<Note>) = (Vec::new(), Vec::new());
    loop {
        let plan = measure.plan.without_segments();
        let asked =
            measuring.preflight(&plan, &measure.implied, measure.setup.wait_ready, stderr)?;
        match asked {
            Preflight::Ready => return Ok(Preflighted::Ready(Box::new(measure), notes)),
            Preflight::Interrupted(signal) => return Ok(Preflighted::Interrupted(signal)),
            Preflight::Http2Only => measuring.use_http2(&mut measure.plan, None, stderr)?,
            Preflight::Absent(absent) => {
                for (name, status) in absent {
                    notes.push(left_out(&measure, &name, status)?);
                    names.push(name);
                }
                let version = measure.plan.connections.version;
                measure = resolve::measure(args, &names)?;
                measure.plan.connections.version = version;
            }
        }
    }
}

/// The note on an endpoint that the service does not have. A gate on it cannot be judged.
fn left_out(measure: &Measure, name: &str, status: u16) -> anyhow::Result<Note> {
    let endpoint = measure
        .plan
        .endpoints
        .iter()
        .find(|e| e.base_name() == name);
    let (method, path) = endpoint.map_or_else(Default::default, |endpoint| {
        (endpoint.method.clone(), endpoint.path.source())
    });
    let mut own = measure
        .plan
        .endpoints
        .iter()
        .filter(|e| e.base_name() == name);
    let is_gated = |gate: &Gate| own.any(|e| gate.selector == Selector::Named(e.name.clone()));
    if measure.gates.iter().any(is_gated) {
        bail!(
            "gate on '{name}': {method} {path} returned {status}\nhint: name the endpoint with its path, such as --{} {name}=/PATH",
            method.to_ascii_lowercase()
        );
    }
    Ok(Note::LeftOut {
        name: name.to_owned(),
        method,
        path,
        status,
    })
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
