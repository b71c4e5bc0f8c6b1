//! The intended rate over time as columns, for a plan that is only shown.

use std::time::Duration;

use super::ink::Ink;
use crate::report::style::Style;
use crate::run::rate_profile::RateProfile;
use crate::units::{Pretty, trimmed};

/// Columns over the whole time; with the scale on the left, the chart stays within 80 characters.
const COLUMNS: usize = 60;
/// Lines of the chart.
const LINES: usize = 5;
/// From nothing to a full line.
const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Width of the scale.
const SCALE: usize = 10;
/// Before the scale.
const INDENT: usize = 2;

/// The lines of a chart: the highest rate above, 0 below, the time from 0 to the end of the profile.
pub(crate) fn profile_chart(profile: &RateProfile, style: &Style) -> Vec<String> {
    let ink = Ink::of(style);
    let columns = columns(profile);
    let drawn = columns.iter().copied().fold(0.0, f64::max);
    let highest = match profile {
        RateProfile::Parts(parts) => parts.highest(),
        RateProfile::Replay(_) => drawn,
    };
    let mut lines: Vec<String> = (0..LINES)
        .map(|line| {
            let below = (LINES - 1 - line) as f64;
            let bars: String = columns
                .iter()
                .map(|rate| level(rate / highest * LINES as f64 - below))
                .collect();
            let scale = match line {
                0 => format!("{}/s", trimmed(highest, 1)),
                _ => String::new(),
            };
            let bars = ink.glyphs(&bars).trim_end().to_owned();
            format!("{:INDENT$}{scale:>SCALE$} {}{bars}", "", ink.glyphs("│"))
        })
        .collect();
    let end = Pretty(coarse(length(profile))).to_string();
    let space = COLUMNS.saturating_sub("0 s".len() + end.chars().count());
    let axis = ink.glyphs("└").into_owned() + &ink.glyphs("─").repeat(COLUMNS);
    lines.push(format!("{:INDENT$}{:>SCALE$} {axis}", "", "0/s"));
    lines.push(format!(
        "{:INDENT$}{:SCALE$}  0 s{:space$}{end}",
        "", "", ""
    ));
    lines
}

fn level(lines: f64) -> char {
    let levels = (LEVELS.len() - 1) as f64;
    // What is sent is seen: the lowest level is not nothing.
    let level = (lines.clamp(0.0, 1.0) * levels).ceil();
    LEVELS[level as usize]
}

/// The mean rate in each column.
fn columns(profile: &RateProfile) -> Vec<f64> {
    let length = length(profile);
    let width_s = length.as_secs_f64() / COLUMNS as f64;
    match profile {
        RateProfile::Parts(parts) => (0..COLUMNS)
            .map(|at| {
                let until = |at: usize| parts.due_until(at as f64 * width_s);
                (until(at + 1) - until(at)) / width_s
            })
            .collect(),
        RateProfile::Replay(replay) => {
            let mut columns = vec![0.0; COLUMNS];
            let width_ns = (length.as_nanos() as u64).div_ceil(COLUMNS as u64).max(1);
            for at_ns in replay.offsets_ns() {
                let at = (at_ns / width_ns) as usize;
                columns[at.min(COLUMNS - 1)] += 1.0 / width_s;
            }
            columns
        }
    }
}

fn length(profile: &RateProfile) -> Duration {
    match profile {
        RateProfile::Parts(parts) => parts.length(),
        RateProfile::Replay(replay) => replay.record.length(),
    }
}

/// To the millisecond.
fn coarse(length: Duration) -> Duration {
    Duration::from_millis(length.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::profile_chart;
    use crate::report::style::{Glyphs, Style};
    use crate::run::rate_profile::{RateParts, RateProfile};

    fn drawn(text: &str, glyphs: Glyphs) -> String {
        let parts = RateParts::try_from(text.to_owned()).unwrap();
        let style = Style {
            glyphs,
            ..Style::default()
        };
        let lines = profile_chart(&RateProfile::Parts(parts), &style);
        // The first line keeps the indentation of the others.
        format!("chart\n{}", lines.join("\n"))
    }

    #[test]
    fn steps_and_ramps_are_columns() {
        insta::assert_snapshot!(drawn("50/s@30s,50/s..500/s@60s,500/s@30s", Glyphs::Unicode), @r"
        chart
               500/s │                                      ▁▂▃▄▅▇████████████████
                     │                                ▁▃▄▅▆▇██████████████████████
                     │                         ▁▂▃▅▆▇█████████████████████████████
                     │                  ▁▂▃▄▅▇████████████████████████████████████
                     │▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▅▆▇██████████████████████████████████████████
                 0/s └────────────────────────────────────────────────────────────
                      0 s                                                    120 s
        ");
    }

    #[test]
    fn the_chart_fits_eighty_columns_in_ascii() {
        let chart = drawn("0..1000@1m,20/s@1m", Glyphs::Ascii);
        assert!(chart.is_ascii(), "{chart}");
        assert!(chart.lines().all(|line| line.len() <= 80), "{chart}");
        insta::assert_snapshot!(chart, @r"
        chart
              1000/s |                         .-=+#
                     |                   :-=*#######
                     |             .-=+#############
                     |       .-=+###################
                     | .-=*#########################
                 0/s +------------------------------------------------------------
                      0 s                                                    120 s
        ");
    }
}
