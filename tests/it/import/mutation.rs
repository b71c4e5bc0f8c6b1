//! Seeded mutations of every file that is read: no panic, no stack overflow, bounded time and memory, and counts that
//! agree if anything is read. A fixed number of cases, or as many as a minute takes with `A7PROBE_LONG=1`.

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use a7probe::run::histogram::{Histogram, Precision};
use a7probe::run::import::{self, FileFormat, ImportError, ImportOptions, Imported, TimeUnit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::{FIXTURES, bytes};
use crate::harness::peak_memory_kib;

/// Cases of each fixture in the suite.
const CASES: u64 = 120;

/// No case takes longer, on the slowest machine.
const LONGEST: Duration = Duration::from_secs(60);

/// SplitMix64: small, and the same everywhere.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// The replacements of a number.
const NUMBERS: [&str; 14] = [
    "0",
    "-1",
    "1e308",
    "1e999",
    "-1e-308",
    "NaN",
    "inf",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775807",
    "-9223372036854775808",
    "1099511627776",
    "0.0000000000000001",
    "1e9",
];

fn mutate(bytes: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let at = rng.below(bytes.len() + 1);
    let end = (at + 1 + rng.below(64)).min(bytes.len());
    match rng.below(9) {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
        1 => drop(bytes.drain(at.min(end)..end)),
        2 => {
            let copy = bytes[at.min(end)..end].repeat(1 + rng.below(3));
            bytes.splice(at..at, copy);
        }
        3 if !other.is_empty() => {
            let from = rng.below(other.len());
            let piece = &other[from..(from + 1 + rng.below(200)).min(other.len())];
            bytes.splice(at..at, piece.iter().copied());
        }
        4 => bytes.truncate(at),
        5 | 6 => replace_number(bytes, at, rng),
        7 => {
            let piece = rng.pick(&[
                "[", "{\"a\":", "<sample>", "Tag=", "\"", "\n", ",", "\t", "}", "]", "\0", "\u{e9}",
            ]);
            // Deep enough to overflow any stack.
            let times = if rng.below(40) == 0 { 100_000 } else { 1 };
            bytes.splice(at..at, piece.repeat(times).into_bytes());
        }
        _ if at < bytes.len() => bytes[at] = rng.next() as u8,
        _ => {}
    }
}

/// Puts a number in place of the next run of digits.
fn replace_number(bytes: &mut Vec<u8>, at: usize, rng: &mut Rng) {
    let digit = |b: &u8| b.is_ascii_digit();
    let Some(start) = bytes[at..].iter().position(digit).map(|i| at + i) else {
        return;
    };
    let length = bytes[start..].iter().take_while(|b| digit(b)).count();
    bytes.splice(start..start + length, rng.pick(&NUMBERS).bytes());
}

fn options(format: Option<FileFormat>) -> ImportOptions {
    ImportOptions {
        unit: matches!(format, Some(FileFormat::Hgrm | FileFormat::List))
            .then_some(TimeUnit::Milliseconds),
        format,
        ..ImportOptions::default()
    }
}

/// Imported counts are consistent.
fn assert_consistent(imported: &Imported) {
    let mut names: Vec<_> = imported.endpoints.iter().map(|e| &e.name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), imported.endpoints.len(), "names are unique");
    for endpoint in &imported.endpoints {
        let recording = &endpoint.recording;
        assert_eq!(recording.planned(), recording.counts.total());
        assert_eq!(recording.latency.count(), recording.counts.ok);
        let (least, most) = recording.latency.count_above(150_000_000);
        assert!(least <= most && most <= recording.counts.ok);
        let levels = recording.latency.ranked_values();
        assert!(
            levels.at_rank(1) <= levels.at_rank(recording.counts.ok) || recording.counts.ok == 0
        );
    }
}

fn check(bytes: &[u8], format: Option<FileFormat>, context: &str) {
    let began = Instant::now();
    let run = || match import::read(bytes, &options(format)) {
        Ok(imported) => assert_consistent(&imported),
        Err(error) => {
            let said = error.to_string();
            // The tests of lists cover their counts.
            if let ImportError::Foreign { .. } | ImportError::Refused { .. } = error {
                assert!(said.lines().count() <= 2 && said.len() < 800, "{said}");
            }
        }
    };
    let outcome = catch_unwind(AssertUnwindSafe(run));
    assert!(outcome.is_ok(), "{context}: panicked or inconsistent");
    assert!(
        began.elapsed() < LONGEST,
        "{context}: took {:?}",
        began.elapsed()
    );
}

