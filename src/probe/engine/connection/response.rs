//! HTTP/1.1 responses, byte by byte and without I/O: heads by httparse, bodies by their framing.

use std::mem::MaybeUninit;
use std::time::Duration;

use super::body_search::BodySearch;
use super::chunks::Chunks;
use super::foreign_protocol;
use super::framing_fields::FramingFields;
use super::response_error::{MAX_BODY_BYTES, MAX_HEAD_BYTES, MAX_HEADERS, ResponseError};
use super::response_options::{Expect, Keep, ResponseOptions, RetainedContent};
use crate::run::plan::BodyFault;

/// What feeding bytes came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParseProgress {
    /// The answer continues.
    More,
    /// The answer is complete; the number of fed bytes that belong to it.
    Done(usize),
}

/// Reads one answer.
#[derive(Debug)]
pub(crate) struct ResponseParser<'a> {
    expect: Expect,
    state: ParseState,
    /// The received part of the head, where it came in pieces.
    pending: Vec<u8>,
    status: Option<u16>,
    reusable: bool,
    body_bytes: u64,
    server_timing: Vec<(String, Duration)>,
    keep: Keep,
    /// `None` where only the measurement is wanted.
    kept: Option<RetainedContent>,
    /// `None` where any body will do.
    search: Option<BodySearch<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ParseState {
    Head,
    /// Bytes of the body that are left.
    Length(u64),
    Chunked(Chunks),
    UntilClose,
    Done,
}

