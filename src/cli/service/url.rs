//! Reads URLs: scheme, host, port, path, and the credentials that some carry.

use anyhow::{Context as _, bail};
use reqwest::Url;

use super::endpoint_draft::is_name;
use crate::redact;
use crate::run::plan::{Scheme, Target};

/// A URL taken apart.
#[derive(Debug, Clone)]
pub(super) struct ParsedUrl {
    /// Where to connect; its prefix is the URL's path without a trailing slash.
    pub(super) target: Target,
    /// Path and query as they were typed, beginning with `/`.
    pub(super) path_and_query: String,
    /// Whether a path or a query was typed; a slash alone is a path.
    pub(super) has_path: bool,
    /// User and password, if the URL has them.
    pub(super) credentials: Option<BasicCredentials>,
}

/// User and password, percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BasicCredentials {
    pub(super) user: String,
    pub(super) password: String,
}

/// Reads an `http` or `https` URL; a bare `host:port` is taken as `http`.
pub(super) fn parse(text: &str) -> anyhow::Result<ParsedUrl> {
    // The part of the text that messages show. A password may stand anywhere in a text that is not a URL.
    let shown = redact::typed_url(text);
    if let Some(rest) = without_slashes(text) {
        let scheme = text.split(':').next().unwrap_or_default();
        bail!(
            "'{scheme}:{}' is not a valid URL: two slashes follow the scheme\nhint: write it as http://127.0.0.1:8080",
            redact::typed_url(rest)
        );
    }
    if text.contains(' ') {
        bail!("'{shown}' is not a valid URL: it has a space\nhint: write %20 for a space");
    }
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    if full
        .split_once("://")
        .is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with('/'))
    {
        bail!("the URL '{shown}' has no host\nhint: write it as http://127.0.0.1:8080");
    }
    let url = Url::parse(&full).with_context(|| {
        format!("'{shown}' is not a valid URL\nhint: write it as http://127.0.0.1:8080")
    })?;
    let scheme = match url.scheme() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => bail!("unsupported scheme '{other}' in {shown}\nhint: use http:// or https://"),
    };
    let host = url
        .host_str()
        .with_context(|| format!("the URL '{shown}' has no host"))?;
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let port = url.port().unwrap_or(scheme.default_port());
    if port == 0 {
        bail!("port 0 in '{shown}' cannot be connected to");
    }
    let query = url
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    let credentials = has_credentials.then(|| BasicCredentials {
        user: url.username().to_owned(),
        password: url.password().unwrap_or_default().to_owned(),
    });
    let authority_on = full.split_once("://").map_or("", |(_, rest)| rest);
    let has_path = authority_on
        .find(['/', '?', '#'])
        .is_some_and(|at| !authority_on[at..].starts_with('#'));
    Ok(ParsedUrl {
        has_path,
        target: Target {
            scheme,
            host,
            port,
            prefix: url.path().trim_end_matches('/').to_owned(),
        },
        path_and_query: format!("{}{query}", url.path()),
        credentials,
    })
}

/// What follows a scheme that has fewer than two slashes, such as `http:/h` or `https:h`. It would be read as a host of
/// that name, and a password behind it as a path.
fn without_slashes(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let is_http = ["http", "https"]
        .iter()
        .any(|http| scheme.eq_ignore_ascii_case(http));
    let begins_with_port = rest.starts_with(|c: char| c.is_ascii_digit());
    let no_host = rest.starts_with(['/', '\\']) || (is_http && !begins_with_port);
    (is_scheme && no_host && !rest.starts_with("//")).then_some(rest)
}

/// Splits `NAME=URL`; a text without a name before its first `=` is the URL alone.
pub(in crate::cli) fn named_url(text: &str) -> (Option<&str>, &str) {
    match text.split_once('=') {
        Some((name, url)) if is_name(name) && !name.contains('/') && !url.is_empty() => {
            (Some(name), url)
        }
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::{BasicCredentials, named_url, parse};

    #[test]
    fn a_slash_or_a_query_is_a_path_and_a_fragment_is_not() {
        for (text, has_path) in [
            ("http://h", false),
            ("h:80", false),
            ("h#f", false),
            ("h/", true),
            ("http://h/#f", true),
            ("h?q=1", true),
        ] {
            assert_eq!(parse(text).unwrap().has_path, has_path, "{text}");
        }
    }

    #[test]
    fn a_name_stands_before_the_url_and_not_in_it() {
        assert_eq!(named_url("s=http://h/a?b=1"), (Some("s"), "http://h/a?b=1"));
        for text in ["http://h/a=b", "h/a=b", "h?a=b", "h="] {
            assert_eq!(named_url(text), (None, text));
        }
    }

    #[test]
    fn urls_are_taken_apart() {
        let url = parse("https://me:pw@a7.example/api/?k=1").unwrap();
        assert_eq!(url.target.to_string(), "https://a7.example/api");
        assert_eq!(url.path_and_query, "/api/?k=1");
        let credentials = BasicCredentials {
            user: "me".into(),
            password: "pw".into(),
        };
        assert_eq!(url.credentials, Some(credentials));
        let v6 = parse("http://[::1]:8080").unwrap().target;
        assert_eq!(
            (v6.host.as_str(), v6.port, v6.authority().as_str()),
            ("::1", 8080, "[::1]:8080")
        );
        assert_eq!(
            parse("localhost:8080").unwrap().target.to_string(),
            "http://localhost:8080"
        );
        assert_eq!(
            parse("http://a7.example").unwrap().target.authority(),
            "a7.example"
        );
    }

    #[test]
    fn a_scheme_with_fewer_than_two_slashes_is_not_taken_for_a_host() {
        for text in [
            "http:/me:pw@h/a",
            "HTTP:/me:pw@h",
            "http:me:pw@h",
            "https:/h",
            "ftp:/me:pw@h",
            "http:\\\\me:pw@h",
        ] {
            let error = format!("{:#}", parse(text).expect_err(text));
            assert!(error.contains("two slashes follow the scheme"), "{error}");
            assert!(!error.contains("pw"), "{error}");
        }
        assert_eq!(parse("http:8080").unwrap().target.authority(), "http:8080");
    }
}
