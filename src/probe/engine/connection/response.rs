//! HTTP/1.1 responses, byte by byte and without I/O: heads by httparse, bodies by their framing.

use std::mem::MaybeUninit;
use std::time::Duration;

use super::fields::{Fields, unfolded};
use super::foreign::{self, Foreign};

/// Longest head that is read, in bytes; interim (1xx) answers count anew.
pub(crate) const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Longest body that is read, in bytes.
pub(crate) const MAX_BODY_BYTES: u64 = 1 << 30;

/// Most headers a head may have.
const MAX_HEADERS: usize = 128;

/// Longest chunk-size line or trailer section, in bytes.
const MAX_CHUNK_LINE_BYTES: usize = 16 * 1024;

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResponseError {
    /// Not HTTP/1.x; the identified protocol.
    #[error("the answer is not HTTP/1.1: {0}")]
    NotHttp(String),
    /// It begins with frames of HTTP/2.
    #[error("the server speaks HTTP/2 only")]
    Http2,
    /// A line of the head has no colon, or a control character.
    #[error("the answer has a malformed header line {0}")]
    HeaderLine(String),
    /// It begins like a TLS record.
    #[error("the answer looks like TLS; is it https://?")]
    Tls,
    /// The head is longer than is read.
    #[error("the head of the answer is longer than {} KiB", MAX_HEAD_BYTES / 1024)]
    HeadTooLong,
    /// More headers than are read.
    #[error("the answer has more than {MAX_HEADERS} headers")]
    TooManyHeaders,
    /// Content-Length is no number, or there are several that differ.
    #[error("the answer's Content-Length is '{0}'")]
    ContentLength(String),
    /// A transfer coding that is unknown, or follows chunked.
    #[error("the answer's Transfer-Encoding '{0}' is not supported")]
    TransferEncoding(String),
    /// The server changed the protocol, which nobody asked for.
    #[error("the server switched protocols, which was not asked for")]
    Switched,
    /// The stream ended without a byte.
    #[error("the connection was closed without an answer")]
    Unanswered,
    /// The stream ended inside the head.
    #[error("the connection was closed before the answer was complete")]
    ClosedInHead,
    /// The stream ended inside the body.
    #[error("the connection was closed inside the body, after {0} bytes of it")]
    ClosedInBody(u64),
    /// The connection was reset inside the head.
    #[error("the connection was reset before the answer was complete")]
    ResetInHead,
    /// The connection was reset inside the body.
    #[error("the connection was reset inside the body, after {0} bytes of it")]
    ResetInBody(u64),
    /// A chunk's frame is wrong.
    #[error("the chunked body is malformed: {0}")]
    Chunk(&'static str),
    /// The body is longer than is read.
    #[error("the body is longer than {} MiB", MAX_BODY_BYTES / 1024 / 1024)]
    BodyTooLong,
}

/// What feeding bytes came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The answer goes on.
    More,
    /// The answer is complete; so many of the fed bytes belong to it.
    Done(usize),
}

/// Whether the answer to this request may have a body at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// A body as the head says.
    Body,
    /// None, whatever the head says: the request was HEAD.
    HeadOnly,
}

/// Reads one answer.
#[derive(Debug)]
pub(crate) struct ResponseParser {
    expect: Expect,
    state: State,
    /// The head so far, where it came in pieces.
    pending: Vec<u8>,
    status: Option<u16>,
    reusable: bool,
    body_bytes: u64,
    server_timing: Vec<(String, Duration)>,
    /// `None` where nobody asks for more than the measurement.
    kept: Option<Kept>,
}

/// What is kept of an answer for those who ask what it said.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The first [`MAX_KEPT_BYTES`] of the body.
    pub(crate) body: Vec<u8>,
    /// The `Location` header.
    pub(crate) location: Option<String>,
    /// Whether an `Idempotent-Replayed: true` header marks it as a replay.
    pub(crate) replayed: bool,
}

