//! Which requests the service can be asked about, and under which names.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;

use super::audited_run::AuditedRun;
use crate::run::completion::{Accepted, EventKey};
use crate::run::schedule::event_id;

/// Where the names of events come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameSource {
    /// The client's own key.
    Keys,
    /// What answers say.
    Answers,
    /// What answers say; the client's own key where they say nothing.
    AnswersElseKeys,
}

/// Who named an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NamedBy {
    /// The service, in its answer.
    Answer,
    /// The client: whether the service calls it so too remains to be seen.
    Key,
}

/// One request that can be asked about.
#[derive(Clone, Debug)]
pub(super) struct AuditedRequest {
    pub(super) endpoint: usize,
    pub(super) index: u64,
    pub(super) key: EventKey,
    pub(super) named_by: NamedBy,
    /// Whether it was accepted; if not, it may have been taken in all the same.
    pub(super) owed: bool,
    /// When its answer was complete, where that was kept.
    pub(super) answered: Option<Answered>,
}

/// When an answer was complete, by this machine's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub(super) at: Timestamp,
    /// How long that was before the audit.
    pub(super) before: Duration,
}

/// All of a run that can be asked about.
pub(super) struct AuditedRequests {
    /// By endpoint and index.
    pub(super) all: Vec<AuditedRequest>,
    /// What is known of each endpoint, by its place in the plan.
    pub(super) endpoints: Vec<NamingCounts>,
    /// From t0 to the beginning of the audit.
    pub(super) since_t0: Duration,
    /// Every key in one spelling, and its place in `all`; ascending.
    by_key: Vec<(EventKey, usize)>,
}

/// How far one endpoint's requests have names.
#[derive(Clone, Debug, Default)]
pub(super) struct NamingCounts {
    /// Indices that were accepted only when they were sent a second time.
    pub(super) by_repeat: HashSet<u64>,
    /// Accepted requests.
    pub(super) owed: u64,
    /// Of those, the ones without a known name.
    pub(super) nameless: u64,
    /// Requests that were not accepted, may have been taken in, and have no known name.
    pub(super) open: u64,
    /// Accepted requests that were answered with the event of another request.
    pub(super) shared: u64,
}

impl AuditedRequests {
    /// Those of the endpoints that accept work, of an audit that began at this time.
    pub(super) fn of(run: &AuditedRun<'_>, names: NameSource, began: Timestamp) -> AuditedRequests {
        let mut requests = AuditedRequests {
            all: Vec::new(),
            endpoints: vec![NamingCounts::default(); run.endpoints.len()],
            since_t0: between(run.started_at, began),
            by_key: Vec::new(),
        };
        for (number, endpoint) in run.plan.endpoints.iter().enumerate() {
            if endpoint.is_accepting() {
                requests.add_endpoint(run, number, names);
            }
        }
        requests.sort_by_key();
        requests.count_shared();
        requests
    }

    /// Requests of one endpoint.
    #[cfg(test)]
    pub(super) fn of_list(all: Vec<AuditedRequest>) -> AuditedRequests {
        let mut requests = AuditedRequests {
            all,
            endpoints: vec![NamingCounts::default()],
            since_t0: Duration::ZERO,
            by_key: Vec::new(),
        };
        requests.sort_by_key();
        requests
    }

    fn sort_by_key(&mut self) {
        let keys = self.all.iter().map(|request| request.key.normal());
        self.by_key = keys.zip(0..).collect();
        self.by_key.sort_unstable();
    }

    /// The requests that are this event: more than one, where answers say so.
    pub(super) fn named(&self, key: &EventKey) -> impl Iterator<Item = usize> + '_ {
        let key = key.normal();
        let first = self.by_key.partition_point(|(own, _)| *own < key);
        let rest = self.by_key[first..].iter();
        rest.take_while(move |(own, _)| *own == key)
            .map(|(_, place)| *place)
    }

    fn add_endpoint(&mut self, run: &AuditedRun<'_>, number: usize, names: NameSource) {
        let sent = &run.endpoints[number];
        let answers: HashMap<u64, &Accepted> = sent
            .answers
            .accepted
            .iter()
            .map(|answer| (answer.index, answer))
            .collect();
        let own_key = |index| EventKey::Uuid(event_id(run.id, number as u64, index));
        let carries = match names {
            NameSource::Keys => true,
            NameSource::Answers => false,
            NameSource::AnswersElseKeys => run.plan.endpoints[number].carries_key(),
        };
        // Where answers call an event otherwise, its name is unknown without an answer.
        let answer_keys = answers
            .values()
            .filter(|_| names != NameSource::Keys)
            .filter_map(|answer| Some((answer.index, answer.key.as_ref()?)));
        let keys_are_names =
            carries && { answer_keys }.all(|(index, key)| key.normal() == own_key(index));
        let mut named = NamingCounts {
            by_repeat: sent.answers.by_repeat.iter().copied().collect(),
            ..NamingCounts::default()
        };
        let bits = sent.recording.ok.iter().zip(sent.recording.client.iter());
        for (index, (ok, ours)) in (0u64..).zip(bits) {
            let owed = ok || named.by_repeat.contains(&index);
            // A request that never left this machine was not taken in.
            if !owed && ours {
                continue;
            }
            let answer = answers.get(&index);
            let answer_key = answer.and_then(|answer| answer.key.clone());
            let answer_key = answer_key.filter(|_| owed && names != NameSource::Keys);
            let own_is_name = if owed { carries } else { keys_are_names };
            let (key, named_by) = match answer_key {
                Some(key) => (Some(key), NamedBy::Answer),
                None => (own_is_name.then(|| own_key(index)), NamedBy::Key),
            };
            named.owed += u64::from(owed);
            let Some(key) = key else {
                *(if owed {
                    &mut named.nameless
                } else {
                    &mut named.open
                }) += 1;
                continue;
            };
            let answered = answer.and_then(|answer| self.answered(run, answer));
            self.all.push(AuditedRequest {
                endpoint: number,
                index,
                key,
                named_by,
                owed,
                answered,
            });
        }
        self.endpoints[number] = named;
    }

    fn answered(&self, run: &AuditedRun<'_>, answer: &Accepted) -> Option<Answered> {
        let since_t0 = Duration::from_nanos(answer.answered_ns?);
        Some(Answered {
            at: run
                .started_at
                .checked_add(since_t0)
                .unwrap_or(run.started_at),
            before: self.since_t0.saturating_sub(since_t0),
        })
    }

    /// The first request of each event has it, and the others have another's.
    fn count_shared(&mut self) {
        for pair in self.by_key.windows(2) {
            let [(first_key, first), (second_key, second)] = pair else {
                continue;
            };
            let (first, second) = (&self.all[*first], &self.all[*second]);
            let both_from_answers = [first, second]
                .iter()
                .all(|request| request.named_by == NamedBy::Answer);
            if both_from_answers && first_key == second_key {
                self.endpoints[second.endpoint].shared += 1;
            }
        }
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
