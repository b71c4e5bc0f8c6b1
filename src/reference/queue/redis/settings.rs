//! Settings of Redis that lose messages.

use std::time::Duration;

use redis::RedisError;

use super::super::advice::Advice;
use super::super::dispatch::Dispatch;
use super::super::error::QueueError;
use super::connection::connect;

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
            format!("Redis does not report its settings ({error})"),
            "run it with appendonly yes, appendfsync always and maxmemory-policy noeviction",
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
            "Redis runs without an append-only file: a restart loses queued jobs",
            "redis-cli CONFIG SET appendonly yes, and the same in redis.conf",
        ));
    } else if of("appendfsync") != "always" {
        advice.push(Advice::new(
            format!(
                "Redis syncs its append-only file {}: a power failure loses the latest jobs",
                if of("appendfsync") == "no" {
                    "when the operating system chooses"
                } else {
                    "once a second"
                }
            ),
            "redis-cli CONFIG SET appendfsync always, or leave it: the sweeper dispatches lost jobs again",
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
            off.len() == 1 && off[0].contains("without an append-only"),
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
