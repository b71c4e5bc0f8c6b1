//! A panel on a terminal: what must be written to replace it in place.

use crate::printable::COLOURS;

/// The lines that stand on the terminal now. The cursor is at the start of the line below them.
#[derive(Debug, Default)]
pub(super) struct DrawnPanel {
    /// Columns of each line.
    lines: Vec<usize>,
}

impl DrawnPanel {
    /// What replaces the lines that are drawn by these, on a terminal that has this many columns now.
    pub(super) fn redraw(&mut self, lines: &[String], columns: usize) -> String {
        let mut out = self.to_top(columns);
        // Without wrapping, a name with wide letters is cut and does not move the lines below it.
        out.push_str("\x1b[?7l");
        for line in lines {
            out.push_str(line);
            out.push_str("\x1b[K\r\n");
        }
        out.push_str("\x1b[?7h\x1b[J");
        self.lines = lines.iter().map(|line| width(line)).collect();
        out
    }

    /// What removes them.
    pub(super) fn clear(&mut self, columns: usize) -> String {
        if self.lines.is_empty() {
            return String::new();
        }
        let out = format!("{}\x1b[J", self.to_top(columns));
        self.lines.clear();
        out
    }

    /// Moves the cursor to the start of the first line. A terminal that was made narrower has broken the lines that are
    /// wider than it.
    fn to_top(&self, columns: usize) -> String {
        let rows = self.lines.iter();
        let rows: usize = rows.map(|line| line.div_ceil(columns.max(1)).max(1)).sum();
        match rows {
            0 => "\r".to_owned(),
            rows => format!("\r\x1b[{rows}A"),
        }
    }
}

fn width(line: &str) -> usize {
    let plain = COLOURS
        .iter()
        .fold(line.to_owned(), |text, colour| text.replace(colour, ""));
    plain.chars().count()
}

#[cfg(test)]
mod tests {
    use super::DrawnPanel;

    /// A terminal that breaks lines again when its width changes.
    struct Screen {
        columns: usize,
        rows: Vec<String>,
        /// Row of the cursor; its column is 0 but while a line is written.
        at: usize,
    }

    impl Screen {
        fn after(columns: usize, text: &str) -> Screen {
            let rows: Vec<String> = text.lines().map(str::to_owned).collect();
            let at = rows.len();
            Screen { columns, rows, at }
        }

        fn write(&mut self, text: &str) {
            let mut rest = text;
            let mut column = 0;
            while let Some(c) = rest.chars().next() {
                if self.rows.len() <= self.at {
                    self.rows.resize(self.at + 1, String::new());
                }
                if let Some(after) = rest.strip_prefix("\x1b[") {
                    let end = after.find(|c: char| c.is_ascii_alphabetic()).unwrap();
                    let (argument, command) = (&after[..end], &after[end..=end]);
                    let kept: String = self.rows[self.at].chars().take(column).collect();
                    match command {
                        "A" => self.at -= argument.parse::<usize>().unwrap(),
                        "K" => self.rows[self.at] = kept,
                        "J" => {
                            self.rows[self.at] = kept;
                            self.rows.truncate(self.at + 1);
                        }
                        _ => {}
                    }
                    rest = &after[end + 1..];
                    continue;
                }
                match c {
                    '\r' => column = 0,
                    '\n' => self.at += 1,
                    c => {
                        let row = &mut self.rows[self.at];
                        let after: String = row.chars().skip(column + 1).collect();
                        *row = row.chars().take(column).chain([c]).collect();
                        row.push_str(&after);
                        column += 1;
                    }
                }
                rest = &rest[c.len_utf8()..];
            }
        }

        fn resize(&mut self, columns: usize) {
            let below = self.rows.len() <= self.at;
            let mut rows = Vec::new();
            for row in &self.rows[..self.at.min(self.rows.len())] {
                let letters: Vec<char> = row.chars().collect();
                let parts = letters.chunks(columns).map(|part| part.iter().collect());
                rows.extend(parts);
                if letters.is_empty() {
                    rows.push(String::new());
                }
            }
            assert!(below || self.rows[self.at].is_empty());
            self.at = rows.len();
            self.rows = rows;
            self.columns = columns;
        }

        fn text(&self) -> Vec<&str> {
            let rows = self.rows.iter().map(String::as_str);
            rows.filter(|row| !row.is_empty()).collect()
        }
    }

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_panel_is_replaced_in_place_and_leaves_nothing() {
        let mut screen = Screen::after(20, "$ a7probe x");
        let mut panel = DrawnPanel::default();
        screen.write(&panel.redraw(&lines(&["one", "two", "three"]), 20));
        assert_eq!(screen.text(), ["$ a7probe x", "one", "two", "three"]);
        screen.write(&panel.redraw(&lines(&["\x1b[1;31mFAIL\x1b[0m", "2"]), 20));
        assert_eq!(screen.text(), ["$ a7probe x", "FAIL", "2"]);
        screen.write(&panel.clear(20));
        assert_eq!(screen.text(), ["$ a7probe x"]);
        assert_eq!(panel.clear(20), "");
    }

    #[test]
    fn a_narrower_terminal_keeps_no_part_of_the_wider_panel() {
        for (before, after) in [(80, 40), (80, 33), (40, 80), (80, 7)] {
            let mut screen = Screen::after(before, "$ a7");
            let mut panel = DrawnPanel::default();
            let wide = "x".repeat(before);
            screen.write(&panel.redraw(&lines(&[&wide, "", "short", &wide]), before));
            screen.resize(after);
            screen.write(&panel.redraw(&lines(&["narrow"]), after));
            assert_eq!(screen.text(), ["$ a7", "narrow"], "{before} to {after}");
        }
    }
}
