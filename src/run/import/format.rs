//! The formats of other tools, as `--format` names them.

use std::fmt;
use std::str::FromStr;

use super::ImportError;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// A saved run of this program.
    Run,
    /// Latencies, one a line or in a column.
    List,
    /// `oha --output-format json`.
    OhaJson,
    /// `oha --output-format csv`.
    OhaCsv,
    /// `hey -o csv`.
    HeyCsv,
    /// `k6 run --out json=FILE`: one JSON object a line.
    K6Json,
    /// `k6 run --summary-export FILE`, or the data of `handleSummary`.
    K6Summary,
    /// `k6 run --out csv=FILE`.
    K6Csv,
    /// `vegeta encode`: one JSON object a line.
    VegetaJson,
    /// `vegeta encode --to csv`.
    VegetaCsv,
    /// HdrHistogram's percentile distribution, as a `.hgrm` file or in the output of wrk2.
    Hgrm,
    /// HdrHistogram's interval log.
    Hlog,
    /// Any of Locust's CSV files; stats and stats history can be judged.
    LocustCsv,
    /// `vegeta report -type=hdrplot`.
    VegetaHdrplot,
    /// JMeter's JTL as CSV.
    JmeterCsv,
    /// JMeter's JTL as XML.
    JmeterXml,
    /// `autocannon --json`.
    AutocannonJson,
    /// `bombardier -o json`.
    BombardierJson,
    /// `artillery run --output FILE`.
    ArtilleryJson,
    /// `fortio load -json FILE`.
    FortioJson,
    /// `ghz -O json`.
    GhzJson,
    /// `hyperfine --export-json FILE`.
    HyperfineJson,
    /// The text `simulation.log` of Gatling.
    GatlingLog,
    /// A file that cannot be judged, of a known tool or of none.
    Known,
}

/// Names and titles, in the order in which help lists them.
const FORMATS: [(Format, &str, &str); 23] = [
    (Format::Run, "run", "run of a7probe"),
    (Format::List, "list", "list of latencies"),
    (Format::OhaJson, "oha-json", "oha's JSON"),
    (Format::OhaCsv, "oha-csv", "oha's CSV"),
    (Format::HeyCsv, "hey-csv", "hey's CSV"),
    (Format::K6Json, "k6-json", "k6's JSON output"),
    (Format::K6Summary, "k6-summary", "k6's summary"),
    (Format::VegetaJson, "vegeta-json", "vegeta's JSON results"),
    (Format::VegetaCsv, "vegeta-csv", "vegeta's CSV results"),
    (Format::Hgrm, "hgrm", "percentile table"),
    (Format::Hlog, "hlog", "HdrHistogram log"),
    (Format::LocustCsv, "locust-csv", "Locust's CSV"),
    (Format::K6Csv, "k6-csv", "k6's CSV output"),
    (Format::VegetaHdrplot, "vegeta-hdrplot", "vegeta's hdrplot"),
    (Format::JmeterCsv, "jmeter-csv", "JMeter's CSV results"),
    (Format::JmeterXml, "jmeter-xml", "JMeter's XML results"),
    (
        Format::AutocannonJson,
        "autocannon-json",
        "autocannon's JSON",
    ),
    (
        Format::BombardierJson,
        "bombardier-json",
        "bombardier's JSON",
    ),
    (
        Format::ArtilleryJson,
        "artillery-json",
        "Artillery's report",
    ),
    (Format::FortioJson, "fortio-json", "Fortio's JSON"),
    (Format::GhzJson, "ghz-json", "ghz's JSON"),
    (Format::HyperfineJson, "hyperfine-json", "hyperfine's JSON"),
    (
        Format::GatlingLog,
        "gatling-log",
        "Gatling's simulation.log",
    ),
];

/// The hint for a file whose content does not fit its format.
pub(super) const DAMAGED: &str = "write the file again with the tool that measured";

/// A word that is no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no format of a file; {}", mend(.text))]
pub struct UnknownFormat {
    text: String,
}

