//! How a text file ends, and its lines with content.

/// How a file ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    /// With the end of a line.
    #[default]
    Whole,
    /// In the middle of a line: by hand, or because the file was cut.
    MidLine,
}

/// Lines with content, trimmed, with their numbers from 1.
pub(super) fn content_lines(text: &str) -> impl Iterator<Item = (u64, &str)> {
    (1..)
        .zip(text.lines())
        .map(|(number, line)| (number, line.split('#').next().unwrap_or("").trim()))
        .filter(|(_, line)| !line.is_empty())
}

/// How a whole text ends.
pub(super) fn ending_of(text: &str) -> Ending {
    if text.ends_with(['\n', '\r']) {
        Ending::Whole
    } else {
        Ending::MidLine
    }
}
