//! Completion audit: asks the service, when the run has ended, what became of what it accepted.
//!
//! The accepted events are the recording's row of ok bits. Its events are named by the service's answers, of which the
//! ids were kept, or by the client's keys, which are computed again from run, endpoint and index. The processed events
//! are those that the service reports: a listing of the whole run, or one answer per event. It is asked until nothing
//! is pending or the deadline has come, and once more a little later; and only when the run has ended, so that asking
//! disturbs no measurement. An answer that cannot be read, or cannot be matched with the sent requests, is not evidence
//! against the service.

mod audit_report;
mod audit_state;
mod audited_requests;
mod audited_run;
mod client;
mod early;
mod early_observation;
mod listing;
mod polls;
mod received_answers;
mod reported_state;
mod see_other;
mod service_times;
mod settling;
mod state_answer;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::run::completion::{Audit, AuditTrouble};
use crate::run::plan::{AuditPolicy, AuditSource, Auditing, Endpoint, IdSource};
use audit_report::{AuditReport, silence, unread};
use audited_requests::{AuditedRequests, NameSource};
use client::AuditClient;
use settling::Settling;

pub use audited_run::{AuditedRun, ListingSupport, SentRequests};
pub use client::http_client;
pub use early::EarlyAudit;
pub use early_observation::EarlyObservations;
pub use listing::is_offered;

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
    // One beginning on two clocks: observations are timed by one, answers by the other.
    let (began, began_at) = (Instant::now(), Timestamp::now());
    let requests = AuditedRequests::of(run, names(&auditing.source), began_at);
    let report = asked(auditing, run, &requests, began, interrupted);
    let endpoints = audited.iter().enumerate();
    endpoints
        .map(|(number, &audited)| {
            audited.then(|| match &report {
                Ok(report) => report.audit(number, run, &requests),
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

/// What the service reported, or why it did not.
fn asked(
    auditing: &Auditing,
    run: &AuditedRun<'_>,
    requests: &AuditedRequests,
    began: Instant,
    interrupted: impl Future<Output = ()>,
) -> Result<AuditReport, AuditTrouble> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| AuditTrouble::stated(&e.to_string()))?;
    let report = runtime.block_on(async {
        let mut settling = Settling::new(began, auditing.patience, interrupted);
        let client = settling
            .until(AuditClient::of(run.plan))
            .await
            .map_err(silence)?;
        let client = client.map_err(|e| AuditTrouble::stated(&format!("{e:#}")))?;
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
    report
}
