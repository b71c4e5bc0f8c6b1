//! Reads URLs: scheme, host, port, path, and the credentials that some carry.

use std::net::IpAddr;

use anyhow::{Context as _, anyhow, bail};
use reqwest::Url;

use super::endpoint_name::is_name;
use super::template_mask::TemplateMask;
use crate::redact;
use crate::run::plan::{Scheme, Target};

/// A URL taken apart.
#[derive(Debug, Clone)]
pub(in crate::cli) struct ParsedUrl {
    /// Where to connect; its prefix is the URL's path without a trailing slash.
    pub(in crate::cli) target: Target,
    /// Path and query as they were typed, beginning with `/`.
    pub(in crate::cli) path_and_query: String,
    /// Whether a path or a query was typed; a slash alone is a path.
    pub(super) has_path: bool,
    /// User and password, if the URL has them.
    pub(in crate::cli) credentials: Option<BasicCredentials>,
}

/// User and password, percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct BasicCredentials {
    pub(super) user: String,
    pub(super) password: String,
}

/// Reads an `http` or `https` URL; a bare `host:port` is taken as `http`.
pub(in crate::cli) fn parse(text: &str) -> anyhow::Result<ParsedUrl> {
    // The part of the text that messages show. A password may stand anywhere in a text that is not a URL.
    let shown = redact::typed_url(text);
    refuse_slips(text, &shown)?;
    let masked = TemplateMask::over(text.trim());
    if masked.text.contains(' ') {
        bail!(wrong_space(&masked.text, &shown));
    }
    let full = with_scheme(&masked.text);
    let url = read(&full, &shown)?;
    let scheme = match url.scheme() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => bail!("unsupported scheme '{other}' in {shown}\nhint: use http:// or https://"),
    };
    if masked.is_in(url.host_str().unwrap_or_default()) || masked.is_in(url.username()) {
        bail!(
            "'{shown}' has a template before its path\nhint: templates stand in paths, headers and bodies; a host is fixed"
        );
    }
    let host = url.host_str().with_context(|| {
        format!("'{shown}' is not a valid URL: no host\nhint: write http://HOST/PATH")
    })?;
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let port = url.port().unwrap_or(scheme.default_port());
    if port == 0 {
        bail!("'{shown}' is not a valid URL: port 0\nhint: write a port from 1 to 65535");
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
            prefix: masked.lift(url.path().trim_end_matches('/')),
        },
        path_and_query: masked.lift(&format!("{}{query}", url.path())),
        credentials,
    })
}

/// Refuses texts that would be read as a host of another name, or sent as they are.
fn refuse_slips(text: &str, shown: &str) -> anyhow::Result<()> {
    if let Some(rest) = without_slashes(text) {
        let scheme = text.split(':').next().unwrap_or_default();
        let corrected = rest.trim_start_matches(['/', '\\']);
        bail!(
            "'{scheme}:{}' is not a valid URL: '{scheme}:' needs two slashes\nhint: write {}",
            redact::typed_url(rest),
            example(&format!("{scheme}://{corrected}"))
        );
    }
    if let Some((scheme, rest)) = without_colon(text) {
        bail!(
            "'{shown}' is not a valid URL: the ':' after {scheme} is missing\nhint: write {}",
            example(&format!("{scheme}://{rest}"))
        );
    }
    if let Some(word) = encoded_placeholder(text) {
        bail!(
            "'{shown}' has the placeholder {{{{{word}}}}} percent-encoded, so it would be sent as text\nhint: write {{{{{word}}}}} with braces"
        );
    }
    Ok(())
}

/// The parts of a URL that has a scheme.
fn read(full: &str, shown: &str) -> anyhow::Result<Url> {
    if full
        .split_once("://")
        .is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with('/'))
    {
        let path = full.split_once("://").map_or("", |(_, rest)| rest);
        bail!(
            "'{shown}' is not a valid URL: no host\nhint: write http://HOST{}",
            redact::typed_url(path)
        );
    }
    Url::parse(full).map_err(|error| {
        let error = error.to_string();
        anyhow!(
            "'{shown}' is not a valid URL: {error}\nhint: {}",
            authority_hint(full, &error)
        )
    })
}

/// A URL to type; without the parts that may be secrets, a form.
fn example(url: &str) -> String {
    let is_bare = url.ends_with("://") || redact::typed_url(url) != url;
    if is_bare {
        "http://HOST/PATH".to_owned()
    } else {
        url.to_owned()
    }
}

