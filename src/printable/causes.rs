//! An error and its causes as one message: each cause once, without the number of an operating system's error.

/// The message of an error. A cause that the text before it repeats is left out.
pub fn joined(error: &anyhow::Error) -> String {
    join(error.chain().map(ToString::to_string))
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

/// `Permission denied (os error 13)` as `Permission denied`.
fn without_numbers(text: &str) -> String {
    const MARK: &str = " (os error ";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(MARK) {
        let number = &rest[start + MARK.len()..];
        let digits = number
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(number.len());
        out.push_str(&rest[..start]);
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
