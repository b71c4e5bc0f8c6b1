//! A page of the documentation on a terminal.

mod blocks;
mod code;
mod inline;
mod table;

use std::io::{self, Write};

use self::blocks::{PageBlock, blocks};
use self::inline::{drawn, lines, words};
use super::ink::Ink;
use crate::report::style::Style;

/// Before everything but headings.
const INDENT: usize = 2;
/// Before code, beyond the indent.
const CODE: usize = 2;
/// Columns where the output is not a terminal.
const PIPED: u16 = 80;
/// Longer lines are hard to read.
const WIDEST: u16 = 100;
const NARROWEST: u16 = 40;

/// Writes Markdown as text: at most 100 columns wide, no wider than the terminal.
///
/// # Errors
/// `out` cannot be written to.
pub(in crate::report) fn write(
    markdown: &str,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let ink = Ink::of(style);
    let columns = style.width.unwrap_or(PIPED).clamp(NARROWEST, WIDEST);
    let room = usize::from(columns) - INDENT;
    let mut before: Option<PageBlock> = None;
    for block in blocks(markdown) {
        let is_tight = matches!(
            (&before, &block),
            (None, _) | (Some(PageBlock::Item { .. }), PageBlock::Item { .. })
        );
        if !is_tight {
            writeln!(out)?;
        }
        for line in drawn_block(&block, room, ink) {
            writeln!(out, "{}", line.trim_end())?;
        }
        before = Some(block);
    }
    Ok(())
}

fn drawn_block(block: &PageBlock, room: usize, ink: Ink) -> Vec<String> {
    let indent = " ".repeat(INDENT);
    match block {
        PageBlock::Heading(text) => {
            let text = words(text, ink).join(" ");
            vec![ink.bold(&drawn(&text, Ink::default()))]
        }
        PageBlock::Paragraph(text) => hanging(&indent, text, room, ink),
        PageBlock::Item { depth, mark, text } => {
            let lead = format!("{indent}{}{mark} ", " ".repeat(*depth));
            hanging(&lead, text, room, ink)
        }
        PageBlock::Code(code) => code
            .iter()
            .flat_map(|line| code::fitted(line, room - CODE))
            .map(|line| format!("{indent}{}{}", " ".repeat(CODE), ink.glyphs(&line)))
            .collect(),
        PageBlock::Table { rows, right } => table::table(rows, right, room, ink)
            .iter()
            .map(|line| format!("{indent}{line}"))
            .collect(),
    }
}

/// Lines of a text behind a lead; those after the first begin below its end. `room` counts from the page's indent.
fn hanging(lead: &str, text: &str, room: usize, ink: Ink) -> Vec<String> {
    let used = lead.chars().count();
    let broken = lines(&words(text, ink), room + INDENT - used);
    broken
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let line = drawn(line, ink);
            match index {
                0 => format!("{lead}{line}"),
                _ => format!("{}{line}", " ".repeat(used)),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::write;
    use crate::report::{Colour, Glyphs, Style};

    const PAGE: &str = "\
# Gates

A gate holds a **percentile** against a `limit`; it is written as `health p95 <= 150ms`.

- `p95 ≤ 150ms` is a gate of every endpoint
- `warn` reports only

```text
a7probe judge run.json
```
";

    fn shown(style: Style) -> String {
        let mut out = Vec::new();
        write(PAGE, &style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_page_is_wrapped_at_the_width_of_the_terminal() {
        let narrow = shown(Style {
            width: Some(46),
            ..Style::default()
        });
        assert_eq!(
            narrow,
            "\
Gates

  A gate holds a percentile against a limit;
  it is written as health p95 <= 150ms.

  - p95 ≤ 150ms is a gate of every endpoint
  - warn reports only

    a7probe judge run.json
"
        );
    }

    #[test]
    fn colour_only_repeats_and_ascii_has_a_form_for_every_glyph() {
        let plain = shown(Style::default());
        let coloured = shown(Style {
            colour: Colour::Always,
            ..Style::default()
        });
        assert!(
            coloured.starts_with("\u{1b}[1mGates\u{1b}[0m\n"),
            "{coloured}"
        );
        assert_eq!(
            coloured.replace("\u{1b}[1m", "").replace("\u{1b}[0m", ""),
            plain
        );
        let ascii = shown(Style {
            glyphs: Glyphs::Ascii,
            ..Style::default()
        });
        assert!(
            ascii.is_ascii() && ascii.contains("- p95 <= 150ms"),
            "{ascii}"
        );
    }
}
