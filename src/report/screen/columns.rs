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
}

/// One cell.
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

    /// A verdict in its colour.
    pub(super) fn verdict(verdict: Verdict) -> Cell {
        Cell {
            text: verdict.to_string(),
            verdict: Some(verdict),
        }
    }
}

/// Rows of cells under their titles; a row may be shorter.
#[derive(Debug)]
pub(super) struct Columns {
    titles: Vec<(String, Align)>,
    rows: Vec<Vec<Cell>>,
}

impl Columns {
    pub(super) fn new(titles: &[(&str, Align)]) -> Columns {
        Columns {
            titles: titles.iter().map(|(t, a)| ((*t).to_owned(), *a)).collect(),
            rows: Vec::new(),
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
        let shown = |text: &str| ink.glyphs(text).into_owned();
        let titles: Vec<String> = self.titles.iter().map(|(title, _)| shown(title)).collect();
        let widths: Vec<usize> = titles
            .iter()
            .enumerate()
            .map(|(at, title)| {
                let cells = self.rows.iter().filter_map(|row| row.get(at));
                let cells = cells.map(|cell| shown(&cell.text).chars().count());
                cells.chain([title.chars().count()]).max().unwrap_or(0)
            })
            .collect();
        let gaps = (1..=GAP).rev().find(|&gap| {
            let width: usize = widths.iter().sum::<usize>() + self.gaps(gap).iter().sum::<usize>();
            gap == 1 || terminal.is_none_or(|terminal| width <= usize::from(terminal))
        });
        let gaps = self.gaps(gaps.unwrap_or(1));
        let titles: Vec<Cell> = titles.into_iter().map(Cell::plain).collect();
        let rows = [&titles].into_iter().chain(&self.rows);
        rows.map(|row| self.line(row, &widths, &gaps, ink))
            .collect()
    }

    /// The spaces before each column.
    fn gaps(&self, gap: usize) -> Vec<usize> {
        let mut gaps = Vec::new();
        let mut before = None;
        for (_, align) in &self.titles {
            gaps.push(match (before, align) {
                (None, _) => INDENT,
                (Some(Align::Right), Align::Right) => gap.min(NARROW_GAP),
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
                Align::Left => (0, space),
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

#[cfg(test)]
mod tests {
    use super::{Align, Cell, Columns};
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
}
