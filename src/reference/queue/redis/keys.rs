//! The Redis keys of a queue that Python programs share, and at which end its next item is.
//!
//! The table of deliveries under way is our own (`QUEUE:a7probe:taken`), so that Celery's and RQ's bookkeeping of their
//! workers is left alone.

use redis::{Script, ScriptInvocation};

use super::super::dispatch::{Dialect, Dispatch};
use super::super::rq;

/// Separators between a queue and a priority in the names of kombu's lists: the default, and what its documentation
/// sets.
const SEPARATORS: [&str; 2] = ["\u{6}\u{16}", ":"];

/// The lists of a queue, the most urgent first.
pub(super) fn lists(dispatch: &Dispatch) -> Vec<String> {
    let queue = dispatch.queue();
    if dispatch.dialect() == Dialect::Rq {
        return vec![rq::queue_key(queue)];
    }
    // Kombu's priorities: which of them are in use is a setting of the publisher (`priority_steps`).
    let names = |priority: u8| SEPARATORS.map(|separator| format!("{queue}{separator}{priority}"));
    let plain = std::iter::once(queue.to_owned());
    plain.chain((0..=9).flat_map(names)).collect()
}

/// The table of what is under way.
pub(super) fn table(queue: &str) -> String {
    format!("{queue}:a7probe:taken")
}

/// The keys of one queue, and at which end its next item is.
pub(super) struct ListKeys {
    pub(super) dialect: Dialect,
    pub(super) task: String,
    pub(super) queue: String,
    pub(super) index: String,
    pub(super) table: String,
    pub(super) lists: Vec<String>,
}

impl ListKeys {
    pub(super) fn of(dispatch: &Dispatch) -> ListKeys {
        let queue = dispatch.queue().to_owned();
        ListKeys {
            dialect: dispatch.dialect(),
            task: dispatch.task().to_owned(),
            index: format!("{}:index", table(&queue)),
            table: table(&queue),
            queue,
            lists: lists(dispatch),
        }
    }

    pub(super) fn call<'a>(&self, script: &'a Script) -> ScriptInvocation<'a> {
        let mut call = script.prepare_invoke();
        call.key(&self.index).key(&self.table);
        for list in &self.lists {
            call.key(list);
        }
        call
    }

    /// Takes the next item.
    pub(super) fn pop(&self) -> &'static str {
        self.either("LPOP", "RPOP")
    }

    /// Puts an item where the next pop finds it.
    pub(super) fn unpop(&self) -> &'static str {
        self.either("LPUSH", "RPUSH")
    }

    /// Puts an item behind the others.
    pub(super) fn push(&self) -> &'static str {
        self.either("RPUSH", "LPUSH")
    }

    /// RQ takes from the left of its lists, Celery from the right.
    fn either(&self, rq: &'static str, celery: &'static str) -> &'static str {
        if self.dialect == Dialect::Rq {
            rq
        } else {
            celery
        }
    }
}