impl<'a> ResponseParser<'a> {
    /// A parser for the answer to one request.
    pub(crate) fn new(options: ResponseOptions<'a>) -> ResponseParser<'a> {
        ResponseParser {
            expect: options.expect,
            state: ParseState::Head,
            pending: Vec::new(),
            status: None,
            reusable: false,
            body_bytes: 0,
            server_timing: Vec::new(),
            keep: options.keep,
            kept: (options.keep != Keep::Nothing).then(RetainedContent::default),
            search: options.search.map(BodySearch::new),
        }
    }

    /// The retained part, if the caller wants one.
    pub(crate) fn take_kept(&mut self) -> Option<RetainedContent> {
        self.kept.take()
    }

    /// What is wrong with the body of a complete answer, if that was asked for.
    pub(crate) fn take_body_fault(&mut self) -> Option<BodyFault> {
        self.search.take()?.fault()
    }

    /// The final status, once its head is complete.
    pub(crate) fn status(&self) -> Option<u16> {
        self.status
    }

    /// Whether the connection may carry another request after this answer.
    pub(crate) fn reusable(&self) -> bool {
        self.reusable && self.state == ParseState::Done
    }

    /// Received bytes of the body, without frames.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// The `Server-Timing` metrics of the head that have a duration.
    pub(crate) fn take_server_timing(&mut self) -> Vec<(String, Duration)> {
        std::mem::take(&mut self.server_timing)
    }

    /// Takes the next bytes of the stream.
    pub(crate) fn feed(&mut self, input: &[u8]) -> Result<ParseProgress, ResponseError> {
        let mut used = 0;
        while self.state != ParseState::Done {
            if used == input.len() {
                return Ok(ParseProgress::More);
            }
            used += self.step(&input[used..])?;
        }
        Ok(ParseProgress::Done(used))
    }

    /// The stream ended: the answer is complete only where closing is what ends it.
    pub(crate) fn end_of_stream(&mut self) -> Result<(), ResponseError> {
        match self.state {
            ParseState::UntilClose => self.state = ParseState::Done,
            ParseState::Done => {}
            ParseState::Head => return Err(self.closed_in_head()),
            _ => return Err(ResponseError::ClosedInBody(self.body_bytes)),
        }
        Ok(())
    }

    /// Where a reset has cut the answer; `None` if it had not begun, or was complete.
    pub(crate) fn reset(&self) -> Option<ResponseError> {
        match self.state {
            ParseState::Head if self.pending.is_empty() => None,
            ParseState::Done => None,
            ParseState::Head => Some(ResponseError::ResetInHead),
            _ => Some(ResponseError::ResetInBody(self.body_bytes)),
        }
    }

    /// The received bytes may show that the protocol is not HTTP, which explains more than the close does.
    fn closed_in_head(&mut self) -> ResponseError {
        let pending = std::mem::take(&mut self.pending);
        match foreign_protocol::judge_all(&pending) {
            _ if pending.is_empty() => ResponseError::Unanswered,
            Some(foreign) => foreign.into(),
            None => ResponseError::ClosedInHead,
        }
    }

    /// Consumes some of a non-empty input in the present state.
    fn step(&mut self, input: &[u8]) -> Result<usize, ResponseError> {
        match self.state {
            ParseState::Head => self.head(input),
            ParseState::Length(left) => {
                let taken = self.body(input, left)?;
                self.state = match left - taken as u64 {
                    0 => ParseState::Done,
                    left => ParseState::Length(left),
                };
                Ok(taken)
            }
            ParseState::Chunked(Chunks::Data(left)) => {
                let taken = self.body(input, left)?;
                self.state = ParseState::Chunked(Chunks::data(left - taken as u64));
                Ok(taken)
            }
            ParseState::Chunked(framing) => {
                self.state = framing
                    .next(input[0])?
                    .map_or(ParseState::Done, ParseState::Chunked);
                Ok(1)
            }
            ParseState::UntilClose => self.body(input, u64::MAX),
            ParseState::Done => Ok(0),
        }
    }

    fn body(&mut self, input: &[u8], left: u64) -> Result<usize, ResponseError> {
        let taken = left.min(input.len() as u64);
        self.body_bytes += taken;
        if self.body_bytes > MAX_BODY_BYTES {
            return Err(ResponseError::BodyTooLong);
        }
        if self.keep == Keep::Content
            && let Some(kept) = &mut self.kept
        {
            kept.add_body(&input[..taken as usize]);
        }
        if let Some(search) = &mut self.search {
            search.add(&input[..taken as usize]);
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
        if input.contains(&b'\n') || !foreign_protocol::begins_as_http(&self.pending) {
            let pending = std::mem::take(&mut self.pending);
            match self.parse_head(&pending)? {
                Some(length) => return Ok(length - before),
                None => self.pending = pending,
            }
        }
        self.check_head_length(input.len())
    }

    fn check_head_length(&self, taken: usize) -> Result<usize, ResponseError> {
        if self.pending.len() > MAX_HEAD_BYTES {
            return Err(ResponseError::HeadTooLong);
        }
        Ok(taken)
    }

    /// Reads a head if it is complete, and decides how its body ends; its length in bytes.
    fn parse_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, ResponseError> {
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let strict = parser_config();
        let parsed = strict.parse_response_with_uninit_headers(&mut response, bytes, &mut headers);
        // A name with characters that none should have hides no other field.
        let odd_names = matches!(parsed, Err(httparse::Error::HeaderName));
        if odd_names && let Some(foreign) = foreign_protocol::judge(bytes) {
            return Err(foreign.into());
        }
        let parsed = if odd_names {
            headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
            response = httparse::Response::new(&mut []);
            let mut lenient = parser_config();
            lenient.ignore_invalid_headers_in_responses(true);
            lenient.parse_response_with_uninit_headers(&mut response, bytes, &mut headers)
        } else {
            parsed
        };
        match parsed {
            Ok(httparse::Status::Complete(length)) if length > MAX_HEAD_BYTES => {
                Err(ResponseError::HeadTooLong)
            }
            Ok(httparse::Status::Complete(length)) => {
                self.take_head(&response)?;
                Ok(Some(length))
            }
            Ok(httparse::Status::Partial) => Ok(None),
            Err(httparse::Error::TooManyHeaders) => Err(ResponseError::TooManyHeaders),
            // More bytes may identify it.
            Err(_) => {
                foreign_protocol::judge(bytes).map_or(Ok(None), |foreign| Err(foreign.into()))
            }
        }
    }

    /// Takes a complete head. The final one decides how the body ends.
    fn take_head(&mut self, head: &httparse::Response<'_, '_>) -> Result<(), ResponseError> {
        let status = head.code.unwrap_or(0);
        match status {
            101 => return Err(ResponseError::Switched),
            100..=199 => return Ok(()),
            200..=999 => {}
            _ => return Err(ResponseError::NotHttp(format!("its status is {status}"))),
        }
        let fields = FramingFields::read(head.headers)?;
        if let Some(kept) = &mut self.kept {
            kept.read_fields(head.headers);
        }
        if let Some(search) = &mut self.search {
            search.read_fields(head.headers);
        }
        self.status = Some(status);
        let bodiless = self.expect == Expect::HeadOnly || matches!(status, 204 | 304);
        self.state = body_state(bodiless, &fields)?;
        self.reusable = fields.reusable(head.version) && self.state != ParseState::UntilClose;
        self.server_timing = fields.server_timing;
        Ok(())
    }
}

fn body_state(bodiless: bool, fields: &FramingFields) -> Result<ParseState, ResponseError> {
    Ok(match fields.content_length {
        _ if bodiless => ParseState::Done,
        _ if fields.chunked => ParseState::Chunked(Chunks::START),
        _ if fields.until_close => ParseState::UntilClose,
        None => ParseState::UntilClose,
        Some(0) => ParseState::Done,
        Some(length) if length > MAX_BODY_BYTES => return Err(ResponseError::BodyTooLong),
        Some(length) => ParseState::Length(length),
    })
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

#[cfg(test)]
mod tests;
