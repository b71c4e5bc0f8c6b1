//! The wait until a service has settled: how often it is asked, how long, and when that ends.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::run::completion::{Settled, UnknownMeans};

/// Before the second question; before each further one twice as long, up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(100);

/// Longest pause of our own: a service that works off a backlog is not to be kept from it.
const LONGEST: Duration = Duration::from_secs(2);

/// The last part of the wait, in which there must be an answer for it to count: a quarter.
const LAST_PART: u32 = 4;

/// A pause is at most this part of the wait, so that there is a question in the last part of it.
const PAUSE_PART: u32 = 8;

/// A wait with a deadline.
pub(super) struct Settling<'a> {
    began: Instant,
    deadline: Instant,
    patience: Duration,
    interrupted: Pin<Box<dyn Future<Output = ()> + 'a>>,
    ended: Option<Settled>,
    pauses: Pauses,
    /// How far the service was when it was asked last, and since when.
    progress: (u64, Instant),
}

impl<'a> Settling<'a> {
    pub(super) fn new(
        began: Instant,
        patience: Duration,
        interrupted: impl Future<Output = ()> + 'a,
    ) -> Settling<'a> {
        Settling {
            began,
            deadline: began + patience,
            patience,
            interrupted: Box::pin(interrupted),
            ended: None,
            pauses: Pauses::within(patience),
            progress: (0, began),
        }
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Since its beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// From its beginning to an instant.
    pub(super) fn at(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.began)
    }

    /// Notes how far the service is: any number that changes while it is catching up.
    pub(super) fn note(&mut self, progress: u64) {
        if self.progress.0 != progress {
            self.progress = (progress, Instant::now());
        }
    }

    /// Works until that is done or the wait ends, whichever is first; after its end nothing is begun.
    pub(super) async fn until<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Settled> {
        if let Some(ended) = self.ended {
            return Err(ended);
        }
        let ended = tokio::select! {
            biased;
            () = &mut self.interrupted => Settled::Interrupted,
            () = sleep_until(self.deadline) => Settled::Deadline,
            done = work => return Ok(done),
        };
        self.ended = Some(ended);
        Err(ended)
    }

    /// Waits for the next question, at least as long as the service asked for.
    pub(super) async fn pause(&mut self, at_least: Option<Duration>) -> Result<(), Settled> {
        let pause = self.pauses.next(at_least);
        self.until(sleep(pause)).await
    }

    /// When everything is done: waits in silence, and leaves time to ask once more.
    pub(super) async fn quiet(&mut self, quiet: Duration) -> Result<(), Settled> {
        self.deadline = Instant::now() + quiet + self.patience;
        self.until(sleep(quiet)).await
    }

    /// From when on, counted from its beginning, an answer was late enough to show how things stood at the deadline.
    pub(super) fn last_part(&self) -> Duration {
        self.patience - self.patience / LAST_PART
    }

    /// What an accepted request is that the service does not know: something may still come as long as something came
    /// within the last quarter of the wait.
    pub(super) fn unknown(&self, settled: Settled) -> UnknownMeans {
        let quiet = self.progress.1.elapsed();
        match settled {
            Settled::Interrupted => UnknownMeans::Pending,
            Settled::Deadline if quiet < self.patience / LAST_PART => UnknownMeans::Pending,
            Settled::Done | Settled::Deadline => UnknownMeans::Lost,
        }
    }
}

/// The times between questions: doubling, so that a short wait is noticed and a long one costs the service little.
struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    fn within(patience: Duration) -> Pauses {
        let longest = LONGEST.min(patience / PAUSE_PART);
        Pauses {
            next: FIRST.min(longest),
            longest,
        }
    }

    /// The next one, at least as long as the service asked for.
    fn next(&mut self, at_least: Option<Duration>) -> Duration {
        let pause = self.next.max(at_least.unwrap_or_default());
        self.next = (self.next * 2).min(self.longest);
        pause
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Pauses, Settled, Settling};

    fn block_on<T>(test: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(test)
    }

    #[test]
    fn pauses_double_up_to_two_seconds() {
        let mut pauses = Pauses::within(Duration::from_secs(30));
        let ms: Vec<u128> = (0..7).map(|_| pauses.next(None).as_millis()).collect();
        assert_eq!(ms, [100, 200, 400, 800, 1_600, 2_000, 2_000]);
    }

    #[test]
    fn a_service_that_asks_for_time_is_given_it() {
        let mut pauses = Pauses::within(Duration::from_secs(30));
        let asked = Duration::from_secs(7);
        assert_eq!(pauses.next(Some(asked)), asked);
        assert_eq!(pauses.next(None), Duration::from_millis(200));
    }

    #[test]
    fn a_pause_is_at_most_an_eighth_of_the_wait_so_that_its_last_quarter_has_a_question() {
        for patience in [50, 300, 1_000, 10_000].map(Duration::from_millis) {
            let mut pauses = Pauses::within(patience);
            assert!((0..20).all(|_| pauses.next(None) <= patience / 8));
        }
    }

    #[test]
    fn what_takes_too_long_is_cut_at_the_deadline_and_nothing_is_begun_after() {
        block_on(async {
            let patience = Duration::from_millis(20);
            let mut settling = Settling::new(Instant::now(), patience, pending());
            assert_eq!(settling.until(async { 1 }).await, Ok(1));
            let pause = settling.pause(Some(Duration::from_secs(3_600))).await;
            assert_eq!(pause, Err(Settled::Deadline));
            assert_eq!(settling.until(async { 1 }).await, Err(Settled::Deadline));
            let hour = Duration::from_secs(3_600);
            let mut settling = Settling::new(Instant::now(), hour, async {});
            assert_eq!(settling.until(async { 1 }).await, Err(Settled::Interrupted));
        });
    }
}
