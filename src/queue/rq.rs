//! RQ's job: a hash with the pickled call, and its id in a list.
//!
//! Read against RQ 3.0 (`rq/job.py`, `rq/queue.py`). The call is pickled as RQ itself does it, so that a stock
//! `rq worker` takes it without a flag; calls that a JSON serializer wrote are read too.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde_json::Value;
use uuid::Uuid;

use super::{Job, pickle};

/// Seconds that a job may run, and seconds that a finished one is kept: RQ's own defaults.
const TIMEOUT_SECONDS: u32 = 180;
pub(super) const RESULT_SECONDS: i64 = 500;
/// A year, as RQ keeps what failed.
pub(super) const FAILURE_SECONDS: i64 = 31_536_000;
/// A call that inflates to more than this is not one of ours.
const LARGEST_CALL: u64 = 16 << 20;

/// The set of all queues, by which RQ's dashboard and `rq info` find them.
pub(super) const QUEUES: &str = "rq:queues";

pub(super) fn queue_key(queue: &str) -> String {
    format!("rq:queue:{queue}")
}

pub(super) fn job_key(id: &str) -> String {
    format!("rq:job:{id}")
}

pub(super) fn failed_key(queue: &str) -> String {
    format!("rq:failed:{queue}")
}

/// Now, as RQ writes it.
pub(super) fn timestamp() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S.%6fZ")
        .to_string()
}

/// The job's hash. Its id is the event's.
pub(super) fn fields(queue: &str, function: &str, job: &Job) -> Vec<(&'static str, Vec<u8>)> {
    let (id, now) = (job.event_id.to_string(), timestamp());
    let payload = serde_json::from_slice(&job.payload)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&job.payload)));
    let description = format!("{function}('{id}', …)");
    let call = pickle::call(function, &[id.into(), payload]);
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("status", text("queued")),
        ("created_at", text(&now)),
        ("enqueued_at", text(&now)),
        ("data", deflated(&call)),
        ("origin", text(queue)),
        ("description", description.into_bytes()),
        ("timeout", TIMEOUT_SECONDS.to_string().into_bytes()),
        // What an earlier dispatch of the same event may have left.
        ("started_at", Vec::new()),
        ("ended_at", Vec::new()),
        ("last_heartbeat", Vec::new()),
        ("worker_name", Vec::new()),
        ("success_callback_name", Vec::new()),
        ("failure_callback_name", Vec::new()),
        ("stopped_callback_name", Vec::new()),
        ("group_id", Vec::new()),
    ]
}

/// Event id and payload of the call `function(event_id, payload)`, by position or by name. A call of another function is
/// not ours to make, whatever its arguments look like.
pub(super) fn read(function: &str, data: &[u8]) -> Result<(Uuid, Vec<u8>), String> {
    let call = inflated(data).unwrap_or_else(|| data.to_vec());
    let call = if call.first() == Some(&0x80) {
        pickle::read(&call)?
    } else {
        serde_json::from_slice(&call).map_err(|error| format!("not a call: {error}"))?
    };
    match call[0].as_str() {
        None => return Err("not a call".to_owned()),
        Some(other) if other != function => {
            return Err(format!("function {other} is not {function}"));
        }
        Some(_) => {}
    }
    let (args, named) = (&call[2], &call[3]);
    let argument = |position: usize, name: &str| args.get(position).or_else(|| named.get(name));
    let id = argument(0, "event_id")
        .and_then(Value::as_str)
        .ok_or("the job has no event_id")?;
    let event_id = Uuid::try_parse(id).map_err(|_| format!("'{id}' is no event id"))?;
    let payload = argument(1, "payload").map_or_else(|| "{}".to_owned(), Value::to_string);
    Ok((event_id, payload.into_bytes()))
}

/// Compressed with zlib, as RQ keeps calls and tracebacks.
pub(super) fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("memory takes it")
}

fn inflated(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut inflated = Vec::new();
    let mut decoder = ZlibDecoder::new(bytes).take(LARGEST_CALL);
    decoder.read_to_end(&mut inflated).ok()?;
    Some(inflated)
}

#[cfg(test)]
mod tests {
    use super::{Job, fields, read};
    use uuid::Uuid;

    const ID: &str = "550e8400-e29b-41d4-a716-446655440000";
    const FUNCTION: &str = "a7probe_tasks.process_event";

    #[test]
    fn what_is_published_is_read_back() {
        let event_id = Uuid::try_parse(ID).unwrap();
        let payload = br#"{"n":1,"to":["a","b"]}"#.to_vec();
        let job = Job {
            event_id,
            payload: payload.clone(),
            round: 0,
        };
        let fields = fields("default", FUNCTION, &job);
        let data = &fields.iter().find(|(name, _)| *name == "data").unwrap().1;
        assert_eq!(read(FUNCTION, data), Ok((event_id, payload)));
        let reason = read("shop.delete_user", data).unwrap_err();
        assert_eq!(
            reason,
            format!("function {FUNCTION} is not shop.delete_user")
        );
    }

    #[test]
    fn jobs_of_the_json_serializer_are_read_too() {
        let call = format!(r#"["m.f", null, [], {{"event_id": "{ID}", "payload": [1]}}]"#);
        let (id, payload) = read("m.f", call.as_bytes()).unwrap();
        assert_eq!((id.to_string().as_str(), &payload[..]), (ID, &b"[1]"[..]));
    }

    #[test]
    fn what_is_no_such_job_is_refused_with_the_reason() {
        for (call, words) in [
            (r#"["m.f", null, [], {}]"#, "no event_id"),
            (r#"["m.f", null, ["seven"], {}]"#, "'seven' is no event id"),
            ("{}", "not a call"),
            ("", "not a call"),
        ] {
            let reason = read("m.f", call.as_bytes()).unwrap_err();
            assert!(reason.contains(words), "{call}: {reason}");
        }
    }
}
