//! What to read of an answer, and what is kept of it beyond its measurement.

use super::framing_fields::unfolded;
use crate::run::plan::ExpectedBody;

/// Longest part of a body that is kept, in bytes: an id comes early.
const MAX_KEPT_BYTES: usize = 64 * 1024;

/// What to read of the answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResponseOptions<'a> {
    pub(crate) expect: Expect,
    pub(crate) keep: Keep,
    /// What its body must hold.
    pub(crate) search: Option<&'a ExpectedBody>,
}

/// Whether the answer to this request may have a body at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// A body as the head says.
    Body,
    /// None, whatever the head says: the request was HEAD.
    HeadOnly,
}

/// What to keep of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Nothing,
    /// Where a redirect leads.
    Location,
    Content,
}

/// What is kept of an answer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct RetainedContent {
    /// The first [`MAX_KEPT_BYTES`] of the body.
    pub(crate) body: Vec<u8>,
    /// The `Location` header.
    pub(crate) location: Option<String>,
    /// Whether an `Idempotent-Replayed: true` header marks it as a replay.
    pub(crate) replayed: bool,
}

impl RetainedContent {
    /// Takes the next bytes of the body, as far as there is room.
    pub(super) fn add_body(&mut self, bytes: &[u8]) {
        let room = MAX_KEPT_BYTES.saturating_sub(self.body.len());
        self.body.extend(bytes.iter().take(room));
    }

    pub(super) fn read_fields(&mut self, headers: &[httparse::Header<'_>]) {
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
