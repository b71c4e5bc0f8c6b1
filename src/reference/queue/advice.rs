//! Settings of a broker that lose or hold up messages, asked of the broker itself at the start.

use std::fmt;
use std::time::Duration;

use tokio::time::timeout;

use super::{Dispatch, QueueError};

/// A setting that an operator should know of. Nothing accepted is lost by it: the sweeper dispatches again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What is unsafe about it.
    pub what: String,
    /// How to mend it.
    pub hint: String,
}

impl Advice {
    #[allow(dead_code, reason = "a slim build has no broker")]
    pub(super) fn new(what: impl Into<String>, hint: impl Into<String>) -> Advice {
        Advice {
            what: what.into(),
            hint: hint.into(),
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nhint: {}", self.what, self.hint)
    }
}

/// Asks the broker for its settings. Queues that are missing are made on the way.
pub async fn advice(dispatch: &Dispatch, deadline: Duration) -> Result<Vec<Advice>, QueueError> {
    timeout(deadline, ask(dispatch, deadline))
        .await
        .unwrap_or(Err(QueueError::TimedOut { after: deadline }))
}

async fn ask(dispatch: &Dispatch, deadline: Duration) -> Result<Vec<Advice>, QueueError> {
    let _ = deadline;
    match dispatch.protocol() {
        #[cfg(feature = "amqp")]
        super::Protocol::Amqp => super::amqp::advice(dispatch).await,
        #[cfg(feature = "redis")]
        super::Protocol::Redis => super::redis::advice(dispatch, deadline).await,
        #[cfg(feature = "nats")]
        super::Protocol::Nats => super::nats::advice(dispatch, deadline).await,
        #[allow(unreachable_patterns, reason = "a slim build lacks a broker")]
        _ => Err(super::not_built_in()),
    }
}
