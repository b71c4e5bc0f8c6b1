//! Request ids and trace context, as headers carry them.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::app::Core;
use crate::trace::Trace;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// Longest request id that is taken, in bytes.
const REQUEST_ID_BYTES: usize = 128;

/// The caller's id for the request if it is short and printable, else a new one.
pub(super) fn request_id(core: &Core, headers: &HeaderMap) -> HeaderValue {
    let taken = headers.get(REQUEST_ID).filter(|id| {
        (1..=REQUEST_ID_BYTES).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    taken.cloned().unwrap_or_else(|| {
        HeaderValue::try_from(core.next_request_id())
            .expect("hexadecimal digits are a header value")
    })
}

/// The caller's place in its trace; `None` if there is none, or more than one, or if it cannot be read.
pub(super) fn trace(headers: &HeaderMap) -> Option<Trace> {
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let parent = Trace::parse(parents.next()?.to_str().ok()?)?;
    if parents.next().is_some() {
        return None;
    }
    let states: Result<Vec<&str>, _> = headers
        .get_all(TRACESTATE)
        .iter()
        .map(HeaderValue::to_str)
        .collect();
    Some(parent.with_state(states.ok().map(|states| states.join(","))))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::trace;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().expect("a header value"));
        }
        headers
    }

    #[test]
    fn states_in_several_headers_are_one() {
        let fields = [
            ("traceparent", PARENT),
            ("tracestate", "a=1"),
            ("tracestate", "b=2"),
        ];
        let trace = trace(&headers(&fields)).expect("a trace");
        assert_eq!(trace.tracestate(), Some("a=1,b=2"));
    }

    #[test]
    fn two_parents_are_none() {
        let fields = [("traceparent", PARENT), ("traceparent", PARENT)];
        assert_eq!(trace(&headers(&fields)), None);
        assert_eq!(trace(&headers(&[("tracestate", "a=1")])), None);
    }
}
