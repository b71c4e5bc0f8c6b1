//! Frames of AMQP 0-9-1 on their way to lapin, whose parser is recursive for tables in tables: a message of a few
//! thousand bytes could overflow its thread's stack and end the process, again after every start. Headers that are
//! nested too deep are left out. The message is then read as one without headers and becomes a dead letter.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Tables and arrays inside each other; Celery's headers have three.
const LEVELS: usize = 64;
/// The longest content header. A broker's frames have 128 KiB by default.
const LONGEST_HEADER: usize = 1 << 20;
/// Type, channel and size in front of a frame.
const FRONT: usize = 7;
/// The byte behind a frame.
const END: u8 = 0xce;
const CONTENT_HEADER: u8 = 2;
/// Class, weight and size of the body, in front of the properties.
const FLAGS_AT: usize = 12;
const HAS_CONTENT_TYPE: u16 = 1 << 15;
const HAS_CONTENT_ENCODING: u16 = 1 << 14;
const HAS_HEADERS: u16 = 1 << 13;

/// Carries frames until the broker ends.
pub(super) async fn frames(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let mut front = [0; FRONT];
        from.read_exact(&mut front).await?;
        let size = u32::from_be_bytes([front[3], front[4], front[5], front[6]]) as usize;
        if front[0] != CONTENT_HEADER {
            to.write_all(&front).await?;
            pass(from, to, size + 1, &mut buffer).await?;
            continue;
        }
        if size > LONGEST_HEADER {
            return Err(io::Error::other("a content header of more than 1 MiB"));
        }
        let mut header = vec![0; size + 1];
        from.read_exact(&mut header).await?;
        header.pop();
        if let Some(without) = without_deep_headers(&header) {
            header = without;
        }
        to.write_all(&front[..3]).await?;
        to.write_all(&(header.len() as u32).to_be_bytes()).await?;
        header.push(END);
        to.write_all(&header).await?;
    }
}

/// Copies this many bytes.
async fn pass(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut left: usize,
    buffer: &mut [u8],
) -> io::Result<()> {
    while left > 0 {
        let most = left.min(buffer.len());
        let count = from.read(&mut buffer[..most]).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all(&buffer[..count]).await?;
        left -= count;
    }
    Ok(())
}

/// The content header without its headers; `None` if they may stay, or if the header cannot be read.
fn without_deep_headers(header: &[u8]) -> Option<Vec<u8>> {
    let flags = u16::from_be_bytes(header.get(FLAGS_AT..FLAGS_AT + 2)?.try_into().ok()?);
    if flags & HAS_HEADERS == 0 {
        return None;
    }
    let mut at = FLAGS_AT + 2;
    for property in [HAS_CONTENT_TYPE, HAS_CONTENT_ENCODING] {
        if flags & property != 0 {
            at += 1 + usize::from(*header.get(at)?);
        }
    }
    let (table, end) = long(header, at)?;
    if !is_deep(&header[table..end]) {
        return None;
    }
    let flags = (flags & !HAS_HEADERS).to_be_bytes();
    let (front, between, rest) = (
        &header[..FLAGS_AT],
        &header[FLAGS_AT + 2..at],
        &header[end..],
    );
    Some([front, &flags, between, rest].concat())
}

/// The bounds of a value that has its length in front of it.
fn long(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let length = u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize;
    let (begin, end) = (at + 4, (at + 4).checked_add(length)?);
    (end <= bytes.len()).then_some((begin, end))
}

/// Whether a table has too many levels. An unreadable value ends the check: lapin's parser gets no further either.
fn is_deep(table: &[u8]) -> bool {
    let mut open = vec![(table.len(), true)];
    let mut at = 0;
    while let Some(&(end, is_table)) = open.last() {
        if at >= end {
            open.pop();
            continue;
        }
        let Some(next) = step(table, at, is_table) else {
            return false;
        };
        at = match next {
            TableStep::Over(next) => next,
            TableStep::Into(begin, end, is_table) => {
                open.push((end, is_table));
                begin
            }
        };
        if open.len() > LEVELS {
            return true;
        }
    }
    false
}

enum TableStep {
    /// Skips a value.
    Over(usize),
    /// Into a table (or an array) with these bounds.
    Into(usize, usize, bool),
}

