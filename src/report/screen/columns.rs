//! Columns without boxes: words to the left, numbers to the right, three spaces between.

use super::ink::Ink;
use crate::verdict::Verdict;

/// Before the first column.
const INDENT: usize = 2;
/// Between two columns.
const GAP: usize = 3;
/// Before a number after a number: the title's words keep them apart.
const NARROW_GAP: usize = 2;

/// On which side a column's cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
    /// A sign of one character between two columns.
    Mark,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    text: String,
    verdict: Option<Verdict>,
}

impl Cell {
    pub(super) fn plain(text: impl Into<String>) -> Cell {
        Cell {
            text: text.into(),
            verdict: None,
        }
    }

    /// A verdict in its colour; `not judged` in small letters, since it is not one.
    pub(super) fn verdict(verdict: Verdict) -> Cell {
        Cell {
            text: match verdict {
                Verdict::NotJudged => verdict.as_str().to_lowercase(),
                Verdict::Pass | Verdict::Fail | Verdict::Inconclusive => verdict.to_string(),
            },
            verdict: Some(verdict),
        }
    }
}

/// Rows of cells under their titles; a row may be shorter.
#[derive(Debug)]
pub(super) struct Columns {
    titles: Vec<(String, Align)>,
    rows: Vec<Vec<Cell>>,
    /// What the first title stands out by to the left.
    outdent: usize,
}

impl Columns {
    pub(super) fn new(titles: &[(&str, Align)]) -> Columns {
        Columns {
            titles: titles.iter().map(|(t, a)| ((*t).to_owned(), *a)).collect(),
            rows: Vec::new(),
            outdent: 0,
        }
    }

    /// Columns under a name, which stands out to the left of the rows.
    pub(super) fn named(name: &str, titles: &[(&str, Align)]) -> Columns {
        let mut titles = titles.to_vec();
        titles.insert(0, (name, Align::Left));
        Columns {
            outdent: INDENT,
            ..Columns::new(&titles)
        }
    }

    /// Adds a row; cells without a column are left out.
    pub(super) fn push(&mut self, mut row: Vec<Cell>) {
        row.truncate(self.titles.len());
        self.rows.push(row);
    }

    pub(super) fn extend(&mut self, rows: impl IntoIterator<Item = Vec<Cell>>) {
        rows.into_iter().for_each(|row| self.push(row));
    }

    /// One line a row, without spaces at its end, indented by two; closer together where the terminal is narrow.
    pub(super) fn lines(&self, ink: Ink, terminal: Option<u16>) -> Vec<String> {
        let tables = std::slice::from_ref(self);
        aligned(tables, ink, terminal).pop().unwrap_or_default()
    }

    fn widths(&self, ink: Ink) -> Vec<usize> {
        let width = |text: &str| ink.glyphs(text).chars().count();
        let titles = self.titles.iter().enumerate();
        titles
            .map(|(at, (title, _))| {
                let cells = self.rows.iter().filter_map(|row| row.get(at));
                let cells = cells.map(|cell| width(&cell.text));
                let outdent = if at == 0 { self.outdent } else { 0 };
                let title = width(title).saturating_sub(outdent);
                cells.chain([title]).max().unwrap_or(0)
            })
            .collect()
    }

    fn rows(&self, widths: &[usize], gaps: &[usize], ink: Ink) -> Vec<String> {
        let titles = self.titles.iter().map(|(title, _)| Cell::plain(title));
        let titles: Vec<Cell> = titles.collect();
        let (mut head_widths, mut head_gaps) = (widths.to_vec(), gaps.to_vec());
        if let (Some(width), Some(gap)) = (head_widths.first_mut(), head_gaps.first_mut()) {
            *width += self.outdent;
            *gap -= self.outdent;
        }
        let head = self.line(&titles, &head_widths, &head_gaps, ink);
        let rows = self.rows.iter();
        let rows = rows.map(|row| self.line(row, widths, gaps, ink));
        [head].into_iter().chain(rows).collect()
    }

