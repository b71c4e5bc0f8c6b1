//! Files of other tools: what is read of each, what is said to be lost, and what is refused.

mod columns;
mod commands;
mod export;
mod formats;
mod lists;
mod mutation;
mod refused;
mod robust;
mod success_rules;
mod truth;
mod wrong_types;

use std::path::PathBuf;

use a7probe::run::import::{
    self, FileFormat, ImportError, ImportOptions, ImportRemark, Imported, TimeUnit,
};
use a7probe::run::recording::Recording;

/// Every fixture with what it is.
const FIXTURES: [(&str, FileFormat); 34] = [
    ("oha.json", FileFormat::OhaJson),
    ("oha-breakdown.json", FileFormat::OhaJson),
    ("oha-deadline.json", FileFormat::OhaJson),
    ("oha.csv", FileFormat::OhaCsv),
    ("hey.csv", FileFormat::HeyCsv),
    ("locust_stats.csv", FileFormat::LocustCsv),
    ("locust_stats_history.csv", FileFormat::LocustCsv),
    ("locust_failures.csv", FileFormat::LocustCsv),
    ("locust_exceptions.csv", FileFormat::LocustCsv),
    ("tagged.hlog", FileFormat::Hlog),
    ("python.hlog", FileFormat::Hlog),
    ("ingest.hgrm", FileFormat::Hgrm),
    ("python.hgrm", FileFormat::Hgrm),
    ("wrk2.txt", FileFormat::Hgrm),
    ("k6.json", FileFormat::K6Json),
    ("k6-summary.json", FileFormat::K6Summary),
    ("k6-handle-summary.json", FileFormat::K6Summary),
    ("vegeta.json", FileFormat::VegetaJson),
    ("vegeta.csv", FileFormat::VegetaCsv),
    ("../evidence.txt", FileFormat::List),
    ("v0.hlog", FileFormat::Hlog),
    ("v1-shifted.hlog", FileFormat::Hlog),
    ("k6-out.csv", FileFormat::K6Csv),
    ("k6-machine-readable.json", FileFormat::K6Summary),
    ("vegeta-hdrplot.txt", FileFormat::VegetaHdrplot),
    ("jmeter.csv", FileFormat::JmeterCsv),
    ("jmeter.xml", FileFormat::JmeterXml),
    ("gatling.log", FileFormat::GatlingLog),
    ("ghz.json", FileFormat::GhzJson),
    ("hyperfine.json", FileFormat::HyperfineJson),
    ("autocannon.json", FileFormat::AutocannonJson),
    ("bombardier.json", FileFormat::BombardierJson),
    ("artillery.json", FileFormat::ArtilleryJson),
    ("fortio.json", FileFormat::FortioJson),
];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/import")
        .join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn read(name: &str) -> Imported {
    let unit = name.ends_with(".hgrm").then_some(TimeUnit::Milliseconds);
    let options = ImportOptions {
        unit,
        ..ImportOptions::default()
    };
    import::read(&bytes(name), &options).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn refusal(bytes: &[u8]) -> String {
    let error: ImportError = import::read(bytes, &ImportOptions::default()).expect_err("a refusal");
    error.to_string()
}

/// The recording of an endpoint; of the only one that has no name for `""`.
fn endpoint<'a>(imported: &'a Imported, name: &str) -> &'a Recording {
    let name = (!name.is_empty()).then_some(name);
    let found = imported
        .endpoints
        .iter()
        .find(|e| e.name.as_deref() == name);
    let names: Vec<_> = imported.endpoints.iter().map(|e| &e.name).collect();
    &found
        .unwrap_or_else(|| panic!("{name:?} is not among {names:?}"))
        .recording
}

/// How many requests exceed a limit, at least and at most; what did not end ok exceeds every limit.
fn exceeding(recording: &Recording, limit_ms: f64) -> (u64, u64) {
    let (least, most) = recording.latency.count_above((limit_ms * 1e6) as u64);
    let not_ok = recording.counts.not_ok();
    (least + not_ok, most + not_ok)
}

/// All remarks in one text.
fn remarks(imported: &Imported) -> String {
    let words = imported.remarks.iter().flat_map(ImportRemark::words);
    let texts = words.map(|words| match words.hint {
        None => format!("note: {}\n", words.text),
        Some(hint) => format!("warning: {}\nhint: {hint}\n", words.text),
    });
    texts.collect()
}
