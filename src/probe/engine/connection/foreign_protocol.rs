//! Identifies an answer that is not HTTP/1.x: TLS, HTTP/2, or the greeting of another protocol.

/// First bytes of TLS records (RFC 8446 §5.1); no HTTP answer begins with a control character.
const TLS_ALERT: u8 = 21;
const TLS_HANDSHAKE: u8 = 22;

/// Bytes of an HTTP/2 frame's head (RFC 9113 §4.1).
const FRAME_HEAD: usize = 9;

/// The types of the first frame of a server's connection (RFC 9113 §3.4) and of the last.
const GOAWAY: u8 = 7;
const SETTINGS: u8 = 4;

/// The start of a status line.
const HTTP: &[u8] = b"HTTP/1.";

const BINARY: &str = "binary data";

/// Longest part of the first line that is shown.
const SHOWN: usize = 60;

/// Greetings of other protocols.
const GREETINGS: [(&str, &str); 9] = [
    ("SSH-", "SSH"),
    ("220", "SMTP or FTP"),
    ("+OK", "POP3"),
    ("* OK", "IMAP"),
    ("-ERR", "Redis"),
    ("INFO {", "NATS"),
    ("AMQP", "AMQP"),
    ("RTSP/", "RTSP"),
    ("<", "HTTP/0.9: a document without a status line"),
];

/// The kind of bytes that do not begin an HTTP/1.x answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ForeignProtocol {
    Tls,
    Http2,
    /// Another protocol or a malformed status line, in words.
    Other(String),
    /// HTTP with this line in its head.
    HeaderLine(String),
}

/// Whether the received bytes may be the start of a status line.
pub(super) fn begins_as_http(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(HTTP.len())];
    HTTP.starts_with(start)
}

/// Judges the first bytes of an answer that cannot be parsed; `None` if more bytes may decide. In HTTP only whole lines
/// are examined, so that the result does not depend on how the bytes were cut.
pub(super) fn judge(bytes: &[u8]) -> Option<ForeignProtocol> {
    match bytes {
        [] => return None,
        [TLS_ALERT | TLS_HANDSHAKE, ..] => return Some(ForeignProtocol::Tls),
        [0, ..] => return frame(bytes),
        _ => {}
    }
    let bytes = without_empty_lines(bytes);
    let end = bytes.iter().position(|byte| *byte == b'\n');
    if let Some(end) = end.filter(|_| begins_as_http(bytes)) {
        return if is_status_line(&bytes[..=end]) {
            malformed_line(bytes).map(ForeignProtocol::HeaderLine)
        } else {
            Some(ForeignProtocol::Other(greeting(printable(bytes))))
        };
    }
    let shown = printable(bytes);
    let is_open = shown.len() == bytes.len() && shown.len() < SHOWN;
    let may_be_http = begins_as_http(bytes);
    (!is_open && !may_be_http).then(|| ForeignProtocol::Other(greeting(shown)))
}

/// The same when no more bytes arrive.
pub(super) fn judge_all(bytes: &[u8]) -> Option<ForeignProtocol> {
    let rest = || {
        let bytes = without_empty_lines(bytes);
        let is_other = !bytes.is_empty() && !begins_as_http(bytes);
        is_other.then(|| ForeignProtocol::Other(greeting(printable(bytes))))
    };
    judge(bytes).or_else(rest)
}

/// httparse skips empty lines before a status line.
fn without_empty_lines(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !b"\r\n".contains(byte));
    &bytes[start.unwrap_or(bytes.len())..]
}

fn printable(bytes: &[u8]) -> &[u8] {
    let shown = { bytes.iter().take(SHOWN) }
        .take_while(|byte| (b' '..=b'~').contains(*byte))
        .count();
    &bytes[..shown]
}

fn is_status_line(line: &[u8]) -> bool {
    let head = [line, b"\r\n"].concat();
    let mut config = httparse::ParserConfig::default();
    config.allow_multiple_spaces_in_response_status_delimiters(true);
    let parsed = config.parse_response(&mut httparse::Response::new(&mut []), &head);
    matches!(parsed, Ok(httparse::Status::Complete(_)))
}

