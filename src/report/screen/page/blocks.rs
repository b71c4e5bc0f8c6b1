//! The blocks of a page in Markdown: headings, paragraphs, list items, code and tables.

/// One block. Its text still holds the marks of inline Markdown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PageBlock {
    Heading(String),
    Paragraph(String),
    /// Spaces before the mark, the mark (`-` or `1.`), and the text.
    Item {
        depth: usize,
        mark: String,
        text: String,
    },
    /// Lines as they are.
    Code(Vec<String>),
    /// Rows of cells, the titles first; whether each column is of numbers.
    Table {
        rows: Vec<Vec<String>>,
        right: Vec<bool>,
    },
}

/// Splits a page. Comments and thematic breaks are left out.
pub(super) fn blocks(markdown: &str) -> Vec<PageBlock> {
    let mut page = PageReader::default();
    let mut lines = markdown.lines().peekable();
    while let Some(line) = lines.next() {
        let text = line.trim();
        if let Some(fence) = fence(text) {
            page.close();
            let code = lines.by_ref().take_while(|line| line.trim() != fence);
            let mut code: Vec<String> = code.map(|line| shown_code(line, text)).collect();
            while code.last().is_some_and(String::is_empty) {
                code.pop();
            }
            page.blocks.push(PageBlock::Code(code));
        } else if text.starts_with("<!--") {
            page.close();
            let mut rest = line;
            while !rest.contains("-->") {
                match lines.next() {
                    Some(next) => rest = next,
                    None => break,
                }
            }
        } else if text.starts_with('|') && lines.peek().is_some_and(|next| is_rule(next)) {
            let right = cells(lines.next().unwrap_or_default());
            let right = right
                .iter()
                .map(|cell| cell.ends_with(':') && !cell.starts_with(':'));
            let right = right.collect();
            let mut rows = vec![cells(text)];
            while let Some(row) = lines.next_if(|line| line.trim().starts_with('|')) {
                rows.push(cells(row));
            }
            page.close();
            page.blocks.push(PageBlock::Table { rows, right });
        } else {
            page.line(line);
        }
    }
    page.close();
    page.blocks
}

/// The end of a code block that begins with this line.
fn fence(text: &str) -> Option<&'static str> {
    ["```", "~~~"]
        .into_iter()
        .find(|fence| text.starts_with(fence))
}

/// The line under the titles of a table.
fn is_rule(line: &str) -> bool {
    let text = line.trim();
    text.starts_with('|') && text.contains("--") && text.chars().all(|c| "|:- ".contains(c))
}

/// The cells of a row; `\|` is part of a cell.
fn cells(row: &str) -> Vec<String> {
    let row = row.trim().trim_start_matches('|');
    let row = match row.strip_suffix('|') {
        Some(body) if !body.ends_with('\\') => body,
        _ => row,
    };
    let whole = row.replace("\\|", "\u{1}");
    whole
        .split('|')
        .map(|cell| cell.trim().replace('\u{1}', "|"))
        .collect()
}

/// Blocks that run as tests have a line with the exit code: `? 2`.
fn shown_code(line: &str, opening: &str) -> String {
    let code = line
        .strip_prefix("? ")
        .filter(|_| opening.contains("console"));
    match code {
        Some(code) => format!("(exit code {code})"),
        None => line.trim_end().to_owned(),
    }
}

/// The blocks until now, and the one whose text continues on the next line.
#[derive(Default)]
struct PageReader {
    blocks: Vec<PageBlock>,
    open: Option<PageBlock>,
}

impl PageReader {
    fn close(&mut self) {
        self.blocks.extend(self.open.take());
    }

    /// A line outside of code and tables.
    fn line(&mut self, line: &str) {
        let text = line.trim();
        let quoted = text.strip_prefix("> ").unwrap_or(text);
        if text.is_empty() || matches!(text, "---" | "***" | ">") {
            self.close();
        } else if let Some(heading) = heading(text) {
            self.close();
            self.blocks.push(PageBlock::Heading(heading.to_owned()));
        } else if let Some((mark, rest)) = item(text) {
            self.close();
            self.open = Some(PageBlock::Item {
                depth: line.len() - line.trim_start().len(),
                mark: mark.to_owned(),
                text: rest.to_owned(),
            });
        } else {
            match &mut self.open {
                Some(PageBlock::Paragraph(all) | PageBlock::Item { text: all, .. }) => {
                    all.push(' ');
                    all.push_str(quoted);
                }
                _ => self.open = Some(PageBlock::Paragraph(quoted.to_owned())),
            }
        }
    }
}

fn heading(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches('#');
    let level = text.len() - rest.len();
    (1..=6).contains(&level).then_some(())?;
    rest.strip_prefix(' ').map(str::trim)
}

/// The mark of a list item and its text.
fn item(text: &str) -> Option<(&str, &str)> {
    let (mark, rest) = text.split_once(' ')?;
    let number = mark.strip_suffix('.').unwrap_or_default();
    let is_number = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    (matches!(mark, "-" | "*" | "+") || is_number).then_some((mark, rest.trim()))
}

#[cfg(test)]
mod tests {
    use super::{PageBlock, blocks};

    #[test]
    fn a_page_is_split_into_its_blocks() {
        let page = "\
# Title

One
line.

- first
  continues
- second
1. number

| a | b |
|---|---:|
| `x\\|y` | 1 |
<!-- a
comment -->

```console
$ a7probe
? 2
error: text
```
> quoted
";
        let item = |mark: &str, text: &str| PageBlock::Item {
            depth: 0,
            mark: mark.to_owned(),
            text: text.to_owned(),
        };
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let code = ["$ a7probe", "(exit code 2)", "error: text"];
        assert_eq!(
            blocks(page),
            [
                PageBlock::Heading("Title".to_owned()),
                PageBlock::Paragraph("One line.".to_owned()),
                item("-", "first continues"),
                item("-", "second"),
                item("1.", "number"),
                PageBlock::Table {
                    rows: vec![row("a", "b"), row("`x|y`", "1")],
                    right: vec![false, true],
                },
                PageBlock::Code(code.map(str::to_owned).to_vec()),
                PageBlock::Paragraph("quoted".to_owned()),
            ]
        );
    }
}
