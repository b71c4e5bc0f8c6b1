//! Reads where jobs are dispatched to, as typed: `amqp://…`, `redis://…`, `nats://…`, `celery+redis://…`,
//! `celery+amqp://…`, `rq+redis://…`, and the same encrypted: `amqps`, `rediss`, `tls` (NATS).

use std::str::FromStr;

use reqwest::Url;

use super::built_in::{self, MissingBroker};
use super::dispatch::{Dialect, Dispatch, Protocol};

/// Why a broker's URL cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DispatchError {
    /// No scheme at all. It may be a password, so it is not repeated.
    #[error("the broker's URL has no scheme\nhint: write it as redis://127.0.0.1")]
    NoScheme,
    /// Not one of the schemes.
    #[error(
        "'{0}' is not a known broker\nhint: use amqp://, redis:// or nats:// for `a7probe worker`, celery+redis://, celery+amqp:// or rq+redis:// for Python workers"
    )]
    Scheme(String),
    /// This build lacks it.
    #[error("{scheme}:// needs a build with --features {feature}")]
    MissingFeature {
        /// The named scheme.
        scheme: String,
        /// The needed feature.
        feature: &'static str,
    },
    /// Not a URL with a host.
    #[error("the broker's URL is not valid, or has no host\nhint: write it as {0}://127.0.0.1")]
    Malformed(String),
    /// A parameter that means nothing here.
    #[error("the broker's URL has an unknown parameter '{0}'\nhint: use queue=NAME or task=NAME")]
    Parameter(String),
    /// It has a part that may be the rest of a password.
    #[error(
        "the broker's URL has text after '#' or '?' that is not a parameter\nhint: use queue=NAME or task=NAME; write # and ? in a password as %23 and %3F"
    )]
    Leftover,
    /// A queue or task name that a broker would not take.
    #[error(
        "'{0}' is not a valid name of a queue or task\nhint: use 1 to 100 letters, digits, '_', '-' and '.'"
    )]
    Name(String),
}

impl FromStr for Dispatch {
    type Err = DispatchError;

    fn from_str(text: &str) -> Result<Dispatch, DispatchError> {
        let (scheme, rest) = text.split_once("://").ok_or(DispatchError::NoScheme)?;
        let is_one = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        if !scheme.chars().all(is_one) {
            return Err(DispatchError::NoScheme);
        }
        let (dialect, protocol) = known(scheme)?;
        let bare = scheme.rsplit('+').next().unwrap_or(scheme);
        let malformed = || DispatchError::Malformed(scheme.to_owned());
        let mut url = Url::parse(&format!("{bare}://{rest}")).map_err(|_| malformed())?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(malformed());
        }
        let (mut queue, mut task) = defaults(dialect);
        for (name, value) in url.query_pairs() {
            match &*name {
                "queue" => queue = checked(&value)?,
                "task" => task = checked(&value)?,
                _ if name.chars().all(|c| c.is_ascii_alphabetic() || c == '_') => {
                    return Err(DispatchError::Parameter(name.into_owned()));
                }
                _ => return Err(DispatchError::Leftover),
            }
        }
        if url.fragment().is_some() {
            return Err(DispatchError::Leftover);
        }
        url.set_query(None);
        Ok(Dispatch {
            protocol,
            dialect,
            url,
            queue,
            task,
        })
    }
}

fn known(scheme: &str) -> Result<(Dialect, Protocol), DispatchError> {
    let (dialect, bare) = match scheme.split_once('+') {
        None => (Dialect::Own, scheme),
        Some(("celery", bare)) => (Dialect::Celery, bare),
        Some(("rq", bare)) => (Dialect::Rq, bare),
        Some(_) => return Err(DispatchError::Scheme(scheme.to_owned())),
    };
    let protocol = match (bare, dialect) {
        ("amqp" | "amqps", Dialect::Own | Dialect::Celery) => Protocol::Amqp,
        ("redis" | "rediss", _) => Protocol::Redis,
        ("nats" | "tls", Dialect::Own) => Protocol::Nats,
        _ => return Err(DispatchError::Scheme(scheme.to_owned())),
    };
    match built_in::broker(protocol) {
        Ok(_) => Ok((dialect, protocol)),
        Err(MissingBroker { feature }) => Err(DispatchError::MissingFeature {
            scheme: scheme.to_owned(),
            feature,
        }),
    }
}