/// Longest part of a body that is kept, in bytes: an id comes early.
const MAX_KEPT_BYTES: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    ChunkSize {
        digits: u32,
        size: u64,
        /// Bytes of the line so far.
        line: usize,
        part: SizePart,
    },
    ChunkData(u64),
    ChunkEnd {
        seen_cr: bool,
    },
    Trailer {
        /// Bytes of the line so far, a carriage return at its end excepted.
        line: usize,
        seen_cr: bool,
        /// Bytes of all trailers so far.
        total: usize,
    },
    UntilClose,
    Done,
}

/// Where in a chunk's size line the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SizePart {
    Digits,
    Extension,
    /// After the carriage return: only the line feed may follow.
    End,
}

const CHUNK_START: State = State::ChunkSize {
    digits: 0,
    size: 0,
    line: 0,
    part: SizePart::Digits,
};

const TRAILERS_START: State = State::Trailer {
    line: 0,
    seen_cr: false,
    total: 0,
};

/// Hexadecimal digits of a chunk's size, leading zeros included; fewer than fill 64 bits.
const MAX_SIZE_DIGITS: u32 = 15;

impl ResponseParser {
    /// A parser for the answer to one request.
    pub(crate) fn new(expect: Expect) -> ResponseParser {
        ResponseParser {
            expect,
            state: State::Head,
            pending: Vec::new(),
            status: None,
            reusable: false,
            body_bytes: 0,
            server_timing: Vec::new(),
            kept: None,
        }
    }

    /// The same, keeping what the answer says.
    pub(crate) fn keeping(expect: Expect) -> ResponseParser {
        ResponseParser {
            kept: Some(Kept::default()),
            ..ResponseParser::new(expect)
        }
    }

    /// What was kept, if that was asked for.
    pub(crate) fn take_kept(&mut self) -> Option<Kept> {
        self.kept.take()
    }

    /// The final status, once its head is complete.
    pub(crate) fn status(&self) -> Option<u16> {
        self.status
    }

    /// Whether the connection may carry another request after this answer.
    pub(crate) fn reusable(&self) -> bool {
        self.reusable && self.state == State::Done
    }

    /// Bytes of the body so far, frames excluded.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// The `Server-Timing` metrics of the head that have a duration.
    pub(crate) fn take_server_timing(&mut self) -> Vec<(String, Duration)> {
        std::mem::take(&mut self.server_timing)
    }

    /// Takes the next bytes of the stream.
    pub(crate) fn feed(&mut self, input: &[u8]) -> Result<Progress, ResponseError> {
        let mut used = 0;
        while self.state != State::Done {
            if used == input.len() {
                return Ok(Progress::More);
            }
            used += self.step(&input[used..])?;
        }
        Ok(Progress::Done(used))
    }

    /// The stream ended: the answer is complete only where closing is what ends it.
    pub(crate) fn end_of_stream(&mut self) -> Result<(), ResponseError> {
        match self.state {
            State::UntilClose => self.state = State::Done,
            State::Done => {}
            State::Head => return Err(self.closed_in_head()),
            _ => return Err(ResponseError::ClosedInBody(self.body_bytes)),
        }
        Ok(())
    }

    /// Where a reset has cut the answer; `None` if it had not begun, or was complete.
    pub(crate) fn reset(&self) -> Option<ResponseError> {
        match self.state {
            State::Head if self.pending.is_empty() => None,
            State::Done => None,
            State::Head => Some(ResponseError::ResetInHead),
            _ => Some(ResponseError::ResetInBody(self.body_bytes)),
        }
    }

    /// The received bytes may show that the protocol is not HTTP, which explains more than the close does.
    fn closed_in_head(&mut self) -> ResponseError {
        let pending = std::mem::take(&mut self.pending);
        match foreign::judge_all(&pending) {
            _ if pending.is_empty() => ResponseError::Unanswered,
            Some(foreign) => foreign.into(),
            None => ResponseError::ClosedInHead,
        }
    }

