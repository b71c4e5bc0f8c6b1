//! A way to a service that fails as ways do: it swallows, it is cut off, or it breaks at a certain word.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

const OPEN: u8 = 0;
const BLACK_HOLE: u8 = 1;
const CUT: u8 = 2;

/// When a connection breaks at a word that its client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// The service never gets the word.
    Before,
    /// The service has done what the word asks for, and its answer is lost.
    AfterItIsDone,
}

/// A TCP proxy.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: AtomicU8,
    /// Connections that were attempted, and how many of the first of them swallow everything.
    attempted: AtomicUsize,
    stranded: AtomicUsize,
    streams: Mutex<Vec<TcpStream>>,
    /// The next connection on which this is said breaks.
    trap: Mutex<Option<(&'static [u8], Break)>>,
}

impl Proxy {
    pub(crate) fn to(target: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let number = accepting.attempted.fetch_add(1, Ordering::SeqCst);
                // Cut off: accepted by the kernel, and gone at once.
                if accepting.state.load(Ordering::SeqCst) == CUT {
                    continue;
                }
                if let Ok(server) = TcpStream::connect(target) {
                    accepting.join(&client, &server, number);
                }
            }
        });
        Proxy { address, shared }
    }

    /// Bytes are taken and go nowhere; new connections too.
    pub(crate) fn black_hole(&self) {
        self.shared.state.store(BLACK_HOLE, Ordering::SeqCst);
    }

    /// The connections that there are swallow everything from now on; new ones are as if nothing had been.
    pub(crate) fn strand(&self) {
        let attempted = self.attempts();
        self.shared.stranded.store(attempted, Ordering::SeqCst);
    }

    /// How many connections were attempted.
    pub(crate) fn attempts(&self) -> usize {
        self.shared.attempted.load(Ordering::SeqCst)
    }

    /// Every connection ends, and new ones at once.
    pub(crate) fn cut(&self) {
        self.shared.state.store(CUT, Ordering::SeqCst);
        self.shared.end_all();
    }

    /// As if nothing had been; what was swallowed stays swallowed, so the old connections end.
    pub(crate) fn mend(&self) {
        self.shared.state.store(OPEN, Ordering::SeqCst);
        self.shared.end_all();
    }

    /// The next connection whose client says this breaks, once.
    pub(crate) fn break_at(&self, word: &'static [u8], how: Break) {
        *self.shared.trap.lock().unwrap() = Some((word, how));
    }

    /// Has it broken?
    pub(crate) fn is_broken(&self) -> bool {
        self.shared.trap.lock().unwrap().is_none()
    }
}

/// What becomes of a chunk.
enum Passage {
    Passes,
    Vanishes,
    EndsTheConnection,
}

impl Shared {
    fn join(self: &Arc<Shared>, client: &TcpStream, server: &TcpStream, number: usize) {
        let copies = [client.try_clone(), server.try_clone()];
        (self.streams.lock().unwrap()).extend(copies.into_iter().flatten());
        // The next answer is to be lost, and the connection with it.
        let breaks = Arc::new(AtomicBool::new(false));
        let (asked, answered, broken) = (self.clone(), self.clone(), breaks.clone());
        pump(client, server, move |chunk| {
            asked.question(chunk, &breaks, number)
        });
        pump(server, client, move |_| answered.answer(&broken, number));
    }

    fn question(&self, chunk: &[u8], breaks: &AtomicBool, number: usize) -> Passage {
        let mut trap = self.trap.lock().unwrap();
        match *trap {
            Some((word, how)) if chunk.windows(word.len()).any(|at| at == word) => {
                *trap = None;
                breaks.store(true, Ordering::SeqCst);
                match how {
                    Break::Before => Passage::EndsTheConnection,
                    Break::AfterItIsDone => Passage::Passes,
                }
            }
            _ => self.usual(number),
        }
    }

    fn answer(&self, breaks: &AtomicBool, number: usize) -> Passage {
        if breaks.load(Ordering::SeqCst) {
            return Passage::EndsTheConnection;
        }
        self.usual(number)
    }

    fn usual(&self, number: usize) -> Passage {
        let is_stranded = number < self.stranded.load(Ordering::SeqCst);
        if is_stranded || self.state.load(Ordering::SeqCst) == BLACK_HOLE {
            Passage::Vanishes
        } else {
            Passage::Passes
        }
    }

    fn end_all(&self) {
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Carries what comes, on a thread of its own, until either side ends.
fn pump(
    from: &TcpStream,
    to: &TcpStream,
    mut passage: impl FnMut(&[u8]) -> Passage + Send + 'static,
) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            match passage(&buffer[..count]) {
                Passage::Passes if to.write_all(&buffer[..count]).is_ok() => {}
                Passage::Vanishes => {}
                Passage::Passes => break,
                Passage::EndsTheConnection => {
                    let _ = from.shutdown(Shutdown::Both);
                    break;
                }
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
