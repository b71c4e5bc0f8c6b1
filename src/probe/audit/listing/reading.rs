//! Reads a listing as it comes: NDJSON, one event a line.

use std::collections::HashMap;

use anyhow::Context as _;
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;

use super::listed_run::ListedRun;
use crate::probe::audit::client::{AuditClient, FailedQuery, transport_failure};
use crate::probe::audit::reported_state::{ReportedStage, ReportedState, Time};
use crate::run::completion::{EventKey, QueryFailure};

/// One event as the service lists it.
#[derive(Debug, Deserialize)]
struct ListedEvent {
    event_id: String,
    state: String,
    accepted_at: Timestamp,
    /// When all of its effects were done.
    processed_at: Option<Timestamp>,
    inserts: u64,
    notifications: u64,
    #[serde(default)]
    notify_unknown: u64,
}

impl ListedEvent {
    fn state(&self) -> ReportedState {
        ReportedState {
            stage: match self.state.trim().to_lowercase().as_str() {
                "processed" => ReportedStage::Done,
                // Dead after its retries, or failed inside its synchronous call.
                "dead" | "failed" => ReportedStage::GivenUp,
                _ => ReportedStage::Pending,
            },
            inserts: Some(self.inserts),
            notifications: Some(self.notifications),
            notify_unknown: self.notify_unknown,
            accepted_at: Some(Time::Instant(self.accepted_at)),
            done_at: self.processed_at.map(Time::Instant),
        }
    }
}

/// Events by their id; what several lines say of one is put together.
pub(super) type Listing = HashMap<EventKey, ReportedState>;

impl AuditClient {
    pub(super) async fn listing(&self, run: &ListedRun) -> Result<Listing, FailedQuery> {
        let url = &run.path;
        let failed = |failure| self.failed(run.endpoint, url, failure);
        let answer = self.get(run.endpoint, url).await?;
        let mut answer = answer.ok_or_else(|| failed(QueryFailure::NoListing))?;
        let kind = answer.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("none");
        if !kind.starts_with("application/x-ndjson") {
            return Err(failed(QueryFailure::NotAListing {
                content_type: kind.to_owned(),
            }));
        }
        let mut lines = Lines::default();
        let mut listing = Listing::new();
        loop {
            let piece = answer.chunk().await;
            let piece = piece.map_err(|e| failed(transport_failure(&e)))?;
            let events = match &piece {
                Some(piece) => lines.feed(piece),
                None => lines.end(),
            };
            let events = events.map_err(|e| {
                failed(QueryFailure::Broken {
                    cause: format!("{e:#}"),
                })
            });
            for event in events? {
                let key = EventKey::of(&event.event_id).normal();
                let state = event.state();
                listing
                    .entry(key)
                    .and_modify(|known| *known = known.and(state))
                    .or_insert(state);
            }
            if piece.is_none() {
                return Ok(listing);
            }
        }
    }
}

/// Reads NDJSON as it comes: only the line under way is kept.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
    number: usize,
}

impl Lines {
    fn feed(&mut self, piece: &[u8]) -> anyhow::Result<Vec<ListedEvent>> {
        let mut events = Vec::new();
        for part in piece.split_inclusive(|&byte| byte == b'\n') {
            self.rest.extend_from_slice(part);
            if part.ends_with(b"\n") {
                events.extend(self.end()?);
            }
        }
        Ok(events)
    }

    /// What the line under way is.
    fn end(&mut self) -> anyhow::Result<Vec<ListedEvent>> {
        self.number += 1;
        let line = std::mem::take(&mut self.rest);
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(Vec::new());
        }
        let event = serde_json::from_slice(&line);
        let event = event
            .with_context(|| format!("line {} of the listing is not an event", self.number))?;
        Ok(vec![event])
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    const EVENT: &str = r#"{"event_id":"7","state":"processed","accepted_at":"2026-01-01T00:00:00Z","processed_at":null,"inserts":1,"notifications":1}"#;

    #[test]
    fn a_listing_that_is_none_is_refused_by_line() {
        let error = Lines::default().feed(b"\n{}\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2 of the listing is not an event");
    }

    #[test]
    fn a_listing_is_read_in_whatever_pieces_it_comes() {
        let text = format!("{EVENT}\n\n{EVENT}\r\n{EVENT}");
        for size in [1, 7, 1_000] {
            let mut lines = Lines::default();
            let pieces = text.as_bytes().chunks(size);
            let read = pieces.flat_map(|piece| lines.feed(piece).unwrap()).count();
            assert_eq!(read + lines.end().unwrap().len(), 3, "{size}");
        }
    }
}
