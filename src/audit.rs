//! Completion check: was everything that was accepted also done, and done once?
//!
//! What was sent is not stored but computed again from run, endpoint and index; what was accepted is the
//! recording's row of ok bits; what was done is the server's own listing of the run.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::histogram::{Histogram, Precision};
use crate::recording::Recording;
use crate::schedule::event_id;

/// One event as the server lists it, a line of `GET /runs/{run}/events`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ListedEvent {
    /// The event's id.
    pub event_id: Uuid,
    /// Where it stands.
    pub state: String,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When all of its effects were done.
    pub processed_at: Option<Timestamp>,
    /// Rows that its insert made.
    pub inserts: u64,
    /// Mails that were sent for it.
    pub notifications: u64,
}

impl ListedEvent {
    fn is_processed(&self) -> bool {
        self.state == "processed"
    }

    /// Given up: dead after its retries, or failed inside its synchronous call.
    fn is_given_up(&self) -> bool {
        matches!(self.state.as_str(), "dead" | "failed")
    }
}

/// What became of the requests of one endpoint.
#[derive(Debug, Clone)]
pub struct Completion {
    /// Requests that were answered ok: the server owes these.
    pub accepted: u64,
    /// Of the accepted, done at the time of the listing.
    pub processed: u64,
    /// Of the accepted, known to the server but not done yet.
    pub pending: u64,
    /// Of the accepted, given up by the server after its retries.
    pub dead: u64,
    /// Of the accepted, unknown to the server.
    pub lost: u64,
    /// Events with more than one insert.
    pub inserted_twice: u64,
    /// Events with more than one mail.
    pub notified_twice: u64,
    /// Done although the client never saw an ok: the answer was lost, not the event.
    pub recovered: u64,
    /// In the listing, but never sent by this run.
    pub unexpected: u64,
    /// Acceptance to completion, of the processed events.
    pub time_to_processed: Histogram,
}

impl Completion {
    /// Whether every accepted event was done exactly once, and there were any.
    pub fn is_exactly_once(&self) -> bool {
        self.accepted > 0
            && self.processed == self.accepted
            && self.inserted_twice == 0
            && self.notified_twice == 0
            && self.unexpected == 0
    }

    /// The counts, for machines.
    pub fn to_record(&self) -> CompletionRecord {
        let levels = self.time_to_processed.levels();
        let at = |q: crate::stats::rank::Quantile| {
            levels
                .at_rank(q.rank(levels.count()))
                .map(|ns| ns as f64 / 1e6)
        };
        CompletionRecord {
            accepted: self.accepted,
            processed: self.processed,
            pending: self.pending,
            dead: self.dead,
            lost: self.lost,
            inserted_twice: self.inserted_twice,
            notified_twice: self.notified_twice,
            recovered: self.recovered,
            unexpected: self.unexpected,
            time_to_processed_p50_ms: at(crate::stats::rank::Quantile::P50),
            time_to_processed_p95_ms: at(crate::stats::rank::Quantile::P95),
            time_to_processed_max_ms: self.time_to_processed.max_ns().map(|ns| ns as f64 / 1e6),
        }
    }
}

/// [`Completion`] as JSON shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are those of Completion; times in milliseconds"
)]
pub struct CompletionRecord {
    pub accepted: u64,
    pub processed: u64,
    pub pending: u64,
    pub dead: u64,
    pub lost: u64,
    pub inserted_twice: u64,
    pub notified_twice: u64,
    pub recovered: u64,
    pub unexpected: u64,
    pub time_to_processed_p50_ms: Option<f64>,
    pub time_to_processed_p95_ms: Option<f64>,
    pub time_to_processed_max_ms: Option<f64>,
}

/// Holds the server's listing against what the run sent to the endpoint at this position of its plan.
pub fn check(run: Uuid, stream: u64, recording: &Recording, listing: &[ListedEvent]) -> Completion {
    let mut completion = Completion {
        accepted: recording.ok.count_ones(),
        processed: 0,
        pending: 0,
        dead: 0,
        lost: 0,
        inserted_twice: 0,
        notified_twice: 0,
        recovered: 0,
        unexpected: 0,
        time_to_processed: Histogram::new(Precision::Three),
    };
    let mut sent: HashMap<Uuid, bool> = (0u64..)
        .zip(recording.ok.iter())
        .map(|(index, ok)| (event_id(run, stream, index), ok))
        .collect();
    for event in listing {
        match sent.remove(&event.event_id) {
            Some(accepted) => completion.add(event, accepted),
            None => completion.unexpected += 1,
        }
    }
    // What is left was not listed; of that, the server owes what it answered ok.
    completion.lost = sent.values().filter(|accepted| **accepted).count() as u64;
    completion
}

impl Completion {
    fn add(&mut self, event: &ListedEvent, accepted: bool) {
        self.inserted_twice += u64::from(event.inserts > 1);
        self.notified_twice += u64::from(event.notifications > 1);
        match (accepted, event.is_processed()) {
            (true, true) => self.processed += 1,
            (true, false) if event.is_given_up() => self.dead += 1,
            (true, false) => self.pending += 1,
            (false, true) => self.recovered += 1,
            (false, false) => {}
        }
        let done_at = event.processed_at.filter(|_| event.is_processed());
        if let Some(waited) =
            done_at.and_then(|at| Duration::try_from(at.duration_since(event.accepted_at)).ok())
        {
            self.time_to_processed.record(waited.as_nanos() as u64);
        }
    }
}

