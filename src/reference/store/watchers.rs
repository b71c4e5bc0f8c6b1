//! Who waits for which event to settle.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use super::EventId;
use crate::reference::mutex::lock;

/// The events that long polls wait for. Costs the writer one atomic load while there are none.
#[derive(Default)]
pub(super) struct Watchers {
    pub(super) watched: Mutex<HashMap<EventId, WatchedEvent>>,
    pub(super) watches: AtomicUsize,
}

#[derive(Default)]
pub(super) struct WatchedEvent {
    signal: Arc<Notify>,
    watches: usize,
}

impl Watchers {
    /// Starts to watch an event.
    pub(super) fn watch(self: &Arc<Self>, event_id: EventId) -> EventWatch {
        let mut watched = lock(&self.watched);
        let entry = watched.entry(event_id).or_default();
        entry.watches += 1;
        let mut settled = Box::pin(entry.signal.clone().notified_owned());
        // Enabled at once: a signal before the first poll counts.
        settled.as_mut().enable();
        self.watches.fetch_add(1, Ordering::SeqCst);
        EventWatch {
            watchers: self.clone(),
            event_id,
            settled,
        }
    }

    /// Wakes everyone who watches one of these events; called after the commit.
    pub(super) fn settle(&self, events: &[EventId]) {
        if events.is_empty() || self.watches.load(Ordering::SeqCst) == 0 {
            return;
        }
        let watched = lock(&self.watched);
        for entry in events.iter().filter_map(|event_id| watched.get(event_id)) {
            entry.signal.notify_waiters();
        }
    }
}

/// One who waits; stops watching when dropped.
pub(super) struct EventWatch {
    watchers: Arc<Watchers>,
    event_id: EventId,
    settled: Pin<Box<OwnedNotified>>,
}

impl EventWatch {
    /// Resolves when the event has settled since the watch began.
    pub(super) async fn settled(mut self) {
        self.settled.as_mut().await;
    }
}

impl Drop for EventWatch {
    fn drop(&mut self) {
        self.watchers.watches.fetch_sub(1, Ordering::SeqCst);
        let mut watched = lock(&self.watchers.watched);
        if let Some(entry) = watched.get_mut(&self.event_id) {
            entry.watches -= 1;
            if entry.watches == 0 {
                watched.remove(&self.event_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Watchers, lock};
    use crate::reference::store::EventId;

    #[tokio::test]
    async fn a_signal_between_watch_and_wait_is_not_missed() {
        let watchers = Arc::new(Watchers::default());
        let event_id = EventId::fresh();
        let watch = watchers.watch(event_id);
        watchers.settle(&[event_id]);
        watch.settled().await;
    }

    #[test]
    fn nothing_is_left_behind_when_the_last_watch_ends() {
        let watchers = Arc::new(Watchers::default());
        let event_id = EventId::fresh();
        let (one, two) = (watchers.watch(event_id), watchers.watch(event_id));
        drop(one);
        assert_eq!(lock(&watchers.watched).len(), 1);
        drop(two);
        assert!(lock(&watchers.watched).is_empty());
    }
}
