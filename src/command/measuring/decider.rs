//! Watches the gates of an adaptive run and ends it when they are decided.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::run_options::RunOptions;
use crate::command::progress::Gates;
use crate::judge::gate::{GateWatch, InstrumentLoad, InstrumentState};
use crate::probe::engine::{Live, Meter, Stopper};
use crate::run::plan::Plan;

/// How often it asks whether a look is due: a run goes on at most so long after its decision.
const PERIOD: Duration = Duration::from_millis(50);

/// Looks on a thread of its own until it is finished.
#[derive(Debug)]
pub(super) struct Decider {
    done: Sender<()>,
    thread: JoinHandle<bool>,
    state: Gates,
}

impl Decider {
    /// Begins to look at what a run of this plan, which has a rate for every endpoint, tells `live`.
    pub(super) fn start(
        plan: &Plan,
        options: &RunOptions<'_>,
        live: Arc<Live>,
        stopper: Stopper,
    ) -> Decider {
        let endpoints: Vec<(&str, f64)> = plan
            .endpoints
            .iter()
            .filter_map(|endpoint| Some((endpoint.name.as_str(), endpoint.rate?.as_per_second())))
            .collect();
        let mut watching = GateWatch::new(options.gates, &endpoints, options.guard);
        let state = Gates::new(Mutex::new(watching.state()));
        let (shown, count) = (Arc::clone(&state), endpoints.len());
        let (done, finished) = channel();
        let meter = Meter::start(plan);
        let thread = std::thread::spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = finished.recv_timeout(PERIOD) {
                for endpoint in 0..count {
                    look(&mut watching, endpoint, &live, &meter);
                }
                *shown.lock().unwrap_or_else(PoisonError::into_inner) = watching.state();
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
            state,
        }
    }

    /// How far every gate is, now and later.
    pub(super) fn state(&self) -> Gates {
        Arc::clone(&self.state)
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
