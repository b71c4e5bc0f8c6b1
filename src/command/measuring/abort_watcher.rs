//! Watches the rules of `--abort-on` and ends a run that breaks one.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::judge::abort_rule::{AbortRule, AbortWatch, EndedRequests};
use crate::probe::engine::{Live, Stopper};
use crate::run::plan::Plan;

/// How often it looks: a run continues at most this long after it has broken a rule.
const PERIOD: Duration = Duration::from_millis(100);

/// Looks on a thread of its own until it is finished.
#[derive(Debug)]
pub(super) struct AbortWatcher {
    done: Sender<()>,
    thread: JoinHandle<Option<AbortRule>>,
}

impl AbortWatcher {
    /// Begins to look; `None` without a rule.
    pub(super) fn start(
        plan: &Plan,
        rules: &[AbortRule],
        live: Arc<Live>,
        stopper: Stopper,
    ) -> Option<AbortWatcher> {
        let mut watches: Vec<(usize, AbortWatch)> = Vec::new();
        for rule in rules {
            for (place, endpoint) in plan.endpoints.iter().enumerate() {
                let is_own = |name: &str| name == endpoint.name || name == endpoint.base_name();
                if rule.endpoint().is_none_or(is_own) {
                    watches.push((place, AbortWatch::new(rule.clone())));
                }
            }
        }
        if watches.is_empty() {
            return None;
        }
        let (done, finished) = channel();
        let began = Instant::now();
        let thread = std::thread::spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = finished.recv_timeout(PERIOD) {
                for (endpoint, watch) in &mut watches {
                    let (ended, beyond) = live.ended(*endpoint, watch.rule().limit());
                    let now = EndedRequests { ended, beyond };
                    if watch.look(began.elapsed(), now) {
                        stopper.stop();
                        return Some(watch.rule().clone());
                    }
                }
            }
            None
        });
        Some(AbortWatcher { done, thread })
    }

    /// Ends the watch; the rule that ended the run.
    pub(super) fn finish(self) -> Option<AbortRule> {
        // It has hung up if a rule was broken.
        let _ = self.done.send(());
        self.thread.join().ok().flatten()
    }
}
