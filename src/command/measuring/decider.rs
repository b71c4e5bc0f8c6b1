//! Watches the gates of an adaptive run and ends it when they are decided.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::run_options::RunOptions;
use crate::cli::resolve::planned_samples;
use crate::command::progress::Gates;
use crate::judge::gate::{GateWatch, InstrumentLoad, InstrumentState, WatchedEndpoint};
use crate::probe::engine::{Live, Meter, Stopper};
use crate::run::plan::Plan;

/// Interval between checks whether a look is due: the longest time that a run continues after its decision.
const PERIOD: Duration = Duration::from_millis(50);

/// Looks on a thread of its own until it is finished.
#[derive(Debug)]
pub(super) struct Decider {
    done: Sender<()>,
    thread: JoinHandle<bool>,
    gates: Gates,
}

impl Decider {
    /// Begins to look at what a run of this plan, which has a rate for every endpoint, tells `live`.
    pub(super) fn start(
        plan: &Plan,
        options: &RunOptions<'_>,
        live: Arc<Live>,
        stopper: Stopper,
    ) -> Decider {
        let endpoints: Vec<WatchedEndpoint<'_>> = plan
            .endpoints
            .iter()
            .filter_map(|endpoint| {
                Some(WatchedEndpoint {
                    name: &endpoint.name,
                    rate_per_s: endpoint.rate?.as_per_second(),
                    most_requests: planned_samples(plan, endpoint)?,
                })
            })
            .collect();
        let watching = GateWatch::new(options.gates, &endpoints, options.guard, options.stop_rule);
        let gates = Gates::new(Mutex::new(watching));
        let (watched, count) = (Arc::clone(&gates), endpoints.len());
        let (done, finished) = channel();
        let meter = Meter::start(plan);
        let thread = std::thread::spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = finished.recv_timeout(PERIOD) {
                let mut watching = watched.lock().unwrap_or_else(PoisonError::into_inner);
                for endpoint in 0..count {
                    look(&mut watching, endpoint, &live, &meter);
                }
                if watching.is_decided() {
                    stopper.decide();
                    return true;
                }
            }
            false
        });
        Decider {
            done,
            thread,
            gates,
        }
    }

    /// The gates that it watches, to ask how far they are.
    pub(super) fn gates(&self) -> Gates {
        Arc::clone(&self.gates)
    }

    /// Ends the watch; whether it was the decision that ended the run.
    pub(super) fn finish(self) -> bool {
        // It has hung up if it has decided.
        let _ = self.done.send(());
        self.thread.join().unwrap_or(false)
    }
}

fn look(watching: &mut GateWatch, endpoint: usize, live: &Live, meter: &Meter) {
    let Some(next) = watching.next_look(endpoint) else {
        return;
    };
    if let (complete, Some(exceedances)) = live.exceedances(endpoint, next) {
        let load = InstrumentLoad {
            busy: meter.busy(),
            throttled: meter.throttled().map(|throttled| throttled.time),
        };
        let state_for = |target| {
            let failures = exceedances.client_failures();
            InstrumentState::of(target, &load, exceedances.send_lag(), failures)
        };
        watching.advance(
            endpoint,
            complete,
            |gate| exceedances.rows_of(gate.condition.target()),
            |gate| {
                gate.condition
                    .target()
                    .map_or(InstrumentState::Sound, state_for)
            },
        );
    }
}