    /// Consumes some of a non-empty input in the present state.
    /// Consumes some of a non-empty input in the present state.
    fn step(&mut self, input: &[u8]) -> Result<usize, ResponseError> {
        match self.state {
            State::Head => self.head(input),
            State::Length(left) => {
                let taken = self.body(input, left)?;
                self.state = after(left - taken as u64, State::Length, State::Done);
                Ok(taken)
            }
            State::ChunkSize { .. } => self.chunk_size(input[0]).map(|()| 1),
            State::ChunkData(left) => {
                let taken = self.body(input, left)?;
                self.state = after(
                    left - taken as u64,
                    State::ChunkData,
                    State::ChunkEnd { seen_cr: false },
                );
                Ok(taken)
            }
            State::ChunkEnd { seen_cr } => {
                self.state = match (input[0], seen_cr) {
                    (b'\r', false) => State::ChunkEnd { seen_cr: true },
                    (b'\n', _) => CHUNK_START,
                    _ => return Err(ResponseError::Chunk("a chunk is longer than its size says")),
                };
                Ok(1)
            }
            State::Trailer {
                line,
                seen_cr,
                total,
            } => self.trailer(input[0], line, seen_cr, total).map(|()| 1),
            State::UntilClose => self.body(input, u64::MAX),
            State::Done => Ok(0),
        }
    }

    fn body(&mut self, input: &[u8], left: u64) -> Result<usize, ResponseError> {
        let taken = left.min(input.len() as u64);
        self.body_bytes += taken;
        if self.body_bytes > MAX_BODY_BYTES {
            return Err(ResponseError::BodyTooLong);
        }
        if let Some(kept) = &mut self.kept {
            let room = MAX_KEPT_BYTES.saturating_sub(kept.body.len());
            kept.body
                .extend(input.iter().take(room.min(taken as usize)));
        }
        Ok(taken as usize)
    }

    /// Parses the head straight from the input; only a head that came in pieces is copied.
    fn head(&mut self, input: &[u8]) -> Result<usize, ResponseError> {
        if self.pending.is_empty() {
            if let Some(length) = self.parse_head(input)? {
                return Ok(length);
            }
            self.pending.extend_from_slice(input);
            return self.check_head_length(input.len());
        }
        let before = self.pending.len();
        self.pending.extend_from_slice(input);
        // Without a line end in the new bytes the head cannot be complete.
        if input.contains(&b'\n') || !foreign::begins_as_http(&self.pending) {
            let pending = std::mem::take(&mut self.pending);
            match self.parse_head(&pending)? {
                Some(length) => return Ok(length - before),
                None => self.pending = pending,
            }
        }
        self.check_head_length(input.len())
    }

    fn check_head_length(&self, taken: usize) -> Result<usize, ResponseError> {
        match self.pending.len() > MAX_HEAD_BYTES {
            true => Err(ResponseError::HeadTooLong),
            false => Ok(taken),
        }
    }

    /// Reads a head if it is complete, and decides how its body ends; its length in bytes.
    fn parse_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, ResponseError> {
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let strict = parser_config();
        let parsed = strict.parse_response_with_uninit_headers(&mut response, bytes, &mut headers);
        // A name with characters that none should have hides no other field.
        let odd_names = matches!(parsed, Err(httparse::Error::HeaderName));
        if odd_names && let Some(foreign) = foreign::judge(bytes) {
            return Err(foreign.into());
        }
        let parsed = match parsed {
            Err(httparse::Error::HeaderName) => {
                headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
                response = httparse::Response::new(&mut []);
                let mut lenient = parser_config();
                lenient.ignore_invalid_headers_in_responses(true);
                lenient.parse_response_with_uninit_headers(&mut response, bytes, &mut headers)
            }
            other => other,
        };
        let length = match parsed {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(ResponseError::TooManyHeaders),
            // More bytes may identify it.
            Err(_) => return foreign::judge(bytes).map_or(Ok(None), |foreign| Err(foreign.into())),
        };
        if length > MAX_HEAD_BYTES {
            return Err(ResponseError::HeadTooLong);
        }
        let status = response.code.unwrap_or(0);
        match status {
            101 => return Err(ResponseError::Switched),
            100..=199 => return Ok(Some(length)),
            200..=999 => {}
            _ => return Err(ResponseError::NotHttp(format!("its status is {status}"))),
        }
        let fields = Fields::read(response.headers)?;
        if let Some(kept) = &mut self.kept {
            kept.read(response.headers);
        }
        self.status = Some(status);
        self.reusable = fields.reusable(response.version);
        let bodiless = self.expect == Expect::HeadOnly || matches!(status, 204 | 304);
        self.state = match (bodiless, fields.chunked, fields.content_length) {
            (true, _, _) => State::Done,
            (_, true, _) => CHUNK_START,
            _ if fields.until_close => State::UntilClose,
            (_, _, Some(0)) => State::Done,
            (_, _, Some(length)) if length > MAX_BODY_BYTES => {
                return Err(ResponseError::BodyTooLong);
            }
            (_, _, Some(length)) => State::Length(length),
            (_, _, None) => State::UntilClose,
        };
        if self.state == State::UntilClose {
            self.reusable = false;
        }
        self.server_timing = fields.server_timing;
        Ok(Some(length))
    }

