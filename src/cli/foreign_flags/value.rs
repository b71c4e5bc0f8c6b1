//! Which meaning a value fits, and the form in which a hint repeats it.

use crate::units::parse_duration;

/// Whether it may hold a password: a URL, or a user before a host. `@FILE` is neither.
pub(super) fn may_be_secret(value: &str) -> bool {
    value.contains("://") || value.trim_start_matches('@').contains('@')
}

/// A path, which is not a content type: it begins as one, or the file exists.
pub(super) fn is_upload(value: &str) -> bool {
    ["/", "./", "../", "~/"]
        .iter()
        .any(|begin| value.starts_with(begin))
        || std::path::Path::new(value).is_file()
}

/// A date in words or digits, or the file whose date is meant: no length of time begins with a letter or has a comma.
pub(super) fn is_date(value: &str) -> bool {
    duration(value).is_none()
        && (!starts_with_digit(value) || value.contains([',', ':', '-']) || value.contains("20"))
        && !value.is_empty()
}

/// `http://…`, without a name before it.
pub(super) fn begins_as_url(value: &str) -> bool {
    value.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

/// A unit of time.
pub(super) fn time_unit(value: &str) -> Option<String> {
    matches!(value, "ns" | "us" | "ms" | "s" | "m" | "h").then(String::new)
}

/// Everything fits; the value itself is not repeated.
pub(super) fn any(value: &str) -> Option<String> {
    Some(value.to_owned())
}

/// Everything fits, quoted for a shell.
pub(super) fn any_quoted(value: &str) -> Option<String> {
    Some(quoted(value))
}

/// A number, which may be written as `1e5`, `10k` or `1_000`.
pub(super) fn number(value: &str) -> Option<String> {
    whole(value).map(|number| number.to_string()).or_else(|| {
        let number: f64 = value.parse().ok()?;
        (number.is_finite() && number > 0.0).then(|| value.to_owned())
    })
}

/// Any count. A value that is not a number is left out of the hint.
pub(super) fn count(value: &str) -> Option<String> {
    Some(number(value).unwrap_or_else(|| "N".to_owned()))
}

/// Any rate: vegeta's `50/1s` as `50/s`.
pub(super) fn rate(value: &str) -> Option<String> {
    Some(our_rate(value).unwrap_or_else(|| "RATE".to_owned()))
}

/// `50/1s` as `50/s`, `100/10s` as `10/s`; a number as it stands. 0 is vegeta's "as fast as possible" and gives no
/// rate.
pub(super) fn our_rate(value: &str) -> Option<String> {
    let Some((requests, per)) = value.split_once('/') else {
        return number(value);
    };
    let requests = whole(requests).filter(|&requests| requests > 0)?;
    if matches!(per, "s" | "m" | "h") {
        return Some(format!("{requests}/{per}"));
    }
    let seconds = parse_duration(per).ok()?.as_secs_f64();
    if seconds <= 0.0 {
        return None;
    }
    Some(match per.strip_prefix('1') {
        Some(unit @ ("s" | "m" | "h")) => format!("{requests}/{unit}"),
        _ => format!("{}/s", requests as f64 / seconds),
    })
}

/// Nothing per second.
pub(super) fn zero(value: &str) -> Option<String> {
    let requests = value.split('/').next().unwrap_or_default();
    matches!(requests, "0" | "infinity").then(String::new)
}

/// Any time: a number without a unit is seconds, as in curl and wrk.
pub(super) fn time(value: &str) -> Option<String> {
    Some(duration(value).unwrap_or_else(|| "TIME".to_owned()))
}

/// A duration with its unit.
pub(super) fn duration(value: &str) -> Option<String> {
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    if value.is_empty() || !value.starts_with(|c: char| c.is_ascii_digit()) {
        None
    } else if value.chars().all(digits) {
        value.parse::<f64>().ok().map(|_| format!("{value}s"))
    } else {
        parse_duration(value).ok().map(|_| value.to_owned())
    }
}

/// A media type or a list of them.
pub(super) fn media_type(value: &str) -> Option<String> {
    let is_type = |part: &str| {
        let mut halves = part.trim().split('/');
        let is_token = |half: Option<&str>| half.is_some_and(|half| !half.is_empty());
        is_token(halves.next()) && is_token(halves.next()) && halves.next().is_none()
    };
    let no_version = !value.split('/').nth(1).is_some_and(starts_with_digit);
    (value.is_empty() || (no_version && value.split(',').all(is_type))).then(|| inner(value))
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// A user agent. A name and a password with a colon between them do not count.
pub(super) fn agent(value: &str) -> Option<String> {
    (!value.contains(':') || value.contains(' ')).then(|| inner(value))
}

/// `NAME=VALUE`, which is not repeated.
pub(super) fn cookie(value: &str) -> Option<String> {
    let name = value.split('=').next().unwrap_or_default();
    let is_cookie = name.len() < value.len() && !name.is_empty();
    (is_cookie && !name.contains([' ', '{', '"', '&'])).then(String::new)
}

/// A method in capitals.
pub(super) fn method(value: &str) -> Option<String> {
    value
        .chars()
        .all(|c| c.is_ascii_alphabetic())
        .then(|| value.to_ascii_uppercase())
}

/// A host and a port.
pub(super) fn proxy(value: &str) -> Option<String> {
    value.contains([':', '.']).then(String::new)
}

/// A script: Lua, JavaScript or TypeScript.
pub(super) fn script(value: &str) -> Option<String> {
    let ends = |end: &str| value.to_ascii_lowercase().ends_with(end);
    (ends(".lua") || ends(".js") || ends(".ts")).then(String::new)
}

/// A file's path: neither a URL nor a number.
pub(super) fn path(value: &str) -> Option<String> {
    let is_path = value.contains(['.', '/', '\\']) || value.chars().all(char::is_alphanumeric);
    (is_path && !value.is_empty() && !value.contains("://") && number(value).is_none())
        .then(|| quoted(value))
}

/// A name with an ending, or in a folder.
pub(super) fn is_file(value: &str) -> bool {
    value.contains(['.', '/']) && path(value).is_some()
}

/// A URL, which may hold a password.
pub(super) fn url(value: &str) -> Option<String> {
    value.contains("://").then(|| "URL".to_owned())
}

/// A format that we have as well, by our name for it.
pub(super) fn format(value: &str) -> Option<String> {
    let name = match value.split(',').next().unwrap_or_default() {
        "json" | "j" => "json",
        "csv" => "csv",
        "text" | "plain-text" | "pt" | "human" => "human",
        "markdown" => "markdown",
        "hdrplot" | "hgrm" => "hgrm",
        _ => return None,
    };
    (!value.contains('=')).then(|| name.to_owned())
}

/// Anything but a format.
pub(super) fn not_format(value: &str) -> Option<String> {
    let is_ours = matches!(value, "json" | "csv" | "human" | "markdown");
    (!is_ours).then(|| quoted(value))
}

/// A file for the result, with its format where the name does not say it.
pub(super) fn report_file(value: &str) -> String {
    let ends = [".json", ".csv", ".md", ".txt", ".hgrm", ".hlog"];
    if ends.iter().any(|end| value.ends_with(end)) {
        quoted(value)
    } else {
        quoted(&format!("json={value}"))
    }
}

/// `false`, or another word for it.
pub(super) fn is_false(value: &str) -> Option<String> {
    matches!(value, "false" | "0" | "f" | "F" | "FALSE" | "False").then(String::new)
}

/// A value that may be a secret fits, and is not repeated.
pub(super) fn not_secret(_: &str) -> Option<String> {
    Some("NAME: VALUE".to_owned())
}

/// A whole number in one of the ways in which people write one.
pub(super) fn whole(value: &str) -> Option<u64> {
    let plain: String = value.chars().filter(|c| !matches!(c, '_' | ',')).collect();
    let (digits, factor) = match plain.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1e3),
        None => match plain.strip_suffix(['m', 'M']) {
            Some(digits) => (digits, 1e6),
            None => (plain.as_str(), 1.0),
        },
    };
    if !starts_with_digit(digits) {
        return None;
    }
    let number = digits.parse::<f64>().ok()? * factor;
    (number.fract() == 0.0 && (0.0..1e15).contains(&number)).then_some(number as u64)
}

/// As it stands in single quotes.
fn inner(value: &str) -> String {
    value.replace('\'', "'\\''")
}

pub(super) fn quoted(value: &str) -> String {
    let is_plain =
        |c: char| c.is_alphanumeric() || matches!(c, '.' | '/' | '-' | '_' | ':' | '=' | '@' | '+');
    if !value.is_empty() && value.chars().all(is_plain) {
        value.to_owned()
    } else {
        format!("'{}'", inner(value))
    }
}
