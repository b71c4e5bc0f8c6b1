//! The keys of a JSON object's top level, which identify the tool that wrote it.

use std::cell::RefCell;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};

/// Keys that are kept; no known file has as many.
const MOST_KEYS: usize = 64;

/// Keys of the first object of a text, as far as it can be read: a cut file has those before its end.
pub(super) struct TopLevelKeys(RefCell<Vec<String>>);

impl TopLevelKeys {
    pub(super) fn of(bytes: &[u8]) -> TopLevelKeys {
        let keys = TopLevelKeys(RefCell::default());
        let mut json = serde_json::Deserializer::from_slice(bytes);
        // The format's reader reports the error of the file.
        let _ = json.deserialize_map(&keys);
        keys
    }

    pub(super) fn has(&self, names: &[impl AsRef<str>]) -> bool {
        let keys = self.0.borrow();
        names
            .iter()
            .all(|name| keys.iter().any(|key| key == name.as_ref()))
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.0.borrow().clone()
    }
}

impl<'de> Visitor<'de> for &TopLevelKeys {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let mut keys = self.0.borrow_mut();
            if keys.len() < MOST_KEYS {
                keys.push(key);
            }
            drop(keys);
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::TopLevelKeys;

    #[test]
    fn keys_are_those_of_the_top_level_as_far_as_the_text_goes() {
        let keys = |text: &str| TopLevelKeys::of(text.as_bytes()).names();
        assert_eq!(keys(r#"{"a":{"b":1},"c":[{"d":2}]}"#), ["a", "c"]);
        assert_eq!(keys("{\"a\":1}\n{\"b\":2}\n"), ["a"]);
        assert_eq!(keys(r#"{"a":1,"b":[1,2"#), ["a", "b"]);
        assert_eq!(keys("[1]"), [""; 0]);
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert_eq!(keys(&deep), ["a"]);
    }
}
