//! Encodes requests: once for those that are always the same, piece by piece for those with templates.

use std::borrow::Cow;

use uuid::Uuid;

use super::connection::Expect;
use crate::run::plan::{Endpoint, Keepalive, Piece, RUN_HEADER, Target, Template};
use crate::run::schedule::event_id;

/// Makes the bytes of one endpoint's requests.
#[derive(Debug)]
pub(super) struct Encoder {
    /// Everything up to the length of the body: request line and headers.
    head: Vec<Piece>,
    body: Option<Vec<Piece>>,
    /// The whole request, where nothing in it changes.
    fixed: Option<Vec<u8>>,
    run: Uuid,
    stream: u64,
    expect: Expect,
}

impl Encoder {
    /// The encoder of an endpoint; run and stream decide its event ids.
    pub(super) fn new(
        target: &Target,
        endpoint: &Endpoint,
        keepalive: Keepalive,
        run: Uuid,
        stream: u64,
    ) -> Encoder {
        let mut encoder = Encoder {
            head: head_pieces(target, endpoint, keepalive, run),
            body: endpoint.body.as_ref().map(|body| body.pieces().to_vec()),
            fixed: None,
            run,
            stream,
            expect: if endpoint.method == "HEAD" {
                Expect::HeadOnly
            } else {
                Expect::Body
            },
        };
        let changes =
            |pieces: &[Piece]| pieces.iter().any(|piece| !matches!(piece, Piece::Text(_)));
        if !changes(&encoder.head) && !encoder.body.as_deref().is_some_and(changes) {
            encoder.fixed = Some(encoder.render(0));
        }
        encoder
    }

    /// Whether the answer may have a body.
    pub(super) fn expect(&self) -> Expect {
        self.expect
    }

    /// The bytes of the request with this index.
    pub(super) fn encode(&self, index: u64) -> Cow<'_, [u8]> {
        match &self.fixed {
            Some(bytes) => Cow::Borrowed(bytes),
            None => Cow::Owned(self.render(index)),
        }
    }

    fn render(&self, index: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        self.fill(&self.head, index, &mut out);
        let Some(body) = &self.body else {
            out.extend_from_slice(b"\r\n");
            return out;
        };
        let mut content = Vec::with_capacity(256);
        self.fill(body, index, &mut content);
        out.extend_from_slice(format!("content-length: {}\r\n\r\n", content.len()).as_bytes());
        out.extend_from_slice(&content);
        out
    }

    fn fill(&self, pieces: &[Piece], index: u64, out: &mut Vec<u8>) {
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Uuid => {
                    let id = event_id(self.run, self.stream, index);
                    out.extend_from_slice(
                        id.hyphenated()
                            .encode_lower(&mut Uuid::encode_buffer())
                            .as_bytes(),
                    );
                }
                Piece::Index => out.extend_from_slice(index.to_string().as_bytes()),
                Piece::Now => out.extend_from_slice(now().as_bytes()),
            }
        }
    }
}

/// The time of sending, RFC 3339 in UTC with milliseconds.
fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

fn head_pieces(
    target: &Target,
    endpoint: &Endpoint,
    keepalive: Keepalive,
    run: Uuid,
) -> Vec<Piece> {
    let mut head = HeadWriter { pieces: Vec::new() };
    head.text(&format!("{} {}", endpoint.method, target.prefix));
    head.template(&endpoint.path);
    head.text(" HTTP/1.1\r\n");
    let has = |name: &str| endpoint.header(name).is_some();
    if !has("host") {
        head.text(&format!("host: {}\r\n", target.authority()));
    }
    if !has("user-agent") {
        head.text(concat!(
            "user-agent: a7probe/",
            env!("CARGO_PKG_VERSION"),
            "\r\n"
        ));
    }
    if !has("accept") {
        head.text("accept: */*\r\n");
    }
    let safe = matches!(endpoint.method.as_str(), "GET" | "HEAD" | "OPTIONS");
    if !safe && !has(RUN_HEADER) {
        head.text(&format!("{RUN_HEADER}: {run}\r\n"));
    }
    if keepalive == Keepalive::PerRequest && !has("connection") {
        head.text("connection: close\r\n");
    }
    for (name, value) in &endpoint.headers {
        head.text(&format!("{name}: "));
        head.template(value);
        head.text("\r\n");
    }
    if endpoint.body.is_none() && matches!(endpoint.method.as_str(), "POST" | "PUT" | "PATCH") {
        head.text("content-length: 0\r\n");
    }
    head.pieces
}

