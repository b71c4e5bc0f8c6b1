//! Facts in which two plans or two machines differ.

use serde::Serialize;

use super::plan_facts::PROTOCOL;
use crate::run::plan::HttpVersion;

/// A fact with its value on either side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FactDifference {
    /// The name of the fact, such as `rate of ingest` or `processor`.
    pub fact: String,
    /// Its value in the run before.
    pub before: String,
    /// Its value in the run after.
    pub after: String,
}

impl FactDifference {
    /// Whether one side was measured over HTTP/1.1 and the other over HTTP/2: what may be the compared property itself.
    pub fn is_of_protocol(&self) -> bool {
        let is_http1 = |value: &str| value == HttpVersion::Http1.as_str();
        self.fact == PROTOCOL && (is_http1(&self.before) || is_http1(&self.after))
    }
}

/// A fact in which the machine of a certificate differs from that of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MachineDifference {
    /// Which one.
    pub fact: MachineFact,
    /// Its value on the machine that was tested.
    pub certified: String,
    /// Its value on the machine of the run.
    pub here: String,
}

/// A fact of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MachineFact {
    /// The model of the processor.
    Processor,
    /// The operating system.
    System,
    /// How many processors there are.
    Cores,
}
