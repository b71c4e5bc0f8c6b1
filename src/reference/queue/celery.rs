//! Celery's message protocol 2: headers and body of a task, and the envelope that kombu puts around both in Redis.
//!
//! <https://docs.celeryq.dev/en/stable/internals/protocol.html>, read against Celery 5.7 and kombu 5.7.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use super::broker::DispatchJob;
use super::delivery::ReceivedJob;
use super::python_call;
use crate::reference::payload;

/// One call of a task, as a worker takes it.
#[derive(Debug)]
pub(super) struct Task {
    /// Everything about the call but its arguments.
    pub(super) headers: Value,
    /// `[args, kwargs, embed]`, JSON in UTF-8.
    pub(super) body: Vec<u8>,
}

impl Task {
    /// The call `task(event_id, payload)`. Task id and event id are the same, so that Celery's own log speaks of events.
    pub(super) fn of(task: &str, job: &DispatchJob) -> Task {
        let id = job.event_id.to_string();
        let headers = json!({
            "lang": "py", "task": task, "id": id, "root_id": id, "parent_id": null, "group": null,
            "group_index": null, "shadow": null, "eta": null, "expires": null, "retries": 0,
            "timelimit": [null, null], "argsrepr": format!("('{id}', …)"), "kwargsrepr": "{}",
            "origin": "a7probe", "ignore_result": false, "replaced_task_nesting": 0,
            "stamped_headers": null, "stamps": {},
        });
        let embed = r#"{"callbacks":null,"errbacks":null,"chain":null,"chord":null}"#;
        let payload = payload_text(&job.payload);
        let body = format!(r#"[["{id}",{payload}],{{}},{embed}]"#).into_bytes();
        Task { headers, body }
    }

    pub(super) fn id(&self) -> String {
        self.headers["id"].as_str().unwrap_or_default().to_owned()
    }

    /// The list item that kombu's Redis transport expects. Every publication has a delivery tag of its own.
    pub(super) fn envelope(&self, queue: &str) -> String {
        json!({
            "body": STANDARD.encode(&self.body),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": self.headers,
            "properties": {
                "correlation_id": self.id(), "reply_to": "", "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": queue}, "priority": 0,
                "body_encoding": "base64", "delivery_tag": Uuid::new_v4().to_string(),
            },
        })
        .to_string()
    }

    /// Event id and payload of a call that another program published: `task(event_id, payload)`, by position or by
    /// name. A call of another task is refused, even if its arguments look the same. Only the needed parts are decoded,
    /// so no other part can be too deep.
    pub(super) fn read(
        task: &str,
        found: Option<&str>,
        body: &[u8],
    ) -> Result<ReceivedJob, String> {
        match found {
            None => return Err("not a Celery task of message protocol 2".to_owned()),
            Some(other) if other != task => return Err(format!("task {other} is not {task}")),
            Some(_) => {}
        }
        let call: (Vec<&RawValue>, Arguments<'_>, IgnoredAny) =
            serde_json::from_slice(body).map_err(|error| format!("not a Celery body: {error}"))?;
        let (args, named, _) = call;
        let id = args.first().copied().or(named.event_id);
        let payload = args.get(1).copied().or(named.payload);
        let id = id.and_then(|id| serde_json::from_str(id.get()).ok());
        python_call::received("task", id, payload.map(|payload| payload.get().to_owned()))
    }

    /// The same from the list item of kombu's Redis transport.
    pub(super) fn open(task: &str, envelope: &[u8]) -> Result<ReceivedJob, String> {
        if envelope.len() > LARGEST_ENVELOPE {
            return Err(format!(
                "the envelope has more than {LARGEST_ENVELOPE} bytes"
            ));
        }
        let envelope: Envelope<'_> = serde_json::from_slice(envelope)
            .map_err(|error| format!("not a kombu envelope: {error}"))?;
        let body = envelope.body.ok_or("the envelope has no body")?;
        let body = match envelope.properties.body_encoding.as_deref() {
            Some("base64") => STANDARD
                .decode(body.as_bytes())
                .map_err(|error| format!("the body is not base64: {error}"))?,
            _ => body.into_owned().into_bytes(),
        };
        Task::read(task, envelope.headers.task.as_deref(), &body)
    }
}

/// A longer envelope is not one of this program's.
const LARGEST_ENVELOPE: usize = 16 << 20;

/// The fields that are read from kombu's envelope.
#[derive(serde::Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    body: Option<Cow<'a, str>>,
    #[serde(default)]
    headers: Headers,
    #[serde(default)]
    properties: Properties,
}

#[derive(Default, serde::Deserialize)]
struct Headers {
    task: Option<String>,
}

#[derive(Default, serde::Deserialize)]
struct Properties {
    body_encoding: Option<String>,
}

/// Keyword arguments of the call.
#[derive(serde::Deserialize)]
pub(super) struct Arguments<'a> {
    #[serde(borrow)]
    pub(super) event_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) payload: Option<&'a RawValue>,
}

