//! Takes secrets out of what is shown or saved: by the name of a header, query parameter or body field, and from URLs.
//!
//! What is a secret is decided by its name, so a secret under an innocent name stays. A value that is
//! a template and nothing else (`{{uuid}}`) is no secret and is kept.

/// What stands where a secret was.
pub const REDACTED: &str = "[redacted]";

/// A word that ends in one of these names a secret: `clientsecret`, `accessToken`, but not `max_tokens`.
const SECRET_ENDINGS: [&str; 16] = [
    "accesskey",
    "apikey",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "jwt",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "sessionid",
    "signature",
    "token",
];

/// Words that name a secret only when they stand alone: `X-Auth`, `api_key`, but not `author` or `monkey`.
const SECRET_WORDS: [&str; 8] = ["auth", "key", "otp", "pass", "pwd", "session", "sid", "sig"];

/// Names that would be caught and are no secrets: an idempotency key is a request's name.
const INNOCENT: [&str; 1] = ["idempotency-key"];

/// Whether a header, parameter or field of this name holds a secret.
///
/// ```
/// use a7probe::run_file::redact::is_secret_name;
/// assert!(is_secret_name("X-Api-Key") && is_secret_name("accessToken"));
/// assert!(!is_secret_name("Idempotency-Key") && !is_secret_name("author"));
/// ```
pub fn is_secret_name(name: &str) -> bool {
    if INNOCENT
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
    {
        return false;
    }
    words(name).iter().any(|word| {
        SECRET_WORDS.contains(&word.as_str()) || SECRET_ENDINGS.iter().any(|e| word.ends_with(e))
    })
}

/// The value of a header.
pub fn header_value(name: &str, value: &str) -> String {
    let scheme = value.split_whitespace().next().unwrap_or_default();
    let credentials = ["basic", "bearer", "digest", "negotiate"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known) && value.trim().len() > scheme.len());
    match is_secret_name(name) || credentials {
        true => secret(value),
        false => url(value),
    }
}

/// A URL, or a path with a query: user info, and the values of secret parameters.
pub fn url(text: &str) -> String {
    let text = without_user_info(text);
    let Some((path, query)) = text.split_once('?') else {
        return text;
    };
    let (query, fragment) = match query.split_once('#') {
        Some((query, fragment)) => (query, format!("#{fragment}")),
        None => (query, String::new()),
    };
    format!("{path}?{}{fragment}", parameters(query))
}

/// A request body: the values of secret fields in JSON (whole or as a template) and in forms. Other formats keep
/// everything but the user info of URLs.
pub fn body(text: &str) -> String {
    let text = without_user_info(text);
    match (text.contains('"'), text.contains('=')) {
        (true, _) => json_fields(&text),
        (false, true) => parameters(&text),
        (false, false) => text,
    }
}

/// Lower-case words of a name: `X-Api-Key`, `api_key` and `apiKey` all end in `key`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && after_lower) {
            words.push(String::new());
        }
        after_lower = c.is_lowercase() || c.is_ascii_digit();
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
    }
    words
}

fn secret(value: &str) -> String {
    let inner = value
        .trim()
        .strip_prefix("{{")
        .and_then(|v| v.strip_suffix("}}"));
    let template = inner.is_some_and(|name| !name.contains(['{', '}']));
    match template || value.is_empty() {
        true => value.to_owned(),
        false => REDACTED.to_owned(),
    }
}

/// `name=value` pairs between `&`.
fn parameters(query: &str) -> String {
    let shown = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) if is_secret_name(name.trim()) => format!("{name}={}", secret(value)),
        _ => pair.to_owned(),
    });
    shown.collect::<Vec<_>>().join("&")
}

/// Everything between `://` and the last `@` of an authority, in every URL of the text.
fn without_user_info(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after
            .find(|c: char| c.is_whitespace() || "/?#\"'<>\\".contains(c))
            .unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(at) => {
                out.push_str(REDACTED);
                &after[at..]
            }
            None => after,
        };
    }
    out + rest
}

/// Follows the quotes of JSON without parsing it: a template need not be valid JSON before it is filled.
fn json_fields(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('"') {
        let name_end = string_end(rest, open);
        let (name, after) = (&rest[open..name_end], &rest[name_end..]);
        let value_at = value_offset(after);
        out.push_str(&rest[..name_end]);
        rest = after;
        if let Some(value_at) = value_at.filter(|_| is_secret_name(name.trim_matches('"'))) {
            out.push_str(&after[..value_at]);
            rest = push_secret(&mut out, &after[value_at..]);
        }
    }
    out + rest
}

/// Where the value begins if a colon follows.
fn value_offset(after_name: &str) -> Option<usize> {
    let value = after_name.trim_start().strip_prefix(':')?.trim_start();
    Some(after_name.len() - value.len())
}

