//! RQ's job: a hash with the pickled call, and its id in a list.
//!
//! Read against RQ 3.0 (`rq/job.py`, `rq/queue.py`). The call is pickled as RQ itself does it, so that a stock
//! `rq worker` takes it without a flag; calls that a JSON serializer wrote are read too.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::broker::DispatchJob;
use super::celery::Arguments;
use super::delivery::ReceivedJob;
use super::pickle::{self, Plain};
use super::python_call;

/// Seconds that a job may run, and seconds that a finished one is kept: RQ's own defaults.
const TIMEOUT_SECONDS: u32 = 180;
pub(super) const RESULT_SECONDS: i64 = 500;
/// A year, as RQ keeps what failed.
pub(super) const FAILURE_SECONDS: i64 = 31_536_000;
/// A call that is longer, or inflates to more, is not one of this program's.
pub(super) const LARGEST_CALL: usize = 16 << 20;

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
pub(super) fn fields(
    queue: &str,
    function: &str,
    job: &DispatchJob,
) -> Vec<(&'static str, Vec<u8>)> {
    let (id, now) = (job.event_id.to_string(), timestamp());
    let payload = String::from_utf8_lossy(&job.payload);
    let description = format!("{function}('{id}', …)");
    let call = pickle::call(function, &id, &payload);
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
pub(super) fn read(function: &str, data: &[u8]) -> Result<ReceivedJob, String> {
    let call = inflated(data)?;
    let call = call.as_deref().unwrap_or(data);
    if call.len() > LARGEST_CALL {
        return Err(format!("the call has more than {LARGEST_CALL} bytes"));
    }
    let FunctionCall {
        name,
        event_id,
        payload,
    } = if call.first() == Some(&0x80) {
        FunctionCall::pickled(call)?
    } else {
        FunctionCall::json(call)?
    };
    if name != function {
        return Err(format!("function {name} is not {function}"));
    }
    python_call::received("job", event_id, payload)
}

/// The fields that are read from a call.
struct FunctionCall {
    name: String,
    event_id: Option<String>,
    payload: Option<String>,
}

impl FunctionCall {
    fn pickled(bytes: &[u8]) -> Result<FunctionCall, String> {
        let call = pickle::read(bytes)?;
        let name = call.at(0).and_then(Plain::as_str).ok_or(NO_CALL)?;
        let (args, named) = (call.at(2), call.at(3));
        let argument = |position: usize, name: &str| {
            let positional = args.and_then(|args| args.at(position));
            positional.or_else(|| named.and_then(|named| named.named(name)))
        };
        Ok(FunctionCall {
            name: name.to_owned(),
            event_id: argument(0, "event_id")
                .and_then(Plain::as_str)
                .map(str::to_owned),
            payload: argument(1, "payload").map(Plain::to_json),
        })
    }

    /// Written by RQ's JSON serializer. The payload is not examined, however deep it is.
    fn json(bytes: &[u8]) -> Result<FunctionCall, String> {
        let call: (String, IgnoredAny, Vec<&RawValue>, Arguments<'_>) =
            serde_json::from_slice(bytes).map_err(|error| format!("{NO_CALL}: {error}"))?;
        let (name, _, args, named) = call;
        let id = args.first().copied().or(named.event_id);
        let payload = args.get(1).copied().or(named.payload);
        Ok(FunctionCall {
            name,
            event_id: id.and_then(|id| serde_json::from_str(id.get()).ok()),
            payload: payload.map(|payload| payload.get().to_owned()),
        })
    }
}

const NO_CALL: &str = "not a call";

/// Compressed with zlib, as RQ keeps calls and tracebacks.
pub(super) fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("memory takes it")
}

/// The inflated bytes; `None` if the bytes were not compressed. A few bytes may inflate to any size, so reading stops
/// at the bound.
fn inflated(bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut inflated = Vec::new();
    let mut decoder = ZlibDecoder::new(bytes).take(LARGEST_CALL as u64 + 1);
    if decoder.read_to_end(&mut inflated).is_err() {
        return Ok(None);
    }
    if inflated.len() > LARGEST_CALL {
        return Err(format!(
            "the call inflates to more than {LARGEST_CALL} bytes"
        ));
    }
    Ok(Some(inflated))
}

#[cfg(test)]
mod tests {
    use super::{DispatchJob, ReceivedJob, fields, read};
    use crate::reference::payload::mutation::{decode_mutations, on_a_small_stack};
    use uuid::Uuid;

    const ID: &str = "550e8400-e29b-41d4-a716-446655440000";
    const FUNCTION: &str = "a7probe_tasks.process_event";

    #[test]
    fn what_is_published_is_read_back() {
        let event_id = Uuid::try_parse(ID).unwrap();
        let payload = br#"{"n":1,"to":["a","b"]}"#.to_vec();
        let job = DispatchJob {
            event_id,
            payload: payload.clone(),
            round: 0,
        };
        let fields = fields("default", FUNCTION, &job);
        let data = &fields.iter().find(|(name, _)| *name == "data").unwrap().1;
        let received = ReceivedJob {
            event_id,
            payload: Some(payload),
        };
        assert_eq!(read(FUNCTION, data), Ok(received));
        let reason = read("shop.delete_user", data).unwrap_err();
        assert_eq!(
            reason,
            format!("function {FUNCTION} is not shop.delete_user")
        );
    }

    #[test]
    fn jobs_of_the_json_serializer_are_read_too() {
        let call = format!(r#"["m.f", null, [], {{"event_id": "{ID}", "payload": [1]}}]"#);
        let job = read("m.f", call.as_bytes()).unwrap();
        assert_eq!(job.event_id.to_string(), ID);
        assert_eq!(job.payload.as_deref(), Some(&b"[1]"[..]));
    }

    #[test]
    fn what_is_no_such_job_is_refused_with_the_reason() {
        for (call, words) in [
            (r#"["m.f", null, [], {}]"#, "no event_id"),
            (
                r#"["m.f", null, ["seven"], {}]"#,
                "'seven' is not an event id",
            ),
            ("{}", "not a call"),
            ("", "not a call"),
        ] {
            let reason = read("m.f", call.as_bytes()).unwrap_err();
            assert!(reason.contains(words), "{call}: {reason}");
        }
    }

    #[test]
    fn a_call_that_inflates_beyond_the_bound_is_refused() {
        let bomb = super::deflated(&vec![b' '; super::LARGEST_CALL + 1]);
        assert!(bomb.len() < 32 << 10, "{}", bomb.len());
        let reason = read("m.f", &bomb).unwrap_err();
        assert!(reason.contains("inflates to more than"), "{reason}");
        let plain = vec![b'['; super::LARGEST_CALL + 1];
        let reason = read("m.f", &plain).unwrap_err();
        assert!(reason.contains("more than"), "{reason}");
    }

    #[test]
    fn a_call_of_127_bytes_that_inflates_to_a_deep_pickle_is_refused() {
        let deep = [
            &b"\x80\x02"[..],
            &b"(".repeat(60_000),
            &b"t".repeat(60_000),
            b".",
        ]
        .concat();
        let data = super::deflated(&deep);
        assert!(data.len() < 200, "{}", data.len());
        let reason = on_a_small_stack(|| read("m.f", &data).unwrap_err());
        assert!(reason.contains("levels"), "{reason}");
    }

    #[test]
    fn mutations_are_refused_or_read() {
        let json = format!(r#"["m.f", null, ["{ID}", {{"a": [1, {{}}]}}], {{"payload": [1]}}]"#);
        let pickled = crate::reference::queue::pickle::call("m.f", ID, r#"{"a":[1,{"b":"x"}]}"#);
        let seeds = [
            super::deflated(&pickled),
            super::deflated(json.as_bytes()),
            json.into_bytes(),
            pickled,
        ];
        let words: [&[u8]; 8] = [
            b"[",
            b"]",
            b"{\"a\":",
            b"\x80\x02",
            b"(",
            b"t",
            b"}",
            b"\x78\x9c",
        ];
        decode_mutations(&seeds, &words, |bytes| {
            if let Ok(job) = read("m.f", bytes) {
                assert!(std::str::from_utf8(&job.payload.unwrap()).is_ok());
            }
        });
    }
}
