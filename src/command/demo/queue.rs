//! Watches how deep the server's queue gets while it is measured.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::probe::audit::http_client;
use anyhow::Context as _;
use serde::Deserialize;

/// A line of `GET /queue`, as far as it is of interest here.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Queue {
    depth: u64,
    oldest_ms: u64,
}

/// The deepest and the oldest that was seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Peak {
    pub(super) depth: u64,
    pub(super) oldest: Duration,
    pub(super) looks: u64,
}

/// Looks twice a second on a thread of its own.
pub(super) struct Watch {
    done: Arc<AtomicBool>,
    peak: Arc<std::sync::Mutex<Peak>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(super) fn start(base: &str) -> anyhow::Result<Watch> {
        let (done, peak) = (
            Arc::new(AtomicBool::new(false)),
            Arc::<std::sync::Mutex<Peak>>::default(),
        );
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let client = http_client(Duration::from_secs(2))?;
        let url = format!("{base}/queue");
        let (finished, highest) = (Arc::clone(&done), Arc::clone(&peak));
        let look = move || {
            while !finished.load(Ordering::Relaxed) {
                // A look that fails is one look less; the number of looks is told.
                if let Ok(queue) = runtime.block_on(ask(&client, &url)) {
                    let mut peak = highest.lock().unwrap_or_else(PoisonError::into_inner);
                    peak.depth = peak.depth.max(queue.depth);
                    peak.oldest = peak.oldest.max(Duration::from_millis(queue.oldest_ms));
                    peak.looks += 1;
                }
                std::thread::sleep(Duration::from_millis(500));
            }
        };
        Ok(Watch {
            done,
            peak,
            thread: Some(std::thread::spawn(look)),
        })
    }

    /// Ends the watch.
    pub(super) fn finish(mut self) -> Peak {
        self.end();
        *self.peak.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end();
    }
}

async fn ask(client: &reqwest::Client, url: &str) -> anyhow::Result<Queue> {
    let text = client
        .get(url)
        .send()
        .await?
        .error_for_status()?
        .text()
        .await?;
    serde_json::from_str(&text).context("no queue")
}
