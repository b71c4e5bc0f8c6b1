//! The wait until a service has settled: how often it is asked, and when that ends.

use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::completion::{Settled, UnknownMeans};

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(100);

/// A wait with a deadline.
pub(super) struct Settling<'a> {
    began: Instant,
    patience: Duration,
    interrupted: Pin<Box<dyn Future<Output = ()> + 'a>>,
    /// How far the service was when it was asked last, and since when.
    progress: (u64, Instant),
}

impl<'a> Settling<'a> {
    pub(super) fn new(
        patience: Duration,
        interrupted: impl Future<Output = ()> + 'a,
    ) -> Settling<'a> {
        let now = Instant::now();
        Settling {
            began: now,
            patience,
            interrupted: Box::pin(interrupted),
            progress: (0, now),
        }
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Notes how far the service is: any number that changes while it is catching up.
    pub(super) fn note(&mut self, progress: u64) {
        if self.progress.0 != progress {
            self.progress = (progress, Instant::now());
        }
    }

    /// Waits for the next question; `Some` if there is to be none.
    pub(super) async fn pause(&mut self) -> Option<Settled> {
        if self.began.elapsed() >= self.patience {
            return Some(Settled::Deadline);
        }
        tokio::select! {
            biased;
            () = &mut self.interrupted => Some(Settled::Interrupted),
            () = tokio::time::sleep(PAUSE.min(self.patience)) => None,
        }
    }

    /// What an accepted request is that the service does not know: something may still come as long as something came
    /// within the last quarter of the wait.
    pub(super) fn unknown(&self, settled: Settled) -> UnknownMeans {
        let quiet = self.progress.1.elapsed();
        match settled {
            Settled::Interrupted => UnknownMeans::Pending,
            Settled::Deadline if quiet < self.patience / 4 => UnknownMeans::Pending,
            Settled::Done | Settled::Deadline => UnknownMeans::Lost,
        }
    }
}
