//! Code of a page that is wider than the screen: commands and messages are broken, other lines stay as they are.

use crate::printable::command_words::{quoted_words, with_values};

/// How far the rest of a command begins to the right of it.
const HANG: usize = 4;
/// Before the rest of `error: …` and `hint: …`.
const BELOW_LABEL: usize = 6;
/// Ends a line of a command that continues.
const CONTINUED: &str = " \\";

/// A line of code as lines of at most `room` columns.
pub(super) fn fitted(line: &str, room: usize) -> Vec<String> {
    let columns = line.chars().count();
    let text = line.trim_start();
    let lead = columns - text.chars().count();
    if columns <= room {
        return vec![line.to_owned()];
    }
    let is_message = ["error: ", "hint: ", "warning: "]
        .iter()
        .any(|label| text.starts_with(label));
    let command = text.strip_prefix("$ ").unwrap_or(text);
    if command.starts_with("a7probe ") {
        let (command, comment) = match text.split_once("  #") {
            Some((command, comment)) => (command.trim_end(), Some(comment.trim())),
            None => (text, None),
        };
        let mut lines = Vec::new();
        if let Some(comment) = comment {
            lines.push(format!("{}# {comment}", " ".repeat(lead)));
        }
        let room = room - CONTINUED.len();
        lines.extend(broken(
            &with_values(words_of(command)),
            lead,
            lead + HANG,
            room,
        ));
        let last = lines.len() - 1;
        let from = usize::from(comment.is_some());
        for line in &mut lines[from..last] {
            line.push_str(CONTINUED);
        }
        lines
    } else if is_message {
        broken(&words_of(text), lead, lead + BELOW_LABEL, room)
    } else {
        vec![line.to_owned()]
    }
}

/// Words, whatever stands between them.
fn words_of(text: &str) -> Vec<String> {
    let mut words = quoted_words(text);
    words.retain(|word| !word.is_empty());
    words
}

/// Words in lines: the first begins at `lead`, the others at `hang`.
fn broken(words: &[String], lead: usize, hang: usize, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = " ".repeat(lead);
    let mut is_begun = false;
    for word in words {
        let needs = line.chars().count() + usize::from(is_begun) + word.chars().count();
        if is_begun && needs > room {
            lines.push(std::mem::replace(&mut line, " ".repeat(hang)));
            is_begun = false;
        }
        if is_begun {
            line.push(' ');
        }
        line.push_str(word);
        is_begun = true;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::fitted;

    #[test]
    fn a_wide_command_is_continued_and_a_wide_message_hangs() {
        let command = "a7probe judge run.json --gate 'p95 <= 150ms' --verbose  # why";
        assert_eq!(
            fitted(command, 44),
            [
                "# why",
                "a7probe judge run.json \\",
                "    --gate 'p95 <= 150ms' --verbose",
            ]
        );
        assert_eq!(
            fitted("hint: use one of two", 14),
            ["hint: use one", "      of two"]
        );
        let table = "  scenario   answered   error P50";
        assert_eq!(fitted(table, 10), [table]);
    }
}