    /// The spaces before each column.
    fn gaps(&self, gap: usize) -> Vec<usize> {
        let mut gaps = Vec::new();
        let mut before = None;
        for (_, align) in &self.titles {
            gaps.push(match (before, align) {
                (None, _) => INDENT,
                (Some(Align::Right), Align::Right) => gap.min(NARROW_GAP),
                (_, Align::Mark) => 1,
                (Some(Align::Mark), _) => gap.min(NARROW_GAP),
                _ => gap,
            });
            before = Some(*align);
        }
        gaps
    }

    fn line(&self, row: &[Cell], widths: &[usize], gaps: &[usize], ink: Ink) -> String {
        let mut line = String::new();
        let mut pending = 0;
        let columns = widths.iter().zip(gaps).zip(&self.titles);
        for (cell, ((&width, gap), (_, align))) in row.iter().zip(columns) {
            pending += gap;
            let text = ink.glyphs(&cell.text);
            let space = width - text.chars().count().min(width);
            let (before, after) = match align {
                Align::Left | Align::Mark => (0, space),
                Align::Right => (space, 0),
            };
            if !text.is_empty() {
                line.push_str(&" ".repeat(pending + before));
                pending = 0;
                line.push_str(&match cell.verdict {
                    None => text.into_owned(),
                    Some(verdict) => ink.verdict(verdict, &text),
                });
            } else {
                pending += before;
            }
            pending += after;
        }
        line
    }
}

/// The lines of tables with the same columns, which stand below each other.
pub(super) fn aligned(tables: &[Columns], ink: Ink, terminal: Option<u16>) -> Vec<Vec<String>> {
    let Some(first) = tables.first() else {
        return Vec::new();
    };
    let mut widths = first.widths(ink);
    for table in &tables[1..] {
        for (width, own) in widths.iter_mut().zip(table.widths(ink)) {
            *width = own.max(*width);
        }
    }
    let gap = (1..=GAP).rev().find(|&gap| {
        let width: usize = widths.iter().sum::<usize>() + first.gaps(gap).iter().sum::<usize>();
        gap == 1 || terminal.is_none_or(|terminal| width <= usize::from(terminal))
    });
    let gaps = first.gaps(gap.unwrap_or(1));
    let tables = tables.iter();
    tables
        .map(|table| table.rows(&widths, &gaps, ink))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Align, Cell, Columns, aligned};
    use crate::report::screen::ink::Ink;

    #[test]
    fn numbers_end_and_words_begin_in_one_column() {
        let mut columns = Columns::new(&[
            ("", Align::Left),
            ("value", Align::Right),
            ("note", Align::Left),
        ]);
        columns.push(vec![
            Cell::plain("P50"),
            Cell::plain("7 ms"),
            Cell::plain("≤ 9"),
        ]);
        columns.push(vec![Cell::plain("max"), Cell::plain("1,234 ms")]);
        assert_eq!(
            columns.lines(Ink::default(), Some(80)),
            [
                "           value   note",
                "  P50       7 ms   ≤ 9",
                "  max   1,234 ms"
            ]
        );
    }
    #[test]
    fn tables_below_each_other_share_their_columns_and_a_mark_stands_between_two() {
        let table = |name, value, mark, effect| {
            let titles = [
                ("before", Align::Right),
                ("", Align::Mark),
                ("effect", Align::Left),
            ];
            let mut columns = Columns::named(name, &titles);
            columns.push(["P50", value, mark, effect].map(Cell::plain).to_vec());
            columns
        };
        let tables = [
            table("ingest", "7 ms", "*", "improved"),
            table("a longer name", "1,234 ms", "", "within 5%"),
        ];
        let lines: Vec<String> = aligned(&tables, Ink::default(), Some(80)).concat();
        assert_eq!(
            lines,
            [
                "ingest            before    effect",
                "  P50               7 ms *  improved",
                "a longer name     before    effect",
                "  P50           1,234 ms    within 5%"
            ]
        );
    }
}
