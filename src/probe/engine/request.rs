//! Encodes requests: once for those that are always the same, piece by piece for those with templates.

use std::borrow::Cow;
use std::rc::Rc;

use uuid::Uuid;

use super::connection::{EncodedRequest, Expect, Http2Request};
use super::request_part::{PartWriter, RequestPart, TemplatePlace};
use crate::run::plan::{
    ConnectionPolicy, Endpoint, HttpVersion, Keepalive, RUN_HEADER, RowWindow, Scheme, Segment,
    Target, Template, Tracing,
};
use crate::run::rate_profile::RateProfile;
use crate::run::schedule::{event_id, request_trace};
use crate::trace::{TRACEPARENT, TRACEPARENT_BYTES};

/// What the templates of one part of a run are filled from.
#[derive(Clone, Debug)]
pub(super) struct TemplateValues {
    /// Decides the event ids.
    pub(super) run: Uuid,
    /// The rows of its requests, if the plan has any.
    pub(super) rows: Option<RowWindow>,
}

/// Makes the bytes of one endpoint's requests.
#[derive(Debug)]
pub(super) struct Encoder {
    /// Everything up to the length of the body: request line and headers.
    head: Vec<RequestPart>,
    body: Option<Vec<RequestPart>>,
    /// The whole request, where nothing in it changes.
    fixed: Option<Vec<u8>>,
    /// The same for HTTP/2.
    fixed_http2: Option<Rc<Http2Request>>,
    version: HttpVersion,
    scheme: Scheme,
    values: TemplateValues,
    stream: u64,
    segment: Option<Segment>,
    expect: Expect,
    tracing: Tracing,
}

impl Encoder {
    /// The encoder of an endpoint; run and stream decide its event ids.
    pub(super) fn new(
        target: &Target,
        endpoint: &Endpoint,
        policy: &ConnectionPolicy,
        values: TemplateValues,
        stream: u64,
    ) -> Encoder {
        let mut encoder = Encoder {
            head: head_parts(target, endpoint, policy, &values),
            body: body_parts(endpoint, &values),
            fixed: None,
            fixed_http2: None,
            version: policy.version,
            scheme: target.scheme,
            values,
            stream,
            segment: endpoint.segment.clone(),
            expect: if endpoint.method == "HEAD" {
                Expect::HeadOnly
            } else {
                Expect::Body
            },
            tracing: policy.tracing,
        };
        let changes = |parts: &[RequestPart]| {
            !parts
                .iter()
                .all(|part| matches!(part, RequestPart::Text(_)))
        };
        if !changes(&encoder.head) && !encoder.body.as_deref().is_some_and(changes) {
            let fixed = encoder.render(0);
            if policy.tracing == Tracing::Off && policy.version != HttpVersion::Http1 {
                encoder.fixed_http2 = Http2Request::of(&fixed, target.scheme).ok().map(Rc::new);
            }
            encoder.fixed = Some(fixed);
        }
        encoder
    }

    /// Whether the answer may have a body.
    pub(super) fn expect(&self) -> Expect {
        self.expect
    }

    /// What its templates are filled from.
    pub(super) fn values(&self) -> &TemplateValues {
        &self.values
    }

    /// The request with this index, as its connection sends it.
    pub(super) fn encode(&self, index: u64) -> EncodedRequest<'_> {
        match (self.version, &self.fixed_http2) {
            (HttpVersion::Http1, _) => EncodedRequest::Http1(self.bytes(index)),
            (HttpVersion::Http2 { .. }, Some(fixed)) => EncodedRequest::Http2(Ok(Rc::clone(fixed))),
            (HttpVersion::Http2 { .. }, None) => {
                let made = Http2Request::of(&self.bytes(index), self.scheme);
                EncodedRequest::Http2(made.map(Rc::new))
            }
        }
    }

    /// The bytes that HTTP/1.1 has for it, of which the request of HTTP/2 is made.
    fn bytes(&self, index: u64) -> Cow<'_, [u8]> {
        match &self.fixed {
            Some(bytes) if self.tracing == Tracing::Off => Cow::Borrowed(bytes),
            Some(bytes) => {
                let mut request = bytes.clone();
                self.name_trace(index, &mut request);
                Cow::Owned(request)
            }
            None => Cow::Owned(self.render(index)),
        }
    }

    fn render(&self, index: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        self.fill(&self.head, index, &mut out);
        self.name_trace(index, &mut out);
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

    /// Writes the request's own trace over the one that its bytes have.
    fn name_trace(&self, index: u64, request: &mut [u8]) {
        if self.tracing == Tracing::On
            && let Some(place) = traceparent_in(request)
        {
            request_trace(self.values.run, self.stream, index).write_over(place);
        }
    }

    /// The number of a request among all of its endpoint, whichever segment it is in.
    fn number(&self, index: u64) -> u64 {
        index + self.segment.as_ref().map_or(0, |s| s.first_request)
    }

    fn logged_path(&self, index: u64) -> &str {
        let profile = self.segment.as_ref().map(|segment| &segment.profile);
        match profile {
            Some(RateProfile::Replay(replay)) => replay.path(index).unwrap_or("/"),
            _ => "/",
        }
    }

    fn fill(&self, parts: &[RequestPart], index: u64, out: &mut Vec<u8>) {
        for part in parts {
            match part {
                RequestPart::Text(text) => out.extend_from_slice(text),
                RequestPart::Uuid => {
                    let id = event_id(self.values.run, self.stream, index);
                    out.extend_from_slice(
                        id.hyphenated()
                            .encode_lower(&mut Uuid::encode_buffer())
                            .as_bytes(),
                    );
                }
                RequestPart::Number => {
                    out.extend_from_slice(self.number(index).to_string().as_bytes());
                }
                RequestPart::Now => out.extend_from_slice(now().as_bytes()),
                RequestPart::Field { column, spelling } => {
                    if let Some(rows) = &self.values.rows {
                        spelling.write(rows.value(self.number(index), *column), out);
                    }
                }
                RequestPart::LoggedPath => {
                    out.extend_from_slice(self.logged_path(index).as_bytes())
                }
            }
        }
    }
}

