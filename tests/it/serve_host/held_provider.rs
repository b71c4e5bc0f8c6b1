//! A provider that holds every call until it is released.

use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use a7probe::reference::server::ProviderChoice;

use super::read_request;

use crate::harness::PATIENCE;

/// A provider that holds every call until it is released.
pub(crate) struct HeldProvider {
    pub(crate) url: String,
    calls: Receiver<HeldCall>,
}

/// A call that waits for its answer.
pub(crate) struct HeldCall {
    answer: Sender<u16>,
}

impl HeldProvider {
    pub(crate) fn start() -> HeldProvider {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (arrived, calls) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let arrived = arrived.clone();
                std::thread::spawn(move || hold(stream, &arrived));
            }
        });
        HeldProvider { url, calls }
    }

    pub(crate) fn choice(&self) -> ProviderChoice {
        ProviderChoice::At(self.url.clone())
    }

    /// Waits for the next call.
    pub(crate) fn next_call(&self) -> HeldCall {
        self.calls
            .recv_timeout(PATIENCE)
            .expect("the provider is called")
    }

    /// Has no call come since the last one?
    pub(crate) fn is_idle(&self) -> bool {
        self.calls.try_recv().is_err()
    }
}

impl HeldCall {
    pub(crate) fn answer(self, status: u16) {
        // The caller may be gone.
        let _ = self.answer.send(status);
    }
}

fn hold(stream: TcpStream, arrived: &Sender<HeldCall>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        read_request(&mut stream)?;
        let (answer, released) = channel();
        arrived.send(HeldCall { answer }).ok()?;
        let status = released.recv().ok()?;
        write!(
            stream.get_mut(),
            "HTTP/1.1 {status} Said\r\ncontent-length: 0\r\n\r\n"
        )
        .ok()?;
    }
}
