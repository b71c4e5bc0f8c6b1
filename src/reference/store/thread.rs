//! A thread of the store, which the last handle waits for.

use std::io;
use std::sync::Mutex;
use std::thread::JoinHandle;

use crate::reference::mutex::lock;

pub(super) struct StoreThread {
    task: &'static str,
    running: Mutex<Option<JoinHandle<()>>>,
}

impl StoreThread {
    /// Starts a thread under a name; `task` is what the log calls it.
    pub(super) fn start(
        name: &str,
        task: &'static str,
        run: impl FnOnce() + Send + 'static,
    ) -> io::Result<StoreThread> {
        let thread = std::thread::Builder::new().name(name.to_owned());
        Ok(StoreThread {
            task,
            running: Mutex::new(Some(thread.spawn(run)?)),
        })
    }

    /// Waits for it to end.
    pub(super) fn join(&self) {
        let running = lock(&self.running).take();
        if running.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the store's {} thread panicked", self.task);
        }
    }
}
