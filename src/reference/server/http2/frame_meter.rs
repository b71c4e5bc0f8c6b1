//! Counts the frames of a client: those that carry next to nothing are cheap to send and cost the server work each.
//!
//! Each takes one off an allowance, which refills with time and with the bytes that the server sends: a client that is
//! served well may acknowledge, update windows and open streams as fast as it is answered. Resets and settings cost
//! more, and only time brings their allowance back.

use std::time::{Duration, Instant};

/// Bytes of a frame's head (RFC 9113 §4.1).
const HEAD_BYTES: usize = 9;
/// Bytes of the client's preface, which comes before the first frame.
const PREFACE_BYTES: usize = 24;
/// A DATA frame with at least as much is worth its work.
const WORTHY_DATA_BYTES: usize = 256;

const DATA: u8 = 0;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;

/// Frames that may come at once, and how many more each second.
const FRAMES: u32 = 1_000;
const FRAMES_PER_SECOND: f64 = 500.0;
/// Bytes that the server sends and that allow one more frame.
const BYTES_PER_FRAME: usize = 32;
/// The same for resets and settings. A client with 100 streams that gives up each after a second stays below.
const DEAR_FRAMES: u32 = 200;
const DEAR_FRAMES_PER_SECOND: f64 = 100.0;

/// Follows the bytes that a client sends.
#[derive(Debug)]
pub(super) struct FrameMeter {
    head: [u8; HEAD_BYTES],
    /// Bytes of the head that have come.
    head_read: usize,
    /// Bytes until the next head begins.
    payload_left: usize,
    frames: FrameAllowance,
    dear: FrameAllowance,
    /// Sent bytes that do not make a frame yet.
    sent: usize,
}

/// The client sends more frames than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameFlood;

/// How many frames may come.
#[derive(Debug)]
struct FrameAllowance {
    left: f64,
    full: f64,
    per_second: f64,
    refilled: Instant,
}

impl FrameMeter {
    pub(super) fn new(now: Instant) -> FrameMeter {
        FrameMeter {
            head: [0; HEAD_BYTES],
            head_read: 0,
            payload_left: PREFACE_BYTES,
            frames: FrameAllowance::new(FRAMES, FRAMES_PER_SECOND, now),
            dear: FrameAllowance::new(DEAR_FRAMES, DEAR_FRAMES_PER_SECOND, now),
            sent: 0,
        }
    }

    /// The client sent these bytes.
    pub(super) fn received(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), FrameFlood> {
        self.frames.refill(now);
        self.dear.refill(now);
        let mut verdict = Ok(());
        loop {
            let skipped = self.payload_left.min(bytes.len());
            self.payload_left -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return verdict;
            }
            let taken = (HEAD_BYTES - self.head_read).min(bytes.len());
            let (head, rest) = bytes.split_at(taken);
            self.head[self.head_read..][..taken].copy_from_slice(head);
            self.head_read += taken;
            bytes = rest;
            if self.head_read < HEAD_BYTES {
                return verdict;
            }
            self.head_read = 0;
            verdict = verdict.and(self.frame());
        }
    }

    /// The server sent this many bytes.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += bytes;
        self.frames.add((self.sent / BYTES_PER_FRAME) as f64);
        self.sent %= BYTES_PER_FRAME;
    }

    /// A frame's head is complete.
    fn frame(&mut self) -> Result<(), FrameFlood> {
        let [a, b, c, kind, flags, ..] = self.head;
        self.payload_left = u32::from_be_bytes([0, a, b, c]) as usize;
        let is_worthy =
            kind == DATA && (self.payload_left >= WORTHY_DATA_BYTES || flags & END_STREAM != 0);
        if is_worthy {
            return Ok(());
        }
        if matches!(kind, RST_STREAM | SETTINGS) {
            self.dear.take()?;
        }
        self.frames.take()
    }
}

impl FrameAllowance {
    fn new(full: u32, per_second: f64, now: Instant) -> FrameAllowance {
        FrameAllowance {
            left: f64::from(full),
            full: f64::from(full),
            per_second,
            refilled: now,
        }
    }

