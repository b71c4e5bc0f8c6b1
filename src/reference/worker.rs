//! Does what was promised: claims events, notifies the provider, records the outcome.

mod attempt;
mod breaker;
mod claiming;
mod consuming;
mod heartbeat;
mod pool;
mod retry;
mod store_pause;
mod traces;
mod work_counters;

pub use breaker::{BREAKER_STATES, Breaker, BreakerOptions, BreakerPermit};
pub use pool::{OnFailure, TakeResult, WorkerOptions, WorkerPool};
pub use retry::Retry;
pub use traces::{Remembered, Traces};
pub use work_counters::{AttemptEnd, WorkCounters};
