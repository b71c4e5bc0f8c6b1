//! The screen of `demo --capacity`: how far each mode holds, on one axis of rates.

use std::io::{self, Write};

use super::Screen;
use crate::report::capacity_change::CapacityChangeReport;
use crate::report::capacity_report::CapacityReport;
use crate::report::figures::per_second;
use crate::report::style::Style;
use crate::report::text::capacity::{self as text, goal};

/// Columns of the axis.
const AXIS: usize = 48;

/// The label of each bar.
const LABEL: usize = 12;

/// Writes both bars, both results, and what to do next; `file` is where the page is.
pub(in crate::report) fn write(
    report: &CapacityChangeReport,
    file: &str,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut screen = Screen::new(style);
    let goal = goal(&report.after.gates);
    screen.prose(
        &format!("How many requests per second does each mode hold within {goal}?"),
        0,
    );
    screen.line("");
    let axis = BarAxis::of(&report.after);
    screen.line(&format!("  {:LABEL$}{}", "", axis.labels()));
    for (name, search) in [("sync", &report.before), ("background", &report.after)] {
        let bar = screen.ink.glyphs(&axis.bar(search)).into_owned();
        screen.line(&format!("  {name:LABEL$}{bar}"));
    }
    let key = screen
        .ink
        .glyphs("█ holds   ▒ not shown   · fails")
        .into_owned();
    screen.line(&format!("  {:LABEL$}{key}", ""));
    screen.line("");
    for (name, search) in [("sync", &report.before), ("background", &report.after)] {
        let headline = text::capacity_headline(search);
        let verdict = headline.verdict.map_or("", |verdict| verdict.as_str());
        let gap = if verdict.is_empty() { "" } else { "  " };
        screen.prose(&format!("{name}: {verdict}{gap}{}", headline.text), 2);
    }
    screen.line("");
    for note in text::demo_capacity_notes(report) {
        screen.prose(&note, 0);
    }
    screen.line("");
    screen.prose(&format!("Report: {file}"), 0);
    screen.prose(
        "Next: a7probe capacity http://127.0.0.1:8080 --gate 'ingest p95 <= 500ms'",
        0,
    );
    out.write_all(screen.text.as_bytes())
}

/// Rates from left to right, on a logarithmic scale.
struct BarAxis {
    from: f64,
    to: f64,
}

impl BarAxis {
    fn of(search: &CapacityReport) -> BarAxis {
        BarAxis {
            from: search.options.from / 2.0,
            to: search.options.to * 1.2,
        }
    }

    fn column(&self, rate: f64) -> usize {
        let part = (rate / self.from).ln() / (self.to / self.from).ln();
        (part.clamp(0.0, 1.0) * AXIS as f64).round() as usize
    }

    /// The rates 20/s, 80/s and so on, each a factor of four from the one before.
    fn labels(&self) -> String {
        let mut line = String::new();
        let mut rate = self.from * 2.0;
        while rate <= self.to {
            let label = per_second(rate);
            let at = self.column(rate);
            let shown = line.chars().count();
            if at >= shown {
                line.push_str(&" ".repeat(at - shown));
                line.push_str(&label);
            }
            rate *= 4.0;
        }
        line
    }

    /// Full up to the rate that is shown to hold, dots from the one that is shown to fail.
    fn bar(&self, search: &CapacityReport) -> String {
        let bracket = search.bracket();
        let holds = bracket.lower.map_or(0, |lower| self.column(lower));
        let fails = bracket.upper.map_or(AXIS, |upper| self.column(upper));
        let open = fails.saturating_sub(holds);
        format!(
            "{}{}{}",
            "█".repeat(holds),
            "▒".repeat(open),
            "·".repeat(AXIS.saturating_sub(holds + open))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::write;
    use crate::judge::capacity::CapacityEnd;
    use crate::report::capacity_change::CapacityChangeReport;
    use crate::report::capacity_sample::{ended, report};
    use crate::report::style::Style;

    #[test]
    fn both_modes_stand_on_one_axis() {
        let mut before = report(ended(CapacityEnd::Claimed, Some(190.0), Some(226.0)));
        let limited = CapacityEnd::ClientLimited { at: 1_280.0 };
        let mut after = report(ended(limited, Some(640.0), None));
        for search in [&mut before, &mut after] {
            search.options.to = 1_280.0;
        }
        let change = CapacityChangeReport {
            before,
            after,
            warnings: Vec::new(),
        };
        let mut out = Vec::new();
        write(&change, "capacity.html", &Style::default(), &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}
