//! The live panel: how far a run is, on the lines and columns that the terminal has.

use super::ink::Ink;
use super::over_time::bars;
use super::wrapped::at_parts;
use crate::printable::one_line;
use crate::report::figures::thousands;
use crate::report::progress::{
    EndpointProgress, MOST_ENDPOINTS, PanelView, ProgressSnapshot, divided,
};
use crate::report::style::Glyphs;
use crate::report::text::progress as text;

/// Turned by every drawing.
const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const ASCII_SPINNER: [char; 4] = ['|', '/', '-', '\\'];

/// Columns of a terminal whose size is unknown.
const COLUMNS: u16 = 80;

/// The hint ends here at the latest.
const HINT_END: usize = 77;

/// Names are cut to this many columns, and on a terminal narrower than that, to fewer.
const NAME: usize = 20;
const NARROW: usize = 60;
const SHORT_NAME: usize = 12;

/// Bars for the latest seconds.
const MOST_BARS: usize = 40;

/// Before the first column, between two, and before the bars.
const INDENT: usize = 2;
const GAP: usize = 2;
const GAP_BEFORE_BARS: usize = 3;

impl ProgressSnapshot {
    /// The panel, line by line, none wider than the terminal. A function of its arguments alone.
    pub fn panel(&self, view: &PanelView) -> Vec<String> {
        lines(self, view)
    }
}

/// Draws with as many endpoints as there is room for.
fn lines(snapshot: &ProgressSnapshot, view: &PanelView) -> Vec<String> {
    let panel = Panel {
        snapshot,
        ink: Ink::of(&view.style),
        columns: usize::from(view.style.width.unwrap_or(COLUMNS).max(1)),
        spinner: match view.style.glyphs {
            Glyphs::Unicode => SPINNER[view.drawing % SPINNER.len()],
            Glyphs::Ascii => ASCII_SPINNER[view.drawing % ASCII_SPINNER.len()],
        },
    };
    let room = usize::from(view.rows.saturating_sub(1)).max(1);
    let most = MOST_ENDPOINTS.min(snapshot.endpoints.len());
    let mut lines = panel.with(most);
    for fewer in (1..most).rev() {
        if lines.len() <= room {
            break;
        }
        lines = panel.with(fewer);
    }
    lines.truncate(room);
    lines
}

struct Panel<'a> {
    snapshot: &'a ProgressSnapshot,
    ink: Ink,
    columns: usize,
    spinner: char,
}

