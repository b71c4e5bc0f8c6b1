//! Hands jobs to a broker, one batch after the other.

use std::time::Duration;

use super::backoff::Backoff;
use super::broker::{DispatchJob, JobSender, QueueOptions};
use super::built_in::broker;
use super::dispatch::Dispatch;
use super::error::{QueueError, within};

/// Publishes to one broker. Not shared: its owner publishes one batch after the other.
pub struct Publisher {
    dispatch: Dispatch,
    deadline: Duration,
    backoff: Backoff,
    sender: Option<Box<dyn JobSender>>,
}

impl Publisher {
    /// Connects with the first batch.
    pub fn new(dispatch: Dispatch, options: QueueOptions) -> Publisher {
        Publisher {
            dispatch,
            deadline: options.deadline,
            backoff: Backoff::default(),
            sender: None,
        }
    }

    /// Resolves when the broker has confirmed every job, or at the deadline: one attempt, which after a failure waits a
    /// little first. What failed may have been taken all the same, wholly or in part.
    ///
    /// # Errors
    /// [`QueueError`] if the broker refuses a job, is unreachable, or does not confirm within the deadline.
    pub async fn publish(&mut self, jobs: &[DispatchJob]) -> Result<(), QueueError> {
        self.backoff.rest().await;
        let after = self.deadline;
        let attempt = async { self.connected().await?.publish(jobs).await };
        let answer = within(after, attempt).await;
        self.note(answer)
    }

    /// How many jobs the broker has by now, as far as it tells; the same job twice counts as two.
    ///
    /// # Errors
    /// [`QueueError`] if the broker does not answer within the deadline.
    pub async fn depth(&mut self) -> Result<u64, QueueError> {
        self.backoff.rest().await;
        let after = self.deadline;
        let attempt = async { self.connected().await?.depth().await };
        let answer = within(after, attempt).await;
        self.note(answer)
    }

    async fn connected(&mut self) -> Result<&mut dyn JobSender, QueueError> {
        let sender = match &mut self.sender {
            Some(sender) => sender,
            closed => {
                let broker = broker(self.dispatch.protocol())?;
                closed.insert(broker.sender(&self.dispatch, self.deadline).await?)
            }
        };
        if sender.is_blocked() {
            return Err(QueueError::Blocked);
        }
        Ok(&mut **sender)
    }

    /// What failed is not used again, except that a broker that is short of memory is not burdened with one connection
    /// after the other.
    fn note<T>(&mut self, answer: Result<T, QueueError>) -> Result<T, QueueError> {
        if answer.is_ok() {
            self.backoff.reset();
        } else {
            self.backoff.grow();
            self.sender.take_if(|sender| !sender.is_blocked());
        }
        answer
    }
}
