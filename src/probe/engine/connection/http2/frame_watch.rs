//! Stamps what passes the socket of an HTTP/2 connection, by stream: the HTTP/2 library hands requests and answers on
//! through queues, and its own instants would include the time in them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Instant;

use tokio::sync::oneshot;

use super::frame_reader::{FrameProgress, FrameReader, WireFrame};

/// Bytes of the client's connection preface (RFC 9113 §3.4), before its first frame.
const PREFACE: usize = 24;

/// First bytes of the server that are kept until its SETTINGS, to identify another protocol.
const KEPT: usize = 64;

/// The instants of one stream.
#[derive(Debug, Default)]
pub(super) struct StreamStamps {
    /// When the first byte of the request was handed to the socket.
    pub(super) sent: Option<Instant>,
    /// When the head of the answer was complete; interim answers do not count.
    pub(super) head: Option<Instant>,
    /// When the last byte of the answer came.
    pub(super) ended: Option<Instant>,
    has_body: bool,
    /// Notified when the request leaves.
    written: Option<oneshot::Sender<()>>,
}

/// How the bytes of a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StreamEnd {
    /// The server closed it.
    Closed,
    /// It broke.
    Broken,
}

/// The last stream that the server may have processed, and why it ends the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GoAway {
    pub(super) last: u32,
    pub(super) code: u32,
}

/// Stream numbers are our own, one after the other, so they need no protection from collisions: this costs a tenth of the
/// usual hash, which is made for each frame.
#[derive(Debug, Default)]
struct StreamHasher(u64);