/// Reads the value at this place, with its name before it in a table.
fn step(bytes: &[u8], mut at: usize, is_named: bool) -> Option<TableStep> {
    if is_named {
        at += 1 + usize::from(*bytes.get(at)?);
    }
    let kind = *bytes.get(at)?;
    at += 1;
    let size = match kind {
        b'V' => 0,
        b't' | b'b' | b'B' => 1,
        b's' | b'u' | b'U' => 2,
        b'I' | b'i' | b'f' => 4,
        b'D' => 5,
        b'l' | b'L' | b'd' | b'T' => 8,
        b'S' | b'x' => return long(bytes, at).map(|(_, end)| TableStep::Over(end)),
        b'F' | b'A' => {
            return long(bytes, at).map(|(begin, end)| TableStep::Into(begin, end, kind == b'F'));
        }
        _ => return None,
    };
    Some(TableStep::Over(at + size))
}

#[cfg(test)]
mod tests {
    use super::{CONTENT_HEADER, END, LEVELS, frames, is_deep, without_deep_headers};
    use crate::reference::payload::mutation::decode_mutations;

    fn long(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
    }

    /// A table of this many levels, in tables or in arrays.
    fn nested(levels: usize, kind: u8) -> Vec<u8> {
        let mut inner = Vec::new();
        for _ in 1..levels {
            let name: &[u8] = if kind == b'F' { b"\x01a" } else { b"" };
            inner = [name, &[kind], &long(&inner)].concat();
        }
        match kind {
            b'F' => inner,
            // In the one table that it needs.
            _ => [&b"\x01aA"[..], &long(&inner)].concat(),
        }
    }

    /// A content header with type, encoding, this table and a priority.
    fn header(table: &[u8]) -> Vec<u8> {
        let front = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0b1110_1000, 0];
        [&front[..], b"\x01t\x02ee", &long(table), &[7]].concat()
    }

    #[test]
    fn headers_at_the_bound_stay_and_deeper_ones_go() {
        for kind in [b'F', b'A'] {
            let most = if kind == b'F' { LEVELS } else { LEVELS - 1 };
            assert_eq!(without_deep_headers(&header(&nested(most, kind))), None);
            let without = without_deep_headers(&header(&nested(most + 1, kind))).unwrap();
            let expected = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0b1100_1000, 0];
            assert_eq!(without, [&expected[..], b"\x01t\x02ee", &[7]].concat());
            assert!(is_deep(&nested(20_000, kind)));
        }
        // Consecutive tables add no depth.
        let wide = [&b"\x01aF"[..], &long(b"")].concat().repeat(1_000);
        assert!(!is_deep(&wide));
    }

    #[tokio::test]
    async fn frames_pass_as_they_are_but_for_deep_headers() {
        let frame = |kind: u8, payload: &[u8]| {
            let size = payload.len() as u32;
            let front = [&[kind, 0, 1][..], &size.to_be_bytes()].concat();
            [&front[..], payload, &[END]].concat()
        };
        let deep = header(&nested(5_000, b'F'));
        let flat = header(b"\x04taskS\0\0\0\x01x");
        let body = vec![b'b'; 100_000];
        let sent = [
            frame(1, b"method"),
            frame(CONTENT_HEADER, &flat),
            frame(3, &body),
            frame(CONTENT_HEADER, &deep),
            frame(8, b""),
        ];
        let stripped = without_deep_headers(&deep).unwrap();
        let expected = [
            frame(1, b"method"),
            frame(CONTENT_HEADER, &flat),
            frame(3, &body),
            frame(CONTENT_HEADER, &stripped),
            frame(8, b""),
        ];
        let mut passed = Vec::new();
        let ended = frames(&mut &sent.concat()[..], &mut passed).await;
        assert!(ended.is_err(), "the broker has ended");
        assert_eq!(passed, expected.concat());
    }

    #[test]
    fn mutations_of_content_headers_are_shortened_or_left() {
        let task = header(b"\x04taskS\0\0\0\x01x\x01nI\0\0\0\x01\x01aA\0\0\0\x02t\x01");
        let seeds = [
            task,
            header(&nested(LEVELS, b'F')),
            header(&nested(LEVELS + 5, b'A')),
        ];
        let words: [&[u8]; 5] = [
            b"\x01aF\0\0\0\x10",
            b"A\0\0\x01\0",
            b"\xff",
            b"\0\0\0\0",
            b"V",
        ];
        decode_mutations(&seeds, &words, |bytes| {
            if let Some(without) = without_deep_headers(bytes) {
                assert!(without.len() < bytes.len());
                assert_eq!(without_deep_headers(&without), None);
            }
        });
    }
}