    fn chunk_size(&mut self, byte: u8) -> Result<(), ResponseError> {
        let State::ChunkSize {
            mut digits,
            mut size,
            line,
            part,
        } = self.state
        else {
            return Ok(());
        };
        if line >= MAX_CHUNK_LINE_BYTES {
            return Err(ResponseError::Chunk("a chunk's size line is too long"));
        }
        let part = match (byte, part) {
            (b'\n', _) => {
                self.state = match (digits, size) {
                    (0, _) => return Err(ResponseError::Chunk("a chunk has no size")),
                    (_, 0) => TRAILERS_START,
                    (_, size) => State::ChunkData(size),
                };
                return Ok(());
            }
            (_, SizePart::End) => {
                return Err(ResponseError::Chunk(
                    "a chunk's size line has a stray return",
                ));
            }
            (b'\r', _) => SizePart::End,
            (_, SizePart::Extension) | (b';' | b' ' | b'\t', _) => SizePart::Extension,
            (_, SizePart::Digits) => {
                let digit = (byte as char)
                    .to_digit(16)
                    .ok_or(ResponseError::Chunk("a chunk's size is no number"))?;
                if digits >= MAX_SIZE_DIGITS {
                    return Err(ResponseError::Chunk("a chunk's size is too large"));
                }
                digits += 1;
                size = size * 16 + u64::from(digit);
                SizePart::Digits
            }
        };
        self.state = State::ChunkSize {
            digits,
            size,
            line: line + 1,
            part,
        };
        Ok(())
    }

    fn trailer(
        &mut self,
        byte: u8,
        line: usize,
        seen_cr: bool,
        total: usize,
    ) -> Result<(), ResponseError> {
        if total >= MAX_CHUNK_LINE_BYTES {
            return Err(ResponseError::Chunk("the trailers are too long"));
        }
        let total = total + 1;
        self.state = match (byte, seen_cr) {
            (b'\n', _) if line == 0 => State::Done,
            (b'\n', _) => State::Trailer {
                line: 0,
                seen_cr: false,
                total,
            },
            (_, true) => return Err(ResponseError::Chunk("a trailer has a stray return")),
            (b'\r', _) => State::Trailer {
                line,
                seen_cr: true,
                total,
            },
            _ => State::Trailer {
                line: line + 1,
                seen_cr,
                total,
            },
        };
        Ok(())
    }
}

impl From<Foreign> for ResponseError {
    fn from(foreign: Foreign) -> ResponseError {
        match foreign {
            Foreign::Tls => ResponseError::Tls,
            Foreign::Http2 => ResponseError::Http2,
            Foreign::Other(what) => ResponseError::NotHttp(what),
            Foreign::HeaderLine(line) => ResponseError::HeaderLine(line),
        }
    }
}

/// Folded lines and spaces before a colon are read as RFC 9112 §5 requires of a recipient.
fn parser_config() -> httparse::ParserConfig {
    let mut config = httparse::ParserConfig::default();
    config
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .allow_multiple_spaces_in_response_status_delimiters(true);
    config
}