/// The payload as it came. A payload that no worker could read (an older store may hold one) becomes null: the worker
/// has the id.
fn payload_text(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(payload);
    match payload::check(&text) {
        Ok(()) => text.into_owned(),
        Err(refusal) if refusal.is_of_the_bounds() => "null".to_owned(),
        // Another program filled the store.
        Err(_) => Value::from(text).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{DispatchJob, ReceivedJob, Task};
    use crate::reference::payload::mutation::{decode_mutations, on_a_small_stack};
    use uuid::Uuid;

    const ID: &str = "550e8400-e29b-41d4-a716-446655440000";
    const TASK: &str = "a7probe.process_event";

    fn job(payload: &str) -> DispatchJob {
        DispatchJob {
            event_id: Uuid::try_parse(ID).unwrap(),
            payload: payload.as_bytes().to_vec(),
            round: 0,
        }
    }

    fn received(payload: &str) -> ReceivedJob {
        ReceivedJob {
            event_id: Uuid::try_parse(ID).unwrap(),
            payload: Some(payload.as_bytes().to_vec()),
        }
    }

    #[test]
    fn what_is_published_is_read_back() {
        for payload in [
            r#"{"n": 1.50, "deep": [null, "ü"]}"#,
            "[]",
            "12345678901234567890123",
        ] {
            let task = Task::of(TASK, &job(payload));
            let read = Task::read(TASK, task.headers["task"].as_str(), &task.body);
            assert_eq!(read, Ok(received(payload)));
            let opened = Task::open(TASK, task.envelope("celery").as_bytes());
            assert_eq!(opened, Ok(received(payload)));
        }
    }

    #[test]
    fn what_celery_publishes_is_understood() {
        // Made by Celery 5.7: process_event.delay('550e8400-…', {'n': 1}).
        let envelope = br#"{"body": "W1siNTUwZTg0MDAtZTI5Yi00MWQ0LWE3MTYtNDQ2NjU1NDQwMDAwIiwgeyJuIjogMX1dLCB7fSwgeyJjYWxsYmFja3MiOiBudWxsLCAiZXJyYmFja3MiOiBudWxsLCAiY2hhaW4iOiBudWxsLCAiY2hvcmQiOiBudWxsfV0=", "content-encoding": "utf-8", "content-type": "application/json", "headers": {"lang": "py", "task": "a7probe.process_event", "id": "c04cc11a-e8f1-4202-8a30-37c447ccb9c6"}, "properties": {"body_encoding": "base64"}}"#;
        assert_eq!(Task::open(TASK, envelope), Ok(received(r#"{"n": 1}"#)));
    }

    #[test]
    fn keyword_arguments_are_arguments() {
        let body = format!(r#"[[], {{"payload": {{"n":2}}, "event_id": "{ID}"}}, {{}}]"#);
        let read = Task::read("t", Some("t"), body.as_bytes());
        assert_eq!(read, Ok(received(r#"{"n":2}"#)));
    }

    #[test]
    fn what_is_no_such_task_is_refused_with_the_reason() {
        for (body, words) in [
            ("{}", "not a Celery body"),
            ("[[], {}, {}]", "no event_id"),
            (r#"[["seven", {}], {}, {}]"#, "'seven' is not an event id"),
        ] {
            let reason = Task::read("t", Some("t"), body.as_bytes()).unwrap_err();
            assert!(reason.contains(words), "{body}: {reason}");
        }
        assert!(Task::read("t", None, b"[]").is_err());
        assert!(Task::open("t", b"\x80").is_err());
    }

    #[test]
    fn another_task_is_not_ours_whatever_its_arguments_look_like() {
        let task = Task::of("shop.delete_user", &job("{}"));
        let reason = Task::read(TASK, task.headers["task"].as_str(), &task.body).unwrap_err();
        assert_eq!(reason, "task shop.delete_user is not a7probe.process_event");
    }

    #[test]
    fn what_a_worker_could_not_read_is_published_as_null() {
        let deep = format!("{}{}", "[".repeat(2_000), "]".repeat(2_000));
        let long = format!(r#"{{"n":{}}}"#, "7".repeat(5_000));
        for payload in [deep.as_str(), &long, r#""\ud800""#] {
            let task = Task::of(TASK, &job(payload));
            let read = Task::read(TASK, Some(TASK), &task.body);
            assert_eq!(read, Ok(received("null")));
        }
    }

    #[test]
    fn levels_and_sizes_that_nobody_bounded_are_read_or_refused() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        on_a_small_stack(|| {
            for body in [
                format!(r#"[["{ID}", {deep}], {{}}, {{}}]"#),
                format!(r#"[[], {{"event_id": "{ID}", "x": {deep}}}, {deep}]"#),
                format!(r#"[[{deep}], {{}}, {{}}]"#),
                deep.clone(),
            ] {
                let _ = Task::read("t", Some("t"), body.as_bytes());
                for envelope in [
                    format!(r#"{{"body": {deep}, "headers": {{"task": "t"}}}}"#),
                    format!(r#"{{"body": "", "headers": {{"task": {deep}}}}}"#),
                    format!(r#"{{"body": "", "headers": {deep}, "properties": {deep}}}"#),
                ] {
                    assert!(Task::open("t", envelope.as_bytes()).is_err());
                }
            }
        });
        let long = vec![b' '; super::LARGEST_ENVELOPE + 1];
        let reason = Task::open("t", &long).unwrap_err();
        assert!(reason.contains("has more than"), "{reason}");
    }

    #[test]
    fn mutations_of_bodies_and_envelopes_are_refused_or_read() {
        let task = Task::of(TASK, &job(r#"{"a":[1,{"b":"x"}]}"#));
        let seeds = [task.body.clone(), task.envelope("celery").into_bytes()];
        let words: [&[u8]; 9] = [
            b"[",
            b"]",
            b"{\"a\":",
            b"}",
            b"null",
            b"\"body\":",
            b"\"headers\":",
            b"AAAA",
            b"\\ud800",
        ];
        decode_mutations(&seeds, &words, |bytes| {
            let read = [Task::read(TASK, Some(TASK), bytes), Task::open(TASK, bytes)];
            for job in read.into_iter().flatten() {
                assert!(std::str::from_utf8(&job.payload.unwrap()).is_ok());
            }
        });
    }
}