/// The queues that workers listen to unless a URL names others, and the names in `fixtures/python`.
fn defaults(dialect: Dialect) -> (String, String) {
    let (queue, task) = match dialect {
        Dialect::Own => ("a7probe", ""),
        Dialect::Celery => ("celery", "a7probe.process_event"),
        Dialect::Rq => ("default", "a7probe_tasks.process_event"),
    };
    (queue.to_owned(), task.to_owned())
}

fn checked(name: &str) -> Result<String, DispatchError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if (1..=100).contains(&name.len()) && name.chars().all(allowed) {
        Ok(name.to_owned())
    } else {
        Err(DispatchError::Name(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::Dispatch;
    #[cfg(all(feature = "amqp", feature = "redis", feature = "nats"))]
    use super::{Dialect, Protocol};

    fn parse(text: &str) -> Result<Dispatch, String> {
        text.parse()
            .map_err(|error: super::DispatchError| error.to_string())
    }

    #[test]
    #[cfg(all(feature = "amqp", feature = "redis", feature = "nats"))]
    fn every_broker_has_the_queue_its_workers_listen_to() {
        use Dialect::{Celery, Own, Rq};
        use Protocol::{Amqp, Nats, Redis};
        let celery_task = "a7probe.process_event";
        let rq_function = "a7probe_tasks.process_event";
        for (text, dialect, protocol, queue, task) in [
            ("amqp://localhost", Own, Amqp, "a7probe", ""),
            ("redis://h:1/2", Own, Redis, "a7probe", ""),
            ("nats://h?queue=jobs", Own, Nats, "jobs", ""),
            ("tls://h", Own, Nats, "a7probe", ""),
            ("celery+redis://h/0", Celery, Redis, "celery", celery_task),
            ("celery+amqp://h?queue=q&task=m.f", Celery, Amqp, "q", "m.f"),
            ("celery+amqps://h", Celery, Amqp, "celery", celery_task),
            ("rq+rediss://h", Rq, Redis, "default", rq_function),
            ("rq+redis://h", Rq, Redis, "default", rq_function),
        ] {
            let found = parse(text).unwrap();
            assert_eq!(
                (
                    found.dialect(),
                    found.protocol(),
                    found.queue(),
                    found.task()
                ),
                (dialect, protocol, queue, task),
                "{text}"
            );
            assert!(!found.url.as_str().contains('?'), "{text}");
        }
    }

    #[test]
    #[cfg(feature = "amqp")]
    fn user_and_password_are_never_shown() {
        let dispatch = parse("amqp://user:s3cret@127.0.0.1:5672/%2f").unwrap();
        let shown = format!("{dispatch} {dispatch:?}");
        assert!(
            shown.contains("amqp://127.0.0.1:5672/%2f?queue=a7probe"),
            "{shown}"
        );
        assert!(
            !shown.contains("s3cret") && !shown.contains("user"),
            "{shown}"
        );
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_hint() {
        for (text, words) in [
            ("kafka://h", "'kafka' is not a known broker"),
            ("localhost", "has no scheme"),
            ("user:s3cret@h://", "has no scheme"),
            ("rq+amqp://h", "'rq+amqp' is not a known broker"),
            ("celery+nats://h", "'celery+nats' is not a known broker"),
            #[cfg(feature = "redis")]
            ("redis://", "write it as redis://127.0.0.1"),
            #[cfg(feature = "redis")]
            ("redis://h?que=x", "unknown parameter 'que'"),
            // A password that is not escaped ends the host.
            #[cfg(feature = "redis")]
            ("redis://me:1#s3cret@h", "after '#' or '?'"),
            #[cfg(feature = "redis")]
            ("redis://me:1?s3cret@h", "after '#' or '?'"),
            #[cfg(feature = "redis")]
            ("rediss://h#insecure", "after '#' or '?'"),
            #[cfg(feature = "nats")]
            (
                "nats://h?queue=a%20b",
                "'a b' is not a valid name of a queue",
            ),
            #[cfg(not(feature = "nats"))]
            ("nats://h", "needs a build with --features nats"),
            #[cfg(not(feature = "redis"))]
            ("rq+redis://h", "needs a build with --features redis"),
            #[cfg(not(feature = "amqp"))]
            ("celery+amqp://h", "needs a build with --features amqp"),
        ] {
            let message = parse(text).expect_err(text);
            assert!(
                message.contains(words)
                    && (message.contains("\nhint: ") || words.contains("--features")),
                "{text}: {message}"
            );
            assert!(!message.contains("s3cret"), "{text}: {message}");
        }
    }
}