/// A line of a file may have any length and content. A message quotes only its start, without control characters.
fn short(what: &str) -> String {
    const MOST: usize = 300;
    let mut shown = String::new();
    for c in what.chars().take(MOST) {
        let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        match c.is_control() || turns {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    if what.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}

fn mend(text: &str) -> String {
    let names = FORMATS.iter().map(|(_, name, _)| *name);
    let near = names.clone().find(|name| {
        strsim::damerau_levenshtein(name, text) <= 2 || !text.is_empty() && name.starts_with(text)
    });
    match near {
        Some(name) => format!("did you mean '{name}'?"),
        None => format!("there are {}", names.collect::<Vec<_>>().join(", ")),
    }
}

impl Format {
    /// What messages call it.
    pub fn title(self) -> &'static str {
        let found = FORMATS.iter().find(|(format, _, _)| *format == self);
        found.map_or("", |(_, _, title)| title)
    }

    /// Whether its numbers may need `--unit`.
    pub(super) fn takes_unit(self) -> bool {
        matches!(self, Format::List | Format::Hgrm | Format::Hlog)
    }

    pub(super) fn error(self, what: impl Into<String>, hint: impl Into<String>) -> ImportError {
        ImportError::Foreign {
            format: self,
            what: short(&what.into()),
            hint: hint.into(),
        }
    }

    /// The file does not hold what it should.
    pub(super) fn damaged(self, what: impl Into<String>) -> ImportError {
        self.error(what, DAMAGED)
    }

    /// The file is cut off.
    pub(super) fn cut(self, what: impl Into<String>) -> ImportError {
        self.error(
            what,
            "copy the file again, or check that it was written to its end",
        )
    }

    /// Whether the file is one document rather than lines, so that it may end without a newline.
    pub(super) fn is_document(self) -> bool {
        use Format::*;
        matches!(
            self,
            OhaJson
                | K6Summary
                | AutocannonJson
                | BombardierJson
                | ArtilleryJson
                | FortioJson
                | GhzJson
                | HyperfineJson
                | JmeterXml
        )
    }

    /// JSON that stops in the middle, or is of another shape.
    pub(super) fn json_error(self, error: &serde_json::Error) -> ImportError {
        match error.classify() {
            serde_json::error::Category::Eof => self.cut(format!(
                "the JSON stops in the middle, at line {} column {}: the file is cut",
                error.line(),
                error.column()
            )),
            _ => self.damaged(format!("it cannot be read: {error}")),
        }
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Format, UnknownFormat> {
        let found = FORMATS.iter().find(|(_, name, _)| *name == text);
        found
            .map(|&(format, _, _)| format)
            .ok_or_else(|| UnknownFormat {
                text: text.to_owned(),
            })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = FORMATS.iter().find(|(format, _, _)| format == self);
        f.pad(found.map_or("", |(_, name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::{FORMATS, Format};

    #[test]
    fn every_format_is_called_by_its_name_and_a_slip_is_mended() {
        for (format, name, _) in FORMATS {
            assert_eq!(name.parse(), Ok(format));
            assert_eq!(format.to_string(), name);
        }
        for (text, message) in [
            (
                "oha-jsn",
                "'oha-jsn' is no format of a file; did you mean 'oha-json'?",
            ),
            (
                "vegeta",
                "'vegeta' is no format of a file; did you mean 'vegeta-json'?",
            ),
        ] {
            let error = text.parse::<Format>().expect_err(text);
            assert_eq!(error.to_string(), message);
        }
        let error = "loadrunner"
            .parse::<Format>()
            .expect_err("no format")
            .to_string();
        assert!(error.ends_with("there are run, list, oha-json, oha-csv, hey-csv, k6-json, k6-summary, vegeta-json, vegeta-csv, hgrm, hlog, locust-csv, k6-csv, vegeta-hdrplot, jmeter-csv, jmeter-xml, autocannon-json, bombardier-json, artillery-json, fortio-json, ghz-json, hyperfine-json, gatling-log"), "{error}");
    }
}
