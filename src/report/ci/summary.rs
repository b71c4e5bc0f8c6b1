//! The markdown report within the size that a step summary of GitHub Actions may have.

use std::io::{self, Write};

use crate::report::markdown;
use crate::report::model::Report;

/// Bytes of a summary. GitHub takes 1 MiB a step; a page of this size still opens at once, and fits a comment.
const MOST_BYTES: usize = 60 * 1024;

/// Writes the report as markdown, cut at the end of a line where it is too long.
///
/// # Errors
/// `out` cannot be written to.
pub(in crate::report) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut whole = Vec::new();
    markdown::write(report, &mut whole)?;
    out.write_all(bounded(&String::from_utf8_lossy(&whole)).as_bytes())
}

/// The text, or as many of its lines as fit together with a line that counts the others.
pub(super) fn bounded(text: &str) -> String {
    if text.len() <= MOST_BYTES {
        return text.to_owned();
    }
    const ROOM: usize = 200;
    let mut kept = 0;
    let mut bytes = 0;
    let mut is_code = false;
    for line in text.split_inclusive('\n') {
        if bytes + line.len() > MOST_BYTES - ROOM {
            break;
        }
        is_code ^= line.starts_with("```");
        bytes += line.len();
        kept += 1;
    }
    let left_out = text.lines().count() - kept;
    let fence = if is_code { "```\n" } else { "" };
    format!(
        "{}{fence}\n> {left_out} more lines are left out; `--report markdown=FILE` holds all of them.\n",
        &text[..bytes]
    )
}

#[cfg(test)]
mod tests {
    use super::{MOST_BYTES, bounded};

    #[test]
    fn a_short_text_stays_and_a_long_one_ends_with_a_count() {
        assert_eq!(bounded("a\nb\n"), "a\nb\n");
        let line = format!("{}\n", "x".repeat(99));
        let cut = bounded(&line.repeat(2_000));
        assert!(cut.len() <= MOST_BYTES, "{}", cut.len());
        let kept = cut.lines().filter(|line| line.starts_with('x')).count();
        assert!(cut.contains(&format!("> {} more lines are left out", 2_000 - kept)));
    }

    #[test]
    fn a_cut_code_block_is_closed() {
        let text = format!("```\n{}", "x\n".repeat(60_000));
        let cut = bounded(&text);
        assert_eq!(cut.matches("```").count(), 2);
    }
}
