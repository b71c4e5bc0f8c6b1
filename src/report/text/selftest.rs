//! What a self-test says in words.

use crate::report::figures::thousands;
use crate::run::run_file::{Calibration, CheckUnit, SelftestCertificate, SelftestCheck};
use crate::units::{millis, trimmed};

/// What to do about a figure that is out of tolerance.
pub(in crate::report) const SELFTEST_NEXT: &str =
    "next  rerun on an idle machine: a7probe selftest --quick";

/// `1 of 32 checks is out of tolerance: no delay, P99`.
pub(in crate::report) fn selftest_headline(checks: usize, failed: &[&SelftestCheck]) -> String {
    let name = |check: &SelftestCheck| format!("{}, {}", check.scenario, check.figure);
    match failed {
        [] => format!("all {checks} checks are within tolerance"),
        [one] => format!("1 of {checks} checks is out of tolerance: {}", name(one)),
        [first, rest @ ..] => format!(
            "{} of {checks} checks are out of tolerance: {}, and {} more",
            failed.len(),
            name(first),
            rest.len()
        ),
    }
}

/// `no delay, P99: error +1.49 ms, allowed 1.40 ms`.
pub(in crate::report) fn beyond_tolerance(check: &SelftestCheck) -> String {
    let sign = if check.error() < 0.0 { "−" } else { "+" };
    let number = |value: f64| match check.unit {
        CheckUnit::Ms => tolerance_ms(value),
        CheckUnit::Requests => trimmed(value, 1),
    };
    format!(
        "{}, {}: error {sign}{}, allowed {}",
        check.scenario,
        check.figure,
        number(check.error().abs()),
        number(check.tolerance)
    )
}

/// `1.40 ms`.
pub(in crate::report) fn tolerance_ms(ms: f64) -> String {
    format!("{ms:.2} ms")
}

/// `stall 250 ms every 1 s, above 150 ms: 61 (expected 61.2 ± 4)`.
pub(in crate::report) fn counted(check: &SelftestCheck) -> String {
    format!(
        "{}, {}: {} (expected {} ± {})",
        check.scenario,
        check.figure,
        thousands(check.measured as u64),
        trimmed(check.truth, 1),
        trimmed(check.tolerance, 1)
    )
}

/// `measurement overhead 1.0 ms (P99, upper 95% bound) · send lag P99 0.4 ms`.
pub(in crate::report) fn selftest_overhead(certificate: &SelftestCertificate) -> Option<String> {
    let Calibration::Measured(null) = &certificate.calibration else {
        return None;
    };
    Some(format!(
        "measurement overhead {} ms (P99, upper 95% bound) · send lag P99 {} ms",
        trimmed(millis(null.own_error), 2),
        trimmed(millis(null.send_lag_p99), 2)
    ))
}
