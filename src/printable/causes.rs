//! An error and its causes as one message: each cause once, without the number of an operating system's error.

/// The message of an error. A cause that the text before it repeats is left out.
pub fn joined(error: &anyhow::Error) -> String {
    own_lines_only(&join(error.chain().map(ToString::to_string)))
}

fn join(causes: impl Iterator<Item = String>) -> String {
    let mut message = String::new();
    for cause in causes.map(|cause| without_numbers(&cause)) {
        if message.is_empty() {
            message = cause;
        } else if !message.contains(&cause) {
            message = with_cause(&message, &cause);
        }
    }
    message
}

/// The cause stands before the hint.
fn with_cause(message: &str, cause: &str) -> String {
    match message.split_once("\nhint:") {
        Some((what, hint)) => format!("{what}: {cause}\nhint:{hint}"),
        None => format!("{message}: {cause}"),
    }
}

/// `cannot write x: Permission denied (os error 13)` as `cannot write x: permission denied`.
fn without_numbers(text: &str) -> String {
    const MARK: &str = " (os error ";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(MARK) {
        let number = &rest[start + MARK.len()..];
        let digits = number
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(number.len());
        lower_first(&rest[..start], &mut out);
        match number[digits..].strip_prefix(')') {
            Some(after) if digits > 0 => rest = after,
            _ => {
                out.push_str(MARK);
                rest = number;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The operating system's message, which begins after the last colon, without its capital.
fn lower_first(text: &str, out: &mut String) {
    let start = text.rfind(": ").map_or(0, |colon| colon + 2);
    let (before, said) = text.split_at(start);
    out.push_str(before);
    let mut letters = said.chars();
    if let Some(first) = letters.next() {
        let is_word = letters.clone().next().is_some_and(char::is_lowercase);
        if is_word {
            out.extend(first.to_lowercase())
        } else {
            out.push(first)
        }
        out.push_str(letters.as_str());
    }
}

/// A line end stays only where a hint, a word of explanation in columns or a quoted line follows: in a name from a file
/// it would begin a line of its own.
fn own_lines_only(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for (number, line) in message.lines().enumerate() {
        let is_own = line.is_empty()
            || line.starts_with("hint: ")
            || line.starts_with([' ', '|'])
            || line.starts_with(|c: char| c.is_ascii_digit());
        if number > 0 {
            out.push_str(if is_own { "\n" } else { "\\n" });
        }
        out.push_str(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::Context as _;

    use super::joined;

    #[test]
    fn every_cause_is_said_once_and_without_its_number() {
        let full = || io::Error::from_raw_os_error(28);
        let once = anyhow::Error::from(full()).context("cannot write run.json");
        assert_eq!(
            joined(&once),
            "cannot write run.json: no space left on device"
        );
        // An error whose own text already ends in its cause.
        let twice =
            anyhow::Error::from(full()).context(format!("cannot write run.json: {}", full()));
        assert_eq!(joined(&twice), joined(&once));
        let hinted = Err::<(), _>(full())
            .context("cannot write run.json\nhint: choose a writable folder")
            .unwrap_err();
        assert_eq!(
            joined(&hinted),
            "cannot write run.json: no space left on device\nhint: choose a writable folder"
        );
        let plain = anyhow::anyhow!("gate 'p95' has no limit (os error x)");
        assert_eq!(joined(&plain), "gate 'p95' has no limit (os error x)");
    }

    #[test]
    fn a_line_end_in_a_name_begins_no_line() {
        let error = anyhow::anyhow!("no column 'a\n::error::b'\nhint: name one of\n  c, d");
        assert_eq!(
            joined(&error),
            "no column 'a\\n::error::b'\nhint: name one of\n  c, d"
        );
    }
}
