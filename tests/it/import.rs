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

use std::path::PathBuf;

use a7probe::run::import::{self, Format, ImportError, Imported, Options, Remark, Unit};
use a7probe::run::recording::Recording;

/// Every fixture with what it is.
const FIXTURES: [(&str, Format); 34] = [
    ("oha.json", Format::OhaJson),
    ("oha-breakdown.json", Format::OhaJson),
    ("oha-deadline.json", Format::OhaJson),
    ("oha.csv", Format::OhaCsv),
    ("hey.csv", Format::HeyCsv),
    ("locust_stats.csv", Format::LocustCsv),
    ("locust_stats_history.csv", Format::LocustCsv),
    ("locust_failures.csv", Format::LocustCsv),
    ("locust_exceptions.csv", Format::LocustCsv),
    ("tagged.hlog", Format::Hlog),
    ("python.hlog", Format::Hlog),
    ("ingest.hgrm", Format::Hgrm),
    ("python.hgrm", Format::Hgrm),
    ("wrk2.txt", Format::Hgrm),
    ("k6.json", Format::K6Json),
    ("k6-summary.json", Format::K6Summary),
    ("k6-handle-summary.json", Format::K6Summary),
    ("vegeta.json", Format::VegetaJson),
    ("vegeta.csv", Format::VegetaCsv),
    ("../evidence.txt", Format::List),
    ("v0.hlog", Format::Hlog),
    ("v1-shifted.hlog", Format::Hlog),
    ("k6-out.csv", Format::K6Csv),
    ("k6-machine-readable.json", Format::K6Summary),
    ("vegeta-hdrplot.txt", Format::VegetaHdrplot),
    ("jmeter.csv", Format::JmeterCsv),
    ("jmeter.xml", Format::JmeterXml),
    ("gatling.log", Format::GatlingLog),
    ("ghz.json", Format::GhzJson),
    ("hyperfine.json", Format::HyperfineJson),
    ("autocannon.json", Format::AutocannonJson),
    ("bombardier.json", Format::BombardierJson),
    ("artillery.json", Format::ArtilleryJson),
    ("fortio.json", Format::FortioJson),
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
    let unit = name.ends_with(".hgrm").then_some(Unit::Milliseconds);
    let options = Options {
        unit,
        ..Options::default()
    };
    import::read(&bytes(name), &options).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn refusal(bytes: &[u8]) -> String {
    let error: ImportError = import::read(bytes, &Options::default()).expect_err("a refusal");
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
    let texts = imported.remarks.iter().map(|remark| match remark {
        Remark::Note(text) => format!("note: {text}\n"),
        Remark::Warning { text, hint } => format!("warning: {text}\nhint: {hint}\n"),
    });
    texts.collect()
}
