//! Completion audit: asks the service, when the run has ended, what became of what it accepted.
//!
//! What was accepted is the recording's row of ok bits. Its events are named by the service's answers, of which the ids
//! were kept, or by the client's keys, which are computed again from run, endpoint and index. What was done is what the
//! service says: a listing of the whole run, or one answer an event. It is asked until nothing is pending or the
//! deadline has come, and once more a little later; and only when the run has ended, so that asking disturbs no
//! measurement. What could not be read, or not be held against what was sent, is no verdict on the service.

mod audit_state;
mod audited_requests;
mod client;
mod early;
mod listing;
mod polls;
mod reported_state;
mod see_other;
mod settling;
mod state_answer;

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

use crate::run::completion::{
    Answers, Audit, AuditOutcome, AuditRemark, Completion, DoneClock, EffectReporting, EventReport,
    Resends, Settled, UnexpectedEvents,
};
use crate::run::plan::{AuditPolicy, AuditSource, Auditing, Endpoint, IdSource, Plan};
use crate::run::recording::Recording;
use audit_state::{AuditState, WaitEnd};
use audited_requests::{AuditedRequests, NameSource};
use client::AuditClient;
use settling::Settling;

pub use client::http_client;
pub use early::{EarlyAudit, EarlyObservations};
pub use listing::is_offered;

/// A run that is to be audited.
#[derive(Clone, Copy, Debug)]
pub struct AuditedRun<'a> {
    /// What was planned.
    pub plan: &'a Plan,
    /// The name under which the service may list it.
    pub id: Uuid,
    /// When t0 was.
    pub started_at: Timestamp,
    /// Whether the service listed runs before.
    pub listing_support: ListingSupport,
    /// Observations of its events during the run.
    pub early: Option<&'a EarlyObservations>,
    /// What is left of each endpoint, in the order of the plan.
    pub endpoints: &'a [SentRequests<'a>],
}

/// Whether the service listed runs before there was anything to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingSupport {
    /// It did: if it does not now, it is unwell, and that may pass.
    Seen,
    /// It did not, or nobody has asked.
    NotSeen,
}

/// What a run left behind of one endpoint.
#[derive(Clone, Copy, Debug)]
pub struct SentRequests<'a> {
    /// How its requests ended.
    pub recording: &'a Recording,
    /// What was kept of its answers.
    pub answers: &'a Answers,
    /// Times to completion above which events are counted.
    pub targets: &'a [Duration],
    /// Whether some requests were sent twice on purpose, and which share.
    pub resent: Option<f64>,
}

impl SentRequests<'_> {
    fn resends(&self) -> Option<Resends> {
        self.resent.map(|share| Resends {
            share,
            ..self.answers.resends
        })
    }
}

/// Asks what became of every endpoint's requests; `None` for endpoints that ask nothing of the service. Blocks until the
/// service has settled, to the deadline, or until it is interrupted. Whatever keeps it from asking, it is an
/// [`Audit::Unread`]: the measurement stands.
pub fn audit(
    auditing: &Auditing,
    run: &AuditedRun<'_>,
    interrupted: impl Future<Output = ()>,
) -> Vec<Option<Audit>> {
    let audited: Vec<bool> = run
        .plan
        .endpoints
        .iter()
        .map(Endpoint::is_accepting)
        .collect();
    if auditing.policy == AuditPolicy::Never || !audited.contains(&true) {
        return vec![None; audited.len()];
    }
    // One beginning by two clocks: what was seen is timed by the one, and answers were by the other.
    let (began, began_at) = (Instant::now(), Timestamp::now());
    let requests = AuditedRequests::of(run, names(&auditing.source), began_at);
    let told = asked(auditing, run, &requests, (began, interrupted));
    let endpoints = audited.iter().enumerate();
    endpoints
        .map(|(number, &audited)| {
            audited.then(|| match &told {
                Ok(told) => told.audit(number, run, &requests),
                Err(reason) => unread(reason.clone(), &run.endpoints[number]),
            })
        })
        .collect()
}

fn names(source: &AuditSource) -> NameSource {
    match source {
        AuditSource::Listing => NameSource::AnswersElseKeys,
        AuditSource::Polls(polls) if polls.id == IdSource::Key => NameSource::Keys,
        AuditSource::Polls(_) => NameSource::Answers,
    }
}

fn unread(reason: String, sent: &SentRequests<'_>) -> Audit {
    Audit::Unread {
        reason,
        resends: sent.resends(),
    }
}

