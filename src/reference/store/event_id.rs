//! The name of an event: the client's key if that is a UUID, else derived from it, so that a retry names the same event.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use uuid::Uuid;

/// Namespace of the version 5 UUIDs that stand for keys which are not UUIDs themselves.
const NAMESPACE: Uuid = Uuid::from_u128(0x6c1f_7f52_3a0b_4f0e_9a57_1d94_c7b2_e8a1);

/// A UUID, written in lower case with hyphens, stored as 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(Uuid);

impl EventId {
    /// The event that a key stands for: the same for every spelling of a UUID.
    pub fn from_key(key: &str) -> EventId {
        EventId(Uuid::try_parse(key).unwrap_or_else(|_| Uuid::new_v5(&NAMESPACE, key.as_bytes())))
    }

    /// An id for an event that came without a key. They ascend, so that inserts land side by side.
    pub fn fresh() -> EventId {
        EventId(Uuid::now_v7())
    }

    /// The id as a plain UUID.
    pub fn uuid(self) -> Uuid {
        self.0
    }

    /// The id as the store keeps it.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id as the store kept it.
    pub fn from_bytes(bytes: [u8; 16]) -> EventId {
        EventId(Uuid::from_bytes(bytes))
    }
}

impl FromStr for EventId {
    type Err = uuid::Error;

    /// Reads an id as it is written; unlike [`EventId::from_key`] it refuses what is not a UUID.
    fn from_str(text: &str) -> Result<EventId, uuid::Error> {
        Uuid::try_parse(text).map(EventId)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::EventId;

    #[test]
    fn a_uuid_key_is_the_event_id_in_canonical_spelling() {
        let id = EventId::from_key("550E8400-E29B-41D4-A716-446655440000");
        assert_eq!(id.to_string(), "550e8400-e29b-41d4-a716-446655440000");
        assert_eq!(id, EventId::from_key("550e8400e29b41d4a716446655440000"));
    }

    #[test]
    fn any_other_key_always_derives_the_same_version_5_uuid() {
        // uuid.uuid5(uuid.UUID('6c1f7f52-3a0b-4f0e-9a57-1d94c7b2e8a1'), 'order-17') in Python.
        assert_eq!(
            EventId::from_key("order-17").to_string(),
            "444a185c-943c-536e-88b3-86fd47865ace"
        );
        assert_ne!(EventId::from_key("order-17"), EventId::from_key("order-18"));
    }

    #[test]
    fn fresh_ids_ascend() {
        let ids: Vec<EventId> = (0..100).map(|_| EventId::fresh()).collect();
        assert!(ids.is_sorted());
    }
}
