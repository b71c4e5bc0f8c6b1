//! Damaged bytes, arbitrary JSON and hostile histograms are refused without a panic.

use std::io::{Read, Write};
use std::sync::LazyLock;

use a7probe::run::histogram::{Histogram, Precision};
use a7probe::run::run_file::Run;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use serde_json::{Value, json};

use super::{example_json, read, small_json};

/// A change of a file's bytes, as a bad disk or a bad copy makes it.
#[derive(Clone, Debug)]
enum Damage {
    Overwrite(usize, u8),
    Remove(usize, usize),
    Repeat(usize, usize),
    Truncate(usize),
}

fn any_damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Damage::Overwrite(at, byte)),
        (any::<usize>(), 1usize..200).prop_map(|(at, n)| Damage::Remove(at, n)),
        (any::<usize>(), 1usize..200).prop_map(|(at, n)| Damage::Repeat(at, n)),
        any::<usize>().prop_map(Damage::Truncate),
    ]
}

fn damaged(mut bytes: Vec<u8>, damage: &Damage) -> Vec<u8> {
    let length = bytes.len();
    let range = |at: usize, n: usize| at % length..(at % length + n).min(length);
    match *damage {
        Damage::Overwrite(at, byte) => bytes[at % length] = byte,
        Damage::Remove(at, n) => drop(bytes.drain(range(at, n))),
        Damage::Repeat(at, n) => {
            let piece = bytes[range(at, n)].to_vec();
            bytes.splice(at % length..at % length, piece);
        }
        Damage::Truncate(at) => bytes.truncate(at % length),
    }
    bytes
}

fn any_json() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        Just(json!(u64::MAX)),
        Just(json!(-1)),
        Just(json!(1e308)),
        any::<u16>().prop_map(|n| json!(n)),
        any::<String>().prop_map(|s| json!(s)),
        proptest::collection::vec(any::<u8>(), 0..80).prop_map(|bytes| json!(base64(&bytes))),
    ]
}

fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// The JSON pointers of every value inside another.
fn pointers(value: &Value, here: &str, all: &mut Vec<String>) {
    let mut go = |key: &str, value: &Value| {
        let pointer = format!("{here}/{}", key.replace('~', "~0").replace('/', "~1"));
        all.push(pointer.clone());
        pointers(value, &pointer, all);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| go(key, value)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(i, value)| go(&i.to_string(), value)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn no_damage_of_the_bytes_makes_the_reader_panic(damages in proptest::collection::vec(any_damage(), 1..4)) {
        let whole = small_json().as_bytes().to_vec();
        let bytes = damages.iter().fold(whole, |bytes, damage| match bytes.is_empty() {
            true => bytes,
            false => damaged(bytes, damage),
        });
        let _ = Run::from_json(&bytes);
    }

    #[test]
    fn no_value_in_any_field_makes_the_reader_panic(at in any::<proptest::sample::Index>(), replacement in any_json()) {
        let mut value: Value = serde_json::from_str(small_json()).expect("JSON");
        let mut all = Vec::new();
        pointers(&value, "", &mut all);
        *value.pointer_mut(at.get(all.as_slice()).as_str()).expect("a pointer") = replacement;
        if let Ok(run) = read(&value) {
            // What was believed can be used.
            for endpoint in &run.endpoints {
                endpoint.recording.latency.ranked_values();
                let _ = endpoint.recording.achieved_per_s();
            }
            run.to_json();
        }
    }

    #[test]
    fn no_damage_inside_a_histogram_makes_the_reader_panic(damages in proptest::collection::vec(any_damage(), 1..4)) {
        let inner = damages.iter().fold(inflated_histogram().to_vec(), |bytes, damage| match bytes.is_empty() {
            true => bytes,
            false => damaged(bytes, damage),
        });
        let text = base64(&deflated(&inner));
        if let Ok(histogram) = Histogram::decode(&text, Precision::Four, None)
            // More than any run has is refused before its levels are looked up.
            && histogram.count() < 1 << 40
        {
            histogram.ranked_values();
            histogram.count_above(150_000_000);
        }
    }
}

/// What stands before the zlib data of HdrHistogram's V2 compressed encoding: cookie and length.
const HEADER: usize = 8;

fn compressed_histogram() -> Vec<u8> {
    let json = example_json();
    let text = json["endpoints"][0]["latency"]["hdr"].as_str();
    BASE64.decode(text.expect("text")).expect("base64")
}

fn inflated_histogram() -> &'static [u8] {
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut inner = Vec::new();
        let compressed = compressed_histogram();
        let mut decoder = flate2::read::ZlibDecoder::new(&compressed[HEADER..]);
        decoder.read_to_end(&mut inner).expect("zlib");
        inner
    });
    &BYTES
}

fn deflated(inner: &[u8]) -> Vec<u8> {
    static START: LazyLock<Vec<u8>> = LazyLock::new(|| compressed_histogram()[..HEADER].to_vec());
    let mut encoder = flate2::write::ZlibEncoder::new(START.clone(), flate2::Compression::fast());
    encoder.write_all(inner).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn the_damage_test_starts_from_a_histogram_that_is_whole() {
    let text = base64(&deflated(inflated_histogram()));
    let whole = Histogram::decode(&text, Precision::Four, None).expect("whole");
    assert_eq!(whole.count(), 504);
}

#[test]
fn a_histogram_header_cannot_ask_for_memory() {
    // Four bytes at 4 hold the length of the counts, eight at 24 the highest value.
    for (at, bytes) in [(4, [0xff; 8]), (24, [0xff; 8]), (16, [0xff; 8])] {
        let mut inner = inflated_histogram().to_vec();
        inner[at..at + 8].copy_from_slice(&bytes);
        let _ = Histogram::decode(&base64(&deflated(&inner)), Precision::Four, None);
    }
    let mut inner = inflated_histogram().to_vec();
    inner[4..8].copy_from_slice(&u32::MAX.to_be_bytes());
    let text = base64(&deflated(&inner));
    assert!(Histogram::decode(&text, Precision::Four, None).is_err());
}
