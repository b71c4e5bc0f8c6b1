//! The HTTP/2 connections of a run in words.

use crate::run::run_file::StreamUse;
use crate::units::{grouped, plural};

/// `HTTP/2: 12 connections (3 ended by the server), 1 stream each allowed`.
pub(super) fn short(used: &StreamUse) -> String {
    let connections = counted(used.connections, "connection");
    let ended = match used.goaways {
        0 => String::new(),
        ended => format!(" ({} ended by the server)", grouped(ended)),
    };
    let allowed = match used.allowed {
        Some(allowed) => format!(", {} each allowed", counted(allowed, "stream")),
        None => String::new(),
    };
    format!("HTTP/2: {connections}{ended}{allowed}")
}

/// `HTTP/2 to https://a: 12 connections; the server allows 1 stream a connection; it ended 3 of them with a GOAWAY`.
pub(super) fn long(used: &StreamUse) -> String {
    let limit = match used.allowed {
        Some(allowed) => format!(
            "the server allows {} a connection",
            counted(allowed, "stream")
        ),
        None => "the server does not limit its streams".to_owned(),
    };
    let ended = match used.goaways {
        0 => String::new(),
        ended => format!("; it ended {} of them with a GOAWAY", grouped(ended)),
    };
    format!(
        "HTTP/2 to {}: {}; {limit}{ended}",
        used.origin,
        counted(used.connections, "connection")
    )
}

fn counted(count: u64, noun: &str) -> String {
    format!("{} {}", grouped(count), plural(count, noun))
}

#[cfg(test)]
mod tests {
    use super::{long, short};
    use crate::run::run_file::StreamUse;

    #[test]
    fn connections_limits_and_ends_are_named() {
        let mut used = StreamUse {
            origin: "https://a".to_owned(),
            connections: 12,
            goaways: 3,
            allowed: Some(1),
        };
        assert_eq!(
            short(&used),
            "HTTP/2: 12 connections (3 ended by the server), 1 stream each allowed"
        );
        assert_eq!(
            long(&used),
            "HTTP/2 to https://a: 12 connections; the server allows 1 stream a connection; it ended 3 of them with a GOAWAY"
        );
        used = StreamUse {
            connections: 1,
            goaways: 0,
            allowed: None,
            ..used
        };
        assert_eq!(short(&used), "HTTP/2: 1 connection");
        assert_eq!(
            long(&used),
            "HTTP/2 to https://a: 1 connection; the server does not limit its streams"
        );
    }
}
