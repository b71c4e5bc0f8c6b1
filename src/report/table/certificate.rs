//! The table of a self-test: measured against true.

use std::io::{self, Write};

use comfy_table::CellAlignment;

use super::super::Style;
use super::{empty_table, paint};
use crate::run::run_file::{Calibration, CheckUnit, SelftestCertificate, SelftestCheck};
use crate::units::{Pretty, grouped, trimmed};
use crate::verdict::Verdict;

const TITLES: [&str; 7] = [
    "Scenario",
    "Percentile",
    "True",
    "Measured",
    "Error",
    "Tolerance",
    "Status",
];

/// Writes what was tested, every figure and the verdict.
pub(in crate::report) fn write(
    certificate: &SelftestCertificate,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let environment = &certificate.environment;
    writeln!(
        out,
        "a7probe {} · {} · {} processors · {}",
        environment.a7probe, environment.cpu, environment.cores, environment.os
    )?;
    if let Calibration::Measured(null) = &certificate.calibration {
        writeln!(
            out,
            "null server, {} requests: P50 {}, P99 {}, own error up to {} · send lag P50 {}, P99 {}",
            grouped(null.requests),
            Pretty(null.p50),
            Pretty(null.p99),
            Pretty(null.own_error),
            Pretty(null.send_lag_p50),
            Pretty(null.send_lag_p99)
        )?;
    }
    let mut table = empty_table(&TITLES, style);
    for check in &certificate.checks {
        table.add_row(row(check));
    }
    for column in 2..6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(out, "\n{}\n", paint(&table.trim_fmt(), style.colour))?;
    writeln!(out, "{}", paint(&verdict(certificate), style.colour))
}

fn row(check: &SelftestCheck) -> [String; 7] {
    let (sign, error) = match check.error() {
        error if error < 0.0 => ("−", -error),
        error => ("+", error),
    };
    [
        check.scenario.clone(),
        check.figure.clone(),
        value(check.unit, check.truth),
        value(check.unit, check.measured),
        format!("{sign}{}", value(check.unit, error)),
        value(check.unit, check.tolerance),
        status(check).to_string(),
    ]
}

fn status(check: &SelftestCheck) -> Verdict {
    if check.is_within() {
        Verdict::Pass
    } else {
        Verdict::Fail
    }
}

fn value(unit: CheckUnit, value: f64) -> String {
    match unit {
        CheckUnit::Ms => format!("{value:.3} ms"),
        CheckUnit::Requests => trimmed(value, 1),
    }
}

fn verdict(certificate: &SelftestCertificate) -> String {
    let all = certificate.checks.len();
    let beyond = certificate.checks.iter().filter(|c| !c.is_within()).count();
    match beyond {
        0 => format!("PASS all {all} figures are within their tolerance"),
        _ => format!(
            "FAIL {beyond} of {all} figures are beyond their tolerance\nnext: try again on a quiet machine; if it stays, do \
             not trust latencies of this size here"
        ),
    }
}
