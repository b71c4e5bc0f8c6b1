//! The service lists what a run sent: `GET /runs/{run}/events`, one JSON object a line.

mod listed_run;
mod reading;

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

use super::audit_report::{AuditReport, cut_short, silence};
use super::audit_state::{AuditState, Memory, QueryTimes};
use super::audited_requests::{AuditedRequests, NamedBy, NamingCounts};
use super::audited_run::{AuditedRun, ListingSupport};
use super::client::AuditClient;
use super::reported_state::ReportedState;
use super::settling::Settling;

use crate::run::completion::{
    AuditRemark, AuditTrouble, DoneClock, EventNaming, ListingTrouble, Settled,
};
use crate::run::plan::Plan;
use listed_run::{ListedRun, RunName};
use reading::Listing;

/// How long a service that did not list the run before it began is asked whether it does now.
const SECOND_THOUGHT: Duration = Duration::from_secs(2);

/// Whether the service lists a run, asked before there is anything to list; `false` too if it does not answer.
pub fn is_offered(plan: &Plan, run: Uuid, patience: Duration) -> bool {
    let asked = || -> anyhow::Result<bool> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let answer = async {
            let client = AuditClient::of(plan).await?;
            let runs = ListedRun::of_plan(plan, run);
            Ok(match runs.first() {
                Some(run) => client.listing(run).await.is_ok(),
                None => false,
            })
        };
        // A timeout is made inside of the runtime whose timer it uses.
        let answer = runtime.block_on(async { tokio::time::timeout(patience, answer).await });
        // A name that is still being resolved would be waited for.
        runtime.shutdown_background();
        answer?
    };
    asked().unwrap_or(false)
}

/// The events read from one listing.
#[derive(Clone, Debug, Default)]
struct ListingRead {
    /// Whether it ever was.
    heard: bool,
    /// Events in it when it was read last, and those of them that no request is.
    events: u64,
    strangers: u64,
}

/// Asks until everything that was accepted is settled, and once more after that.
pub(super) async fn ask(
    run: &AuditedRun<'_>,
    client: &AuditClient,
    requests: &AuditedRequests,
    settling: &mut Settling<'_>,
    quiet: Duration,
) -> Result<AuditReport, AuditTrouble> {
    let runs = ListedRun::of_plan(run.plan, run.id);
    if runs.is_empty() {
        return Err(ListingTrouble::ManyRuns { endpoint: None }.into());
    }
    let mut asking = ListingReader {
        client,
        requests,
        read: vec![ListingRead::default(); runs.len()],
        runs,
        audit_state: AuditState::new(requests, Memory::Everything),
        trouble: None,
    };
    let settled = asking.until_settled(run, settling).await;
    let mut report = asking.report(settled, run, settling);
    if settled == Settled::Done && !quiet.is_zero() {
        let again = asking.once_more(settling, quiet).await;
        let again = again.map(|read| read.map(|()| asking.report(settled, run, settling)));
        report = report.after_second_reading(again, quiet);
    }
    if asking.read.iter().any(|read| read.heard) {
        Ok(report)
    } else {
        Err(asking.trouble.unwrap_or_else(|| silence(settled)))
    }
}

struct ListingReader<'a> {
    client: &'a AuditClient,
    requests: &'a AuditedRequests,
    runs: Vec<ListedRun>,
    read: Vec<ListingRead>,
    audit_state: AuditState<'a>,
    /// What came last instead of a listing.
    trouble: Option<AuditTrouble>,
}

