//! Selects the process that is notified of new events: one of those that listen, not all of them.

use std::sync::Mutex;

use rand::seq::IndexedRandom;
use tokio::sync::Notify;

use super::wake_hints::WakeHints;
use crate::reference::mutex::lock;
use crate::reference::store::changes::Changes;

/// How often busy processes pass a notification on. After that all are busy, and look when they are idle again.
const HOPS: u8 = 3;

/// The pending notification and its possible receivers.
#[derive(Default)]
pub(super) struct WakeNotifier {
    pending: Mutex<PendingWake>,
    changed: Notify,
}

#[derive(Default)]
struct PendingWake {
    /// There are events to claim; how often the notification was passed on.
    work: Option<u8>,
    /// The other processes that listen.
    peers: Vec<i64>,
}

/// A notification: there are events to claim, for this process; 0 is every one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WakeMessage {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) hops: u8,
}

impl WakeNotifier {
    /// Records a commit. New events go to this process's workers if one of them is idle.
    pub(super) fn committed(&self, changes: &Changes, hints: &WakeHints, has_time: bool) {
        let new = !changes.arrived.is_empty() && !has_time;
        if new || hints.leaves_more || hints.freed {
            lock(&self.pending).work = Some(0);
            self.changed.notify_one();
        }
    }

    /// Notifies another process of events for which this one has no idle worker.
    pub(super) fn pass_on(&self, hops: u8) {
        if hops < HOPS {
            lock(&self.pending).work.get_or_insert(hops + 1);
            self.changed.notify_one();
        }
    }

    /// Resolves when there is something to send.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn set_peers(&self, peers: Vec<i64>) {
        lock(&self.pending).peers = peers;
    }

    /// The notifications to send now.
    pub(super) fn take(&self, own: i64) -> Vec<String> {
        let mut pending = lock(&self.pending);
        let Some(hops) = pending.work.take() else {
            return Vec::new();
        };
        let to = pending.peers.choose(&mut rand::rng()).copied();
        // Without a known process, every process that receives it.
        let to = to.unwrap_or(0);
        vec![
            WakeMessage {
                from: own,
                to,
                hops,
            }
            .to_text(),
        ]
    }
}

impl WakeMessage {
    fn to_text(&self) -> String {
        format!("work {} {} {}", self.from, self.to, self.hops)
    }

    /// `None` for a message of another program on this channel.
    pub(super) fn read(text: &str) -> Option<WakeMessage> {
        let words: Vec<&str> = text.split(' ').collect();
        let ["work", from, to, hops] = words[..] else {
            return None;
        };
        Some(WakeMessage {
            from: from.parse().ok()?,
            to: to.parse().ok()?,
            hops: hops.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::wake_hints::WakeHints;
    use super::{HOPS, WakeMessage, WakeNotifier};
    use crate::reference::store::EventId;
    use crate::reference::store::changes::Changes;

    fn arrived() -> Changes {
        Changes {
            arrived: vec![EventId::from_key("a")],
            ..Changes::at(0)
        }
    }

    fn pending(notifier: &WakeNotifier) -> Vec<WakeMessage> {
        let texts = notifier.take(7);
        texts
            .iter()
            .map(|text| WakeMessage::read(text).expect("own words"))
            .collect()
    }

    #[test]
    fn new_events_are_told_to_one_process_unless_an_own_worker_is_idle() {
        let notifier = WakeNotifier::default();
        notifier.committed(&arrived(), &WakeHints::default(), true);
        assert_eq!(pending(&notifier), []);
        notifier.committed(&arrived(), &WakeHints::default(), false);
        let to_all = WakeMessage {
            from: 7,
            to: 0,
            hops: 0,
        };
        assert_eq!(pending(&notifier), [to_all]);
        notifier.set_peers(vec![4, 5]);
        notifier.committed(&arrived(), &WakeHints::default(), false);
        notifier.committed(&arrived(), &WakeHints::default(), false);
        let heard = pending(&notifier);
        assert!(
            matches!(heard[..], [WakeMessage { to: 4 | 5, .. }]),
            "{heard:?}"
        );
    }

    #[test]
    fn a_claim_that_found_nothing_rings_nothing() {
        let notifier = WakeNotifier::default();
        notifier.committed(&Changes::at(0), &WakeHints::default(), false);
        assert_eq!(pending(&notifier), []);
    }

    #[test]
    fn word_is_passed_on_a_few_times_and_no_more() {
        let notifier = WakeNotifier::default();
        notifier.pass_on(HOPS - 1);
        assert!(matches!(
            pending(&notifier)[..],
            [WakeMessage { hops: HOPS, .. }]
        ));
        notifier.pass_on(HOPS);
        assert_eq!(pending(&notifier), []);
    }

    #[test]
    fn what_others_say_on_the_channel_is_passed_by() {
        for text in [
            "",
            "42",
            "work",
            "work 1 2",
            "work 1 x 0",
            "work 1 2 3 4",
            "hello 1",
        ] {
            assert_eq!(WakeMessage::read(text), None, "{text}");
        }
    }
}
