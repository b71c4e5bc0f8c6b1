//! Watches the depth of the server's queue during a measurement.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::probe::audit::http_client;
use anyhow::Context as _;
use serde::Deserialize;

/// Two fields of the answer to `GET /queue`.
#[derive(Debug, Clone, Copy, Deserialize)]
struct QueueDepth {
    depth: u64,
    oldest_ms: u64,
}

/// The greatest depth and age in all readings.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct QueuePeak {
    pub(super) depth: u64,
    pub(super) oldest: Duration,
    pub(super) readings: u64,
}

/// Asks the server twice a second, on a thread of its own.
pub(super) struct QueueWatch {
    done: Arc<AtomicBool>,
    peak: Arc<std::sync::Mutex<QueuePeak>>,
    thread: Option<JoinHandle<()>>,
}

impl QueueWatch {
    pub(super) fn start(base: &str) -> anyhow::Result<QueueWatch> {
        let (done, peak) = (
            Arc::new(AtomicBool::new(false)),
            Arc::<std::sync::Mutex<QueuePeak>>::default(),
        );
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let client = http_client(Duration::from_secs(2))?;
        let url = format!("{base}/queue");
        let (finished, highest) = (Arc::clone(&done), Arc::clone(&peak));
        let read = move || {
            while !finished.load(Ordering::Relaxed) {
                // A failed reading is not counted; the report shows the count.
                if let Ok(queue) = runtime.block_on(ask(&client, &url)) {
                    let mut peak = highest.lock().unwrap_or_else(PoisonError::into_inner);
                    peak.depth = peak.depth.max(queue.depth);
                    peak.oldest = peak.oldest.max(Duration::from_millis(queue.oldest_ms));
                    peak.readings += 1;
                }
                std::thread::sleep(Duration::from_millis(500));
            }
        };
        Ok(QueueWatch {
            done,
            peak,
            thread: Some(std::thread::spawn(read)),
        })
    }

    pub(super) fn finish(mut self) -> QueuePeak {
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

impl Drop for QueueWatch {
    fn drop(&mut self) {
        self.end();
    }
}

async fn ask(client: &reqwest::Client, url: &str) -> anyhow::Result<QueueDepth> {
    let text = client
        .get(url)
        .send()
        .await?
        .error_for_status()?
        .text()
        .await?;
    serde_json::from_str(&text).context("no queue")
}