/// Whether another case is due: a fixed number of them, or all that a deadline allows.
struct Budget {
    deadline: Option<Instant>,
}

impl Budget {
    fn new(seconds: u64) -> Budget {
        let long = std::env::var_os("A7PROBE_LONG").is_some();
        Budget {
            deadline: long.then(|| Instant::now() + Duration::from_secs(seconds)),
        }
    }

    fn has(&self, case: u64) -> bool {
        self.deadline
            .map_or(case < CASES, |deadline| Instant::now() < deadline)
    }
}

#[test]
fn a_mutated_file_of_any_format_is_read_or_refused_and_what_is_read_adds_up() {
    let files: Vec<Vec<u8>> = FIXTURES.iter().map(|(name, _)| bytes(name)).collect();
    let budget = Budget::new(60);
    let mut case = 0;
    while budget.has(case) {
        for (index, (name, format)) in FIXTURES.iter().enumerate() {
            let seed = case << 8 | index as u64;
            let mut rng = Rng(seed);
            let mut mutated = files[index].clone();
            // Long files of lines suffer in their first lines.
            mutated.truncate(20_000);
            let other = &files[rng.below(files.len())];
            for _ in 0..1 + rng.below(4) {
                mutate(&mut mutated, other, &mut rng);
            }
            let context = format!("{name}, seed {seed}");
            check(&mutated, None, &context);
            check(&mutated, Some(*format), &context);
        }
        case += 1;
    }
    if let Some(peak) = peak_memory_kib(std::process::id()) {
        let peak = peak / 1_024;
        assert!(peak < 1_500, "{peak} MB");
    }
}

/// Lines of all three encodings, as inflated bytes.
fn histograms() -> Vec<Vec<u8>> {
    let mut plain = Vec::new();
    for name in ["v0.hlog", "v1-shifted.hlog", "tagged.hlog", "python.hlog"] {
        let text = String::from_utf8(bytes(name)).expect("text");
        for line in text.lines().filter(|line| line.contains(",HIST")) {
            let compressed = BASE64
                .decode(line.rsplit(',').next().expect("a cell"))
                .expect("base64");
            let mut inflated = Vec::new();
            let mut decoder = ZlibDecoder::new(&compressed[8..]);
            decoder.read_to_end(&mut inflated).expect("zlib");
            plain.push(inflated);
        }
    }
    plain
}

fn compressed(plain: &[u8], cookie: u32) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).expect("memory");
    let zlib = encoder.finish().expect("memory");
    let mut bytes = cookie.to_be_bytes().to_vec();
    bytes.extend((zlib.len() as u32).to_be_bytes());
    bytes.extend(zlib);
    BASE64.encode(bytes)
}

/// Headers with absurd digits, ranges and lengths, and counts of all sizes.
fn mutate_histogram(plain: &mut Vec<u8>, rng: &mut Rng) {
    const FIELDS: [usize; 8] = [0, 4, 8, 12, 16, 24, 32, 40];
    match rng.below(4) {
        0 => {
            let at = FIELDS[rng.below(FIELDS.len())];
            let value = [0, 1, 5, u64::MAX, 1 << 62, 1 << 32, 0x7fff_ffff_ffff_ffff][rng.below(7)];
            let size = if rng.below(2) == 0 { 4 } else { 8 };
            let field = plain.iter_mut().skip(at).take(size);
            field
                .zip(&value.to_be_bytes()[8 - size..])
                .for_each(|(byte, &b)| *byte = b);
        }
        1 => mutate(plain, &[], rng),
        // A payload of counts that agrees with its header.
        2 => {
            plain.truncate(40);
            let length = rng.below(4_000);
            plain.extend((0..length).map(|_| rng.next() as u8));
            fit(plain);
        }
        _ => {
            plain.resize(40 + rng.below(500_000), 0);
            fit(plain);
        }
    }
}