/// A client for everything that is not measured.
///
/// # Errors
/// The TLS library cannot be set up.
pub fn http_client(timeout: Duration) -> reqwest::Result<reqwest::Client> {
    // reqwest is built without a cryptography provider and panics if none is installed; an error here means
    // that one is.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(timeout).build()
}

/// Fetches the listing until nothing in it is waiting any more, or until the deadline: the last listing.
///
/// # Errors
/// The server does not answer, or what it answers is no listing.
pub async fn settled_listing(
    base: &str,
    run: Uuid,
    patience: Duration,
) -> anyhow::Result<Vec<ListedEvent>> {
    let client = http_client(Duration::from_secs(10))?;
    let began = Instant::now();
    loop {
        let listing = listing(&client, base, run).await?;
        let settled = listing
            .iter()
            .all(|event| event.is_processed() || event.is_given_up());
        if settled || began.elapsed() >= patience {
            return Ok(listing);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn listing(
    client: &reqwest::Client,
    base: &str,
    run: Uuid,
) -> anyhow::Result<Vec<ListedEvent>> {
    let url = format!("{base}/runs/{run}/events");
    let answer = client
        .get(&url)
        .send()
        .await
        .with_context(|| format!("GET {url}"))?;
    if !answer.status().is_success() {
        bail!("GET {url} answered {}", answer.status());
    }
    let text = answer.text().await.with_context(|| format!("GET {url}"))?;
    parse_listing(&text).with_context(|| format!("GET {url}"))
}

/// Reads NDJSON, one event a line.
pub fn parse_listing(text: &str) -> anyhow::Result<Vec<ListedEvent>> {
    let event = |(number, line): (usize, &str)| {
        serde_json::from_str(line)
            .with_context(|| format!("line {} of the listing is no event", number + 1))
    };
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(event)
        .collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Completion, ListedEvent, check, parse_listing};
    use crate::recording::{Clock, Recording};
    use crate::sample::{FailureKind, Outcome, Phases, Sample};
    use crate::schedule::event_id;

    const RUN: Uuid = Uuid::from_u128(7);

    /// 100 requests to the endpoint at position 1: the first 90 answered ok, the last 10 reset.
    fn recording() -> Recording {
        let mut recording = Recording::new(Clock::IntendedStart, &[]);
        for index in 0..100 {
            let outcome = if index < 90 {
                Outcome::Ok
            } else {
                Outcome::Failed(FailureKind::Reset)
            };
            recording.add(&Sample {
                index,
                intended_start_ns: Some(0),
                dispatched_ns: 0,
                sent_ns: Some(0),
                finished_ns: 1,
                outcome,
                status: None,
                connection: None,
                phases: Phases::default(),
                body_bytes: 0,
                server_timing: Vec::new(),
            });
        }
        recording
    }

    fn event(id: Uuid, state: &str) -> ListedEvent {
        let line = format!(
            r#"{{"event_id":"{id}","state":"{state}","accepted_at":"2026-01-01T00:00:00.000Z",
                "processed_at":"2026-01-01T00:00:00.200Z","attempts":1,"inserts":1,"notifications":1}}"#
        );
        parse_listing(&line.replace('\n', " ")).unwrap().remove(0)
    }

    fn processed(range: std::ops::Range<u64>) -> Vec<ListedEvent> {
        range
            .map(|index| event(event_id(RUN, 1, index), "processed"))
            .collect()
    }

    fn against(listing: &[ListedEvent]) -> Completion {
        check(RUN, 1, &recording(), listing)
    }

    #[test]
    fn all_accepted_and_done_once_is_exactly_once() {
        let completion = against(&processed(0..90));
        assert!(completion.is_exactly_once());
        assert_eq!(
            (completion.accepted, completion.processed, completion.lost),
            (90, 90, 0)
        );
        assert_eq!(completion.time_to_processed.max_ns(), Some(200_000_000));
    }

    #[test]
    fn planted_losses_duplicates_and_strangers_are_counted() {
        let mut listing = processed(3..95);
        listing[0].inserts = 2;
        listing[1].notifications = 3;
        listing[2].state = "accepted".into();
        listing[3].state = "dead".into();
        listing.push(event(Uuid::from_u128(99), "processed"));
        let completion = against(&listing);
        assert_eq!(completion.lost, 3);
        assert_eq!(
            (completion.inserted_twice, completion.notified_twice),
            (1, 1)
        );
        assert_eq!((completion.pending, completion.dead), (1, 1));
        assert_eq!(completion.recovered, 5);
        assert_eq!(completion.unexpected, 1);
        assert_eq!(completion.processed, 85);
        assert!(!completion.is_exactly_once());
    }

    #[test]
    fn nothing_accepted_proves_nothing() {
        let empty = Recording::new(Clock::IntendedStart, &[]);
        assert!(!check(RUN, 1, &empty, &[]).is_exactly_once());
    }

    #[test]
    fn an_event_listed_twice_is_unexpected_the_second_time() {
        let mut listing = processed(0..90);
        listing.push(listing[0].clone());
        assert_eq!(against(&listing).unexpected, 1);
    }

    #[test]
    fn a_listing_that_is_none_is_refused_by_line() {
        let error = parse_listing("\n{}\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2 of the listing is no event");
    }
}
