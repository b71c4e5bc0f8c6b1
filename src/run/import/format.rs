//! The formats of other tools, as `--format` names them.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileFormat {
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
    Refused,
}

/// Names and titles, in the order in which help lists them.
const FORMATS: [(FileFormat, &str, &str); 23] = {
    use FileFormat as F;
    [
        (F::Run, "run", "run of a7probe"),
        (F::List, "list", "list of latencies"),
        (F::OhaJson, "oha-json", "oha's JSON"),
        (F::OhaCsv, "oha-csv", "oha's CSV"),
        (F::HeyCsv, "hey-csv", "hey's CSV"),
        (F::K6Json, "k6-json", "k6's JSON output"),
        (F::K6Summary, "k6-summary", "k6's summary"),
        (F::VegetaJson, "vegeta-json", "vegeta's JSON results"),
        (F::VegetaCsv, "vegeta-csv", "vegeta's CSV results"),
        (F::Hgrm, "hgrm", "percentile table"),
        (F::Hlog, "hlog", "HdrHistogram log"),
        (F::LocustCsv, "locust-csv", "Locust's CSV"),
        (F::K6Csv, "k6-csv", "k6's CSV output"),
        (F::VegetaHdrplot, "vegeta-hdrplot", "vegeta's hdrplot"),
        (F::JmeterCsv, "jmeter-csv", "JMeter's CSV results"),
        (F::JmeterXml, "jmeter-xml", "JMeter's XML results"),
        (F::AutocannonJson, "autocannon-json", "autocannon's JSON"),
        (F::BombardierJson, "bombardier-json", "bombardier's JSON"),
        (F::ArtilleryJson, "artillery-json", "Artillery's report"),
        (F::FortioJson, "fortio-json", "Fortio's JSON"),
        (F::GhzJson, "ghz-json", "ghz's JSON"),
        (F::HyperfineJson, "hyperfine-json", "hyperfine's JSON"),
        (F::GatlingLog, "gatling-log", "Gatling's simulation.log"),
    ]
};

/// An unknown format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown file format '{text}'; {}", format_hint(.text))]
pub struct UnknownFormat {
    text: String,
}

fn format_hint(text: &str) -> String {
    let names = FORMATS.iter().map(|(_, name, _)| *name);
    let near = names.clone().find(|name| {
        strsim::damerau_levenshtein(name, text) <= 2 || !text.is_empty() && name.starts_with(text)
    });
    match near {
        Some(name) => format!("did you mean '{name}'?"),
        None => format!("use {}", names.collect::<Vec<_>>().join(", ")),
    }
}

impl FileFormat {
    /// What messages call it.
    pub fn title(self) -> &'static str {
        let found = FORMATS.iter().find(|(format, _, _)| *format == self);
        found.map_or("", |(_, _, title)| title)
    }

    /// Whether its numbers may need `--unit`.
    pub(super) fn takes_unit(self) -> bool {
        matches!(self, FileFormat::List | FileFormat::Hgrm | FileFormat::Hlog)
    }

    /// Whether the file is one document rather than lines, so that it may end without a newline.
    pub(super) fn is_document(self) -> bool {
        use FileFormat::*;
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
}

impl Serialize for FileFormat {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl FromStr for FileFormat {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<FileFormat, UnknownFormat> {
        let found = FORMATS.iter().find(|(_, name, _)| *name == text);
        found
            .map(|&(format, _, _)| format)
            .ok_or_else(|| UnknownFormat {
                text: text.to_owned(),
            })
    }
}

impl fmt::Display for FileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = FORMATS.iter().find(|(format, _, _)| format == self);
        f.pad(found.map_or("", |(_, name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::{FORMATS, FileFormat};

    #[test]
    fn every_format_is_called_by_its_name_and_a_slip_is_corrected() {
        for (format, name, _) in FORMATS {
            assert_eq!(name.parse(), Ok(format));
            assert_eq!(format.to_string(), name);
        }
        for (text, message) in [
            (
                "oha-jsn",
                "unknown file format 'oha-jsn'; did you mean 'oha-json'?",
            ),
            (
                "vegeta",
                "unknown file format 'vegeta'; did you mean 'vegeta-json'?",
            ),
        ] {
            let error = text.parse::<FileFormat>().expect_err(text);
            assert_eq!(error.to_string(), message);
        }
        let error = "loadrunner"
            .parse::<FileFormat>()
            .expect_err("no format")
            .to_string();
        assert!(error.ends_with("use run, list, oha-json, oha-csv, hey-csv, k6-json, k6-summary, vegeta-json, vegeta-csv, hgrm, hlog, locust-csv, k6-csv, vegeta-hdrplot, jmeter-csv, jmeter-xml, autocannon-json, bombardier-json, artillery-json, fortio-json, ghz-json, hyperfine-json, gatling-log"), "{error}");
    }
}
