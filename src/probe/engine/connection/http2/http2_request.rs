//! A request as HTTP/2 has it: made of the one that HTTP/1.1 would send, so that both come from one encoder.

use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderName, HeaderValue, Method, Request, Uri, Version};

use crate::run::plan;

/// Most headers of a request.
const MAX_HEADERS: usize = 256;

/// The head and the body of a request.
#[derive(Debug, Clone)]
pub(crate) struct Http2Request {
    pub(super) head: Request<()>,
    pub(super) body: Option<Bytes>,
}

impl Http2Request {
    /// Reads what would be sent over HTTP/1.1: the `Host` becomes the authority, and names become lower case.
    ///
    /// # Errors
    /// Why HTTP/2 has no such request, in words.
    pub(crate) fn of(bytes: &[u8], scheme: plan::Scheme) -> Result<Http2Request, String> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut read = httparse::Request::new(&mut headers);
        let length = match read.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Err("its head is incomplete".to_owned()),
            Err(error) => return Err(error.to_string()),
        };
        let host = read
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("host"))
            .map_or(&b""[..], |header| header.value);
        let path = read.path.unwrap_or("/");
        let uri = Uri::builder()
            .scheme(match scheme {
                plan::Scheme::Http => Scheme::HTTP,
                plan::Scheme::Https => Scheme::HTTPS,
            })
            .authority(host)
            .path_and_query(path)
            .build()
            .map_err(|error| format!("{error} in its host or path"))?;
        let method = read.method.unwrap_or("GET");
        let mut head = Request::new(());
        *head.method_mut() = Method::from_bytes(method.as_bytes())
            .map_err(|_| format!("'{method}' is not a method"))?;
        *head.uri_mut() = uri;
        *head.version_mut() = Version::HTTP_2;
        for header in read.headers.iter() {
            if header.name.eq_ignore_ascii_case("host") {
                continue;
            }
            let name = HeaderName::from_bytes(header.name.as_bytes());
            let value = HeaderValue::from_bytes(header.value);
            match (name, value) {
                (Ok(name), Ok(value)) => head.headers_mut().append(name, value),
                _ => return Err(format!("the header {} is not valid", header.name)),
            };
        }
        let body = &bytes[length..];
        Ok(Http2Request {
            head,
            body: (!body.is_empty()).then(|| Bytes::copy_from_slice(body)),
        })
    }

    /// The path with its query.
    pub(crate) fn path(&self) -> &str {
        let path = self.head.uri().path_and_query();
        path.map_or("/", |path| path.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Http2Request;
    use crate::run::plan::Scheme;

    #[test]
    fn the_host_becomes_the_authority_and_names_become_lower_case() {
        let bytes = b"POST /a?b=c HTTP/1.1\r\nHost: a7.example:81\r\nX-A: 1\r\nx-a: 2\r\ncontent-length: 2\r\n\r\nok";
        let request = Http2Request::of(bytes, Scheme::Https).unwrap();
        let head = &request.head;
        assert_eq!(head.uri().to_string(), "https://a7.example:81/a?b=c");
        assert_eq!(request.path(), "/a?b=c");
        let values: Vec<_> = head.headers().get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert!(head.headers().get("host").is_none());
        assert_eq!(request.body.as_deref(), Some(&b"ok"[..]));
    }

    #[test]
    fn a_request_that_http_2_does_not_have_is_named() {
        for (bytes, words) in [
            (&b"GET /a HTTP/1.1\r\nHost: a b\r\n\r\n"[..], "host or path"),
            (b"GET /a HTTP/1.1\r\nHost: a\r\n", "incomplete"),
        ] {
            let error = Http2Request::of(bytes, Scheme::Http).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