fn fit(plain: &mut [u8]) {
    let length = (plain.len().saturating_sub(40) as u32).to_be_bytes();
    if let Some(field) = plain.get_mut(4..8) {
        field.copy_from_slice(&length);
    }
}

#[test]
fn a_mutated_histogram_is_decoded_or_refused() {
    let originals = histograms();
    let budget = Budget::new(60);
    let mut case = 0;
    while budget.has(case / 10) {
        let mut rng = Rng(case);
        let mut plain = originals[rng.below(originals.len())].clone();
        for _ in 0..1 + rng.below(3) {
            mutate_histogram(&mut plain, &mut rng);
        }
        let cookie = [0x1c84_9309, 0x1c84_9302, 0x1c84_9314, rng.next() as u32][rng.below(4)];
        let text = compressed(&plain, cookie);
        let line = format!("#[Histogram log format version 1.3]\n0.1,1.0,2.7,{text}\n");
        let context = format!("histogram, seed {case}");
        check(line.as_bytes(), Some(FileFormat::Hlog), &context);
        let precision = [Precision::Two, Precision::Three, Precision::Four][rng.below(3)];
        let decoded = catch_unwind(|| {
            if let Ok(histogram) = Histogram::decode(&text, precision, Some((5, 7))) {
                assert_eq!(
                    histogram.count(),
                    histogram.buckets().map(|b| b.count).sum::<u64>()
                );
            }
        });
        assert!(decoded.is_ok(), "{context}");
        case += 1;
    }
    if let Some(peak) = peak_memory_kib(std::process::id()) {
        let peak = peak / 1_024;
        assert!(peak < 1_500, "{peak} MB");
    }
}

#[test]
fn deep_nesting_and_bombs_are_refused_in_bounded_time() {
    let deep = |open: &str, n: usize| open.repeat(n);
    let heads = [
        "{\"a\":",
        "{\"metrics\":",
        "{\"metrics\":{\"http_req_duration\":{\"values\":",
        "{\"results\":[{\"command\":\"x\",\"mean\":1,\"times\":",
        "{\"requests\":1,\"throughput\":1,\"errors\":1,\"2xx\":1,\"latency\":{\"max\":",
        "{\"aggregate\":{\"counters\":",
        "{\"type\":\"Point\",\"metric\":\"http_req_duration\",\"data\":",
        "{\"latency\":1,\"timestamp\":\"2023-11-14T22:13:20Z\",\"code\":",
        "<testResults version=\"1.2\">",
        "",
    ];
    for head in heads {
        for open in ["[", "{\"a\":", "<sample>", "<sample t=\"1\" s=\"true\">"] {
            let text = format!("{head}{}", deep(open, 100_000));
            check(text.as_bytes(), None, head);
            for format in [
                FileFormat::K6Summary,
                FileFormat::HyperfineJson,
                FileFormat::JmeterXml,
                FileFormat::ArtilleryJson,
            ] {
                check(text.as_bytes(), Some(format), head);
            }
        }
    }
    // Two lines that would be a thousand million requests.
    let time = "\"time\":\"2023-11-14T22:13:20Z\"";
    let request = format!(
        "{{\"type\":\"Point\",\"metric\":\"http_req_duration\",\"data\":{{{time},\"value\":5}}}}\n"
    );
    let dropped = format!(
        "{{\"type\":\"Point\",\"metric\":\"dropped_iterations\",\"data\":{{{time},\"value\":1e9}}}}\n"
    );
    let k6 = request + &dropped;
    check(
        k6.as_bytes(),
        Some(FileFormat::K6Json),
        "dropped iterations",
    );
    // A percentile of a rank beyond all numbers.
    let oha = String::from_utf8(bytes("oha.json")).expect("text");
    let oha = oha.replace("\"p99\"", "\"p1e308\"");
    check(oha.as_bytes(), Some(FileFormat::OhaJson), "p1e308");
    // A tag a line, each with a histogram of its own.
    let line = |n: u64| {
        format!(
            "Tag=t{n},{n}.0,1.0,2.7,{}\n",
            Histogram::new(Precision::Two).encode()
        )
    };
    let tags: String = (0..5_000).map(line).collect();
    check(tags.as_bytes(), Some(FileFormat::Hlog), "tags");
}
