//! The service lists what a run sent: `GET /runs/{run}/events`, one JSON object a line.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use uuid::Uuid;

use super::client::{Reach, Trouble, as_segment, in_words};
use super::ledger::{Ledger, Look};
use super::requests::{Named, NamedBy, Requests};
use super::settling::Settling;
use super::state::{Stage, State, Time};
use super::{Offered, Ran, Told};
use crate::completion::{DoneClock, EventKey, Remark, Settled};
use crate::plan::{Endpoint, Plan, RUN_HEADER};
use crate::units::grouped;

/// How long a service that did not list the run before it began is asked whether it does now.
const SECOND_THOUGHT: Duration = Duration::from_secs(2);

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
}

impl ListedEvent {
    fn state(&self) -> State {
        State {
            stage: match self.state.as_str() {
                "processed" => Stage::Done,
                // Dead after its retries, or failed inside its synchronous call.
                "dead" | "failed" => Stage::GivenUp,
                _ => Stage::Pending,
            },
            inserts: Some(self.inserts),
            notifications: Some(self.notifications),
            accepted_at: Some(Time::Instant(self.accepted_at)),
            done_at: self.processed_at.map(Time::Instant),
        }
    }
}

/// Whether the service lists a run, asked before there is anything to list; `false` too if it does not answer.
pub fn is_offered(plan: &Plan, run: Uuid, patience: Duration) -> bool {
    let asked = || -> anyhow::Result<bool> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let answer = runtime.block_on(async {
            let reach = Reach::of(plan);
            let answer = async { anyhow::Ok(reach.await?.listing(&shelf(plan, run)).await) };
            tokio::time::timeout(patience, answer).await?
        });
        // A name that is still being resolved would be waited for.
        runtime.shutdown_background();
        Ok(answer?.is_ok())
    };
    asked().unwrap_or(false)
}

/// The first listing of a plan.
fn shelf(plan: &Plan, run: Uuid) -> Shelf {
    let first = Shelves::of(plan, run).0.into_iter().flatten().next();
    first.unwrap_or_else(|| Shelf::of(0, run.to_string(), Name::Ours))
}

/// One listing that has events of a run: that of its name, as the service shows it to whom an endpoint's headers name.
struct Shelf {
    /// Whose headers it is asked for with.
    endpoint: usize,
    /// Whose events are in it.
    endpoints: Vec<usize>,
    path: String,
    name: Name,
}

/// Who has named the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// We: it has no other run's events.
    Ours,
    /// The user, with a header of their own: other runs may be called the same.
    Users,
}

impl Shelf {
    fn of(endpoint: usize, run: String, name: Name) -> Shelf {
        Shelf {
            endpoint,
            endpoints: vec![endpoint],
            path: format!("/runs/{}/events", as_segment(&run)),
            name,
        }
    }
}

/// The listings of a plan, by endpoint; an endpoint whose header names a run for each request has none.
struct Shelves(Vec<Option<Shelf>>);

impl Shelves {
    fn of(plan: &Plan, run: Uuid) -> Shelves {
        let mut shelves: Vec<Option<Shelf>> = Vec::new();
        for (number, endpoint) in plan.endpoints.iter().enumerate() {
            let shelf = endpoint
                .is_accepting()
                .then(|| named(endpoint, run))
                .flatten();
            let shelf = shelf.map(|(name, whose)| Shelf::of(number, name, whose));
            let same = shelf.as_ref().and_then(|new| {
                let mut known = shelves.iter_mut().flatten();
                known.find(|known| known.is_same(new, plan))
            });
            match same {
                Some(known) => {
                    known.endpoints.push(number);
                    shelves.push(None);
                }
                None => shelves.push(shelf),
            }
        }
        Shelves(shelves)
    }
}

impl Shelf {
    fn is_same(&self, other: &Shelf, plan: &Plan) -> bool {
        let headers = |shelf: &Shelf| &plan.endpoints[shelf.endpoint].headers;
        self.path == other.path && headers(self) == headers(other)
    }
}

/// What the requests of an endpoint call their run.
fn named(endpoint: &Endpoint, run: Uuid) -> Option<(String, Name)> {
    match endpoint.header(RUN_HEADER) {
        None => Some((run.to_string(), Name::Ours)),
        Some(name) => name.is_fixed().then(|| (name.source(), Name::Users)),
    }
}

/// What was read of one listing.
#[derive(Clone, Debug, Default)]
struct Read {
    /// Whether it ever was.
    heard: bool,
    /// Events in it when it was read last, and those of them that no request is.
    events: u64,
    strangers: u64,
}