/// Writes the redacted value that `text` begins with; returns what follows it. An object or a list is left to its
/// own field names.
fn push_secret<'a>(out: &mut String, text: &'a str) -> &'a str {
    let nested = text.starts_with('[') || (text.starts_with('{') && !text.starts_with("{{"));
    if nested {
        return text;
    }
    if text.starts_with('"') {
        let end = string_end(text, 0);
        let closed = end > 1 && text[..end].ends_with('"');
        let inner = &text[1..if closed { end - 1 } else { end }];
        out.push('"');
        out.push_str(&secret(inner));
        out.push('"');
        return &text[end..];
    }
    let end = match text.starts_with("{{") {
        true => text.find("}}").map_or(text.len(), |close| close + 2),
        false => text
            .find(|c: char| c.is_whitespace() || ",}]".contains(c))
            .unwrap_or(text.len()),
    };
    match secret(&text[..end]) {
        same if same == text[..end] => out.push_str(&same),
        redacted => {
            out.push('"');
            out.push_str(&redacted);
            out.push('"');
        }
    }
    &text[end..]
}

/// One past the closing quote of the string that opens at `open`; the end of the text if it never closes.
fn string_end(text: &str, open: usize) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(open + 1) {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{body, header_value, is_secret_name, url};

    #[test]
    fn names_of_secrets_are_known_in_every_spelling() {
        for name in [
            "Authorization",
            "Proxy-Authorization",
            "cookie",
            "Set-Cookie",
            "X-Api-Key",
            "api_key",
            "apiKey",
            "APIKEY",
            "X-Auth-Token",
            "accessToken",
            "client_secret",
            "password",
            "X-Amz-Signature",
            "sig",
            "key",
            "AWSAccessKey",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "Content-Type",
            "Idempotency-Key",
            "author",
            "monkey",
            "max_tokens",
            "keyboard",
            "design",
            "",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn headers_lose_credentials_whatever_they_are_called() {
        for (name, value, shown) in [
            ("Authorization", "Bearer abc", "[redacted]"),
            ("X-Custom", "Basic dXNlcjpwdw==", "[redacted]"),
            ("Cookie", "a=b", "[redacted]"),
            ("Accept", "text/html", "text/html"),
            ("X-Mode", "basic", "basic"),
            ("Idempotency-Key", "{{uuid}}", "{{uuid}}"),
            (
                "Referer",
                "https://me:pw@host/a?token=1&b=2",
                "https://[redacted]@host/a?token=[redacted]&b=2",
            ),
        ] {
            assert_eq!(header_value(name, value), shown, "{name}: {value}");
        }
    }

    #[test]
    fn urls_lose_user_info_and_secret_parameters_and_nothing_else() {
        for (text, shown) in [
            ("/health", "/health"),
            ("/a?x=1&api_key=K&y=2#f", "/a?x=1&api_key=[redacted]&y=2#f"),
            ("/a?token={{uuid}}&n={{n}}", "/a?token={{uuid}}&n={{n}}"),
            (
                "/a?token=abc{{uuid}}&key={{n}}{{n}}",
                "/a?token=[redacted]&key=[redacted]",
            ),
            ("http://u:p@h:80/a@b", "http://[redacted]@h:80/a@b"),
            ("http://h/a@b", "http://h/a@b"),
            ("/a?token=", "/a?token="),
        ] {
            assert_eq!(url(text), shown, "{text}");
        }
    }

    #[test]
    fn bodies_lose_the_values_of_secret_fields() {
        for (text, shown) in [
            (
                r#"{"id":"{{uuid}}","password" : "a\"b","n":{{n}}}"#,
                r#"{"id":"{{uuid}}","password" : "[redacted]","n":{{n}}}"#,
            ),
            (
                r#"{"token":{{n}},"secret":"{{uuid}}","pin_key":1234,"a":"token"}"#,
                r#"{"token":{{n}},"secret":"{{uuid}}","pin_key":"[redacted]","a":"token"}"#,
            ),
            (
                r#"{"credentials":{"user":"u","password":"p"},"url":"amqp://u:p@h/"}"#,
                r#"{"credentials":{"user":"u","password":"[redacted]"},"url":"amqp://[redacted]@h/"}"#,
            ),
            (
                "user=u&password=p&n={{n}}",
                "user=u&password=[redacted]&n={{n}}",
            ),
            ("plain text", "plain text"),
            (r#"{"password":"cut"#, r#"{"password":"[redacted]""#),
        ] {
            assert_eq!(body(text), shown, "{text}");
        }
    }

    proptest! {
        #[test]
        fn redaction_takes_every_text_and_repeats_itself(text in any::<String>(), json in "[\"{}:,=&?#@/a-z\\\\ é]{0,60}") {
            for text in [text, json] {
                proptest::prop_assert_eq!(body(&body(&text)), body(&text));
                proptest::prop_assert_eq!(url(&url(&text)), url(&text));
                header_value("Cookie", &text);
            }
        }

        #[test]
        fn a_secret_in_a_json_field_never_survives(secret in "[A-Z0-9]{8,40}", before in "[a-z0-9]{0,8}") {
            let object = serde_json::json!({ "a": before, "api_key": secret, "z": [1, { "password": secret }] });
            let text = object.to_string();
            proptest::prop_assert!(!body(&text).contains(&secret));
        }
    }
}