/// Gathers text into as few pieces as possible.
struct HeadWriter {
    pieces: Vec<Piece>,
}

impl HeadWriter {
    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, text: &[u8]) {
        match self.pieces.last_mut() {
            Some(Piece::Text(last)) => last.extend_from_slice(text),
            _ => self.pieces.push(Piece::Text(text.to_vec())),
        }
    }

    fn template(&mut self, template: &Template) {
        for piece in template.pieces() {
            match piece {
                Piece::Text(text) => self.bytes(text),
                other => self.pieces.push(other.clone()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use uuid::Uuid;

    use super::Encoder;
    use crate::run::plan::{Endpoint, Keepalive, Scheme, StatusSet, Target, Template};
    use crate::run::schedule::event_id;

    fn endpoint(method: &str, path: &str, body: Option<&str>) -> Endpoint {
        Endpoint {
            name: "x".into(),
            method: method.into(),
            path: Template::parse(path.as_bytes()).unwrap(),
            headers: Vec::new(),
            body: body.map(|b| Template::parse(b.as_bytes()).unwrap()),
            expect: StatusSet::success(),
            rate: None,
            targets: Vec::new(),
        }
    }

    fn encoder(endpoint: &Endpoint, keepalive: Keepalive) -> Encoder {
        let target = Target {
            scheme: Scheme::Http,
            host: "localhost".into(),
            port: 8080,
            prefix: "/api".into(),
        };
        Encoder::new(&target, endpoint, keepalive, Uuid::nil(), 3)
    }

    fn text(bytes: Cow<'_, [u8]>) -> String {
        String::from_utf8(bytes.into_owned()).unwrap()
    }

    #[test]
    fn a_request_that_never_changes_is_encoded_once() {
        let encoder = encoder(&endpoint("GET", "/health", None), Keepalive::Reuse);
        assert!(matches!(encoder.encode(0), Cow::Borrowed(_)));
        let sent = text(encoder.encode(9));
        assert!(
            sent.starts_with("GET /api/health HTTP/1.1\r\nhost: localhost:8080\r\n"),
            "{sent}"
        );
        assert!(
            sent.ends_with("\r\n\r\n")
                && !sent.contains("content-length")
                && !sent.contains("x-a7-run")
        );
    }

    #[test]
    fn templates_give_every_request_its_own_event_and_length() {
        let encoder = encoder(
            &endpoint("POST", "/ingest", Some(r#"{"id":"{{uuid}}","n":{{n}}}"#)),
            Keepalive::Reuse,
        );
        for index in [0, 7, 12_345] {
            let sent = text(encoder.encode(index));
            let (head, body) = sent.split_once("\r\n\r\n").unwrap();
            assert_eq!(
                body,
                format!(
                    r#"{{"id":"{}","n":{index}}}"#,
                    event_id(Uuid::nil(), 3, index)
                )
            );
            assert!(
                head.contains(&format!("content-length: {}", body.len())),
                "{head}"
            );
            assert!(head.contains("x-a7-run: 00000000-0000-0000-0000-000000000000"));
        }
    }

    #[test]
    fn one_connection_a_request_is_asked_for() {
        let encoder = encoder(&endpoint("GET", "/", None), Keepalive::PerRequest);
        assert!(text(encoder.encode(0)).contains("connection: close\r\n"));
    }

    #[test]
    fn a_post_without_a_body_has_length_zero() {
        let encoder = encoder(&endpoint("POST", "/", None), Keepalive::Reuse);
        assert!(text(encoder.encode(0)).contains("content-length: 0\r\n\r\n"));
    }

    #[test]
    fn the_users_own_headers_replace_ours() {
        let mut custom = endpoint("GET", "/", None);
        custom.headers = vec![
            ("Host".into(), Template::literal("a7.example")),
            ("User-Agent".into(), Template::literal("x")),
        ];
        let sent = text(encoder(&custom, Keepalive::Reuse).encode(0));
        assert!(
            sent.contains("Host: a7.example\r\n")
                && !sent.contains("localhost")
                && !sent.contains("a7probe/")
        );
    }
}