impl Kept {
    fn read(&mut self, headers: &[httparse::Header<'_>]) {
        for header in headers {
            if header.name.eq_ignore_ascii_case("location") {
                let location = std::str::from_utf8(header.value).ok();
                self.location = location.map(|text| unfolded(text.as_bytes()).into_owned());
            } else if header.name.eq_ignore_ascii_case("idempotent-replayed") {
                self.replayed = header.value.eq_ignore_ascii_case(b"true");
            }
        }
    }
}

/// The state for what is left, or the one that follows when nothing is.
fn after(left: u64, more: fn(u64) -> State, next: State) -> State {
    if left > 0 { more(left) } else { next }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::{Expect, Progress, ResponseError, ResponseParser};

    type Read = Result<(Option<u16>, u64, usize, bool), ResponseError>;

    /// Status, body bytes, bytes used, reusable; the input given in pieces of this size.
    fn read(expect: Expect, bytes: &[u8], piece: usize) -> Read {
        let mut parser = ResponseParser::new(expect);
        let mut used = 0;
        for part in bytes.chunks(piece) {
            match parser.feed(part)? {
                Progress::More => used += part.len(),
                Progress::Done(n) => {
                    return Ok((
                        parser.status(),
                        parser.body_bytes(),
                        used + n,
                        parser.reusable(),
                    ));
                }
            }
        }
        parser.end_of_stream()?;
        Ok((
            parser.status(),
            parser.body_bytes(),
            used,
            parser.reusable(),
        ))
    }

    /// The same answer however the bytes are split.
    fn read_any(bytes: &[u8]) -> Read {
        let whole = read(Expect::Body, bytes, bytes.len().max(1));
        for piece in [1, 2, 3, 7, 64] {
            assert_eq!(read(Expect::Body, bytes, piece), whole, "pieces of {piece}");
        }
        whole
    }

    #[test]
    fn a_content_length_ends_the_body_and_leaves_surplus_bytes() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1";
        assert_eq!(read_any(bytes), Ok((Some(200), 5, bytes.len() - 8, true)));
    }

    #[test]
    fn chunks_with_extensions_and_trailers_are_read_to_their_end() {
        let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\nhello\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n";
        assert_eq!(read_any(bytes), Ok((Some(200), 15, bytes.len(), true)));
    }

    #[test]
    fn closing_ends_a_body_without_length_and_the_connection() {
        assert_eq!(
            read_any(b"HTTP/1.1 200 OK\r\n\r\nabc"),
            Ok((Some(200), 3, 22, false))
        );
    }

    #[test]
    fn interim_answers_are_passed_over() {
        let bytes = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(read_any(bytes), Ok((Some(202), 0, bytes.len(), true)));
    }

    #[test]
    fn answers_without_a_body_end_with_their_head() {
        for status in ["204 No Content", "304 Not Modified"] {
            let bytes = format!("HTTP/1.1 {status}\r\nContent-Length: 9\r\n\r\n");
            assert!(matches!(read_any(bytes.as_bytes()), Ok((_, 0, _, true))));
        }
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
        assert_eq!(
            read(Expect::HeadOnly, head, 50),
            Ok((Some(200), 0, head.len(), true))
        );
    }

    #[test]
    fn connection_close_and_http_1_0_are_not_reused_unless_they_say_so() {
        let answer = |start: &str, connection: &str| {
            let text = format!("{start} 200 OK\r\nContent-Length: 0\r\n{connection}\r\n");
            read_any(text.as_bytes()).unwrap().3
        };
        assert!(!answer("HTTP/1.1", "Connection: Close\r\n"));
        assert!(!answer("HTTP/1.0", ""));
        assert!(answer("HTTP/1.0", "Connection: keep-alive\r\n"));
    }

