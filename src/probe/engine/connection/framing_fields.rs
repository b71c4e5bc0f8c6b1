//! The header fields of an answer that decide how its body ends and whether the connection can be reused.

use std::borrow::Cow;
use std::time::Duration;

use super::response_error::ResponseError;

/// Transfer codings that change the bytes of a body and not its end. They are not decoded.
const CODINGS: [&str; 8] = [
    "gzip",
    "x-gzip",
    "deflate",
    "compress",
    "x-compress",
    "br",
    "zstd",
    "identity",
];

/// The header fields that decide framing and reuse.
#[derive(Default)]
pub(super) struct FramingFields {
    pub(super) content_length: Option<u64>,
    pub(super) chunked: bool,
    /// A transfer coding without chunked: the end of the connection ends the body (RFC 9112 §6.3).
    pub(super) until_close: bool,
    close: bool,
    keep_alive: bool,
    pub(super) server_timing: Vec<(String, Duration)>,
}

impl FramingFields {
    pub(super) fn read(headers: &[httparse::Header<'_>]) -> Result<FramingFields, ResponseError> {
        let mut fields = FramingFields::default();
        for header in headers {
            let name = header.name;
            if name.eq_ignore_ascii_case("content-length") {
                fields.content_length(header.value)?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                fields.transfer_encoding(header.value)?;
            } else if name.eq_ignore_ascii_case("connection") {
                fields.connection(header.value);
            } else if name.eq_ignore_ascii_case("server-timing") {
                fields.server_timing.extend(server_timing(header.value));
            }
        }
        Ok(fields)
    }

    /// Whether the connection can be reused. An answer with both framings, or with chunks in HTTP/1.0, is read as
    /// chunked. The bytes after it cannot be trusted to be another answer (RFC 9112 §6.1 and §6.3).
    pub(super) fn reusable(&self, version: Option<u8>) -> bool {
        let http_1_1 = version == Some(1);
        let sound = !self.chunked || (http_1_1 && self.content_length.is_none());
        sound && !self.close && (http_1_1 || self.keep_alive)
    }

    /// Several values are allowed only if they are the same (RFC 9112 §6.3).
    fn content_length(&mut self, value: &[u8]) -> Result<(), ResponseError> {
        let text = unfolded(value);
        let wrong = || ResponseError::ContentLength(text.to_string());
        for part in text.split(',') {
            let part = part.trim();
            if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(wrong());
            }
            let length: u64 = part.parse().map_err(|_| wrong())?;
            if let Some(other) = self.content_length.filter(|other| *other != length) {
                return Err(ResponseError::ContentLength(format!("{other}, {length}")));
            }
            self.content_length = Some(length);
        }
        Ok(())
    }

    /// The codings of several fields are one list.
    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), ResponseError> {
        let text = unfolded(value);
        let codings = { text.split(',') }
            .map(str::trim)
            .filter(|coding| !coding.is_empty());
        for coding in codings {
            let known = || {
                CODINGS
                    .iter()
                    .any(|known| coding.eq_ignore_ascii_case(known))
            };
            if coding.eq_ignore_ascii_case("chunked") {
                (self.chunked, self.until_close) = (true, false);
            } else if coding.eq_ignore_ascii_case("identity") {
                // `identity` means no coding.
            } else if known() && !self.chunked {
                self.until_close = true;
            } else {
                return Err(ResponseError::TransferEncoding(text.to_string()));
            }
        }
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        for token in unfolded(value).split(',') {
            self.close |= token.trim().eq_ignore_ascii_case("close");
            self.keep_alive |= token.trim().eq_ignore_ascii_case("keep-alive");
        }
    }
}

/// A value as text; where it was folded over several lines, each fold is one space (RFC 9112 §5.2).
pub(super) fn unfolded(value: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(value);
    if !text.contains('\n') {
        return text;
    }
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    Cow::Owned(lines.join(" ").trim().to_owned())
}

/// `db;dur=12.3;desc="x", total;dur=20` → names with their milliseconds; metrics without one are left out.
pub(super) fn server_timing(value: &[u8]) -> Vec<(String, Duration)> {
    let text = unfolded(value);
    let metric = |entry: &str| {
        let mut parts = entry.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?.to_owned();
        let milliseconds: f64 = parts
            .filter_map(|part| part.split_once('='))
            .find(|(key, _)| key.trim().eq_ignore_ascii_case("dur"))
            .and_then(|(_, value)| value.trim().trim_matches('"').parse().ok())?;
        (0.0..1e9)
            .contains(&milliseconds)
            .then(|| (name, Duration::from_secs_f64(milliseconds / 1e3)))
    };
    text.split(',').filter_map(metric).collect()
}
