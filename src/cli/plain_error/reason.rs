//! The reasons of value parsers, as a sentence about the value and a hint.

/// What is wrong with a value, and what to write. A text that begins with a space continues a sentence that begins with
/// the flag and its value.
pub(super) fn explained(value: &str, reason: &str) -> (String, Option<String>) {
    if let Some(known) = of_numbers(reason) {
        return known;
    }
    if let Some((what, hint)) = reason.split_once("\nhint: ") {
        return (about(value, what), Some(hint.to_owned()));
    }
    if let Some((what, hint)) = reason.split_once("; ") {
        let hint = match hint.strip_prefix("it must be ") {
            Some(range) if range.starts_with("at most") => format!("use {range}"),
            Some(range) => format!("use a value {range}"),
            None => hint.to_owned(),
        };
        return (about(value, what), Some(hint));
    }
    match reason.split_once(", such as ") {
        Some((what, example)) => (about(value, what), Some(format!("write it as {example}"))),
        None => (about(value, reason), None),
    }
}

/// `'5' has no unit` and `unknown format 'xml'` without the value, which stands before it.
fn about(value: &str, what: &str) -> String {
    if let Some(kind) = what.strip_suffix(&format!(" '{value}'")) {
        return kind.to_owned();
    }
    let rest = what.strip_prefix(&format!("'{value}' "));
    rest.map_or_else(|| what.to_owned(), |rest| format!(" {rest}"))
}

/// The reasons of clap and of the standard library about numbers and addresses.
fn of_numbers(reason: &str) -> Option<(String, Option<String>)> {
    let known = |what: &str, hint: &str| Some((format!(" {what}"), Some(hint.to_owned())));
    if let Some((_, range)) = reason.split_once(" is not in ") {
        return known("is out of range", &range_hint(range));
    }
    match reason {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            known("is not a whole number", "write a whole number, such as 10")
        }
        "number too large to fit in target type" => known("is too large", "write a lower number"),
        "number too small to fit in target type" => known("is too small", "write a higher number"),
        "number would be zero for non-zero type" => {
            known("is too small", "write a whole number of at least 1")
        }
        "invalid float literal" | "cannot parse float from empty string" => {
            known("is not a number", "write a number, such as 0.5")
        }
        "invalid socket address syntax" => {
            known("is not an address", "write IP:PORT, such as 127.0.0.1:8080")
        }
        _ => None,
    }
}

/// clap shows a range as `1..=65535` or `1..`.
fn range_hint(range: &str) -> String {
    let (low, high) = range.split_once("..").unwrap_or((range, ""));
    let high = high.trim_start_matches('=');
    let is_bound = !high.is_empty() && high.len() <= 10;
    if is_bound {
        format!("write a whole number from {low} to {high}")
    } else {
        format!("write a whole number of at least {low}")
    }
}

#[cfg(test)]
mod tests {
    use super::explained;

    #[test]
    fn a_reason_becomes_a_sentence_about_the_value_and_a_hint() {
        for (value, reason, what, hint) in [
            (
                "5",
                "'5' has no unit; write 5s or 5ms",
                " has no unit",
                Some("write 5s or 5ms"),
            ),
            (
                "often",
                "'often' is not a rate, such as 20/s or 1200/m",
                " is not a rate",
                Some("write it as 20/s or 1200/m"),
            ),
            (
                "0",
                "0 is not in 1..=65535",
                " is out of range",
                Some("write a whole number from 1 to 65535"),
            ),
            (
                "x",
                "no such thing\nhint: use y",
                "no such thing",
                Some("use y"),
            ),
            ("x", "no such thing", "no such thing", None),
        ] {
            let (said, hinted) = explained(value, reason);
            assert_eq!((said.as_str(), hinted.as_deref()), (what, hint));
        }
    }
}