/// What the service told, or why it did not.
fn asked(
    auditing: &Auditing,
    run: &AuditedRun<'_>,
    requests: &AuditedRequests,
    (began, interrupted): (Instant, impl Future<Output = ()>),
) -> Result<AuditReport, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    let told = runtime.block_on(async {
        let mut settling = Settling::new(began, auditing.patience, interrupted);
        let client = settling
            .until(AuditClient::of(run.plan))
            .await
            .map_err(silence)?;
        let client = client.map_err(|e| format!("{e:#}"))?;
        let (settling, quiet) = (&mut settling, auditing.quiet);
        match &auditing.source {
            AuditSource::Listing => listing::ask(run, &client, requests, settling, quiet).await,
            AuditSource::Polls(polls) => {
                polls::ask(run, &client, requests, polls, settling, quiet).await
            }
        }
    });
    // A name that is still being resolved would be waited for.
    runtime.shutdown_background();
    told
}

/// Why there is no answer where there is none.
fn silence(settled: Settled) -> String {
    match settled {
        Settled::Interrupted => "it was interrupted before the service had told anything",
        Settled::Done | Settled::Deadline => "the service did not answer in time",
    }
    .to_owned()
}

/// What the service told; lists are by the endpoint's place in the plan.
struct AuditReport {
    /// By index.
    fates: Vec<HashMap<u64, EventReport>>,
    /// Events in the listing that nobody sent; `None` where that cannot be known.
    strangers: Vec<Option<u64>>,
    /// Why what was told says nothing of an endpoint.
    unread: Vec<Option<String>>,
    asked: AuditOutcome,
    /// How long after everything was done it was all read once more.
    quiet: Option<Duration>,
    remarks: Vec<AuditRemark>,
    /// What came last instead of an answer.
    trouble: Option<String>,
    /// Whether every answer has to tell how often effects were had.
    tells_effects: bool,
}

impl AuditReport {
    /// What a audit_state holds at the end of a wait; `clock` is that of a source where nothing was done.
    fn of(
        audit_state: &AuditState<'_>,
        run: &AuditedRun<'_>,
        (settled, settling): (Settled, &Settling<'_>),
        clock: DoneClock,
    ) -> AuditReport {
        let longest =
            |sent: &SentRequests<'_>| sent.targets.iter().max().copied().unwrap_or_default();
        let targets: Vec<Duration> = run.endpoints.iter().map(longest).collect();
        let ended = WaitEnd {
            settled,
            fresh_from: settling.last_part(),
        };
        let fates = audit_state.fates(ended, &targets);
        let nothing = run.endpoints.len();
        AuditReport {
            fates: fates.by_endpoint,
            strangers: vec![None; nothing],
            unread: vec![None; nothing],
            asked: AuditOutcome {
                clock: fates.clock.unwrap_or(clock),
                settled,
                unknown: settling.unknown(settled),
                patience: settling.patience(),
            },
            quiet: None,
            remarks: fates.remarks,
            trouble: None,
            tells_effects: false,
        }
    }

    /// What it says of one endpoint.
    fn audit(&self, number: usize, run: &AuditedRun<'_>, requests: &AuditedRequests) -> Audit {
        let (sent, named) = (&run.endpoints[number], &requests.endpoints[number]);
        if let Some(reason) = &self.unread[number] {
            return unread(reason.clone(), sent);
        }
        let mut completion = Completion::of(
            sent.recording,
            &named.by_repeat,
            &self.fates[number],
            self.asked,
            sent.targets,
        );
        if self.tells_effects {
            (completion.inserts, completion.notifications) =
                (EffectReporting::Reported, EffectReporting::Reported);
        }
        completion.shared = named.shared;
        completion.recovered = completion.recovered.filter(|_| named.open == 0);
        // Whose they are, nobody knows: each endpoint has them, so that none seems to have none.
        let open = requests.endpoints.iter().map(|named| named.open).sum();
        let strangers = self.strangers[number];
        completion.unexpected = strangers.map(|events| UnexpectedEvents::among(events, open));
        completion.quiet = self.quiet;
        completion.remarks = self.remarks(&completion);
        completion.resends = sent.resends();
        Audit::Read(Box::new(completion))
    }

    fn remarks(&self, completion: &Completion) -> Vec<AuditRemark> {
        let mut remarks = self.remarks.clone();
        if completion.unread > 0 && completion.settled != Settled::Interrupted {
            remarks.push(AuditRemark::Trouble {
                unread: completion.unread,
                last: self
                    .trouble
                    .clone()
                    .unwrap_or_else(|| silence(completion.settled)),
            });
        }
        remarks
    }
}
