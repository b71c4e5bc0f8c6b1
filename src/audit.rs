//! Completion audit: asks the service, when the run has ended, what became of what it accepted.
//!
//! What was sent is not stored but computed again from run, endpoint and index, or, where the service names its events
//! itself, kept of its answers. What was accepted is the recording's row of ok bits. What was done is what the service
//! says: a listing of the whole run, or one answer an event. It is asked until nothing is pending or the deadline has
//! come, and only when the run has ended, so that asking disturbs no measurement.

mod client;
mod listing;
mod polls;
mod settling;

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::completion::{Answers, Asked, Audit, Completion, Effects, EventKey, Fate};
use crate::plan::{Auditing, Endpoint, IdSource, Plan, Source, Wish};
use crate::recording::Recording;
use crate::schedule::event_id;
use settling::Settling;

pub use client::http_client;
pub use listing::{ListedEvent, is_offered, parse_listing};

/// A run that is to be audited.
#[derive(Clone, Copy, Debug)]
pub struct Ran<'a> {
    /// What was planned.
    pub plan: &'a Plan,
    /// The name under which the service may list it.
    pub id: Uuid,
    /// When t0 was.
    pub started_at: Timestamp,
    /// What is left of each endpoint, in the order of the plan.
    pub endpoints: &'a [Sent<'a>],
}

/// What a run left behind of one endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// How its requests ended.
    pub recording: &'a Recording,
    /// What was kept of its answers.
    pub answers: &'a Answers,
    /// Times to completion above which events are counted.
    pub targets: &'a [Duration],
    /// Whether some requests were sent twice on purpose, and which share.
    pub resent: Option<f64>,
}

/// Asks what became of every endpoint's requests; `None` for endpoints that ask nothing of the service. Blocks until the
/// service has settled, to the deadline, or until it is interrupted.
///
/// # Errors
/// No runtime, or certificates that cannot be read. A service that does not tell is no error but an
/// [`Audit::Unread`].
pub fn audit(
    auditing: &Auditing,
    ran: &Ran<'_>,
    interrupted: impl Future<Output = ()>,
) -> anyhow::Result<Vec<Option<Audit>>> {
    let audited: Vec<bool> = ran
        .plan
        .endpoints
        .iter()
        .map(Endpoint::is_accepting)
        .collect();
    if auditing.wish == Wish::Never || !audited.contains(&true) {
        return Ok(vec![None; audited.len()]);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let told = runtime.block_on(ask(auditing, ran, interrupted))?;
    let told = match told {
        Ok(told) => told,
        Err(reason) => {
            let unread = || Audit::Unread {
                reason: reason.clone(),
            };
            return Ok(audited
                .iter()
                .map(|&audited| audited.then(unread))
                .collect());
        }
    };
    Ok(told.into_audits(ran, &audited))
}

/// What the service told.
struct Told {
    /// By endpoint and index.
    fates: Vec<HashMap<u64, Fate>>,
    unexpected: u64,
    asked: Asked,
    /// Whether it tells how often effects were had; `None` where its answers themselves show that.
    effects: Option<Effects>,
}

impl Told {
    fn into_audits(self, ran: &Ran<'_>, audited: &[bool]) -> Vec<Option<Audit>> {
        let Told {
            fates,
            mut unexpected,
            asked,
            effects,
        } = self;
        let endpoints = ran.endpoints.iter().zip(fates).zip(audited);
        endpoints
            .map(|((sent, fates), &audited)| {
                audited.then(|| {
                    let mut completion =
                        Completion::of(sent.recording, &fates, asked, sent.targets);
                    completion.effects = effects.unwrap_or(completion.effects);
                    // Nobody knows whose they are, so the first endpoint has them.
                    completion.unexpected = std::mem::take(&mut unexpected);
                    completion.resends = sent.resent.map(|share| {
                        let mut resends = sent.answers.resends;
                        resends.share = share;
                        resends
                    });
                    Audit::Read(Box::new(completion))
                })
            })
            .collect()
    }
}

/// What the service told, or why it did not.
async fn ask(
    auditing: &Auditing,
    ran: &Ran<'_>,
    interrupted: impl Future<Output = ()>,
) -> anyhow::Result<Result<Told, String>> {
    let client = client::of_plan(ran.plan)?;
    let settling = Settling::new(auditing.patience, interrupted);
    Ok(match &auditing.source {
        Source::Listing => listing::ask(&client, ran, settling).await,
        Source::Polls(polls) => polls::ask(&client, ran, polls, settling).await,
    })
}

/// The events that an endpoint's requests are, by their index, as far as the client knows their names.
fn keys(ran: &Ran<'_>, endpoint: usize, source: &IdSource) -> HashMap<u64, EventKey> {
    let sent = &ran.endpoints[endpoint];
    match source {
        IdSource::Key => (0..sent.recording.ok.len())
            .map(|index| {
                (
                    index,
                    EventKey::Uuid(event_id(ran.id, endpoint as u64, index)),
                )
            })
            .collect(),
        IdSource::Answer(_) | IdSource::Location => sent
            .answers
            .accepted
            .iter()
            .filter_map(|answer| Some((answer.index, answer.key.clone()?)))
            .collect(),
    }
}
