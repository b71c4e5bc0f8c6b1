//! A sequence of response times that contradicts anything else in its file refuses the file, so that no edit of it makes a
//! run pass at another target.

use std::fs;
use std::io::{Read, Write};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde_json::{Value, json};

use super::{json_of, passing, program, read};
use crate::harness::temp_dir;
use crate::runs;

const NOT_OK: u16 = u16::MAX;

/// A run with slow requests, failures and sends that were late.
fn mixed() -> Value {
    let mut run = passing();
    run.endpoints[0].recording = runs::mixed(100);
    run.endpoints[1].recording = runs::mixed(100);
    run.endpoints[1].audit = None;
    run.gates = vec!["* p95 <= 150ms".to_owned()];
    run.instrument.wall = Duration::from_secs(40);
    run.plan.size = a7probe::run::run_file::SizeRecord::Requests { requests: 105 };
    json_of(&run)
}

fn inflated(text: &Value) -> Vec<u8> {
    let compressed = BASE64.decode(text.as_str().expect("text")).expect("base64");
    let mut bytes = Vec::new();
    ZlibDecoder::new(compressed.as_slice())
        .read_to_end(&mut bytes)
        .expect("zlib");
    bytes
}

fn deflated(bytes: &[u8]) -> Value {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    json!(BASE64.encode(encoder.finish().expect("memory")))
}

/// Edits the codes and the lags of the first endpoint.
fn edited(run: &Value, edit: impl FnOnce(&mut Vec<u16>, &mut Vec<u8>)) -> Value {
    let mut run = run.clone();
    let sequence = &mut run["endpoints"][0]["sequence"];
    let bytes = inflated(&sequence["codes"]);
    let mut codes: Vec<u16> = bytes
        .chunks(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let mut lags = inflated(&sequence["lags"]);
    edit(&mut codes, &mut lags);
    let bytes: Vec<u8> = codes.iter().flat_map(|code| code.to_le_bytes()).collect();
    sequence["length"] = json!(codes.len());
    sequence["codes"] = deflated(&bytes);
    sequence["lags"] = deflated(&lags);
    run
}

fn refused(run: &Value) -> String {
    read(run).expect_err("a contradiction")
}

#[test]
fn the_file_describes_each_request_as_the_schema_says() {
    let run = mixed();
    assert!(read(&run).is_ok());
    edited(&run, |codes, lags| {
        assert_eq!((codes.len(), lags.len()), (105, 105));
        // The first request took 1 ms: octave 19, and (1,000,000 − 2^19) / 2^8 = 1,858 steps.
        assert_eq!(codes[0], 9 * 2_048 + 1_858);
        // A request of 1 ms that was sent 40 µs late: 160 steps of 256 ns and the rest of a step.
        assert!((156..=157).contains(&lags[0]), "{}", lags[0]);
        assert_eq!((codes[49], lags[49]), (NOT_OK, 0));
    });
}

#[test]
fn a_file_of_before_there_was_a_sequence_is_read() {
    let mut run = mixed();
    let endpoint = run["endpoints"][0].as_object_mut().expect("an endpoint");
    assert!(endpoint.remove("sequence").is_some());
    let run = read(&run).expect("a run");
    assert!(run.endpoints[0].recording.sequence().is_none());
    assert!(run.endpoints[1].recording.sequence().is_some());
}

#[test]
fn a_sequence_that_contradicts_the_rest_of_the_file_is_refused() {
    let run = mixed();
    type Edit = fn(&mut Vec<u16>, &mut Vec<u8>);
    let edits: [(Edit, &str); 11] = [
        (
            |codes, lags| codes.truncate(lags.len() - 1),
            "length of the sequence is 104 where the number of requests that one holds is 105",
        ),
        (
            |_, lags| lags.truncate(9),
            "9 bytes of lags where 105 requests need 105",
        ),
        (
            |codes, _| codes[3] = 7,
            "request 3 has code 7, which no response time has",
        ),
        (
            |codes, _| codes[5] = NOT_OK,
            "request 5 of the sequence did not end as its bit of ok says",
        ),
        (
            |codes, _| codes[49] = codes[0],
            "request 49 of the sequence did not end as its bit of ok says",
        ),
        // A slow request made fast.
        (
            |codes, _| codes[80] = codes[0],
            "the sequence has more latencies of about 999936 ns than the histogram",
        ),
        // The same times in another order: the slow ones first.
        (
            |codes, lags| {
                let mut ok: Vec<u16> = codes.iter().copied().filter(|&c| c != NOT_OK).collect();
                ok.sort_unstable();
                let mut sorted = ok.into_iter().rev();
                codes
                    .iter_mut()
                    .filter(|code| **code != NOT_OK)
                    .for_each(|code| *code = sorted.next().expect("as many"));
                lags.fill(0);
            },
            "of the sequence contradicts the ",
        ),
        (
            |_, lags| lags[49] = 1,
            "request 49 of the sequence has a send lag of 1 codes",
        ),
        (
            |_, lags| lags[2] = 250,
            "request 2 of the sequence has a send lag of 250 codes",
        ),
        (|_, lags| lags.fill(0), "contradicts the sequence"),
        (
            |codes, lags| {
                codes.swap(1, 80);
                lags.swap(1, 80);
            },
            "of the sequence contradicts the ",
        ),
    ];
    for (number, (edit, told)) in edits.into_iter().enumerate() {
        let error = refused(&edited(&run, edit));
        assert!(error.contains(told), "edit {number}: {error}");
        assert!(error.starts_with("the run is damaged: "), "{error}");
    }
}

#[test]
fn text_that_is_no_sequence_is_refused() {
    for (pointer, value, told) in [
        (
            "length",
            json!(u64::MAX),
            "length of the sequence is 18446744073709551615",
        ),
        (
            "codes",
            json!("?"),
            "sequence of health: the codes are not zlib in base64",
        ),
        (
            "lags",
            json!("AAAA"),
            "sequence of health: the lags are not zlib in base64",
        ),
        (
            "codes",
            deflated(&vec![0; 4 << 20]),
            "211 bytes of codes where 105 requests need 210",
        ),
    ] {
        let mut run = mixed();
        run["endpoints"][0]["sequence"][pointer] = value;
        let error = refused(&run);
        assert!(error.contains(told), "{pointer}: {error}");
    }
}

#[test]
fn a_slow_run_does_not_pass_at_another_target_by_an_edited_sequence() {
    let slow = (0..100u64).map(|i| Duration::from_millis(if i % 4 == 1 { 90 } else { 2 }));
    let mut run = passing();
    run.endpoints[0].recording = runs::all_ok(slow);
    run.instrument.wall = Duration::from_secs(40);
    let run = json_of(&run);
    let judged = |run: &Value| {
        let folder = temp_dir();
        fs::write(folder.path().join("run.json"), run.to_string()).expect("a file");
        program(
            folder.path(),
            &["judge", "run.json", "--gate", "health p95 <= 50ms"],
        )
    };
    assert_eq!(judged(&run).0, 1);
    let fast = edited(&run, |codes, _| {
        let fast = codes[0];
        codes.fill(fast);
    });
    let (exit, text) = judged(&fast);
    assert_eq!(exit, 2, "{text}");
    assert!(text.contains("more latencies of about"), "{text}");
}
