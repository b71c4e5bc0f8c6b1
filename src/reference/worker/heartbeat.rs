//! Reports the state of this process to the store, for a reader that asks another process.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::pool::WorkerPool;
use crate::reference::store::{FailureText, ProcessReport, WorkDone};

/// Between two looks at oneself.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A report without news, so that others know that this process lives.
const ALIVE_EVERY: Duration = Duration::from_secs(10);

impl WorkerPool {
    /// What there is to say about this process now.
    pub(crate) fn status(&self, role: &str) -> ProcessReport {
        let (breaker, breaker_reason) = self.breaker.status();
        ProcessReport {
            role: role.to_owned(),
            host: host(),
            pid: std::process::id(),
            in_flight: self.in_flight() as u32,
            done: WorkDone {
                attempts: self.counters.all_attempts(),
                processed: self.counters.processed.get(),
                retries: self.counters.retries.get(),
                dead: self.counters.dead.get(),
            },
            breaker: breaker.to_owned(),
            breaker_reason: breaker_reason.map(FailureText::from),
        }
    }

    /// Reports what changes, until dropped.
    pub(crate) async fn report(&self, role: &str) {
        let mut last: Option<(ProcessReport, Instant)> = None;
        loop {
            let report = self.status(role);
            let news = last
                .as_ref()
                .is_none_or(|(known, at)| *known != report || at.elapsed() >= ALIVE_EVERY);
            if news {
                match self.store.report(report.clone()).await {
                    Ok(()) => last = Some((report, Instant::now())),
                    // The store says more about that itself.
                    Err(error) => tracing::debug!(%error, "cannot report"),
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

/// The machine's name, where the system tells it.
fn host() -> String {
    let from_file = std::fs::read_to_string("/proc/sys/kernel/hostname");
    from_file.map_or_else(|_| "localhost".to_owned(), |name| name.trim().to_owned())
}