    fn refill(&mut self, now: Instant) {
        let passed: Duration = now.saturating_duration_since(self.refilled);
        self.refilled = now;
        self.add(passed.as_secs_f64() * self.per_second);
    }

    fn add(&mut self, frames: f64) {
        self.left = (self.left + frames).min(self.full);
    }

    fn take(&mut self) -> Result<(), FrameFlood> {
        if self.left < 1.0 {
            return Err(FrameFlood);
        }
        self.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{DATA, END_STREAM, FrameFlood, FrameMeter, PREFACE_BYTES, RST_STREAM, SETTINGS};

    const HEADERS: u8 = 1;
    const PING: u8 = 6;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let mut bytes = (length as u32).to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags, 0, 0, 0, 1]);
        bytes.resize(9 + length, 0xff);
        bytes
    }

    /// A meter that has seen the preface.
    fn meter(now: Instant) -> FrameMeter {
        let mut meter = FrameMeter::new(now);
        meter.received(&[0; PREFACE_BYTES], now).expect("a preface");
        meter
    }

    /// How many of these come before it is a flood, up to a limit.
    fn allowed(meter: &mut FrameMeter, bytes: &[u8], now: Instant, limit: usize) -> usize {
        let flooded = |_: &usize| meter.received(bytes, now) == Err(FrameFlood);
        (0..limit).find(flooded).unwrap_or(limit)
    }

    #[test]
    fn frames_that_carry_nothing_are_counted_and_data_is_not() {
        let now = Instant::now();
        for (kind, flags, length, expected) in [
            (PING, 0, 8, 1_000),
            (HEADERS, END_STREAM, 300, 1_000),
            (0x77, 0, 0, 1_000),
            (DATA, 0, 0, 1_000),
            (DATA, 0, 1, 1_000),
            (DATA, 0, 256, 5_000),
            (DATA, END_STREAM, 2, 5_000),
            (RST_STREAM, 0, 4, 200),
            (SETTINGS, 0, 0, 200),
        ] {
            let (mut meter, frame) = (meter(now), frame(kind, flags, length));
            let seen = allowed(&mut meter, &frame, now, 5_000);
            assert_eq!(seen, expected, "type {kind}, {length} bytes");
        }
    }

    #[test]
    fn time_and_what_the_server_sends_allow_more() {
        let (start, ping) = (Instant::now(), frame(PING, 0, 8));
        let mut meter = meter(start);
        assert_eq!(allowed(&mut meter, &ping, start, 5_000), 1_000);
        let later = start + Duration::from_secs(1);
        assert_eq!(allowed(&mut meter, &ping, later, 5_000), 500);
        // Two pieces of 16 bytes make one frame.
        for _ in 0..20 {
            meter.sent(16);
        }
        assert_eq!(allowed(&mut meter, &ping, later, 5_000), 10);
        let much_later = later + Duration::from_secs(3_600);
        assert_eq!(allowed(&mut meter, &ping, much_later, 5_000), 1_000);
    }

    /// An answer to a ping is shorter than what allows the next one.
    #[test]
    fn a_flood_does_not_pay_for_itself() {
        let (now, ping) = (Instant::now(), frame(PING, 0, 8));
        let mut meter = meter(now);
        let flooded = (0..5_000).find(|_| {
            meter.sent(ping.len());
            meter.received(&ping, now) == Err(FrameFlood)
        });
        assert!(flooded.is_some_and(|seen| seen < 3_000), "{flooded:?}");
    }

    #[test]
    fn frames_are_the_same_in_pieces_of_any_size() {
        let now = Instant::now();
        let mut bytes = vec![0; PREFACE_BYTES];
        for (kind, length) in [(SETTINGS, 12), (HEADERS, 40), (DATA, 700), (PING, 8)] {
            bytes.extend(frame(kind, 0, length));
        }
        for size in [1, 2, 7, 9, 10, 64, bytes.len()] {
            let mut meter = FrameMeter::new(now);
            for piece in bytes.chunks(size) {
                meter.received(piece, now).expect("no flood");
            }
            assert_eq!((meter.head_read, meter.payload_left), (0, 0), "{size}");
            assert_eq!(
                (meter.frames.left, meter.dear.left),
                (997.0, 199.0),
                "{size}"
            );
        }
    }
}
