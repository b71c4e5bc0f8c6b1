//! The service lists what a run sent: `GET /runs/{run}/events`, one JSON object a line.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use uuid::Uuid;

use super::settling::Settling;
use super::{Ran, Told, client, keys};
use crate::completion::{Asked, DoneClock, Effects, EventKey, Fate, Settled, Standing};
use crate::plan::{Endpoint, IdSource, Plan};

/// One event as the service lists it.
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
    /// What it says of a request.
    fn fate(&self) -> Fate {
        let standing = match self.state.as_str() {
            "processed" => {
                let end = self.processed_at.unwrap_or(self.accepted_at);
                // A clock that was set back is no time.
                let took = Duration::try_from(end.duration_since(self.accepted_at));
                let took = took.unwrap_or_default();
                Standing::Processed {
                    at_least: took,
                    at_most: took,
                }
            }
            // Dead after its retries, or failed inside its synchronous call.
            "dead" | "failed" => Standing::GivenUp,
            _ => Standing::Pending,
        };
        Fate {
            standing,
            inserts: Some(self.inserts),
            notifications: Some(self.notifications),
        }
    }
}

/// Whether the service lists a run, asked before there is anything to list; `false` too if it does not answer.
pub fn is_offered(plan: &Plan, run: Uuid, patience: Duration) -> bool {
    let asked = || -> anyhow::Result<()> {
        let client = client::of_plan(plan)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let answer = listing(&client, plan, run);
            tokio::time::timeout(patience, answer).await??;
            Ok(())
        })
    };
    asked().is_ok()
}

/// Asks until everything that was accepted is settled.
pub(super) async fn ask(
    client: &reqwest::Client,
    ran: &Ran<'_>,
    mut settling: Settling<'_>,
) -> Result<Told, String> {
    let places = places(ran);
    let mut last = None;
    let settled = loop {
        let reason = match listing(client, ran.plan, ran.id).await {
            Ok(listing) => {
                let progress = listing.iter().filter(|e| e.fate().is_settled()).count();
                settling.note((listing.len() + progress) as u64);
                let told = held_against(ran, &places, &listing);
                let complete = told.is_complete(ran);
                last = Some(told);
                if complete {
                    break Settled::Done;
                }
                String::new()
            }
            Err(error) => format!("{error:#}"),
        };
        match settling.pause().await {
            None => {}
            Some(_) if last.is_none() => return Err(reason),
            Some(settled) => break settled,
        }
    };
    let Sorted { fates, unexpected } = last.unwrap_or_default();
    Ok(Told {
        fates,
        unexpected,
        effects: Some(Effects::Told),
        asked: Asked {
            clock: DoneClock::Server,
            settled,
            unknown: settling.unknown(settled),
            patience: settling.patience(),
        },
    })
}

/// A listing, sorted by what was sent.
#[derive(Default)]
struct Sorted {
    fates: Vec<HashMap<u64, Fate>>,
    unexpected: u64,
}

impl Sorted {
    /// Whether everything that was accepted is there and settled, and nothing that was not is under way.
    fn is_complete(&self, ran: &Ran<'_>) -> bool {
        let mut endpoints = ran
            .plan
            .endpoints
            .iter()
            .zip(ran.endpoints)
            .zip(&self.fates);
        endpoints.all(|((endpoint, sent), fates)| {
            let settled = |index| fates.get(&index).is_some_and(Fate::is_settled);
            let accepted = (0u64..).zip(sent.recording.ok.iter());
            !endpoint.is_accepting()
                || fates.values().all(Fate::is_settled)
                    && accepted
                        .filter(|(_, ok)| *ok)
                        .all(|(index, _)| settled(index))
        })
    }
}

/// Which request each event is.
fn places(ran: &Ran<'_>) -> HashMap<Uuid, (usize, u64)> {
    let mut places = HashMap::new();
    for (number, endpoint) in ran.plan.endpoints.iter().enumerate() {
        if !endpoint.is_accepting() {
            continue;
        }
        for (index, key) in keys(ran, number, &id_source(endpoint)) {
            if let EventKey::Uuid(id) = key {
                places.insert(id, (number, index));
            }
        }
    }
    places
}

/// The client's key names the event where it sends one, else the answer does.
fn id_source(endpoint: &Endpoint) -> IdSource {
    match endpoint.carries_key() {
        true => IdSource::Key,
        false => IdSource::of_the_reference_server(),
    }
}

fn held_against(
    ran: &Ran<'_>,
    places: &HashMap<Uuid, (usize, u64)>,
    listing: &[ListedEvent],
) -> Sorted {
    let mut sorted = Sorted {
        fates: vec![HashMap::new(); ran.endpoints.len()],
        unexpected: 0,
    };
    for event in listing {
        let place = places.get(&event.event_id);
        let twice =
            place.is_some_and(|(endpoint, index)| sorted.fates[*endpoint].contains_key(index));
        match place {
            Some(&(endpoint, index)) if !twice => {
                sorted.fates[endpoint].insert(index, event.fate());
            }
            _ => sorted.unexpected += 1,
        }
    }
    sorted
}

async fn listing(
    client: &reqwest::Client,
    plan: &Plan,
    run: Uuid,
) -> anyhow::Result<Vec<ListedEvent>> {
    let url = format!("{}/runs/{run}/events", plan.target);
    let answer = client
        .get(&url)
        .send()
        .await
        .with_context(|| format!("GET {url}"))?;
    if !answer.status().is_success() {
        bail!("GET {url} answered {}", answer.status());
    }
    let kind = answer.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("none");
    if !kind.starts_with("application/x-ndjson") {
        bail!("GET {url} is no listing: its Content-Type is {kind}");
    }
    let text = answer.text().await.with_context(|| format!("GET {url}"))?;
    parse_listing(&text).with_context(|| format!("GET {url}"))
}

/// Reads NDJSON, one event a line.
///
/// # Errors
/// A line that is no event, by its number.
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
    use super::parse_listing;

    #[test]
    fn a_listing_that_is_none_is_refused_by_line() {
        let error = parse_listing("\n{}\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2 of the listing is no event");
    }
}
