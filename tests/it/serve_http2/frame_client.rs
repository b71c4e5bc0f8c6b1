//! A client of raw HTTP/2 frames, which keeps to the protocol as far as a test wants.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::harness::PATIENCE;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const ACK: u8 = 1;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

pub(super) const INITIAL_WINDOW: u16 = 4;

pub(super) const NO_ERROR: u32 = 0;
pub(super) const REFUSED_STREAM: u32 = 7;
pub(super) const CANCEL: u32 = 8;
pub(super) const ENHANCE_YOUR_CALM: u32 = 11;

/// One connection.
pub(super) struct FrameClient {
    stream: TcpStream,
    /// Bytes of bodies that may be sent on the connection.
    pub(super) window: i64,
}

/// A frame that the server sent.
#[derive(Debug)]
pub(super) struct SentFrame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl SentFrame {
    /// The error of a reset or of a GOAWAY.
    pub(super) fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        let code = self.payload[at..at + 4].try_into();
        u32::from_be_bytes(code.expect("four bytes"))
    }

    pub(super) fn ends(&self, stream: u32) -> bool {
        self.stream == stream && matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }
}

impl FrameClient {
    /// Sends the preface with these settings.
    pub(super) fn connect(address: SocketAddr, settings: &[(u16, u32)]) -> FrameClient {
        let mut client = FrameClient::silent(address);
        let mut payload = Vec::new();
        for (name, value) in settings {
            payload.extend(name.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        let begin = [PREFACE, &frame(SETTINGS, 0, 0, &payload)].concat();
        client.send(&begin);
        client
    }

    /// Sends nothing.
    pub(super) fn silent(address: SocketAddr) -> FrameClient {
        let stream = TcpStream::connect(address).expect("it accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        FrameClient {
            stream,
            window: 65_535,
        }
    }

    /// `false` when the server has closed.
    pub(super) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// The same; `false` also when the server takes nothing for this time.
    pub(super) fn send_within(&mut self, bytes: &[u8], time: Duration) -> bool {
        let limited = self.stream.set_write_timeout(Some(time));
        limited.expect("a timeout");
        self.send(bytes)
    }

    /// The next frame; `None` when the server has closed. Settings are acknowledged.
    pub(super) fn next(&mut self) -> Option<SentFrame> {
        let mut head = [0; 9];
        self.read(&mut head)?;
        let [a, b, c, kind, flags, d, e, f, g] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.read(&mut payload)?;
        let stream = u32::from_be_bytes([d, e, f, g]);
        if kind == SETTINGS && flags & ACK == 0 {
            self.send(&frame(SETTINGS, ACK, 0, &[]));
        }
        if kind == WINDOW_UPDATE && stream == 0 {
            let more = payload[..4].try_into().expect("four bytes");
            self.window += i64::from(u32::from_be_bytes(more));
        }
        Some(SentFrame {
            kind,
            flags,
            stream,
            payload,
        })
    }

    fn read(&mut self, bytes: &mut [u8]) -> Option<()> {
        match self.stream.read_exact(bytes) {
            Ok(()) => Some(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                panic!("the server neither answers nor closes")
            }
            Err(_) => None,
        }
    }

    /// The next frame of this kind on this stream; panics if the server closes before.
    #[track_caller]
    pub(super) fn await_frame(&mut self, kind: u8, stream: u32) -> SentFrame {
        loop {
            let frame = self.next().expect("the connection lasts");
            if (frame.kind, frame.stream) == (kind, stream) {
                return frame;
            }
        }
    }

    /// Reads until the server closes; the error of its last GOAWAY, if it came.
    pub(super) fn until_closed(&mut self) -> Option<u32> {
        let mut code = None;
        while let Some(frame) = self.next() {
            if frame.kind == GOAWAY {
                code = Some(frame.code());
            }
        }
        code
    }

    /// Sends nothing more, and still reads.
    pub(super) fn half_close(&mut self) {
        let shut = self.stream.shutdown(Shutdown::Write);
        shut.expect("it was open");
    }
}

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The head of a GET (RFC 7541: entries of the static table, and literals without indexing).
pub(super) fn get(path: &str) -> Vec<u8> {
    head(0x82, path)
}

/// The head of a POST of JSON.
pub(super) fn post(path: &str) -> Vec<u8> {
    let mut bytes = head(0x83, path);
    // content-type is the 31st entry.
    bytes.extend([0x0f, 31 - 15, 16]);
    bytes.extend(b"application/json");
    bytes
}

fn head(method: u8, path: &str) -> Vec<u8> {
    let mut bytes = vec![method, 0x86];
    bytes.extend([0x04, path.len() as u8]);
    bytes.extend(path.as_bytes());
    bytes.extend([0x01, 2, b'a', b'7']);
    bytes
}

/// A field as a literal, without indexing or with (RFC 7541 §6.2).
pub(super) fn field(first: u8, name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    for text in [name, value] {
        // An integer with a prefix of seven bits.
        let mut length = text.len();
        if length < 127 {
            bytes.push(length as u8);
        } else {
            bytes.push(127);
            length -= 127;
            while length >= 128 {
                bytes.push((length % 128) as u8 | 128);
                length /= 128;
            }
            bytes.push(length as u8);
        }
        bytes.extend(text);
    }
    bytes
}

/// Odd numbers from this stream on.
pub(super) fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|number| 2 * number + 1)
}
