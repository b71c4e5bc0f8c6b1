//! Finds the frames in the bytes of one direction of an HTTP/2 connection, wherever the bytes are cut.

use std::time::Instant;

/// Bytes of a frame's head (RFC 9113 §4.1).
const HEAD: usize = 9;

/// Bytes of a payload that are kept: the two numbers of a GOAWAY.
const KEPT: usize = 8;

/// The head of a frame, and its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WireFrame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    /// 0 for the whole connection.
    pub(super) stream: u32,
    pub(super) start: [u8; KEPT],
    /// When its first byte passed.
    pub(super) began: Instant,
}

impl WireFrame {
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const GOAWAY: u8 = 7;
    pub(super) const CONTINUATION: u8 = 9;

    /// END_STREAM of DATA and HEADERS; ACK of SETTINGS.
    pub(super) fn has_first_flag(&self) -> bool {
        self.flags & 1 != 0
    }

    pub(super) fn ends_headers(&self) -> bool {
        self.flags & 4 != 0
    }

    /// The number in the payload that begins at this byte.
    pub(super) fn number(&self, at: usize) -> u32 {
        self.start[at..]
            .first_chunk()
            .map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }
}

/// Reads the frames of one direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameReader {
    /// Bytes before the first frame.
    preface_left: usize,
    head: [u8; HEAD],
    head_bytes: usize,
    payload_left: usize,
    start: [u8; KEPT],
    start_bytes: usize,
    began: Instant,
}

/// What is known of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameProgress {
    /// Its head is complete.
    Begun(WireFrame),
    /// Its last byte has passed.
    Ended(WireFrame),
}

impl FrameReader {
    pub(super) fn after_preface(bytes: usize) -> FrameReader {
        FrameReader {
            preface_left: bytes,
            head: [0; HEAD],
            head_bytes: 0,
            payload_left: 0,
            start: [0; KEPT],
            start_bytes: 0,
            began: Instant::now(),
        }
    }

    /// Takes the next bytes, which passed at this instant.
    pub(super) fn feed(&mut self, bytes: &[u8], now: Instant, mut tell: impl FnMut(FrameProgress)) {
        let skipped = self.preface_left.min(bytes.len());
        self.preface_left -= skipped;
        let mut rest = &bytes[skipped..];
        while !rest.is_empty() {
            if self.head_bytes < HEAD {
                rest = self.feed_head(rest, now);
                if self.head_bytes < HEAD {
                    return;
                }
                tell(FrameProgress::Begun(self.frame()));
            } else {
                rest = self.feed_payload(rest);
            }
            if self.payload_left == 0 {
                tell(FrameProgress::Ended(self.frame()));
                self.head_bytes = 0;
            }
        }
    }

    fn feed_head<'a>(&mut self, bytes: &'a [u8], now: Instant) -> &'a [u8] {
        if self.head_bytes == 0 {
            self.began = now;
            self.start = [0; KEPT];
            self.start_bytes = 0;
        }
        let taken = (HEAD - self.head_bytes).min(bytes.len());
        self.head[self.head_bytes..self.head_bytes + taken].copy_from_slice(&bytes[..taken]);
        self.head_bytes += taken;
        let [a, b, c, ..] = self.head;
        self.payload_left = u32::from_be_bytes([0, a, b, c]) as usize;
        &bytes[taken..]
    }

    fn feed_payload<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let taken = self.payload_left.min(bytes.len());
        let kept = (KEPT - self.start_bytes).min(taken);
        self.start[self.start_bytes..self.start_bytes + kept].copy_from_slice(&bytes[..kept]);
        self.start_bytes += kept;
        self.payload_left -= taken;
        &bytes[taken..]
    }

    fn frame(&self) -> WireFrame {
        let [_, _, _, kind, flags, a, b, c, d] = self.head;
        WireFrame {
            kind,
            flags,
            // The highest bit is reserved.
            stream: u32::from_be_bytes([a, b, c, d]) & (u32::MAX >> 1),
            start: self.start,
            began: self.began,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Instant;

    use super::{FrameProgress, FrameReader, WireFrame};

    /// The bytes of a frame.
    pub(in super::super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn frames_are_found_wherever_the_bytes_are_cut() {
        let goaway = [0, 0, 0, 19, 0, 0, 0, 11, b'x'];
        let mut bytes = b"preface".to_vec();
        bytes.extend(frame(WireFrame::SETTINGS, 0, 0, b""));
        bytes.extend(frame(WireFrame::HEADERS, 5, 3, &[7; 40]));
        bytes.extend(frame(WireFrame::GOAWAY, 0, 0x8000_0000, &goaway));
        for size in 1..bytes.len() {
            let mut reader = FrameReader::after_preface(7);
            let mut found = Vec::new();
            for piece in bytes.chunks(size) {
                reader.feed(piece, Instant::now(), |progress| {
                    if let FrameProgress::Ended(frame) = progress {
                        found.push(frame);
                    }
                });
            }
            let heads: Vec<_> = found.iter().map(|f| (f.kind, f.stream)).collect();
            let expected = [
                (WireFrame::SETTINGS, 0),
                (WireFrame::HEADERS, 3),
                (WireFrame::GOAWAY, 0),
            ];
            assert_eq!(heads, expected, "pieces of {size}");
            assert!(found[1].has_first_flag() && found[1].ends_headers());
            assert_eq!((found[2].number(0), found[2].number(4)), (19, 11));
        }
    }
}
