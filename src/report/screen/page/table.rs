//! A table of a page: aligned columns, cells broken at words where the table is wider than the screen.

use super::inline::{drawn, lines, width, words};
use crate::report::screen::ink::Ink;

/// Between two columns.
const GAP: usize = 2;
/// No column is made narrower.
const NARROWEST: usize = 8;

/// The lines of a table, the titles first. `right` says which columns are numbers.
pub(super) fn table(rows: &[Vec<String>], right: &[bool], room: usize, ink: Ink) -> Vec<String> {
    let cells: Vec<Vec<Vec<String>>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| words(cell, ink)).collect())
        .collect();
    let columns = cells.iter().map(Vec::len).max().unwrap_or_default();
    let natural: Vec<usize> = (0..columns)
        .map(|column| {
            let in_column = cells.iter().filter_map(|row| row.get(column));
            in_column
                .map(|cell| width(&cell.join(" ")))
                .max()
                .unwrap_or_default()
        })
        .collect();
    let widths = fitted(
        &natural,
        room.saturating_sub(GAP * columns.saturating_sub(1)),
    );
    let mut out = Vec::new();
    for (index, row) in cells.iter().enumerate() {
        out.extend(lines_of(row, &widths, right, ink));
        if index == 0 {
            let rules = widths.iter().map(|width| ink.glyphs("─").repeat(*width));
            out.push(rules.collect::<Vec<_>>().join(&" ".repeat(GAP)));
        }
    }
    out
}

/// Widths that fit together: narrow columns keep theirs, the others share the rest.
fn fitted(natural: &[usize], room: usize) -> Vec<usize> {
    let mut widths = natural.to_vec();
    if natural.iter().sum::<usize>() <= room {
        return widths;
    }
    let mut wide: Vec<usize> = (0..natural.len()).collect();
    let mut left = room;
    loop {
        let share = left / wide.len().max(1);
        let (narrow, wider): (Vec<usize>, Vec<usize>) =
            wide.iter().partition(|column| natural[**column] <= share);
        left = left.saturating_sub(narrow.iter().map(|column| natural[*column]).sum());
        if narrow.is_empty() || wider.is_empty() {
            for column in wider {
                widths[column] = share.max(NARROWEST);
            }
            return widths;
        }
        wide = wider;
    }
}

fn lines_of(row: &[Vec<String>], widths: &[usize], right: &[bool], ink: Ink) -> Vec<String> {
    let broken: Vec<Vec<String>> = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| lines(cell, *width))
        .collect();
    let height = broken.iter().map(Vec::len).max().unwrap_or_default();
    (0..height)
        .map(|line| {
            let mut text = String::new();
            for (column, cell) in broken.iter().enumerate() {
                let part = cell.get(line).map(String::as_str).unwrap_or_default();
                let spaces = " ".repeat(widths[column].saturating_sub(width(part)));
                let is_number = right.get(column).copied().unwrap_or_default();
                let part = drawn(part, ink);
                let gap = if column > 0 {
                    " ".repeat(GAP)
                } else {
                    String::new()
                };
                text.push_str(&gap);
                text.push_str(&if is_number {
                    spaces + &part
                } else {
                    part + &spaces
                });
            }
            text.trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{fitted, table};
    use crate::report::screen::ink::Ink;

    fn rows(rows: &[[&str; 2]]) -> Vec<Vec<String>> {
        let row = |row: &[&str; 2]| row.map(str::to_owned).to_vec();
        rows.iter().map(row).collect()
    }

    #[test]
    fn columns_are_aligned_and_wide_cells_are_broken() {
        let rows = rows(&[
            ["code", "meaning"],
            ["0", "every gate passed"],
            ["130", "x"],
        ]);
        let wide = table(&rows, &[true, false], 60, Ink::default());
        assert_eq!(
            wide,
            [
                "code  meaning",
                "────  ─────────────────",
                "   0  every gate passed",
                " 130  x"
            ]
        );
        let narrow = table(&rows, &[], 18, Ink::default());
        assert_eq!(narrow[2..4], ["0     every gate", "      passed"]);
    }

    #[test]
    fn narrow_columns_keep_their_width() {
        assert_eq!(fitted(&[4, 10], 40), [4, 10]);
        assert_eq!(fitted(&[4, 100, 50], 44), [4, 20, 20]);
        assert_eq!(fitted(&[4, 100], 44), [4, 40]);
    }
}