/// A space is an error wherever it stands; in the path it can be written in another way.
fn wrong_space(text: &str, shown: &str) -> String {
    let authority_on = text.split_once("://").map_or(text, |(_, rest)| rest);
    let path = authority_on.find(['/', '?']).unwrap_or(authority_on.len());
    if authority_on[..path].contains(' ') {
        return format!(
            "'{shown}' is not a valid URL: a space in the host\nhint: remove the space; several URLs are words of their own"
        );
    }
    format!(
        "'{shown}' is not a valid URL: a space in the path\nhint: write %20 for a space: {}",
        example(&text.replace(' ', "%20"))
    )
}

/// What to write for a host or a port that cannot be read.
fn authority_hint(full: &str, error: &str) -> String {
    let authority = full.split_once("://").map_or(full, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let colons = authority.matches(':').count();
    if error.contains("IPv6") || (colons > 1 && !authority.contains(['[', '@'])) {
        "write an IPv6 address in brackets: http://[::1]:8080".to_owned()
    } else if error.contains("port") {
        "write a port from 1 to 65535: http://HOST:8080".to_owned()
    } else {
        "check the host; a URL is http://HOST:PORT/PATH".to_owned()
    }
}

/// `%7B%7Bn%7D%7D`, as a browser or a script encodes `{{n}}`.
fn encoded_placeholder(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let start = lower.find("%7b%7b")? + "%7b%7b".len();
    let length = lower[start..].find("%7d%7d")?;
    let word = text.get(start..start + length)?.trim();
    let is_placeholder = matches!(word, "uuid" | "n" | "now") || word.starts_with("row.");
    is_placeholder.then(|| word.to_owned())
}

fn with_scheme(text: &str) -> String {
    if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    }
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

/// `http//h`: read as a host, it would be one without a dot.
fn without_colon(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("//")?;
    matches!(scheme, "http" | "https").then_some((scheme, rest))
}

/// Whether a URL leads to this machine, by its name alone: what is written there was meant.
pub(in crate::cli) fn is_this_machine(target: &Target) -> bool {
    let host = target.host.to_ascii_lowercase();
    let host = host.trim_end_matches('.');
    let address = host.parse::<IpAddr>().map(|ip| ip.to_canonical());
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|ip| ip.is_loopback())
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
    use super::{BasicCredentials, is_this_machine, named_url, parse};

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
    fn this_machine_is_known_by_its_names_and_loopback_addresses() {
        for (url, expected) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("a7.localhost", true),
            ("127.0.0.1:1", true),
            ("127.8.8.8", true),
            ("[::1]:80", true),
            ("[::ffff:127.0.0.1]", true),
            ("10.0.0.1", false),
            ("0.0.0.0", false),
            ("localhost.example", false),
            ("notlocalhost", false),
        ] {
            assert_eq!(
                is_this_machine(&parse(url).unwrap().target),
                expected,
                "{url}"
            );
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
    fn placeholders_stay_in_paths_and_queries_as_they_were_typed() {
        for (text, path) in [
            (
                "http://h/items/{{row.id}}?q={{uuid}}",
                "/items/{{row.id}}?q={{uuid}}",
            ),
            ("h:1/x0x/{{ n }}/a b{{row.first name}}", ""),
            (
                "h:1/x0x/{{ n }}/{{row.größe / %}}é",
                "/x0x/{{ n }}/{{row.größe / %}}%C3%A9",
            ),
            ("h/{{{{a}}", "/{{{{a%7D%7D"),
            ("h?{{row.a?b#c}}", "/?{{row.a?b#c}}"),
        ] {
            match parse(text) {
                Ok(url) => assert_eq!(url.path_and_query, path),
                Err(error) => assert!(path.is_empty() && error.to_string().contains("a space")),
            }
        }
        for text in ["http://{{env.HOST}}/a", "{{row.u}}:p@h/", "h:{{n}}/a"] {
            let error = format!("{:#}", parse(text).expect_err(text));
            assert!(error.contains("\nhint: "), "{error}");
        }
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
            assert!(error.contains("needs two slashes"), "{error}");
            assert!(!error.contains("pw"), "{error}");
        }
        assert_eq!(parse("http:8080").unwrap().target.authority(), "http:8080");
    }
}
