//! A scripted HTTP/2 server on raw frames: real sockets, one thread a connection, and a script that says which frames
//! it answers with. It reads no header fields; requests are known by their streams.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Bytes of the client's connection preface.
const PREFACE: usize = 24;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status: 200` and `:status: 404`, which the static table of HPACK has.
pub(crate) const STATUS_200: &[u8] = &[0x88];
pub(crate) const STATUS_404: &[u8] = &[0x8d];

/// `:status: 103`, a literal without indexing.
pub(crate) const STATUS_103: &[u8] = &[0x08, 3, b'1', b'0', b'3'];

/// Settings of a server (RFC 9113 §6.5.2).
pub(crate) const MAX_STREAMS: u16 = 3;
pub(crate) const INITIAL_WINDOW: u16 = 4;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const INTERNAL_ERROR: u32 = 2;
pub(crate) const REFUSED_STREAM: u32 = 7;

/// Listens until it is dropped.
pub(crate) struct FrameServer {
    port: u16,
    log: Arc<FrameLog>,
    stop: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct FrameLog {
    connections: AtomicUsize,
    /// Requests that arrived in full, by connection and stream.
    requests: Mutex<Vec<(usize, u32)>>,
    /// Streams that the client has given up, the same.
    resets: Mutex<Vec<(usize, u32)>>,
}

/// One connection, as its script sees it.
pub(crate) struct FrameConversation {
    stream: TcpStream,
    /// From 0, in the order in which they were accepted.
    pub(crate) number: usize,
    log: Arc<FrameLog>,
}

/// A frame that the client sent.
struct ReceivedFrame {
    kind: u8,
    flags: u8,
    stream: u32,
}

impl FrameServer {
    /// Sends these SETTINGS on every connection, then does what the script says.
    pub(crate) fn start(
        settings: &[(u16, u32)],
        script: impl Fn(&mut FrameConversation) + Send + Sync + 'static,
    ) -> FrameServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound address").port();
        let (log, stop) = (
            Arc::new(FrameLog::default()),
            Arc::new(AtomicBool::new(false)),
        );
        let (shared_log, stopped, script) = (log.clone(), stop.clone(), Arc::new(script));
        let settings = settings.to_vec();
        let accepting = std::thread::spawn(move || {
            loop {
                let accepted = listener.accept();
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                let number = shared_log.connections.fetch_add(1, Ordering::SeqCst);
                let mut conversation = FrameConversation {
                    stream,
                    number,
                    log: Arc::clone(&shared_log),
                };
                let (script, settings) = (Arc::clone(&script), settings.clone());
                // It ends when the client closes; the tests' client always does.
                std::thread::spawn(move || {
                    if conversation.begin(&settings) {
                        script(&mut conversation);
                    }
                });
            }
        });
        FrameServer {
            port,
            log,
            stop,
            accepting: Some(accepting),
        }
    }

    /// Answers every request at once.
    pub(crate) fn answering(settings: &[(u16, u32)]) -> FrameServer {
        FrameServer::start(settings, |conversation| {
            while let Some(stream) = conversation.request() {
                conversation.ok(stream);
            }
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.log.connections.load(Ordering::SeqCst)
    }

    /// Requests that arrived in full so far, by connection and stream.
    pub(crate) fn requests(&self) -> Vec<(usize, u32)> {
        self.log.requests.lock().expect("no script panics").clone()
    }

    /// Streams that the client has given up so far.
    pub(crate) fn resets(&self) -> usize {
        self.log.resets.lock().expect("no script panics").len()
    }
}

impl Drop for FrameServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        if let Some(accepting) = self.accepting.take() {
            accepting.join().expect("the accepting thread ends");
        }
    }
}

impl FrameConversation {
    fn begin(&mut self, settings: &[(u16, u32)]) -> bool {
        let mut preface = [0; PREFACE];
        if self.stream.read_exact(&mut preface).is_err() {
            return false;
        }
        assert!(preface.starts_with(b"PRI * HTTP/2.0"), "prior knowledge");
        self.settings(settings)
    }

    /// Sends SETTINGS; `false` when the client is gone.
    pub(crate) fn settings(&mut self, settings: &[(u16, u32)]) -> bool {
        let mut payload = Vec::new();
        for (name, value) in settings {
            payload.extend(name.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        self.frame(SETTINGS, 0, 0, &payload)
    }

    /// The stream of the next request that is complete; `None` when the client has closed.
    pub(crate) fn request(&mut self) -> Option<u32> {
        loop {
            let frame = self.next()?;
            let ends = matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM != 0;
            if ends {
                let request = (self.number, frame.stream);
                (self.log.requests.lock().expect("no script panics")).push(request);
                return Some(frame.stream);
            }
        }
    }

    /// Reads until the client has closed.
    pub(crate) fn ignore(&mut self) {
        while self.next().is_some() {}
    }

    fn next(&mut self) -> Option<ReceivedFrame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).ok()?;
        let [a, b, c, kind, flags, d, e, f, g] = head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).ok()?;
        let stream = u32::from_be_bytes([d, e, f, g]);
        match kind {
            SETTINGS if flags & 1 == 0 => {
                self.frame(SETTINGS, 1, 0, &[]);
            }
            RST_STREAM => {
                let reset = (self.number, stream);
                (self.log.resets.lock().expect("no script panics")).push(reset);
            }
            _ => {}
        }
        Some(ReceivedFrame {
            kind,
            flags,
            stream,
        })
    }

    /// A head, in HPACK, which may be all of the answer.
    pub(crate) fn head(&mut self, stream: u32, head: &[u8], is_all: bool) -> bool {
        let end = if is_all { END_STREAM } else { 0 };
        self.frame(HEADERS, END_HEADERS | end, stream, head)
    }

    /// A part of a body, which may be the last.
    pub(crate) fn data(&mut self, stream: u32, bytes: &[u8], is_last: bool) -> bool {
        let end = if is_last { END_STREAM } else { 0 };
        self.frame(DATA, end, stream, bytes)
    }

    /// A small answer.
    pub(crate) fn ok(&mut self, stream: u32) -> bool {
        self.head(stream, STATUS_200, false) && self.data(stream, b"ok", true)
    }

    pub(crate) fn reset(&mut self, stream: u32, code: u32) -> bool {
        self.frame(RST_STREAM, 0, stream, &code.to_be_bytes())
    }

    /// Ends the connection behind this stream.
    pub(crate) fn goaway(&mut self, last: u32, code: u32) -> bool {
        let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
        self.frame(GOAWAY, 0, 0, &payload)
    }

    /// Closes the connection.
    pub(crate) fn close(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }

    /// Another hand on the same connection, for answers that do not wait for each other.
    pub(crate) fn twin(&self) -> FrameConversation {
        FrameConversation {
            stream: self.stream.try_clone().expect("a second handle"),
            number: self.number,
            log: Arc::clone(&self.log),
        }
    }

    /// Sends any frame; `false` when the client is gone.
    pub(crate) fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        self.stream.write_all(&bytes).is_ok()
    }
}
