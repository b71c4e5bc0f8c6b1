//! RQ's job behind a list item: a hash that is looked up, finished or failed.

use redis::Pipeline;
use redis::aio::MultiplexedConnection;

use super::super::error::QueueError;
use super::super::rq;

/// What RQ's list item names.
pub(super) enum JobLookup {
    Job {
        key: String,
        data: Option<Vec<u8>>,
    },
    /// Something that is not a job, for this reason.
    Other(String),
    Nothing,
}

/// Looks the job of a list item up.
pub(super) async fn find(
    connection: &mut MultiplexedConnection,
    item: &[u8],
) -> Result<JobLookup, QueueError> {
    let Ok(id) = std::str::from_utf8(item) else {
        return Ok(JobLookup::Other("the job's id is not UTF-8".to_owned()));
    };
    let key = rq::job_key(id);
    let mut data = redis::cmd("HGET");
    data.arg(&key).arg("data");
    match data.query_async::<Option<Vec<u8>>>(connection).await {
        Ok(None) => {
            let mut exists = redis::cmd("EXISTS");
            let exists: bool = exists.arg(&key).query_async(connection).await?;
            Ok(if exists {
                JobLookup::Job { key, data: None }
            } else {
                JobLookup::Nothing
            })
        }
        Ok(data) => Ok(JobLookup::Job { key, data }),
        Err(error) if error.code() == Some("WRONGTYPE") => Ok(JobLookup::Other(format!(
            "the job's key {key} is not a hash"
        ))),
        Err(error) => Err(error.into()),
    }
}

/// RQ keeps the hash of a finished job for a while.
pub(super) fn finish(batch: &mut Pipeline, key: &str) {
    batch.cmd("HSET").arg(key).arg("status").arg("finished");
    batch.arg("ended_at").arg(rq::timestamp()).ignore();
    batch
        .cmd("EXPIRE")
        .arg(key)
        .arg(rq::RESULT_SECONDS)
        .ignore();
}

/// The hash of a failed job says why.
pub(super) fn fail(batch: &mut Pipeline, key: &str, reason: &str) {
    batch.cmd("HSET").arg(key).arg("status").arg("failed");
    batch.arg("ended_at").arg(rq::timestamp());
    let reason = rq::deflated(reason.as_bytes());
    batch.arg("exc_info").arg(reason).ignore();
}

/// RQ has a registry of what failed.
pub(super) fn register_failure(batch: &mut Pipeline, queue: &str, item: &[u8]) {
    let expires = jiff::Timestamp::now().as_second() + rq::FAILURE_SECONDS;
    batch
        .cmd("ZADD")
        .arg(rq::failed_key(queue))
        .arg(expires)
        .arg(item)
        .ignore();
}
