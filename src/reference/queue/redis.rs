//! Redis: a stream with a consumer group for our own workers, lists for Celery's and RQ's.

mod list;
mod stream;

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Pipeline, RedisError};

use super::celery::Task;
use super::{Advice, Dialect, Dispatch, DispatchJob, QueueError, rq};

pub(super) use list::{Handle as ListHandle, Source as ListSource};
pub(super) use stream::{Handle as StreamHandle, Source as StreamSource};

/// Dead letters that are kept; the oldest go first.
const DEAD_LETTERS: usize = 10_000;

impl From<RedisError> for QueueError {
    fn from(error: RedisError) -> QueueError {
        let tls = crate::trust::tls_failure(&error);
        QueueError::Broker(tls.map_or_else(|| error.to_string(), |failure| failure.to_string()))
    }
}

async fn connect(
    dispatch: &Dispatch,
    deadline: Duration,
) -> Result<MultiplexedConnection, QueueError> {
    let client = Client::open(dispatch.url().as_str())?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(deadline))
        .set_response_timeout(Some(deadline));
    Ok(client
        .get_multiplexed_async_connection_with_config(&config)
        .await?)
}

/// Publishes whole batches in one transaction; the answer to it is the confirmation.
pub(super) struct Sink {
    dispatch: Dispatch,
    connection: MultiplexedConnection,
}

impl Sink {
    pub(super) async fn open(dispatch: &Dispatch, deadline: Duration) -> Result<Sink, QueueError> {
        Ok(Sink {
            dispatch: dispatch.clone(),
            connection: connect(dispatch, deadline).await?,
        })
    }

    pub(super) async fn publish(&mut self, jobs: &[DispatchJob]) -> Result<(), QueueError> {
        if jobs.is_empty() {
            return Ok(());
        }
        let mut batch = redis::pipe();
        batch.atomic();
        for job in jobs {
            add(&mut batch, &self.dispatch, job);
        }
        Ok(batch.query_async::<()>(&mut self.connection).await?)
    }

    /// With what workers have taken and not settled, as far as it is kept by us.
    pub(super) async fn depth(&mut self) -> Result<u64, QueueError> {
        let mut batch = redis::pipe();
        let queue = self.dispatch.queue();
        if self.dispatch.dialect() == Dialect::Own {
            batch.cmd("XLEN").arg(queue);
        } else {
            for list in list::lists(&self.dispatch) {
                batch.cmd("LLEN").arg(list);
            }
            batch.cmd("HLEN").arg(list::table(queue));
        }
        let lengths: Vec<u64> = batch.query_async(&mut self.connection).await?;
        Ok(lengths.iter().sum())
    }
}

fn add(batch: &mut Pipeline, dispatch: &Dispatch, job: &DispatchJob) {
    let queue = dispatch.queue();
    match dispatch.dialect() {
        Dialect::Own => {
            stream::add(batch, queue, &job.event_id.to_string());
        }
        Dialect::Celery => {
            let envelope = Task::of(dispatch.task(), job).envelope(queue);
            batch.cmd("LPUSH").arg(queue).arg(envelope).ignore();
        }
        Dialect::Rq => {
            let (id, list) = (job.event_id.to_string(), rq::queue_key(queue));
            batch.cmd("HSET").arg(rq::job_key(&id));
            for (name, value) in rq::fields(queue, dispatch.task(), job) {
                batch.arg(name).arg(value);
            }
            batch.ignore();
            // A finished job of the same id was about to expire.
            batch.cmd("PERSIST").arg(rq::job_key(&id)).ignore();
            batch.cmd("SADD").arg(rq::QUEUES).arg(&list).ignore();
            batch.cmd("RPUSH").arg(&list).arg(id).ignore();
        }
    }
}

/// Asks for the settings that decide what a restart, a power failure and a full memory do.
pub(super) async fn advice(
    dispatch: &Dispatch,
    deadline: Duration,
) -> Result<Vec<Advice>, QueueError> {
    let mut connection = connect(dispatch, deadline).await?;
    let mut questions = redis::pipe();
    // One by one: several at once is what only Redis 7 understands.
    for name in ["appendonly", "appendfsync", "maxmemory", "maxmemory-policy"] {
        questions.cmd("CONFIG").arg("GET").arg(name);
    }
    let settings: Result<Vec<Vec<(String, String)>>, RedisError> =
        questions.query_async(&mut connection).await;
    match settings {
        Ok(settings) => Ok(unsafe_settings(&settings.concat())),
        // A hosted Redis forbids CONFIG; one that does not answer at all is another matter.
        Err(error) if error.is_io_error() => Err(error.into()),
        Err(error) => Ok(vec![Advice::new(
            format!("Redis does not tell its settings ({error})"),
            "see that it runs with appendonly yes, appendfsync always and maxmemory-policy noeviction",
        )]),
    }
}

fn unsafe_settings(settings: &[(String, String)]) -> Vec<Advice> {
    let of = |name: &str| {
        let found = settings.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    let mut advice = Vec::new();
    if of("appendonly") != "yes" {
        advice.push(Advice::new(
            "Redis runs without append-only file: a restart loses what is queued",
            "redis-cli CONFIG SET appendonly yes, and the same in redis.conf",
        ));
    } else if of("appendfsync") != "always" {
        advice.push(Advice::new(
            format!(
                "Redis syncs its append-only file {}: a power failure loses what was queued last",
                if of("appendfsync") == "no" {
                    "when the system likes to"
                } else {
                    "once a second"
                }
            ),
            "redis-cli CONFIG SET appendfsync always, or leave it: the sweeper dispatches again",
        ));
    }
    let policy = of("maxmemory-policy");
    if of("maxmemory") != "0" && policy != "noeviction" {
        advice.push(Advice::new(
            format!("Redis evicts keys when its memory is full (maxmemory-policy {policy})"),
            "redis-cli CONFIG SET maxmemory-policy noeviction",
        ));
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::unsafe_settings;

    fn advice(appendonly: &str, appendfsync: &str, maxmemory: &str, policy: &str) -> Vec<String> {
        let settings = [
            ("appendonly", appendonly),
            ("appendfsync", appendfsync),
            ("maxmemory", maxmemory),
            ("maxmemory-policy", policy),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let advice = unsafe_settings(&settings);
        advice.into_iter().map(|advice| advice.what).collect()
    }

    #[test]
    fn what_can_lose_a_message_is_named_and_nothing_else() {
        assert!(advice("yes", "always", "0", "noeviction").is_empty());
        assert!(advice("yes", "always", "0", "allkeys-lru").is_empty());
        let off = advice("no", "everysec", "0", "noeviction");
        assert!(
            off.len() == 1 && off[0].contains("without append-only"),
            "{off:?}"
        );
        let late = advice("yes", "everysec", "0", "noeviction");
        assert!(
            late.len() == 1 && late[0].contains("once a second"),
            "{late:?}"
        );
        let evicts = advice("yes", "always", "1000", "allkeys-lru");
        assert!(
            evicts.len() == 1 && evicts[0].contains("allkeys-lru"),
            "{evicts:?}"
        );
    }
}
