//! Facts in which two plans or two machines differ.

use serde::Serialize;

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