/// A SETTINGS or GOAWAY frame of the whole connection.
fn frame(bytes: &[u8]) -> Option<ForeignProtocol> {
    match bytes.get(..FRAME_HEAD)? {
        [_, _, _, SETTINGS | GOAWAY, _, 0, 0, 0, 0] => Some(ForeignProtocol::Http2),
        _ => Some(ForeignProtocol::Other(BINARY.to_owned())),
    }
}

fn greeting(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let known = GREETINGS.iter().find(|(start, _)| text.starts_with(start));
    match known {
        _ if text.is_empty() => BINARY.to_owned(),
        Some((_, protocol)) => format!("'{text}' ({protocol})"),
        None => format!("'{text}'"),
    }
}

/// The first line of a head that is not a header field: it has no colon, or a control character. Only whole lines are
/// looked at; `None` if they are all right.
fn malformed_line(head: &[u8]) -> Option<String> {
    let whole = &head[..=head.iter().rposition(|byte| *byte == b'\n')?];
    let lines = whole.split_inclusive(|byte| *byte == b'\n').skip(1);
    let lines = lines.map(|line| line.strip_suffix(b"\n").unwrap_or(line));
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    // The body follows an empty line.
    let mut lines = lines.take_while(|line| !line.is_empty());
    let is_wrong = |line: &&[u8]| {
        let control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
        let continues = matches!(line.first(), Some(b' ' | b'\t'));
        line.iter().any(control) || !(continues || line.contains(&b':'))
    };
    let line = lines.find(is_wrong)?;
    let shown: String = String::from_utf8_lossy(line).chars().take(SHOWN).collect();
    Some(format!("'{}'", shown.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::{ForeignProtocol, judge, judge_all, malformed_line};

    fn other(words: &str) -> Option<ForeignProtocol> {
        Some(ForeignProtocol::Other(words.to_owned()))
    }

    #[test]
    fn frames_of_http_2_are_told_from_other_bytes() {
        let settings = b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80";
        let goaway = b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x01";
        for bytes in [&settings[..], goaway] {
            assert_eq!(judge(bytes), Some(ForeignProtocol::Http2));
            assert_eq!(judge(&bytes[..8]), None);
        }
        assert_eq!(judge(b"\0\0\x12\x01\0\0\0\0\x01"), other("binary data"));
        assert_eq!(judge_all(b"\0"), other("binary data"));
    }

    #[test]
    fn greetings_of_other_protocols_are_named() {
        for (bytes, words) in [
            (
                &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
                "'SSH-2.0-OpenSSH_9.2' (SSH)",
            ),
            (
                b"220 mail.example ESMTP\r\n",
                "'220 mail.example ESMTP' (SMTP or FTP)",
            ),
            (
                b"-ERR unknown command 'GET'\r\n",
                "'-ERR unknown command 'GET'' (Redis)",
            ),
            (
                b"<html>\n",
                "'<html>' (HTTP/0.9: a document without a status line)",
            ),
            (b"http/1.1 200 OK\r\n", "'http/1.1 200 OK'"),
            (b"HTTP/1.1 2000 OK\r\n", "'HTTP/1.1 2000 OK'"),
            (b"J\0\0\0\n8.0.36", "'J'"),
            (b"\xff\xfe", "binary data"),
        ] {
            assert_eq!(judge(bytes), other(words));
        }
        assert_eq!(judge(b"SSH-2.0-Open"), None);
        assert_eq!(judge_all(b"SSH-2.0"), other("'SSH-2.0' (SSH)"));
        for start in ["HTTP/1.1 2", "HTT", "HTTP/1.1 200 OK\r\nX: "] {
            assert_eq!(judge_all(start.as_bytes()), None, "{start}");
        }
    }

    #[test]
    fn the_malformed_line_of_a_head_is_shown() {
        let head = |line: &str| format!("HTTP/1.1 200 OK\r\nX: y\r\n{line}\r\n\r\n");
        for (line, shown) in [
            ("no colon", Some("'no colon'")),
            ("X: a\0b", Some("'X: a\\0b'")),
            ("X(y): z", None),
            (" folded", None),
        ] {
            assert_eq!(malformed_line(head(line).as_bytes()).as_deref(), shown);
        }
        assert_eq!(malformed_line(b"HTTP/1.1 200 OK\r\nno col"), None);
    }
}
