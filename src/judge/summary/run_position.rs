//! A place in a run, and its fields in JSON.

use serde::Serialize;

/// A place in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunPosition {
    /// Seconds since t0.
    Second(u64),
    /// Values before it in a list.
    Value(u64),
}

impl RunPosition {
    fn second(&self) -> Option<u64> {
        match self {
            RunPosition::Second(second) => Some(*second),
            RunPosition::Value(_) => None,
        }
    }

    fn value(&self) -> Option<u64> {
        match self {
            RunPosition::Second(_) => None,
            RunPosition::Value(value) => Some(*value),
        }
    }
}

/// Where a part of a run begins, for `#[serde(flatten, with)]`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(remote = "RunPosition")]
pub(super) struct FromPlace {
    /// Seconds since t0; `null` of a list.
    #[serde(getter = "RunPosition::second")]
    from_s: Option<u64>,
    /// Values before it in a list; `null` of a run.
    #[serde(getter = "RunPosition::value")]
    from_value: Option<u64>,
}

/// Where something happens.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(remote = "RunPosition")]
pub(super) struct AtPlace {
    #[serde(getter = "RunPosition::second")]
    at_s: Option<u64>,
    #[serde(getter = "RunPosition::value")]
    at_value: Option<u64>,
}

/// Where a part of a run ends.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(remote = "RunPosition")]
pub(super) struct UntilPlace {
    #[serde(getter = "RunPosition::second")]
    until_s: Option<u64>,
    #[serde(getter = "RunPosition::value")]
    until_value: Option<u64>,
}
