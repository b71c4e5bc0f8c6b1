//! The lines of a plan, broken between words where the terminal is too narrow for them.

use crate::report::at_words;

/// The same text for this many columns. What does not fit hangs below its own column.
pub(in crate::command) fn fitted(text: &str, width: Option<u16>) -> String {
    let lines = text
        .lines()
        .flat_map(|line| at_words(line, width, hang(line)));
    lines.map(|line| line + "\n").collect()
}

/// Where the text behind a label begins; without a label, two columns further in than the line itself.
fn hang(line: &str) -> usize {
    let text = line.trim_start();
    let lead = line.len() - text.len();
    match text.find("  ") {
        Some(label) => {
            let behind = text[label..].trim_start();
            lead + text[..text.len() - behind.len()].chars().count()
        }
        None => lead + 2,
    }
}

#[cfg(test)]
mod tests {
    use super::fitted;

    #[test]
    fn a_long_line_hangs_below_its_text() {
        let text = "  size     until it is decided\n  a gate\n    passes with up to 12 of 20\n";
        assert_eq!(
            fitted(text, Some(20)),
            "  size     until it\n           is\n           decided\n  a gate\n    passes with up\n      to 12 of 20\n"
        );
        assert_eq!(fitted(text, None), text);
    }
}