impl Hasher for StreamHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, stream: u32) {
        // Fibonacci hashing (Knuth 6.4): the table uses the highest and the lowest bits.
        let mixed = (self.0 ^ u64::from(stream)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// What is known of one connection.
#[derive(Debug)]
pub(super) struct FrameWatch {
    received: FrameReader,
    sent: FrameReader,
    streams: HashMap<u32, StreamStamps, BuildHasherDefault<StreamHasher>>,
    /// HEADERS that continue in the next frame.
    continued: Option<WireFrame>,
    first_bytes: Vec<u8>,
    /// Whether the server has sent its SETTINGS, with which its part of a connection begins.
    pub(super) has_settings: bool,
    /// Whether a frame came before them.
    pub(super) is_foreign: bool,
    /// Whether SETTINGS have come that were not looked at.
    pub(super) new_settings: bool,
    pub(super) goaway: Option<GoAway>,
    pub(super) end: Option<StreamEnd>,
}

impl FrameWatch {
    pub(super) fn new() -> FrameWatch {
        FrameWatch {
            received: FrameReader::after_preface(0),
            sent: FrameReader::after_preface(PREFACE),
            streams: HashMap::default(),
            continued: None,
            first_bytes: Vec::new(),
            has_settings: false,
            is_foreign: false,
            new_settings: false,
            goaway: None,
            end: None,
        }
    }

    /// The first bytes of a server that has sent no SETTINGS.
    pub(super) fn first_bytes(&self) -> &[u8] {
        &self.first_bytes
    }

    /// Begins to stamp a stream.
    pub(super) fn begin(&mut self, stream: u32, written: Option<oneshot::Sender<()>>) {
        let stamps = StreamStamps {
            written,
            ..StreamStamps::default()
        };
        self.streams.insert(stream, stamps);
    }

    /// The stamps of a stream, which ends here.
    pub(super) fn finish(&mut self, stream: u32) -> StreamStamps {
        self.streams.remove(&stream).unwrap_or_default()
    }

    /// When the last byte of its answer came.
    pub(super) fn ended(&self, stream: u32) -> Option<Instant> {
        self.streams.get(&stream)?.ended
    }

    /// Whether the server has said that it did not process the stream.
    pub(super) fn is_unprocessed(&self, stream: u32) -> bool {
        self.goaway.is_some_and(|goaway| stream > goaway.last)
    }

    /// The socket has given these bytes.
    pub(super) fn received(&mut self, bytes: &[u8], now: Instant) {
        if !self.has_settings {
            let room = KEPT - self.first_bytes.len();
            self.first_bytes.extend(bytes.iter().take(room));
        }
        let mut received = self.received;
        received.feed(bytes, now, |progress| match progress {
            FrameProgress::Begun(frame) => {
                self.is_foreign |= !self.has_settings && frame.kind != WireFrame::SETTINGS;
            }
            FrameProgress::Ended(frame) => self.take(&frame, now),
        });
        self.received = received;
    }

    /// The socket has taken these bytes.
    pub(super) fn sent(&mut self, bytes: &[u8], now: Instant) {
        let streams = &mut self.streams;
        self.sent.feed(bytes, now, |progress| {
            if let FrameProgress::Begun(frame) = progress
                && frame.kind == WireFrame::HEADERS
                && let Some(stamps) = streams.get_mut(&frame.stream)
            {
                stamps.sent.get_or_insert(frame.began);
                if let Some(written) = stamps.written.take() {
                    // A receiver that is gone does not wait.
                    let _ = written.send(());
                }
            }
        });
    }

    fn take(&mut self, frame: &WireFrame, now: Instant) {
        match frame.kind {
            WireFrame::SETTINGS if !frame.has_first_flag() => {
                self.has_settings = true;
                self.new_settings = true;
            }
            WireFrame::GOAWAY => {
                self.goaway = Some(GoAway {
                    last: frame.number(0) & (u32::MAX >> 1),
                    code: frame.number(4),
                });
            }
            WireFrame::HEADERS if frame.ends_headers() => self.head(frame, now),
            WireFrame::HEADERS => self.continued = Some(*frame),
            WireFrame::CONTINUATION if frame.ends_headers() => {
                if let Some(first) = self.continued.take() {
                    self.head(&first, now);
                }
            }
            WireFrame::DATA => {
                if let Some(stamps) = self.streams.get_mut(&frame.stream) {
                    stamps.has_body = true;
                    if frame.has_first_flag() {
                        stamps.ended = Some(now);
                    }
                }
            }
            _ => {}
        }
    }

    /// The last head before the body is that of the final answer; what follows the body are trailers.
    fn head(&mut self, frame: &WireFrame, now: Instant) {
        if let Some(stamps) = self.streams.get_mut(&frame.stream) {
            if !stamps.has_body {
                stamps.head = Some(now);
            }
            if frame.has_first_flag() {
                stamps.ended = Some(now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::frame_reader::tests::frame;
    use super::{FrameWatch, GoAway, WireFrame};

    #[test]
    fn the_instants_of_a_stream_are_those_of_its_frames_at_the_socket() {
        let origin = Instant::now();
        let at = |ms| origin + Duration::from_millis(ms);
        let mut watch = FrameWatch::new();
        watch.begin(1, None);
        watch.sent(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", at(1));
        watch.sent(&frame(WireFrame::HEADERS, 5, 1, b"xyz"), at(2));
        watch.received(&frame(WireFrame::SETTINGS, 0, 0, b""), at(3));
        // An interim answer, the head in two frames, a body in two pieces, and trailers.
        watch.received(&frame(WireFrame::HEADERS, 4, 1, b"100"), at(4));
        watch.received(&frame(WireFrame::HEADERS, 0, 1, b"2"), at(5));
        watch.received(&frame(WireFrame::CONTINUATION, 4, 1, b"00"), at(6));
        let data = frame(WireFrame::DATA, 0, 1, b"body");
        watch.received(&data[..11], at(7));
        watch.received(&data[11..], at(8));
        assert_eq!(watch.ended(1), None);
        watch.received(&frame(WireFrame::HEADERS, 5, 1, b"trailer"), at(9));
        let stamps = watch.finish(1);
        assert_eq!(
            [stamps.sent, stamps.head, stamps.ended],
            [Some(at(2)), Some(at(6)), Some(at(9))]
        );
        assert!(watch.has_settings && !watch.is_foreign);
    }

    #[test]
    fn streams_above_the_last_of_a_goaway_were_not_processed() {
        let mut watch = FrameWatch::new();
        let payload = [0, 0, 0, 5, 0, 0, 0, 11];
        watch.received(&frame(WireFrame::GOAWAY, 0, 0, &payload), Instant::now());
        assert_eq!(watch.goaway, Some(GoAway { last: 5, code: 11 }));
        assert!(watch.is_unprocessed(7) && !watch.is_unprocessed(5));
        assert!(watch.is_foreign, "a server begins with its SETTINGS");
    }
}