/// The value of `traceparent`, the first header.
fn traceparent_in(request: &mut [u8]) -> Option<&mut [u8; TRACEPARENT_BYTES]> {
    let line_end = request.windows(2).position(|pair| pair == b"\r\n")?;
    let value = line_end + "\r\n".len() + TRACEPARENT.len() + ": ".len();
    request.get_mut(value..)?.first_chunk_mut()
}

/// The time of sending, RFC 3339 in UTC with milliseconds.
fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

fn body_parts(endpoint: &Endpoint, values: &TemplateValues) -> Option<Vec<RequestPart>> {
    let body = endpoint.body.as_ref()?;
    let content_type = endpoint.header("content-type");
    let content_type = content_type.map(Template::source);
    let mut parts = PartWriter::new(values.rows.as_ref());
    parts.template(body, TemplatePlace::of_body(content_type.as_deref()));
    Some(parts.into_parts())
}

fn head_parts(
    target: &Target,
    endpoint: &Endpoint,
    policy: &ConnectionPolicy,
    values: &TemplateValues,
) -> Vec<RequestPart> {
    let mut head = PartWriter::new(values.rows.as_ref());
    // A proxy needs the whole URL of what it is to fetch; through a tunnel nothing changes.
    let proxy = policy
        .proxy
        .as_ref()
        .filter(|_| target.scheme == Scheme::Http);
    let origin = proxy.map_or_else(String::new, |_| format!("http://{}", target.authority()));
    head.text(&format!("{} {origin}{}", endpoint.method, target.prefix));
    head.template(&endpoint.path, TemplatePlace::Target);
    head.text(" HTTP/1.1\r\n");
    if policy.tracing == Tracing::On {
        head.text(&format!("{TRACEPARENT}: {:TRACEPARENT_BYTES$}\r\n", ""));
    }
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
        head.text(&format!("{RUN_HEADER}: {}\r\n", values.run));
    }
    if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization.as_ref()) {
        head.text(&format!("proxy-authorization: {authorization}\r\n"));
    }
    let is_http1 = policy.version == HttpVersion::Http1;
    if is_http1 && policy.keepalive == Keepalive::PerRequest && !has("connection") {
        head.text("connection: close\r\n");
    }
    for (name, value) in &endpoint.headers {
        head.text(&format!("{name}: "));
        head.template(value, TemplatePlace::Header);
        head.text("\r\n");
    }
    if endpoint.body.is_none() && matches!(endpoint.method.as_str(), "POST" | "PUT" | "PATCH") {
        head.text("content-length: 0\r\n");
    }
    head.into_parts()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::Arc;

    use uuid::Uuid;

    use super::{Encoder, TemplateValues};
    use crate::run::plan::{
        ConnectionPolicy, Endpoint, HttpVersion, Keepalive, PlannedRows, RedirectPolicy, RowUse,
        RowWindow, Scheme, StatusSet, Target, Template, Tracing, Trust,
    };
    use crate::run::rows::DataRows;
    use crate::run::schedule::{event_id, request_trace};

    fn endpoint(method: &str, path: &str, body: Option<&str>) -> Endpoint {
        Endpoint {
            elsewhere: None,
            name: "x".into(),
            method: method.into(),
            path: Template::parse(path.as_bytes()).unwrap(),
            headers: Vec::new(),
            body: body.map(|b| Template::parse(b.as_bytes()).unwrap()),
            expect: StatusSet::success(),
            expect_body: None,
            rate: None,
            segment: None,
            targets: Vec::new(),
        }
    }

    fn encoder(endpoint: &Endpoint, keepalive: Keepalive) -> Encoder {
        traced_encoder(endpoint, keepalive, Tracing::Off)
    }

    fn traced_encoder(endpoint: &Endpoint, keepalive: Keepalive, tracing: Tracing) -> Encoder {
        any_encoder(endpoint, keepalive, tracing, None)
    }

    fn encoder_of(endpoint: &Endpoint, keepalive: Keepalive, rows: Option<RowWindow>) -> Encoder {
        any_encoder(endpoint, keepalive, Tracing::Off, rows)
    }

    fn any_encoder(
        endpoint: &Endpoint,
        keepalive: Keepalive,
        tracing: Tracing,
        rows: Option<RowWindow>,
    ) -> Encoder {
        let target = Target {
            scheme: Scheme::Http,
            host: "localhost".into(),
            port: 8080,
            prefix: "/api".into(),
        };
        let policy = ConnectionPolicy {
            max_in_flight: 1,
            keepalive,
            trust: Trust::System,
            identity: None,
            connect_to: Vec::new(),
            unix_socket: None,
            proxy: None,
            redirects: RedirectPolicy::Answer,
            tracing,
            version: HttpVersion::Http1,
        };
        let values = TemplateValues {
            run: Uuid::nil(),
            rows,
        };
        Encoder::new(&target, endpoint, &policy, values, 3)
    }

    fn text(bytes: Cow<'_, [u8]>) -> String {
        String::from_utf8(bytes.into_owned()).unwrap()
    }

    #[test]
    fn a_request_that_never_changes_is_encoded_once() {
        let encoder = encoder(&endpoint("GET", "/health", None), Keepalive::Reuse);
        assert!(matches!(encoder.bytes(0), Cow::Borrowed(_)));
        let sent = text(encoder.bytes(9));
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
            let sent = text(encoder.bytes(index));
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
    fn every_request_names_its_own_trace_whether_it_changes_otherwise_or_not() {
        for (path, body) in [("/health", None), ("/a/{{n}}?at={{now}}", Some("{{uuid}}"))] {
            let endpoint = endpoint("POST", path, body);
            let encoder = traced_encoder(&endpoint, Keepalive::Reuse, Tracing::On);
            for index in [0, 7, 12_345] {
                let sent = text(encoder.bytes(index));
                let named: Vec<&str> = sent
                    .lines()
                    .filter_map(|line| line.strip_prefix("traceparent: "))
                    .collect();
                let own = request_trace(Uuid::nil(), 3, index).traceparent();
                assert_eq!(named, [own]);
            }
            let plain = text(traced_encoder(&endpoint, Keepalive::Reuse, Tracing::Off).bytes(0));
            assert!(!plain.contains("traceparent"), "{plain}");
        }
    }

    #[test]
    fn a_request_is_filled_from_the_row_of_its_index() {
        let csv = b"id,name\n7,Ann\n8,\"B \"\"Q\"\" C\"\n";
        let used = ["name".to_owned(), "id".to_owned()];
        let rows = DataRows::read("r.csv".as_ref(), csv, &used).unwrap();
        let planned = PlannedRows::uncounted(Arc::new(rows), RowUse::Cycle);
        let mut custom = endpoint(
            "PUT",
            "/{{row.id}}?n={{row.name}}",
            Some(r#"{"n":"{{row.name}}","i":{{row.id}}}"#),
        );
        custom.headers = vec![
            ("content-type".into(), Template::literal("application/json")),
            ("X-Name".into(), Template::parse(b"{{row.name}}").unwrap()),
        ];
        let encoder = encoder_of(&custom, Keepalive::Reuse, Some(planned.of_run()));
        let sent = text(encoder.bytes(3));
        assert!(
            sent.starts_with("PUT /api/8?n=B%20%22Q%22%20C HTTP/1.1\r\n"),
            "{sent}"
        );
        assert!(sent.contains("\r\nX-Name: B \"Q\" C\r\n"), "{sent}");
        assert!(
            sent.ends_with("\r\n\r\n{\"n\":\"B \\\"Q\\\" C\",\"i\":8}"),
            "{sent}"
        );
        assert!(text(encoder.bytes(0)).starts_with("PUT /api/7?n=Ann "));
    }

    #[test]
    fn one_connection_a_request_is_asked_for() {
        let encoder = encoder(&endpoint("GET", "/", None), Keepalive::PerRequest);
        assert!(text(encoder.bytes(0)).contains("connection: close\r\n"));
    }

    #[test]
    fn a_post_without_a_body_has_length_zero() {
        let encoder = encoder(&endpoint("POST", "/", None), Keepalive::Reuse);
        assert!(text(encoder.bytes(0)).contains("content-length: 0\r\n\r\n"));
    }

    #[test]
    fn the_users_own_headers_replace_ours() {
        let mut custom = endpoint("GET", "/", None);
        custom.headers = vec![
            ("Host".into(), Template::literal("a7.example")),
            ("User-Agent".into(), Template::literal("x")),
        ];
        let sent = text(encoder(&custom, Keepalive::Reuse).bytes(0));
        assert!(
            sent.contains("Host: a7.example\r\n")
                && !sent.contains("localhost")
                && !sent.contains("a7probe/")
        );
    }
}
