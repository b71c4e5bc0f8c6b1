//! Where jobs are dispatched to: a broker, the workers behind it, and their queue.

use std::fmt;

use reqwest::Url;

/// A broker, the language that is spoken over it, and the queue there.
#[derive(Clone, PartialEq, Eq)]
pub struct Dispatch {
    pub(super) protocol: Protocol,
    pub(super) dialect: Dialect,
    /// Where to connect, without our own parameters; holds the password.
    pub(super) url: Url,
    pub(super) queue: String,
    pub(super) task: String,
}

/// What the broker speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// AMQP 0-9-1: RabbitMQ.
    Amqp,
    /// Redis.
    Redis,
    /// NATS with JetStream.
    Nats,
}

/// What the workers behind it understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `a7probe worker`: event ids.
    Own,
    /// Celery, message protocol 2.
    Celery,
    /// RQ: a job hash and its id in a list.
    Rq,
}

impl Dispatch {
    /// What the broker speaks.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// What the workers understand.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The queue, stream or list.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// The Celery task, or the RQ function.
    pub fn task(&self) -> &str {
        &self.task
    }
}

impl fmt::Display for Dispatch {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dialect = match self.dialect {
            Dialect::Own => "",
            Dialect::Celery => "celery+",
            Dialect::Rq => "rq+",
        };
        let host = self.url.host_str().unwrap_or_default();
        write!(f, "{dialect}{}://{host}", self.url.scheme())?;
        if let Some(port) = self.url.port() {
            write!(f, ":{port}")?;
        }
        write!(f, "{}?queue={}", self.url.path(), self.queue)
    }
}

impl fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dispatch({self}, task {:?})", self.task)
    }
}
