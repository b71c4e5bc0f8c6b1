//! Why a broker did not do what it was asked for, and the deadline of every operation.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::timeout;

/// Why a broker did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// No answer within the deadline; it may have been done all the same.
    #[error("no answer from the broker within {} ms", .after.as_millis())]
    TimedOut {
        /// The deadline.
        after: Duration,
    },
    /// It cannot be reached, or it refused.
    #[error("the broker failed: {0}")]
    Broker(String),
    /// It took the message and had no queue for it.
    #[error("the broker has no queue {0:?}")]
    Unroutable(String),
    /// It did not take the message.
    #[error("the broker refused a message")]
    Refused,
    /// The broker accepts no messages at present.
    #[error("the broker is short of memory or disk and accepts no messages")]
    Blocked,
}

/// An operation of a broker behind a trait object.
pub(super) type BrokerFuture<'a, T> =
    Pin<Box<dyn Future<Output = Result<T, QueueError>> + Send + 'a>>;

/// Waits for an answer; no answer within this time is an error.
pub(super) async fn within<T>(
    after: Duration,
    answer: impl Future<Output = Result<T, QueueError>>,
) -> Result<T, QueueError> {
    let answer = timeout(after, answer).await;
    answer.unwrap_or(Err(QueueError::TimedOut { after }))
}
