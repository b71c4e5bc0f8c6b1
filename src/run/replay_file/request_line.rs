//! Method and path of a logged request, where they can be sent again.

/// What a line says of its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoggedRequest {
    /// The file has no methods and paths.
    Unstated,
    /// Method, upper case, and path with its query.
    Stated {
        /// Such as `GET`.
        method: String,
        /// Begins with `/`.
        path: String,
    },
    /// It cannot be sent: the handshake of TLS, `-`, a path with a space or a control character.
    Unusable,
}

impl LoggedRequest {
    /// Reads `GET /search?q=1 HTTP/1.1`; older requests have no version.
    pub(super) fn of_line(line: &str) -> LoggedRequest {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            [method, target] => LoggedRequest::of(method, target),
            [method, target, version] if version.starts_with("HTTP/") => {
                LoggedRequest::of(method, target)
            }
            _ => LoggedRequest::Unusable,
        }
    }

    /// Of a method, by default GET, and a path or a URL.
    pub(super) fn of(method: &str, target: &str) -> LoggedRequest {
        let method = if method.is_empty() { "GET" } else { method };
        let is_method = method.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
        let Some(path) = path_of(target).filter(|path| is_method && is_plain(path)) else {
            return LoggedRequest::Unusable;
        };
        LoggedRequest::Stated {
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
        }
    }
}

/// Path and query of a target, which may be a whole URL. The part after `#` is never sent.
fn path_of(target: &str) -> Option<&str> {
    let target = target.split('#').next().unwrap_or_default();
    if target.starts_with('/') {
        return Some(target);
    }
    let rest = target
        .strip_prefix("http://")
        .or(target.strip_prefix("https://"))?;
    Some(rest.find('/').map_or("/", |at| &rest[at..]))
}

/// One word of visible ASCII. A backslash is the escape with which servers log other bytes, and they are lost.
fn is_plain(path: &str) -> bool {
    path.bytes()
        .all(|b| b.is_ascii_graphic() && b != b'\\' && b != b'"')
}

#[cfg(test)]
mod tests {
    use super::LoggedRequest;

    fn stated(method: &str, path: &str) -> LoggedRequest {
        LoggedRequest::Stated {
            method: method.to_owned(),
            path: path.to_owned(),
        }
    }

    #[test]
    fn requests_that_can_be_sent_again_are_told_from_others() {
        for (line, request) in [
            ("GET /a?b=c HTTP/1.1", stated("GET", "/a?b=c")),
            ("get /a", stated("GET", "/a")),
            ("HEAD http://h:80/x?y HTTP/1.1", stated("HEAD", "/x?y")),
            ("GET https://h HTTP/2.0", stated("GET", "/")),
            ("GET /a#b HTTP/1.1", stated("GET", "/a")),
            ("POST /{{uuid}} HTTP/1.1", stated("POST", "/{{uuid}}")),
        ] {
            assert_eq!(LoggedRequest::of_line(line), request, "{line}");
        }
        for line in [
            "-",
            "",
            r"\x16\x03\x01",
            "GET /a b HTTP/1.1",
            "CONNECT h:443 HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "GET /a\u{7} HTTP/1.1",
            r"GET /\xC3 HTTP/1.1",
            "G{T /a HTTP/1.1",
        ] {
            assert_eq!(
                LoggedRequest::of_line(line),
                LoggedRequest::Unusable,
                "{line}"
            );
        }
    }
}
