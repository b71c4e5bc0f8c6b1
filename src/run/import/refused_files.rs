//! Files of known tools that cannot support a verdict: each is refused by name, with the export to use instead.

use std::sync::LazyLock;

use serde::Deserialize;

use super::ImportError;
use super::top_level_keys::TopLevelKeys;

/// The fallback hint for tools without an export.
const MEASURE: &str = "measure with a7probe: a7probe measure URL";

static FILES: LazyLock<RefusedFiles> = LazyLock::new(|| {
    toml::from_str(include_str!("refused_files.toml"))
        .expect("the table is a part of the program, and the tests read it")
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusedFiles {
    /// A JSON array; only Locust's is known.
    locust_json: Refused,
    vegeta_gob: Refused,
    gatling_binary: Refused,
    text: Vec<Refused>,
    object: Vec<Refused>,
}

/// A file that is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refused {
    /// Keys at the top level of its JSON.
    #[serde(default)]
    keys: Vec<String>,
    /// All of these stand in its first part.
    #[serde(default)]
    marks: Vec<String>,
    /// One of these stands there, if there are any.
    #[serde(default)]
    any: Vec<String>,
    /// The kind of file.
    file: String,
    /// The data that it has instead of the latencies.
    keeps: Option<String>,
    /// The missing data, where there is more to say.
    what: Option<String>,
    /// The file to give instead.
    hint: Option<String>,
}

impl Refused {
    pub(super) fn error(&'static self) -> ImportError {
        let keeps = self.keeps.as_deref().unwrap_or_default();
        let what = || format!("it has {keeps}, not the latencies");
        ImportError::Refused {
            file: &self.file,
            what: self.what.clone().unwrap_or_else(what),
            hint: self.hint.clone().unwrap_or_else(|| MEASURE.to_owned()),
        }
    }

    fn fits(&self, head: &str) -> bool {
        let has = |mark: &String| head.contains(mark);
        self.marks.iter().all(has) && (self.any.is_empty() || self.any.iter().any(has))
    }
}

pub(super) fn of_text(head: &str) -> Option<&'static Refused> {
    if head.trim_start().starts_with('[') {
        let marks = ["\"response_times\"", "\"num_requests\""];
        let is_locust = marks.iter().all(|mark| head.contains(mark));
        return is_locust.then_some(&FILES.locust_json);
    }
    FILES.text.iter().find(|refused| refused.fits(head))
}

/// A JSON object that is refused; `head` is the start of its text.
pub(super) fn of_object(keys: &TopLevelKeys, head: &str) -> Option<&'static Refused> {
    FILES
        .object
        .iter()
        .find(|refused| keys.has(&refused.keys) && refused.fits(head))
}

/// A binary file of a known tool.
pub(super) fn of_binary(bytes: &[u8]) -> Option<&'static Refused> {
    let head = &bytes[..bytes.len().min(1_024)];
    let has = |mark: &str| {
        head.windows(mark.len())
            .any(|window| window == mark.as_bytes())
    };
    if !head.contains(&0) && std::str::from_utf8(head).is_ok() {
        return None;
    }
    // A gob begins with the names of its fields.
    if ["Code", "Timestamp", "Latency", "BytesOut", "BytesIn"]
        .into_iter()
        .all(has)
    {
        return Some(&FILES.vegeta_gob);
    }
    is_gatling(head).then_some(&FILES.gatling_binary)
}

/// A record of the run, 0, and the version with its length before it.
fn is_gatling(head: &[u8]) -> bool {
    let [0, 0, 0, 0, length @ 3..=32, rest @ ..] = head else {
        return false;
    };
    let version = rest.get(..usize::from(*length)).unwrap_or_default();
    version.first().is_some_and(u8::is_ascii_digit) && version.contains(&b'.')
}

/// JSON of an unknown tool.
pub(super) fn unknown_object(keys: &TopLevelKeys) -> ImportError {
    let names = keys.names();
    let what = match names.len() {
        0 => "it has no keys of a known tool".to_owned(),
        1..=6 => format!("its keys are {}", names.join(", ")),
        n => format!("its keys are {} and {} more", names[..5].join(", "), n - 5),
    };
    ImportError::Refused {
        file: "JSON that is neither an a7probe run nor a known tool's result",
        what: what.chars().take(200).filter(|c| !c.is_control()).collect(),
        hint: "give one latency per line, such as 163.2ms, or a CSV file with --column".to_owned(),
    }
}
