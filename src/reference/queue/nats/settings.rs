//! Settings of a stream and its server that lose messages.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream;
use async_nats::jetstream::stream::{
    Config as StreamConfig, DiscardPolicy, RetentionPolicy, StorageType,
};
use tokio::time::timeout;

use super::super::advice::Advice;
use super::super::dispatch::Dispatch;
use super::super::error::QueueError;
use super::connection::{connect, stream};

/// How long to wait for servers that may not answer at all: only a system account may ask.
const SYSTEM_ANSWER: Duration = Duration::from_secs(1);

/// Asks for the stream's settings, and for the server's sync interval, which only a system account can read.
pub(super) async fn advice(
    dispatch: &Dispatch,
    deadline: Duration,
) -> Result<Vec<Advice>, QueueError> {
    let client = connect(dispatch, deadline).await?;
    let context = jetstream::new(client.clone());
    let stream = stream(&context, dispatch.queue()).await?;
    let mut advice = unsafe_stream(&stream.cached_info().config);
    let interval = sync_interval(&client).await;
    advice.extend(unsafe_interval(interval));
    Ok(advice)
}

/// Advice on a stream that an operator has made or changed.
fn unsafe_stream(config: &StreamConfig) -> Vec<Advice> {
    let limited = config.max_messages > 0 || config.max_bytes > 0;
    let findings = [
        (
            config.storage != StorageType::File,
            "is in memory: a restart loses it",
        ),
        (
            config.retention == RetentionPolicy::Limits,
            "keeps processed messages (retention limits): it grows, and a new consumer gets all of them again",
        ),
        (
            config.retention == RetentionPolicy::Interest,
            "keeps messages only while there is a consumer (retention interest): messages dispatched before the first worker are lost",
        ),
        (
            !config.max_age.is_zero(),
            "drops messages that wait longer than its max_age",
        ),
        (
            limited && config.discard == DiscardPolicy::Old,
            "drops the oldest messages when it is full (discard old)",
        ),
    ];
    let found = findings.into_iter().filter(|(is_so, _)| *is_so);
    let hint = "delete the stream once it is empty; the next start creates it in files, as a work queue without an age limit that refuses messages when it is full";
    found
        .map(|(_, what)| {
            Advice::new(
                format!("the JetStream stream '{}' {what}", config.name),
                hint,
            )
        })
        .collect()
}

/// Advice on a sync interval in nanoseconds; `None` if the server does not report it.
fn unsafe_interval(interval: Option<i64>) -> Option<Advice> {
    // The value reported for `sync_interval: always` differs by version; the flag next to it is read as 0.
    let what = match interval {
        Some(0) => return None,
        Some(nanos) => format!(
            "NATS syncs JetStream to disk every {} s: a power failure loses messages that came since",
            nanos as f64 / 1e9
        ),
        None => "NATS hides from ordinary users how often it syncs JetStream to disk (by default every 2 minutes): a power failure may lose messages that came since".to_owned(),
    };
    let hint = "set jetstream { sync_interval: always } in nats-server.conf (2.10 or later), or leave it: the sweeper dispatches lost messages again";
    Some(Advice::new(what, hint))
}

async fn sync_interval(client: &Client) -> Option<i64> {
    let question = client.request("$SYS.REQ.SERVER.PING.JSZ", "{\"config\":true}".into());
    let answer = timeout(SYSTEM_ANSWER, question).await.ok()?.ok()?;
    let answer: serde_json::Value = serde_json::from_slice(&answer.payload).ok()?;
    let config = &answer["data"]["config"];
    if config["sync_always"] == true {
        return Some(0);
    }
    config["sync_interval"].as_i64()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        DiscardPolicy, RetentionPolicy, StorageType, StreamConfig, unsafe_interval, unsafe_stream,
    };

    #[test]
    fn each_setting_of_a_stream_that_loses_is_named_and_nothing_else() {
        let safe = StreamConfig {
            name: "jobs".to_owned(),
            retention: RetentionPolicy::WorkQueue,
            storage: StorageType::File,
            discard: DiscardPolicy::New,
            ..StreamConfig::default()
        };
        assert_eq!(unsafe_stream(&safe), []);
        let with = |change: fn(&mut StreamConfig)| {
            let mut config = safe.clone();
            change(&mut config);
            config
        };
        for (config, words) in [
            (with(|c| c.storage = StorageType::Memory), "in memory"),
            (
                with(|c| c.retention = RetentionPolicy::Limits),
                "retention limits",
            ),
            (
                with(|c| c.retention = RetentionPolicy::Interest),
                "retention interest",
            ),
            (with(|c| c.max_age = Duration::from_secs(60)), "max_age"),
            (
                with(|c| (c.max_bytes, c.discard) = (1 << 20, DiscardPolicy::Old)),
                "discard old",
            ),
        ] {
            let found = unsafe_stream(&config);
            assert!(
                found.len() == 1
                    && found[0].what.contains(words)
                    && found[0].what.contains("'jobs'"),
                "{words}: {found:?}"
            );
        }
    }

    #[test]
    fn an_interval_that_loses_is_named_with_its_length() {
        assert_eq!(unsafe_interval(Some(0)), None);
        let named = unsafe_interval(Some(120_000_000_000)).unwrap();
        assert!(named.what.contains("every 120 s"), "{named}");
        assert!(
            unsafe_interval(None)
                .unwrap()
                .what
                .contains("hides from ordinary users")
        );
    }
}
