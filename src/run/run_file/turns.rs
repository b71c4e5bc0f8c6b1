//! The blocks of one side of an interleaved comparison, as its file keeps them: they show that it has a partner.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::nanos;

/// One side of an `ab`: blocks in the order before, after, after, before, laid end to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TurnsRecord {
    /// UUID that only the files of both sides share.
    #[serde(with = "text")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub id: Uuid,
    /// Which side this is.
    pub side: SideRecord,
    /// Complete pairs of blocks; a side has one block of each.
    pub pairs: u64,
    /// Length of a block, in ns.
    #[serde(rename = "block_ns", with = "nanos")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub block: Duration,
    /// Sent before each block and recorded apart, in ns.
    #[serde(rename = "settle_ns", with = "nanos")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub settle: Duration,
}

/// A side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SideRecord {
    /// The side before.
    Before,
    /// The side after.
    After,
}

impl TurnsRecord {
    /// Whether two runs are the two sides of one interleaved comparison.
    pub fn is_partner_of(&self, other: &TurnsRecord) -> bool {
        self.id == other.id && self.side != other.side
    }
}

mod text {
    //! A UUID as its text.

    use serde::{Deserialize as _, Deserializer, Serializer};
    use uuid::Uuid;

    pub(super) fn serialize<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Uuid, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
