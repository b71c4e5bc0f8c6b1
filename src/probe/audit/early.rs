//! Asks about events during the run, because the service forgets them before the run has ended.

use std::collections::VecDeque;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::mpsc::UnboundedReceiver;
use uuid::Uuid;

use super::client::AuditClient;
use super::early_observation::{EarlyObservation, EarlyObservations};
use super::reported_state::ReportedStage;
use super::state_answer::{self, StateAnswer};
use crate::run::completion::{AcceptedEvent, EventKey};
use crate::run::plan::{IdSource, Plan, Polls};
use crate::run::schedule::event_id;

/// When an event is asked for, as fractions of the service's retention time. It is asked again if it was not done yet.
const LOOKS: [f64; 3] = [0.5, 0.7, 0.9];

/// Concurrent requests: fewer than after the run, because they must not disturb the measurement.
const AT_ONCE: usize = 8;

/// The thread that asks about events during a run.
pub struct EarlyAudit(JoinHandle<EarlyObservations>);

/// One request: its purpose, and the number of earlier ones.
struct Question {
    event: AcceptedEvent,
    look: usize,
}

struct EarlyAsker<'a> {
    client: &'a AuditClient,
    polls: &'a Polls,
    ttl: Duration,
    run: Uuid,
    /// Queues by look number, each in the order of acceptance and therefore of due time.
    waiting: [VecDeque<AcceptedEvent>; LOOKS.len()],
    seen: EarlyObservations,
}

impl EarlyAudit {
    /// Asks about the events that arrive through `accepted`, until the sender is dropped.
    pub fn start(
        plan: &Plan,
        polls: &Polls,
        ttl: Duration,
        run: Uuid,
        accepted: UnboundedReceiver<AcceptedEvent>,
    ) -> EarlyAudit {
        let (plan, polls) = (plan.clone(), polls.clone());
        EarlyAudit(std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let Ok(runtime) = runtime else {
                return EarlyObservations::default();
            };
            let seen = runtime.block_on(async {
                // The audit after the run reports the cause if this one cannot ask.
                let Ok(client) = AuditClient::of(&plan).await else {
                    return EarlyObservations::default();
                };
                let watch = EarlyAsker {
                    client: &client,
                    polls: &polls,
                    ttl,
                    run,
                    waiting: Default::default(),
                    seen: EarlyObservations::default(),
                };
                watch.until_the_end(accepted).await
            });
            runtime.shutdown_background();
            seen
        }))
    }

    /// The observations. The sender of accepted events must have been dropped.
    pub fn finish(self) -> EarlyObservations {
        self.0.join().unwrap_or_default()
    }
}

impl EarlyAsker<'_> {
    async fn until_the_end(
        mut self,
        mut accepted: UnboundedReceiver<AcceptedEvent>,
    ) -> EarlyObservations {
        let (client, polls, run) = (self.client, self.polls, self.run);
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < AT_ONCE
                && let Some(question) = self.next_due()
            {
                under_way.push(ask(client, polls, run, question));
            }
            let pause = self.pause().filter(|_| under_way.len() < AT_ONCE);
            let due = tokio::time::sleep(pause.unwrap_or(Duration::from_secs(3_600)));
            tokio::select! {
                event = accepted.recv() => match event {
                    Some(event) => self.waiting[0].push_back(event),
                    None => return self.seen,
                },
                Some((question, asked, answer)) = under_way.next() => {
                    if let Some(answer) = answer {
                        self.take(question, asked, answer);
                    }
                }
                () = due => {}
            }
        }
    }

    fn due_at(&self, event: &AcceptedEvent, look: usize) -> Instant {
        event.at + self.ttl.mul_f64(LOOKS[look])
    }

    /// The next request that is due. An event that may already be forgotten is not asked for.
    fn next_due(&mut self) -> Option<Question> {
        let now = Instant::now();
        for look in (0..LOOKS.len()).rev() {
            while let Some(event) = self.waiting[look].front() {
                if self.due_at(event, look) > now {
                    break;
                }
                let event = self.waiting[look].pop_front()?;
                if event.at.elapsed() < self.ttl {
                    return Some(Question { event, look });
                }
            }
        }
        None
    }

    /// Until the next question is due.
    fn pause(&self) -> Option<Duration> {
        let fronts = self.waiting.iter().enumerate();
        let due = fronts.filter_map(|(look, queue)| Some(self.due_at(queue.front()?, look)));
        due.min()
            .map(|at| at.saturating_duration_since(Instant::now()))
    }

    fn take(&mut self, question: Question, asked: Instant, answer: StateAnswer) {
        let Question { event, look } = question;
        let answered = event.at.elapsed();
        let not_there = answer == StateAnswer::NotFound;
        let state = self.seen.received.state(self.polls, answer);
        let asked = asked.saturating_duration_since(event.at);
        let place = (event.endpoint, event.index);
        let before = self.seen.looks.get(&place).copied();
        let is_settled = state.is_some_and(|state| {
            matches!(state.stage, ReportedStage::Done | ReportedStage::GivenUp)
        });
        let seen = EarlyObservation {
            // An event that was known and has gone since still counts as known.
            state: state.or(before.and_then(|before| before.state)),
            not_done: if is_settled {
                before.and_then(|before| before.not_done)
            } else {
                Some(asked)
            },
            answered,
            is_missing: not_there && answered < self.ttl && look + 1 == LOOKS.len(),
        };
        self.seen.looks.insert(place, seen);
        if !is_settled && look + 1 < LOOKS.len() {
            self.waiting[look + 1].push_back(event);
        }
    }
}

/// An answer with its request and the time of the request; no answer if the request failed.
async fn ask(
    client: &AuditClient,
    polls: &Polls,
    run: Uuid,
    question: Question,
) -> (Question, Instant, Option<StateAnswer>) {
    let asked = Instant::now();
    let event = &question.event;
    let own = || EventKey::Uuid(event_id(run, event.endpoint as u64, event.index));
    let key = match polls.id {
        IdSource::Key => Some(own()),
        _ => event.key.clone(),
    };
    let Some(key) = key else {
        return (question, asked, None);
    };
    let answer = state_answer::ask(client, question.event.endpoint, &key, polls).await;
    (question, asked, answer.ok())
}
