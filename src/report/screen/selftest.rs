//! The screen of a self-test: what is out of tolerance first, then a line a scenario.

use std::io::{self, Write};

use super::Screen;
use super::columns::{Align, Cell, Columns};
use crate::report::figures::thousands;
use crate::report::style::Style;
use crate::report::text;
use crate::run::run_file::{CheckUnit, SelftestCertificate, SelftestCheck};
use crate::verdict::Verdict;

/// The percentiles of a scenario.
const PERCENTILES: [&str; 3] = ["P50", "P95", "P99"];

const TITLES: [(&str, Align); 6] = [
    ("scenario", Align::Left),
    ("answered", Align::Right),
    ("error P50", Align::Right),
    ("error P95", Align::Right),
    ("error P99", Align::Right),
    ("allowed", Align::Right),
];

/// Writes the verdict, the machine, every figure, and on FAIL what failed once more at the end.
pub(in crate::report) fn write(
    certificate: &SelftestCertificate,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut screen = Screen::new(style);
    let failed: Vec<&SelftestCheck> = certificate
        .checks
        .iter()
        .filter(|check| !check.is_within())
        .collect();
    let verdict = if failed.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Fail
    };
    let headline = text::selftest_headline(certificate.checks.len(), &failed);
    screen.verdict_line(verdict, &headline);
    let environment = &certificate.environment;
    screen.facts(
        &[
            format!("a7probe {}", environment.a7probe),
            environment.cpu.clone(),
            format!("{} processors", environment.cores),
            environment.os.clone(),
        ],
        verdict.as_str().len() + 2,
    );
    screen.line("");
    for line in table(certificate).lines(screen.ink, style.width) {
        screen.line(&line);
    }
    screen.line("");
    for check in counted(certificate) {
        screen.prose(&format!("  {}", text::counted(check)), 4);
    }
    if let Some(line) = text::selftest_overhead(certificate) {
        screen.prose(&format!("  {line}"), 4);
    }
    if !failed.is_empty() {
        screen.line("");
        screen.prose(text::SELFTEST_NEXT, 6);
        for check in failed {
            screen.verdict_line(Verdict::Fail, &text::beyond_tolerance(check));
        }
    }
    out.write_all(screen.text.as_bytes())
}

/// A row a scenario, in the order in which they were measured.
fn table(certificate: &SelftestCertificate) -> Columns {
    let mut columns = Columns::new(&TITLES);
    let mut shown: Vec<&str> = Vec::new();
    for check in &certificate.checks {
        let name = check.scenario.as_str();
        let own: Vec<&SelftestCheck> = certificate
            .checks
            .iter()
            .filter(|other| other.scenario == name)
            .collect();
        let of = |figure: &str| own.iter().copied().find(|check| check.figure == figure);
        if shown.contains(&name) || of(PERCENTILES[0]).is_none() {
            continue;
        }
        shown.push(name);
        let answered = of("answered").map(|check| {
            let [measured, truth] = [check.measured, check.truth].map(|n| thousands(n as u64));
            format!("{}{measured} of {truth}", mark(check))
        });
        let mut row = vec![Cell::plain(name), Cell::plain(answered.unwrap_or_default())];
        row.extend(PERCENTILES.map(|figure| {
            let error =
                of(figure).map(|check| format!("{}{}", mark(check), signed_ms(check.error())));
            Cell::plain(error.unwrap_or_default())
        }));
        let allowed = PERCENTILES.iter().filter_map(|figure| of(figure));
        let allowed = allowed.map(|check| check.tolerance).fold(0.0, f64::max);
        row.push(Cell::plain(text::tolerance_ms(allowed)));
        columns.push(row);
    }
    columns
}

/// What is out of tolerance is marked, with or without colours.
fn mark(check: &SelftestCheck) -> &'static str {
    if check.is_within() { "" } else { "! " }
}

/// `+0.08 ms`, `−0.93 ms`.
fn signed_ms(error_ms: f64) -> String {
    let sign = if error_ms < 0.0 { "−" } else { "+" };
    format!("{sign}{:.2} ms", error_ms.abs())
}

/// Counts of requests, other than those that were answered.
fn counted(certificate: &SelftestCertificate) -> impl Iterator<Item = &SelftestCheck> {
    let counts = certificate.checks.iter();
    counts.filter(|check| check.unit == CheckUnit::Requests && check.figure != "answered")
}

#[cfg(test)]
mod tests {
    use super::signed_ms;

    #[test]
    fn an_error_has_its_sign() {
        assert_eq!(signed_ms(0.083), "+0.08 ms");
        assert_eq!(signed_ms(-0.93), "−0.93 ms");
    }
}