/// Asks until everything that was accepted is settled, and once more after that.
pub(super) async fn ask(
    ran: &Ran<'_>,
    reach: &Reach,
    requests: &Requests,
    settling: &mut Settling<'_>,
    quiet: Duration,
) -> Result<Told, String> {
    let shelves: Vec<Shelf> = Shelves::of(ran.plan, ran.id)
        .0
        .into_iter()
        .flatten()
        .collect();
    if shelves.is_empty() {
        return Err(format!(
            "{RUN_HEADER} differs from request to request, so no one listing has what was sent"
        ));
    }
    let mut asking = Asking {
        reach,
        requests,
        read: vec![Read::default(); shelves.len()],
        shelves,
        ledger: Ledger::new(requests),
        trouble: None,
    };
    let settled = asking.until_settled(ran, settling).await;
    let mut told = asking.told(settled, ran, settling);
    if settled == Settled::Done && !quiet.is_zero() {
        match asking.once_more(settling, quiet).await {
            Some(Ok(())) => {
                told = asking.told(settled, ran, settling);
                told.quiet = Some(quiet);
            }
            Some(Err(reason)) => told.remarks.push(Remark::NotReadAgain { reason }),
            None => {}
        }
    }
    match asking.read.iter().any(|read| read.heard) {
        true => Ok(told),
        false => Err(asking.trouble.unwrap_or_else(|| super::silence(settled))),
    }
}

struct Asking<'a> {
    reach: &'a Reach,
    requests: &'a Requests,
    shelves: Vec<Shelf>,
    /// By listing.
    read: Vec<Read>,
    ledger: Ledger<'a>,
    /// What came last instead of a listing.
    trouble: Option<String>,
}