impl ListingReader<'_> {
    async fn until_settled(
        &mut self,
        run: &AuditedRun<'_>,
        settling: &mut Settling<'_>,
    ) -> Settled {
        loop {
            let retry_after = match self.look(settling).await {
                Ok(retry_after) => retry_after,
                Err(settled) => return settled,
            };
            settling.note(self.audit_state.progress() + self.events());
            let heard = self.read.iter().all(|read| read.heard);
            if heard && self.audit_state.is_complete() {
                return Settled::Done;
            }
            // Who did not list the run before it began will hardly do so now.
            let hopeless = run.listing_support == ListingSupport::NotSeen && !heard;
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
        for number in 0..self.runs.len() {
            let asked = settling.elapsed();
            let listing = settling
                .until(self.client.listing(&self.runs[number]))
                .await?;
            match listing {
                Ok(listing) => {
                    let answered = settling.elapsed();
                    self.take(number, &listing, QueryTimes { asked, answered });
                }
                Err(failed) => {
                    retry_after = retry_after.max(failed.retry_after);
                    self.trouble = Some(failed.trouble);
                }
            }
        }
        Ok(retry_after)
    }

    fn take(&mut self, number: usize, listing: &Listing, look: QueryTimes) {
        let mut states: HashMap<usize, ReportedState> = HashMap::new();
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
            if self.runs[number].endpoints.contains(&request.endpoint) {
                self.audit_state
                    .take(place, states.get(&place).copied(), look);
            }
        }
        self.read[number] = ListingRead {
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
    ) -> Option<Result<(), AuditTrouble>> {
        if let Err(settled) = settling.quiet(quiet).await {
            return cut_short(settled);
        }
        for number in 0..self.runs.len() {
            let listing = self.client.listing(&self.runs[number]);
            let listing = match settling.until(listing).await {
                Ok(Ok(listing)) => listing,
                Ok(Err(failed)) => return Some(Err(failed.trouble)),
                Err(settled) => return cut_short(settled),
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
                self.audit_state.take_again(place, Some(*state));
            }
            strangers += u64::from(!known);
        }
        let read = &mut self.read[number];
        read.strangers = read.strangers.max(strangers);
    }

    fn report(
        &self,
        settled: Settled,
        run: &AuditedRun<'_>,
        settling: &Settling<'_>,
    ) -> AuditReport {
        let mut report =
            AuditReport::of(&self.audit_state, run, settled, settling, DoneClock::Server);
        let without_time = self.audit_state.without_time();
        if without_time > 0 {
            report.remarks.push(AuditRemark::NoTime {
                events: without_time,
            });
        }
        report.trouble.clone_from(&self.trouble);
        report.tells_effects = true;
        for (run, read) in self.runs.iter().zip(&self.read) {
            for &endpoint in &run.endpoints {
                report.strangers[endpoint] =
                    (run.name == RunName::Ours && read.heard).then_some(read.strangers);
                report.unread[endpoint] = self.why_unread(endpoint, run, read);
            }
        }
        for (number, endpoint) in run.plan.endpoints.iter().enumerate() {
            if endpoint.is_accepting() && RunName::of(endpoint, run.id).is_none() {
                let many = ListingTrouble::ManyRuns {
                    endpoint: Some(endpoint.name.clone()),
                };
                report.unread[number] = Some(many.into());
            }
        }
        report
    }

    /// Why a listing that was read says nothing of an endpoint, if that is so.
    fn why_unread(
        &self,
        endpoint: usize,
        run: &ListedRun,
        read: &ListingRead,
    ) -> Option<AuditTrouble> {
        let NamingCounts { owed, nameless, .. } = self.requests.endpoints[endpoint];
        if !read.heard {
            let trouble = self.trouble.clone();
            return Some(trouble.unwrap_or_else(|| ListingTrouble::NeverRead.into()));
        }
        let accepted = owed;
        if nameless > 0 {
            return Some(ListingTrouble::Nameless { nameless, accepted }.into());
        }
        if owed == 0 || self.audit_state.has_known(endpoint) {
            return None;
        }
        let are_answered = self.are_answered(endpoint);
        if run.name == RunName::Ours && read.strangers > 0 {
            let named_by = if are_answered {
                EventNaming::Answers
            } else {
                EventNaming::Requests
            };
            let listed = read.events;
            return Some(ListingTrouble::OtherNames { listed, named_by }.into());
        }
        // What the service named itself, and lists no more, is lost.
        (!are_answered).then(|| ListingTrouble::NoneListed { accepted }.into())
    }

    /// Whether the service has named all that it accepted.
    fn are_answered(&self, endpoint: usize) -> bool {
        let own = self.requests.all.iter().filter(|r| r.endpoint == endpoint);
        { own }.all(|request| !request.owed || request.named_by == NamedBy::Answer)
    }
}
