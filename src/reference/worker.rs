//! Processes accepted events: claims them, notifies the provider, records the outcome.

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

pub(crate) use breaker::BREAKER_STATES;
pub use breaker::{Breaker, BreakerOptions};
pub(crate) use pool::OnFailure;
pub use pool::{TakeResult, WorkerOptions, WorkerPool};
pub use retry::Retry;
pub(crate) use traces::Remembered;
pub(crate) use work_counters::AttemptEnd;