impl Panel<'_> {
    fn with(&self, most: usize) -> Vec<String> {
        let mut lines = self.head();
        if self.snapshot.endpoints.is_empty() {
            return lines;
        }
        let (shown, hidden) = divided(&self.snapshot.endpoints, most);
        lines.push(String::new());
        lines.extend(self.table(&shown));
        if !hidden.is_empty() {
            lines.extend(self.parts(&[text::left_out(&hidden)]));
        }
        let gates = self.gates(&shown);
        if !gates.is_empty() {
            lines.push(String::new());
            lines.extend(gates);
        }
        lines.push(String::new());
        let sending = text::sending(&self.snapshot.sending, self.snapshot.endpoints.len());
        lines.extend(self.parts(&sending));
        lines
    }

    /// The time, and what Ctrl-C does if there is room for it.
    fn head(&self) -> Vec<String> {
        let parts = self.in_glyphs(&text::headline(self.snapshot));
        let width = u16::try_from(self.columns).ok();
        let lines = at_parts(&parts, &self.separator(), width, INDENT);
        let mut lines: Vec<String> = lines
            .iter()
            .enumerate()
            .map(|(at, line)| {
                let lead = if at == 0 { self.spinner } else { ' ' };
                self.cut(&format!("{lead} {line}"))
            })
            .collect();
        let end = self.columns.saturating_sub(3).min(HINT_END);
        let used = lines[0].chars().count() + GAP + text::STOP_HINT.len();
        let is_stopping = matches!(parts.as_slice(), [only] if only.contains("Ctrl-C"));
        if lines.len() == 1 && used <= end && !is_stopping {
            let space = end - used + GAP;
            let hint = self.ink.dim(text::STOP_HINT);
            lines[0].push_str(&format!("{:space$}{hint}", ""));
        }
        lines
    }

    /// A row an endpoint. What does not fit goes: bars, requests, P50, P99, failures.
    fn table(&self, shown: &[&EndpointProgress]) -> Vec<String> {
        let scale = text::scale(shown);
        let failed = shown.iter().any(|endpoint| endpoint.failed > 0);
        let percentiles = |at: usize| -> Vec<String> {
            let values = shown.iter().map(|endpoint| endpoint.percentiles[at]);
            values.map(|value| text::percentile(value, scale)).collect()
        };
        let counts = |of: fn(&EndpointProgress) -> u64| -> Vec<String> {
            shown
                .iter()
                .map(|endpoint| thousands(of(endpoint)))
                .collect()
        };
        let mut columns = vec![
            self.column("requests", 5, &counts(|endpoint| endpoint.requests)),
            self.column("failed", 2, &counts(|endpoint| endpoint.failed)),
            self.column("P50", 4, &percentiles(0)),
            self.column("P95", 0, &percentiles(1)),
            self.column("P99", 3, &percentiles(2)),
        ];
        columns.retain(|column| failed || column.title != "failed");
        let names = self.names(shown);
        let mut width = row_width(&names, &columns);
        while width > self.columns {
            let last = columns.iter().map(|column| column.goes).max();
            let Some(last) = last.filter(|&last| last > 0) else {
                break;
            };
            columns.retain(|column| column.goes < last);
            width = row_width(&names, &columns);
        }
        let title = "P95 per second";
        let room = self.columns.saturating_sub(width + GAP_BEFORE_BARS);
        let room = if room < title.len() {
            0
        } else {
            room.min(MOST_BARS)
        };
        let mut lines = vec![row("", &names, columns.iter().map(|c| (&c.title, c.width)))];
        if room > 0 {
            lines[0].push_str(&format!("{:GAP_BEFORE_BARS$}{title}", ""));
        }
        for (at, endpoint) in shown.iter().enumerate() {
            let cells = columns
                .iter()
                .map(|column| (&column.cells[at], column.width));
            let mut line = row(&names[at], &names, cells);
            if room > 0 {
                let latest = endpoint.seconds.len().saturating_sub(room);
                let bars = bars(&endpoint.seconds[latest..]);
                let bars = self.ink.glyphs(&bars);
                line.push_str(&format!("{:GAP_BEFORE_BARS$}{bars}", ""));
            }
            lines.push(line);
        }
        lines.iter().map(|line| self.cut(line)).collect()
    }

    /// The gates of each endpoint, broken between gates; none where nothing is gated.
    fn gates(&self, shown: &[&EndpointProgress]) -> Vec<String> {
        let names = self.names(shown);
        let lead = INDENT + widest(&names) + GAP;
        let separator = self.separator();
        let mut lines = Vec::new();
        for (name, endpoint) in names.iter().zip(shown) {
            let mut line = format!("{:INDENT$}{name:<1$}", "", lead - INDENT);
            let mut used = lead;
            for (at, gate) in text::gates(endpoint).into_iter().enumerate() {
                let plain = self
                    .ink
                    .glyphs(&format!("{} {}", gate.name, gate.state))
                    .into_owned();
                let room = self.columns.saturating_sub(lead);
                let plain: String = plain.chars().take(room).collect();
                let mut width = plain.chars().count();
                if at > 0 && used + separator.chars().count() + width > self.columns {
                    lines.push(std::mem::take(&mut line));
                    line = " ".repeat(lead);
                    used = lead;
                } else if at > 0 {
                    line.push_str(&separator);
                    width += separator.chars().count();
                }
                line.push_str(&match gate.verdict {
                    Some(verdict) => {
                        plain.replacen(&gate.state, &self.ink.verdict(verdict, &gate.state), 1)
                    }
                    None => plain,
                });
                used += width;
            }
            if !endpoint.gates.is_empty() {
                lines.push(line);
            }
        }
        lines
    }

    /// Facts between dots, broken between them, as the rows are indented.
    fn parts(&self, parts: &[String]) -> Vec<String> {
        let width = u16::try_from(self.columns).ok();
        let lines = at_parts(&self.in_glyphs(parts), &self.separator(), width, INDENT);
        lines
            .iter()
            .map(|line| self.cut(&format!("{:INDENT$}{line}", "")))
            .collect()
    }

    fn in_glyphs(&self, parts: &[String]) -> Vec<String> {
        let parts = parts.iter();
        parts
            .map(|part| self.ink.glyphs(part).into_owned())
            .collect()
    }

    fn separator(&self) -> String {
        self.ink.glyphs(" · ").into_owned()
    }

    fn names(&self, shown: &[&EndpointProgress]) -> Vec<String> {
        let most = if self.columns < NARROW {
            SHORT_NAME
        } else {
            NAME
        };
        let names = shown.iter().map(|endpoint| one_line(&endpoint.name));
        names
            .map(|name| {
                if name.chars().count() <= most {
                    return name.into_owned();
                }
                let ellipsis = self.ink.glyphs("…");
                let kept = most - ellipsis.chars().count();
                let start: String = name.chars().take(kept).collect();
                format!("{start}{ellipsis}")
            })
            .collect()
    }

    fn column(&self, title: &'static str, goes: u8, cells: &[String]) -> Column {
        let cells = self.in_glyphs(cells);
        Column {
            title: title.to_owned(),
            goes,
            width: widest(&cells).max(title.len()).max(7),
            cells,
        }
    }

    /// A line without colours that is too wide even so.
    fn cut(&self, line: &str) -> String {
        line.chars().take(self.columns).collect()
    }
}

/// Numbers under a title, to the right.
struct Column {
    title: String,
    /// The column with the largest number goes first where the terminal is narrow; 0 stays.
    goes: u8,
    width: usize,
    cells: Vec<String>,
}

fn widest(texts: &[String]) -> usize {
    let widths = texts.iter().map(|text| text.chars().count());
    widths.max().unwrap_or(0)
}

fn row_width(names: &[String], columns: &[Column]) -> usize {
    let columns: usize = columns.iter().map(|column| GAP + column.width).sum();
    INDENT + widest(names) + columns
}

fn row<'a>(
    name: &str,
    names: &[String],
    cells: impl Iterator<Item = (&'a String, usize)>,
) -> String {
    let mut line = format!("{:INDENT$}{name:<1$}", "", widest(names));
    for (cell, width) in cells {
        line.push_str(&format!("{:GAP$}{cell:>width$}", ""));
    }
    line
}
