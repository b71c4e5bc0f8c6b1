//! What the latencies of a recording are: from where they count, how exact they are, and whether failures are among them.

use serde::{Deserialize, Serialize};

/// From where latency counts, which decides what it can prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, schemars(rename = "Clock"))]
pub enum TimeBase {
    /// From the intended start: response time, free of coordinated omission.
    IntendedStart,
    /// From the send: service time, all that a closed model sees.
    Send,
    /// As another tool measured it.
    Given,
}

/// Whether a recording knows of every request that did not end ok.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failures {
    /// Every one is in the counts.
    Counted,
    /// Another tool left out some or all of them.
    Incomplete,
}

/// What each latency of a recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// The latency itself, as far as its form keeps it.
    Measured,
    /// The most that it may be; how much less is in the certain bits of the targets that were counted, and nowhere else.
    AtMost,
}