impl Asking<'_> {
    async fn until_settled(&mut self, ran: &Ran<'_>, settling: &mut Settling<'_>) -> Settled {
        loop {
            let retry_after = match self.look(settling).await {
                Ok(retry_after) => retry_after,
                Err(settled) => return settled,
            };
            settling.note(self.ledger.progress() + self.events());
            let heard = self.read.iter().all(|read| read.heard);
            if heard && self.ledger.is_complete() {
                return Settled::Done;
            }
            // Who did not list the run before it began will hardly do so now.
            let hopeless = ran.offered == Offered::NotSeen && !heard;
            if hopeless && settling.elapsed() >= SECOND_THOUGHT {
                return Settled::Deadline;
            }
            if let Err(settled) = settling.pause(retry_after).await {
                return settled;
            }
        }
    }

    fn events(&self) -> u64 {
        self.read.iter().map(|read| read.events).sum()
    }

    /// Reads every listing once; how long the service then wants to be left alone.
    async fn look(&mut self, settling: &mut Settling<'_>) -> Result<Option<Duration>, Settled> {
        let mut retry_after = None;
        for number in 0..self.shelves.len() {
            let asked = settling.elapsed();
            let listing = settling
                .until(self.reach.listing(&self.shelves[number]))
                .await?;
            match listing {
                Ok(listing) => {
                    let answered = settling.elapsed();
                    self.take(number, &listing, Look { asked, answered });
                }
                Err(trouble) => {
                    retry_after = retry_after.max(trouble.retry_after);
                    self.trouble = Some(trouble.text);
                }
            }
        }
        Ok(retry_after)
    }

    fn take(&mut self, number: usize, listing: &Listing, look: Look) {
        let mut states: HashMap<usize, State> = HashMap::new();
        let mut strangers = 0;
        for (key, state) in listing {
            let mut known = false;
            for place in self.requests.named(key) {
                known = true;
                states.insert(place, *state);
            }
            strangers += u64::from(!known);
        }
        for (place, request) in self.requests.all.iter().enumerate() {
            if self.shelves[number].endpoints.contains(&request.endpoint) {
                self.ledger.take(place, states.get(&place).copied(), look);
            }
        }
        self.read[number] = Read {
            heard: true,
            events: listing.len() as u64,
            strangers,
        };
    }

    /// Reads every listing once more; `None` if a signal comes first.
    async fn once_more(
        &mut self,
        settling: &mut Settling<'_>,
        quiet: Duration,
    ) -> Option<Result<(), String>> {
        let ended = |settled| match settled {
            Settled::Interrupted => None,
            settled => Some(Err(super::silence(settled))),
        };
        if let Err(settled) = settling.quiet(quiet).await {
            return ended(settled);
        }
        for number in 0..self.shelves.len() {
            let listing = self.reach.listing(&self.shelves[number]);
            let listing = match settling.until(listing).await {
                Ok(Ok(listing)) => listing,
                Ok(Err(trouble)) => return Some(Err(trouble.text)),
                Err(settled) => return ended(settled),
            };
            self.take_again(number, &listing);
        }
        Some(Ok(()))
    }

    fn take_again(&mut self, number: usize, listing: &Listing) {
        let mut strangers = 0;
        for (key, state) in listing {
            let mut known = false;
            for place in self.requests.named(key) {
                known = true;
                self.ledger.take_again(place, Some(*state));
            }
            strangers += u64::from(!known);
        }
        let read = &mut self.read[number];
        read.strangers = read.strangers.max(strangers);
    }

    fn told(&self, settled: Settled, ran: &Ran<'_>, settling: &Settling<'_>) -> Told {
        let mut told = Told::of(&self.ledger, ran, (settled, settling), DoneClock::Server);
        let without_time = self.ledger.without_time();
        if without_time > 0 {
            told.remarks.push(Remark::NoTime {
                events: without_time,
            });
        }
        told.trouble.clone_from(&self.trouble);
        told.tells_effects = true;
        for (shelf, read) in self.shelves.iter().zip(&self.read) {
            for &endpoint in &shelf.endpoints {
                told.strangers[endpoint] =
                    (shelf.name == Name::Ours && read.heard).then_some(read.strangers);
                told.unread[endpoint] = self.why_unread(endpoint, shelf, read);
            }
        }
        for (number, endpoint) in ran.plan.endpoints.iter().enumerate() {
            if endpoint.is_accepting() && named(endpoint, ran.id).is_none() {
                told.unread[number] = Some(format!(
                    "{RUN_HEADER} differs from request to request, so no one listing has what {} sent",
                    endpoint.name
                ));
            }
        }
        told
    }

    /// Why a listing that was read says nothing of an endpoint, if that is so.
    fn why_unread(&self, endpoint: usize, shelf: &Shelf, read: &Read) -> Option<String> {
        let Named { owed, nameless, .. } = self.requests.endpoints[endpoint];
        let trouble = || {
            self.trouble
                .clone()
                .unwrap_or_else(|| "it was never read".to_owned())
        };
        if !read.heard {
            return Some(trouble());
        }
        if nameless > 0 {
            return Some(format!(
                "{} of {} accepted answers name no event (event_id), and the requests carry no key of their own",
                grouped(nameless),
                grouped(owed)
            ));
        }
        if owed == 0 || self.ledger.has_known(endpoint) {
            return None;
        }
        if shelf.name == Name::Ours && read.strangers > 0 {
            return Some(format!(
                "none of the {} listed events is one that was sent: the listing calls them otherwise than {}",
                grouped(read.events),
                match self.are_answered(endpoint) {
                    true => "the answers do",
                    false => "the requests do, and the answers name none (event_id)",
                }
            ));
        }
        // What the service named itself, and lists no more, is lost.
        (!self.are_answered(endpoint)).then(|| {
            format!(
                "the listing has none of the {} accepted events, and no answer names one (event_id): lost or listed under other names, nobody can tell",
                grouped(owed)
            )
        })
    }

    /// Whether the service has named all that it accepted.
    fn are_answered(&self, endpoint: usize) -> bool {
        let own = self.requests.all.iter().filter(|r| r.endpoint == endpoint);
        { own }.all(|request| !request.owed || request.named_by == NamedBy::Answer)
    }
}

/// Events by their id; what several lines say of one is put together.
type Listing = HashMap<EventKey, State>;

impl Reach {
    async fn listing(&self, shelf: &Shelf) -> Result<Listing, Trouble> {
        let url = &shelf.path;
        let wrong = |what: &str| self.trouble(url, what);
        let answer = self.get(shelf.endpoint, url).await?;
        let mut answer = answer.ok_or_else(|| wrong("answered 404"))?;
        let kind = answer.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("none");
        if !kind.starts_with("application/x-ndjson") {
            return Err(wrong(&format!("is no listing: its Content-Type is {kind}")));
        }
        let mut lines = Lines::default();
        let mut listing = Listing::new();
        loop {
            let piece = answer.chunk().await.map_err(|e| wrong(&in_words(&e)))?;
            let events = match &piece {
                Some(piece) => lines.feed(piece),
                None => lines.end(),
            };
            for event in events.map_err(|e| wrong(&format!("{e:#}")))? {
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
        let event =
            event.with_context(|| format!("line {} of the listing is no event", self.number))?;
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
        assert_eq!(error.to_string(), "line 2 of the listing is no event");
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
