//! How the commits go: how many share one, how long they take, and whether one is stuck.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::reference::counters::{AtomicHistogram, Counter, LATENCY_BOUNDS_NS, SIZE_BOUNDS};

/// Counted by the writer, read by anyone.
pub struct CommitMetrics {
    /// From the begin of a transaction until it is synced, in nanoseconds.
    pub duration: AtomicHistogram,
    /// Submissions and pieces of work that shared a transaction.
    pub batch: AtomicHistogram,
    /// Transactions that were rolled back.
    pub failed: Counter,
    origin: Instant,
    /// When the transaction under way began, in milliseconds after the origin, plus one; 0 when there is none.
    running_since_ms: AtomicU64,
}

impl Default for CommitMetrics {
    fn default() -> Self {
        CommitMetrics {
            duration: AtomicHistogram::new(LATENCY_BOUNDS_NS),
            batch: AtomicHistogram::new(SIZE_BOUNDS),
            failed: Counter::default(),
            origin: Instant::now(),
            running_since_ms: AtomicU64::new(0),
        }
    }
}

impl CommitMetrics {
    /// A transaction begins.
    pub(super) fn begin(&self) -> Instant {
        let now = Instant::now();
        let since = now.saturating_duration_since(self.origin).as_millis() as u64 + 1;
        self.running_since_ms.store(since, Ordering::Relaxed);
        now
    }

    /// The transaction that began then is committed, with this number of changes.
    pub(super) fn committed(&self, began: Instant, batch: usize) {
        self.running_since_ms.store(0, Ordering::Relaxed);
        self.duration.observe_duration(began.elapsed());
        self.batch.observe(batch as u64);
    }

    /// The transaction ended and had nothing to write, as a claim that found nothing.
    pub(super) fn nothing_written(&self) {
        self.running_since_ms.store(0, Ordering::Relaxed);
    }

    /// The transaction was rolled back.
    pub(super) fn rolled_back(&self) {
        self.running_since_ms.store(0, Ordering::Relaxed);
        self.failed.increment();
    }

    /// How long the transaction under way has been running; zero when there is none.
    pub fn stuck_for(&self) -> Duration {
        match self.running_since_ms.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => self
                .origin
                .elapsed()
                .saturating_sub(Duration::from_millis(since - 1)),
        }
    }
}
