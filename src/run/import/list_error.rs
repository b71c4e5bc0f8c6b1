//! Why a list of latencies or a CSV file cannot be read, with a hint.

use std::fmt;

use super::ValueError;

/// Longest message; a longer one is cut in the middle.
const MAX_CHARS: usize = 270;

/// The subject of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ErrorSubject {
    File,
    /// A part of the file.
    Inside,
    /// A line, from 1.
    Line(u64),
}

/// A list or CSV file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListError {
    subject: ErrorSubject,
    what: String,
    hint: String,
}

impl ListError {
    /// About a line, from 1.
    pub(super) fn at(line: u64, what: impl Into<String>, hint: impl Into<String>) -> ListError {
        ListError::new(ErrorSubject::Line(line), what.into(), hint.into())
    }

    /// About the file; `what` begins with a verb.
    pub(super) fn file(what: impl Into<String>, hint: impl Into<String>) -> ListError {
        ListError::new(ErrorSubject::File, what.into(), hint.into())
    }

    /// About something in the file.
    pub(super) fn inside(what: impl Into<String>, hint: impl Into<String>) -> ListError {
        ListError::new(ErrorSubject::Inside, what.into(), hint.into())
    }

    pub(super) fn value(line: u64, error: &ValueError) -> ListError {
        ListError::at(line, error.to_string(), error.hint())
    }

    fn new(subject: ErrorSubject, what: String, hint: String) -> ListError {
        ListError {
            subject,
            what: cut(&what),
            hint: cut(&hint),
        }
    }

    /// The message with the name of the file.
    pub(crate) fn of_file(&self, file: &str) -> String {
        let ListError { what, hint, .. } = self;
        match self.subject {
            ErrorSubject::File => format!("{file} {what}\nhint: {hint}"),
            ErrorSubject::Inside => format!("{file}: {what}\nhint: {hint}"),
            ErrorSubject::Line(line) => format!("{file} line {line}: {what}\nhint: {hint}"),
        }
    }
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ListError { what, hint, .. } = self;
        match self.subject {
            ErrorSubject::File => write!(f, "it {what}\nhint: {hint}"),
            ErrorSubject::Inside => write!(f, "{what}\nhint: {hint}"),
            ErrorSubject::Line(line) => write!(f, "line {line}: {what}\nhint: {hint}"),
        }
    }
}

impl std::error::Error for ListError {}

/// One line without control characters, cut in the middle if it is long.
fn cut(text: &str) -> String {
    let invisible = |c: &char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let shown: Vec<char> = text
        .chars()
        .map(|c| if invisible(&c) { '\u{fffd}' } else { c })
        .collect();
    if shown.len() <= MAX_CHARS {
        return shown.into_iter().collect();
    }
    let (head, tail) = (
        &shown[..MAX_CHARS / 2],
        &shown[shown.len() - MAX_CHARS / 2..],
    );
    let parts = [head.iter().collect::<String>(), tail.iter().collect()];
    parts.join("…")
}

#[cfg(test)]
mod tests {
    use super::ListError;

    #[test]
    fn a_message_is_one_line_that_a_terminal_can_show() {
        let error = ListError::at(
            3,
            format!("'\u{1b}[2J\u{202e}{}' is long", "x".repeat(1000)),
            "cut it",
        );
        let shown = error.of_file("times.txt");
        assert!(
            shown.starts_with("times.txt line 3: '\u{fffd}[2J\u{fffd}xxx"),
            "{shown}"
        );
        assert!(
            shown.ends_with("' is long\nhint: cut it") && shown.contains('…'),
            "{shown}"
        );
        assert!(shown.chars().count() < 330);
    }
}
