//! The route to the service: addresses to connect to instead of the URL's, and a proxy.

use anyhow::{Context as _, bail};

use crate::cli::command_line::flag_or_variable;
use crate::cli::service::{basic_authorization, parsed_proxy_url};
use crate::redact;
use crate::run::plan::{ConnectTo, Proxy, Replaced};

const FORMS: &str = "write HOST:PORT, or HOST1:PORT1:HOST2:PORT2 as in curl";

/// Reads `HOST:PORT` or `HOST1:PORT1:HOST2:PORT2`, with brackets around IPv6 addresses. In the long form each part may be
/// empty.
pub(super) fn connect_to(text: &str) -> anyhow::Result<ConnectTo> {
    let shown = redact::typed_url(text);
    let wrong = || format!("'{shown}' is not a valid --connect-to\nhint: {FORMS}");
    if text.contains(['@', '/']) {
        bail!(wrong());
    }
    let parts = parts(text);
    let host = |part: &str| {
        let host = part.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then(|| host.to_owned())
    };
    let port = |part: &str| match part {
        "" => anyhow::Ok(None),
        part => match part.parse::<u16>() {
            Ok(port) if port > 0 => Ok(Some(port)),
            _ => bail!(wrong()),
        },
    };
    match parts.as_slice() {
        [to, at] => {
            let (to, at) = (host(to), port(at)?);
            let place = to.zip(at).with_context(wrong)?;
            Ok(ConnectTo::of_plan(&place.0, place.1))
        }
        [from, of, to, at] => Ok(ConnectTo {
            instead_of: Replaced::Only {
                host: host(from),
                port: port(of)?,
            },
            host: host(to),
            port: port(at)?,
        }),
        _ => bail!(wrong()),
    }
}

/// Splits at the colons outside of brackets.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|c: char| {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        c == ':' && depth == 0
    })
    .collect()
}

/// Reads `[http://][USER:PASS@]HOST:PORT`. Messages do not show the credentials.
pub(super) fn proxy(text: &str) -> anyhow::Result<Proxy> {
    let shown = redact::typed_url(text);
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    if let Some(scheme) = scheme.filter(|scheme| !scheme.eq_ignore_ascii_case("http")) {
        bail!(
            "{scheme}:// is not supported for the proxy '{shown}'\nhint: use http://, also for https URLs"
        );
    }
    let origin = flag_or_variable("-x", "A7PROBE_PROXY", text);
    let url = parsed_proxy_url(text).context(origin)?;
    let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let (_, port) = authority.rsplit_once(':').unwrap_or_default();
    if port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
        bail!(
            "the proxy '{shown}' has no port\nhint: write -x http://HOST:PORT, such as http://proxy:3128"
        );
    }
    if !matches!(url.path_and_query.as_str(), "" | "/") {
        bail!("the proxy '{shown}' has a path\nhint: write -x http://HOST:PORT");
    }
    Ok(Proxy {
        host: url.target.host,
        port: url.target.port,
        authorization: url.credentials.as_ref().map(basic_authorization),
    })
}

#[cfg(test)]
mod tests {
    use super::{connect_to, proxy};

    #[test]
    fn hosts_and_ports_are_read_and_written_alike() {
        for text in [
            "h:80",
            "[::1]:80",
            "a.example:443:127.0.0.1:8443",
            "[::1]:80:[::2]:81",
            "::127.0.0.1:8080",
            "a:::8080",
            "a:1:b:",
        ] {
            assert_eq!(connect_to(text).unwrap().to_string(), text);
        }
        for bad in [
            "h", ":80", "h:0", "h:99999", "h:", "a:b:c", "a:x:c:1", "a:1:c:0",
        ] {
            let error = connect_to(bad).unwrap_err().to_string();
            assert!(error.contains("HOST1:PORT1:HOST2:PORT2"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_proxy_is_read_with_its_credentials_and_shown_without() {
        let read = proxy("http://me:p%40ss@proxy.example:3128/").unwrap();
        assert_eq!(read.to_string(), "http://proxy.example:3128");
        // printf me:p@ss | base64
        assert_eq!(read.authorization.as_deref(), Some("Basic bWU6cEBzcw=="));
        assert_eq!(proxy("[::1]:80").unwrap().to_string(), "http://[::1]:80");
        for (bad, message) in [
            ("https://me:s3cret@h:1", "https:// is not supported"),
            ("socks5://h:1", "socks5:// is not supported"),
            ("http://me:s3cret@h", "no port"),
            ("h:1/path", "has a path"),
            ("http://:1", "-x"),
        ] {
            let error = format!("{:#}", proxy(bad).unwrap_err());
            assert!(
                error.contains(message) && !error.contains("s3cret"),
                "{error}"
            );
        }
    }
}