    #[test]
    fn broken_answers_are_named() {
        for (bytes, error) in [
            (&b"SSH-2.0-OpenSSH\r\n"[..], "not HTTP/1.1"),
            (b"\x15\x03\x03\0\x02\x02\x46", "https://"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
                "Content-Length",
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
                "Content-Length",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: rot13\r\n\r\n",
                "'rot13' is not supported",
            ),
            (
                b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
                "switched protocols",
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
                "inside the body, after 3 bytes",
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-",
                "before the answer was complete",
            ),
            (b"", "closed without an answer"),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
                "no number",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
                "longer than its size",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
                "too large",
            ),
        ] {
            let message = read_any(bytes).unwrap_err().to_string();
            assert!(message.contains(error), "{message}");
        }
    }

    /// What intermediaries disagree about is refused, or at least nothing follows it on the connection.
    #[test]
    fn ambiguous_framing_is_refused_or_ends_the_connection() {
        for (bytes, error) in [
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
                "Transfer-Encoding 'chunked, gzip' is not supported",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n",
                "Transfer-Encoding 'xchunked' is not supported",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n",
                "Content-Length",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
                "Content-Length",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n",
                "Content-Length",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
                "Content-Length",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
                "longer than 1024 MiB",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r0\r\n",
                "stray return",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\n",
                "no number",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\r\n",
                "stray return",
            ),
        ] {
            let message = read_any(bytes.as_bytes()).unwrap_err().to_string();
            assert!(message.contains(error), "{bytes:?}: {message}");
        }
        for (version, content_length) in [("1.1", "Content-Length: 3\r\n"), ("1.0", "")] {
            let bytes = format!(
                "HTTP/{version} 200 OK\r\nConnection: keep-alive\r\n{content_length}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
            );
            let read = read_any(bytes.as_bytes());
            assert_eq!(read, Ok((Some(200), 2, bytes.len(), false)), "{bytes:?}");
        }
    }

    #[test]
    fn folded_lines_are_one_value() {
        for fold in ["\r\n ", "\n\t", " \r\n   \r\n "] {
            let bytes = format!(
                "HTTP/1.1 200 OK\r\nX: a{fold}b\r\nContent-Length:{fold}2\r\nConnection: x,{fold}close\r\n\r\nok"
            );
            let read = read_any(bytes.as_bytes());
            assert_eq!(read, Ok((Some(200), 2, bytes.len(), false)), "{bytes:?}");
        }
    }

    #[test]
    fn transfer_codings_are_read_as_far_as_they_frame() {
        let answer = |headers: &str, body: &str| {
            let bytes = format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}");
            (read_any(bytes.as_bytes()), bytes.len())
        };
        let chunked = "2\r\nok\r\n0\r\n\r\n";
        for (headers, body, reusable) in [
            (
                "Transfer-Encoding: identity\r\nContent-Length: 2\r\n",
                "ok",
                true,
            ),
            ("Transfer-Encoding: Identity\r\n", "ok", false),
            ("Transfer-Encoding: gzip\r\n", "ok", false),
            (
                "Transfer-Encoding: gzip\r\nContent-Length: 9\r\n",
                "ok",
                false,
            ),
            ("Transfer-Encoding: gzip, chunked\r\n", chunked, true),
            ("Transfer-Encoding: identity, Chunked\r\n", chunked, true),
            (
                "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
                chunked,
                true,
            ),
            ("Transfer-Encoding: \r\n chunked\r\n", chunked, true),
        ] {
            let (read, length) = answer(headers, body);
            assert_eq!(read, Ok((Some(200), 2, length, reusable)), "{headers:?}");
        }
    }

    #[test]
    fn odd_header_lines_are_passed_over_and_malformed_ones_are_shown() {
        let head = |line: &str| format!("HTTP/1.1 200 OK\r\n{line}\r\nContent-Length: 2\r\n\r\nok");
        for line in [
            "X(y): z",
            "X Y: z",
            "X[0]: 1",
            "Content-Length : 2",
            "X: \u{e9}",
            ": empty",
        ] {
            let bytes = head(line);
            let read = read_any(bytes.as_bytes());
            assert_eq!(read, Ok((Some(200), 2, bytes.len(), true)), "{line}");
        }
        for (line, shown) in [
            ("no colon", "malformed header line 'no colon'"),
            ("X: a\0b", "malformed header line 'X: a\\0b'"),
            ("Content-Length\u{b}: 9", "malformed header line"),
        ] {
            let message = read_any(head(line).as_bytes()).unwrap_err().to_string();
            assert!(message.contains(shown), "{message}");
        }
    }

    #[test]
    fn status_lines_are_read_or_shown() {
        for start in [
            "HTTP/1.1 200",
            "HTTP/1.1 200 ",
            "HTTP/1.1  200 OK",
            "HTTP/1.1 200 \u{e9}t\u{e9}",
        ] {
            let bytes = format!("{start}\r\nContent-Length: 2\r\n\r\nok");
            let read = read_any(bytes.as_bytes());
            assert_eq!(read, Ok((Some(200), 2, bytes.len(), true)), "{start}");
        }
        for start in [
            "http/1.1 200 OK",
            "HTTP/2.0 200 OK",
            "HTTP/1.1 2000 OK",
            "ICY 200 OK",
        ] {
            let bytes = format!("{start}\r\n\r\n");
            let message = read_any(bytes.as_bytes()).unwrap_err().to_string();
            assert!(
                message.contains(&format!("not HTTP/1.1: '{start}'")),
                "{message}"
            );
        }
        let frames = b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80";
        assert_eq!(read_any(frames), Err(ResponseError::Http2));
    }

    #[test]
    fn bare_line_feeds_end_lines() {
        let bytes = b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n";
        assert_eq!(read_any(bytes), Ok((Some(200), 2, bytes.len(), true)));
    }

    #[test]
    fn a_reset_is_named_by_where_the_answer_was() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        for (bytes, expected) in [
            (String::new(), None),
            ("HTTP/1.1 2".to_owned(), Some(ResponseError::ResetInHead)),
            (head.to_owned(), Some(ResponseError::ResetInBody(0))),
            (format!("{head}abc"), Some(ResponseError::ResetInBody(3))),
            (format!("{head}abcde"), None),
        ] {
            let mut parser = ResponseParser::new(Expect::Body);
            if !bytes.is_empty() {
                parser.feed(bytes.as_bytes()).unwrap();
            }
            assert_eq!(parser.reset(), expected, "{bytes}");
        }
    }

    #[test]
    fn endless_heads_are_cut() {
        let mut long = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
        long.resize(1_000_000, b'x');
        assert_eq!(
            read(Expect::Body, &long, 4096),
            Err(ResponseError::HeadTooLong)
        );
        let mut many = b"HTTP/1.1 200 OK\r\n".to_vec();
        (0..200).for_each(|i| many.extend_from_slice(format!("X{i}: y\r\n").as_bytes()));
        assert_eq!(
            read(Expect::Body, &many, 4096),
            Err(ResponseError::TooManyHeaders)
        );
    }

    #[test]
    fn server_timing_durations_are_read() {
        let mut parser = ResponseParser::new(Expect::Body);
        parser
            .feed(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nServer-Timing: commit;dur=1.5, cache;desc=\"hit\", total;desc=x;dur=20\r\n\r\n")
            .unwrap();
        let expected = [
            ("commit".to_owned(), Duration::from_micros(1500)),
            ("total".to_owned(), Duration::from_millis(20)),
        ];
        assert_eq!(parser.take_server_timing(), expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_bytes_make_it_panic_and_splitting_never_matters(
            head in 0..4usize,
            tail in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let heads: [&[u8]; 4] = [
                b"",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n",
                b"HTTP/1.1 200 OK\r\n",
            ];
            let bytes = [heads[head], &tail].concat();
            let _ = read_any(&bytes);
        }

        #[test]
        fn chunked_bodies_of_any_cut_have_their_length(sizes in proptest::collection::vec(1..400usize, 0..20), piece in 1..500usize) {
            let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for &size in &sizes {
                bytes.extend_from_slice(format!("{size:x}\r\n{}\r\n", "z".repeat(size)).as_bytes());
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
            let total: usize = sizes.iter().sum();
            assert_eq!(read(Expect::Body, &bytes, piece), Ok((Some(200), total as u64, bytes.len(), true)));
        }
    }
}
