//! Cut, damaged and foreign files: one clear message, and never a panic.

use a7probe::run::import::{self, FileFormat, ImportOptions, TimeUnit};
use proptest::prelude::{any, proptest};
use proptest::sample::Index;

use super::{FIXTURES, bytes, refusal};

const FORMATS: [FileFormat; 22] = [
    FileFormat::List,
    FileFormat::OhaJson,
    FileFormat::OhaCsv,
    FileFormat::HeyCsv,
    FileFormat::K6Json,
    FileFormat::K6Summary,
    FileFormat::VegetaJson,
    FileFormat::VegetaCsv,
    FileFormat::Hgrm,
    FileFormat::Hlog,
    FileFormat::LocustCsv,
    FileFormat::K6Csv,
    FileFormat::VegetaHdrplot,
    FileFormat::JmeterCsv,
    FileFormat::JmeterXml,
    FileFormat::GatlingLog,
    FileFormat::GhzJson,
    FileFormat::HyperfineJson,
    FileFormat::AutocannonJson,
    FileFormat::BombardierJson,
    FileFormat::ArtilleryJson,
    FileFormat::FortioJson,
];

fn forced(format: FileFormat) -> ImportOptions {
    ImportOptions {
        unit: matches!(format, FileFormat::Hgrm | FileFormat::List)
            .then_some(TimeUnit::Milliseconds),
        format: Some(format),
        ..ImportOptions::default()
    }
}

/// What a person would do with the message: read it, and know what to do.
fn assert_clear(message: &str, context: &str) {
    assert!(message.lines().count() <= 2, "{context}: {message}");
    assert!(message.len() < 600, "{context}: {message}");
}

proptest! {
    #[test]
    fn no_bytes_make_an_importer_panic(bytes in any::<Vec<u8>>(), text in any::<String>(), format in 0..FORMATS.len()) {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            let _ = import::read(bytes, &ImportOptions::default());
            let _ = import::read(bytes, &forced(FORMATS[format]));
        }
    }

    #[test]
    fn a_damaged_file_is_read_or_refused_in_a_clear_message(
        fixture in 0..FIXTURES.len(),
        format in 0..FORMATS.len(),
        changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 0..6),
        length in any::<Index>(),
    ) {
        let (name, _) = FIXTURES[fixture];
        let mut bytes = bytes(name);
        // Short files suffer in more places.
        bytes.truncate(4_000);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(length.index(bytes.len() + 1));
        for options in [ImportOptions::default(), forced(FORMATS[format])] {
            if let Err(error) = import::read(&bytes, &options) {
                assert_clear(&error.to_string(), name);
            }
        }
    }

    #[test]
    fn numbers_out_of_all_bounds_are_refused_or_read(number in "[0-9]{1,40}|-?[0-9]{1,4}e[0-9]{1,3}|NaN|inf", at in any::<Index>(), fixture in 0..FIXTURES.len()) {
        let (name, format) = FIXTURES[fixture];
        let text = String::from_utf8(bytes(name)).expect("text");
        let text: String = text.lines().take(60).map(|line| format!("{line}\n")).collect();
        // Replaces one run of digits.
        let mut places = text.match_indices(|c: char| c.is_ascii_digit()).map(|(i, _)| i).collect::<Vec<_>>();
        places.retain(|&i| i == 0 || !text.as_bytes()[i - 1].is_ascii_digit());
        if places.is_empty() {
            return Ok(());
        }
        let start = places[at.index(places.len())];
        let end = text[start..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |n| start + n);
        let text = format!("{}{number}{}", &text[..start], &text[end..]);
        if let Err(error) = import::read(text.as_bytes(), &forced(format)) {
            assert_clear(&error.to_string(), name);
        }
    }
}

#[test]
fn a_cut_file_is_told_or_warned_of() {
    for (name, format) in FIXTURES {
        // Two thirds of the evidence are its comment; what lists say of a cut, their own tests say.
        if format == FileFormat::List
            || name.ends_with("_failures.csv")
            || name.ends_with("_exceptions.csv")
        {
            continue;
        }
        let bytes = bytes(name);
        let cut = &bytes[..bytes.len() * 2 / 3];
        let cut = match cut.last() {
            // In the middle of a line.
            Some(b'\n') => &cut[..cut.len() - 3],
            _ => cut,
        };
        let said = match import::read(cut, &forced(format)) {
            Err(error) => error.to_string(),
            Ok(imported) => super::remarks(&imported),
        };
        assert!(said.contains("cut"), "{name}: {said}");
    }
}

