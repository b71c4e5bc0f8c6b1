//! Who is told of a commit: one process that claims events of new ones, and whoever waits for an event of its end.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::seq::IndexedRandom;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::store::EventId;
use crate::store::signals::Changes;

/// How often word of new events is passed on by processes that are busy. Then all are, and look when they no longer are.
const HOPS: u8 = 3;
/// A notification may have 8000 bytes.
const IDS: usize = 200;
/// Settled events of which nobody was told yet; whoever waits for one of the rest sees it at its next look.
const MOST_SETTLED: usize = 10_000;

/// What is to be told, and to whom.
#[derive(Default)]
pub(super) struct Bell {
    told: Mutex<Told>,
    rung: Notify,
}

#[derive(Default)]
struct Told {
    /// There are events to claim: how often that was passed on.
    work: Option<u8>,
    settled: Vec<EventId>,
    /// The other processes that claim events.
    peers: Vec<i64>,
}

/// A notification.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// There are events to claim, for this process; 0 is every one.
    Work { from: i64, to: i64, hops: u8 },
    /// Nothing more will happen to these.
    Settled { from: i64, events: Vec<EventId> },
}

impl Bell {
    /// Tells of a commit. New events are the own workers' if one of them is idle.
    pub(super) fn ring(&self, changes: &Changes, is_idle: bool) {
        let new = !changes.arrived.is_empty() && !is_idle;
        let work = new || changes.leaves_more || changes.freed;
        if !work && changes.settled.is_empty() {
            return;
        }
        let mut told = self.lock();
        if work {
            told.work = Some(0);
        }
        if told.settled.len() < MOST_SETTLED {
            told.settled.extend(&changes.settled);
        }
        drop(told);
        self.rung.notify_one();
    }

    /// Tells another process of events that this one has no time for.
    pub(super) fn pass_on(&self, hops: u8) {
        if hops < HOPS {
            self.lock().work.get_or_insert(hops + 1);
            self.rung.notify_one();
        }
    }

    /// Resolves when there is something to tell.
    pub(super) async fn rung(&self) {
        self.rung.notified().await;
    }

    pub(super) fn set_peers(&self, peers: Vec<i64>) {
        self.lock().peers = peers;
    }

    /// What is to be told now.
    pub(super) fn take(&self, own: i64) -> Vec<String> {
        let mut told = self.lock();
        let settled = std::mem::take(&mut told.settled);
        let mut messages: Vec<String> = settled
            .chunks(IDS)
            .map(|events| {
                let events = events.to_vec();
                Message::Settled { from: own, events }.to_text()
            })
            .collect();
        if let Some(hops) = told.work.take() {
            let to = told.peers.choose(&mut rand::rng()).copied();
            // None that is known: then whoever hears it.
            let to = to.unwrap_or(0);
            let from = own;
            messages.push(Message::Work { from, to, hops }.to_text());
        }
        messages
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Message {
    fn to_text(&self) -> String {
        match self {
            Message::Work { from, to, hops } => format!("work {from} {to} {hops}"),
            Message::Settled { from, events } => {
                let ids = events.iter().map(|id| id.uuid().simple().to_string());
                format!("settled {from} {}", ids.collect::<Vec<_>>().join(" "))
            }
        }
    }

    /// `None` for what another program says on this channel.
    pub(super) fn read(text: &str) -> Option<Message> {
        let mut words = text.split(' ');
        let kind = words.next()?;
        let from = words.next()?.parse().ok()?;
        match kind {
            "work" => Some(Message::Work {
                from,
                to: words.next()?.parse().ok()?,
                hops: words.next()?.parse().ok()?,
            }),
            "settled" => {
                let id = |word: &str| Uuid::parse_str(word).ok();
                let events = words.map(|word| Some(EventId::from_bytes(id(word)?.into_bytes())));
                let events = events.collect::<Option<Vec<EventId>>>()?;
                Some(Message::Settled { from, events })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bell, HOPS, Message};
    use crate::store::EventId;
    use crate::store::signals::Changes;

    fn arrived() -> Changes {
        Changes {
            arrived: vec![EventId::from_key("a")],
            ..Changes::at(0)
        }
    }

    fn told(bell: &Bell) -> Vec<Message> {
        let texts = bell.take(7);
        texts
            .iter()
            .map(|text| Message::read(text).expect("own words"))
            .collect()
    }

    #[test]
    fn new_events_are_told_to_one_process_unless_an_own_worker_is_idle() {
        let bell = Bell::default();
        bell.ring(&arrived(), true);
        assert_eq!(told(&bell), []);
        bell.ring(&arrived(), false);
        let to_all = Message::Work {
            from: 7,
            to: 0,
            hops: 0,
        };
        assert_eq!(told(&bell), [to_all]);
        bell.set_peers(vec![4, 5]);
        bell.ring(&arrived(), false);
        bell.ring(&arrived(), false);
        let heard = told(&bell);
        assert!(
            matches!(heard[..], [Message::Work { to: 4 | 5, .. }]),
            "{heard:?}"
        );
    }

    #[test]
    fn a_claim_that_found_nothing_rings_nothing() {
        let bell = Bell::default();
        bell.ring(&Changes::at(0), false);
        assert_eq!(told(&bell), []);
    }

    #[test]
    fn word_is_passed_on_a_few_times_and_no_more() {
        let bell = Bell::default();
        bell.pass_on(HOPS - 1);
        assert!(matches!(
            told(&bell)[..],
            [Message::Work { hops: HOPS, .. }]
        ));
        bell.pass_on(HOPS);
        assert_eq!(told(&bell), []);
    }

    #[test]
    fn whoever_waits_for_an_event_is_told_of_its_end() {
        let bell = Bell::default();
        let events: Vec<EventId> = (0..450)
            .map(|n| EventId::from_key(&n.to_string()))
            .collect();
        let settled = events.clone();
        bell.ring(
            &Changes {
                settled,
                ..Changes::at(0)
            },
            false,
        );
        let texts = bell.take(7);
        assert!(texts.len() == 3 && texts.iter().all(|text| text.len() < 8000));
        let heard = texts.iter().flat_map(|text| match Message::read(text) {
            Some(Message::Settled { from: 7, events }) => events,
            other => panic!("{other:?}"),
        });
        assert_eq!(heard.collect::<Vec<_>>(), events);
    }

    #[test]
    fn what_others_say_on_the_channel_is_passed_by() {
        for text in [
            "",
            "42",
            "work",
            "work 1 2",
            "work 1 x 0",
            "settled 1 no-id",
            "hello 1",
        ] {
            assert_eq!(Message::read(text), None, "{text}");
        }
    }
}
