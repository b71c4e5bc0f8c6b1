//! The HTTP/2 connections of an origin: how many there were, and what the server allowed on them.

use serde::{Deserialize, Serialize};

/// What the HTTP/2 connections to one origin went through, warm-up included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StreamUse {
    /// Scheme, host and port.
    pub origin: String,
    /// Connections that were opened.
    pub connections: u64,
    /// Those of them that the server ended with a GOAWAY.
    pub goaways: u64,
    /// The fewest streams that the server allowed on a connection; absent if it did not limit them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<u64>,
}

impl StreamUse {
    /// Adds the connections of a later part of the run.
    pub fn add(&mut self, later: &StreamUse) {
        self.connections = self.connections.saturating_add(later.connections);
        self.goaways = self.goaways.saturating_add(later.goaways);
        self.allowed = [self.allowed, later.allowed].into_iter().flatten().min();
    }
}

#[cfg(test)]
mod tests {
    use super::StreamUse;

    #[test]
    fn parts_of_a_run_add_their_connections_and_keep_the_lowest_limit() {
        let part = |connections, goaways, allowed| StreamUse {
            origin: "http://a".to_owned(),
            connections,
            goaways,
            allowed,
        };
        let mut whole = part(2, 1, None);
        whole.add(&part(3, 0, Some(8)));
        whole.add(&part(1, 1, Some(9)));
        assert_eq!(whole, part(6, 2, Some(8)));
    }
}