#[test]
fn what_cannot_be_judged_is_refused_with_its_hint() {
    let report = br#"{"latencies":{"total":1,"mean":1,"50th":1,"90th":1,"95th":1,"99th":1,"max":1,"min":1},"requests":1,"status_codes":{"200":1},"errors":[]}"#;
    let failures = bytes("locust_failures.csv");
    let table = bytes("ingest.hgrm");
    let no_max = br#"{"metrics":{"http_reqs":{"count":100},"http_req_failed":{"passes":0,"fails":100},"http_req_duration":{"avg":1,"p(95)":2}},"root_group":{}}"#;
    let no_count =
        br#"{"metrics":{"http_req_duration":{"avg":1,"max":3,"p(95)":2}},"root_group":{}}"#;
    let contradiction = br#"{"metrics":{"http_reqs":{"count":100},"http_req_failed":{"passes":0},"http_req_duration":{"max":3,"med":9}}}"#;
    let damaged_hlog = b"#[Histogram log format version 1.01]\n0.1,1.0,2.7,HISTEwAAA=\n";
    let gzip = b"\x1f\x8b\x08\x00rest";
    let cases: [(&[u8], &str); 8] = [
        (
            report,
            "vegeta's JSON results: this is vegeta's report: its percentiles are estimates, so the number of slow requests is unknown\nhint: give the results themselves: `vegeta encode results.bin`",
        ),
        (
            &failures,
            "Locust's CSV: this file lists failures, without latencies\nhint: give the file that ends in _stats.csv, which counts failures too",
        ),
        (
            &table,
            "percentile table: the table does not name its unit\nhint: name it with --unit, such as --unit ms",
        ),
        (
            no_max,
            "k6's summary: http_req_duration has no max, so nothing bounds its slowest requests\nhint: run k6 with --summary-trend-stats 'min,med,max,p(50),p(90),p(95),p(99),p(99.9)'",
        ),
        (
            no_count,
            "k6's summary: it does not say how many requests there were: http_reqs has no count\nhint: give the summary of --summary-export, or of handleSummary, as k6 wrote it",
        ),
        (
            contradiction,
            "k6's summary: its percentiles and counts contradict each other\nhint: write the file again with the tool that measured",
        ),
        (
            damaged_hlog,
            "HdrHistogram log: line 2 is damaged: the histogram is not base64\nhint: write the file again with the tool that measured",
        ),
        (gzip, "it is compressed\nhint: unpack it first: gunzip FILE"),
    ];
    for (bytes, message) in cases {
        assert_eq!(refusal(bytes), message);
    }
}

#[test]
fn options_that_a_format_has_no_use_for_are_refused() {
    let with = |unit, column: Option<&str>, format| {
        let options = ImportOptions {
            unit,
            column: column.map(str::to_owned),
            format,
            ..ImportOptions::default()
        };
        import::read(&bytes("oha.csv"), &options)
    };
    assert_eq!(
        with(Some(TimeUnit::Milliseconds), None, None)
            .expect_err("a refusal")
            .to_string(),
        "oha's CSV: --unit ms does not apply: the format has its own units\nhint: leave --unit out, or add --format list"
    );
    assert_eq!(
        with(None, Some("request-duration"), Some(FileFormat::OhaCsv))
            .expect_err("a refusal")
            .to_string(),
        "oha's CSV: --column request-duration needs a list, and this file is not one\nhint: leave --column out, or add --format list"
    );
    // A column is always a column.
    let list = with(Some(TimeUnit::Seconds), Some("request-duration"), None).expect("a column");
    assert_eq!(list.format, FileFormat::List);
    // Its status column counts too.
    assert_eq!(list.endpoints[0].recording.counts.ok, 388);
    assert_eq!(list.endpoints[0].recording.counts.failed_total(), 8);
}
