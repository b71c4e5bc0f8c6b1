//! Edits of every number and seeded damage of every kind: never a pass, never a panic.

use std::fs;
use std::sync::LazyLock;
use std::time::Duration;

use a7probe::judge::gate::{self, Subject};
use a7probe::run::completion::Audit;
use a7probe::run::run_file::Run;
use a7probe::verdict::Verdict;
use serde_json::{Value, json};

use super::{failing, json_of, passing, program, read, verdict};

use crate::harness::temp_dir;
use crate::runs;

/// Every number of a document.
fn numbers(value: &Value, here: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| numbers(value, &format!("{here}/{key}"), all)),
        Value::Array(list) => (0..)
            .zip(list)
            .for_each(|(i, value): (usize, _)| numbers(value, &format!("{here}/{i}"), all)),
        Value::Number(_) => all.push(here.to_owned()),
        _ => {}
    }
}

#[test]
fn no_number_that_is_changed_makes_a_pass_that_its_bits_do_not_show() {
    let whole = passing();
    for (run, passes) in [(passing(), true), (failing(), false)] {
        let original = json_of(&run);
        let mut pointers = Vec::new();
        numbers(&original, "", &mut pointers);
        assert!(pointers.len() > 200, "{}", pointers.len());
        // The slow requests are of one shape, and so are those that failed.
        let is_like_others = |pointer: &String| {
            ["slowest", "first_failed"]
                .iter()
                .any(|list| (3..10).any(|n| pointer.contains(&format!("/{list}/{n}/"))))
        };
        pointers.retain(|pointer| !is_like_others(pointer));
        for pointer in pointers {
            for value in [json!(0), json!(u64::MAX), json!(-1)] {
                let mut edited = original.clone();
                *edited.pointer_mut(&pointer).unwrap() = value.clone();
                let Ok(read) = read(&edited) else { continue };
                if verdict(&read) != Some(Verdict::Pass) {
                    continue;
                }
                assert!(passes, "{pointer} = {value} makes a failing run pass");
                for (endpoint, own) in read.endpoints.iter().zip(&whole.endpoints) {
                    let (read, own) = (&endpoint.recording, &own.recording);
                    assert_eq!(read.counts, own.counts, "{pointer} = {value}");
                    assert_eq!(read.ok, own.ok, "{pointer} = {value}");
                    assert_eq!(read.exceedances, own.exceedances, "{pointer} = {value}");
                    assert_eq!(read.first_sent_ns, own.first_sent_ns, "{pointer} = {value}");
                }
                assert_eq!(read.judging, whole.judging, "{pointer} = {value}");
            }
        }
    }
}

/// A generator of its own, so that a failure is reproducible: xorshift64*.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }

    /// One change somewhere in the text.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        match self.below(8) {
            0 => bytes[at] ^= 1 << self.below(8),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, b"{}[]\",:0-e\\"[self.below(11)]),
            3 => bytes.truncate(at),
            4 => {
                let end = (at + self.below(200)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            5 => drop(bytes.drain(at..(at + self.below(60)).min(bytes.len()))),
            // A digit is likely to be a number of the document.
            6 => {
                let digits: Vec<usize> = (at..bytes.len().min(at + 400))
                    .filter(|&i| bytes[i].is_ascii_digit())
                    .collect();
                if let Some(&digit) = digits.first() {
                    let longer = vec![b'9'; 1 + self.below(24)];
                    bytes.splice(digit..=digit, longer);
                }
            }
            _ => {
                let depth = 1 + self.below(3_000);
                bytes.splice(at..at, vec![b'['; depth]);
            }
        }
    }
}

/// Cases of the seeded test; more with `A7PROBE_LONG=1`.
fn cases() -> u64 {
    match std::env::var_os("A7PROBE_LONG") {
        Some(_) => 50_000,
        None => 800,
    }
}

#[test]
fn no_seeded_damage_of_a_run_file_makes_judge_or_compare_panic() {
    static WHOLE: LazyLock<String> = LazyLock::new(|| {
        let mut run = runs::run(runs::mixed(60), runs::mixed(60));
        let audit = runs::audit(&run.endpoints[1].recording);
        run.endpoints[1].audit = Some(Audit::Read(Box::new(audit)));
        run.to_json()
    });
    let mut read = 0;
    for case in 1..=cases() {
        let mut seeded = Seeded(case.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut bytes = WHOLE.as_bytes().to_vec();
        for _ in 0..1 + seeded.below(3) {
            if !bytes.is_empty() {
                seeded.damage(&mut bytes);
            }
        }
        let Ok(run) = Run::from_json(&bytes) else {
            continue;
        };
        read += 1;
        let gates = gate::default_gates(Duration::from_millis(150));
        gate::judge(&gates, &Subject::of_run(&run));
        let mut report = a7probe::report::Report::new(a7probe::report::ReportKind::Judge, "run");
        report.add_run("run", &run);
        let mut text = Vec::new();
        let style = a7probe::report::Style::default();
        report
            .write(a7probe::report::ReportFormat::Json, &style, &mut text)
            .expect("memory");
    }
    assert!(read > 0, "no damaged file is still a run");
}

#[test]
fn damaged_files_end_judge_and_compare_with_an_exit_code() {
    let folder = temp_dir();
    let whole = passing().to_json();
    fs::write(folder.path().join("whole.json"), &whole).expect("a file");
    for case in 1..=20u64 {
        let mut seeded = Seeded(case.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut bytes = whole.clone().into_bytes();
        seeded.damage(&mut bytes);
        fs::write(folder.path().join("damaged.json"), &bytes).expect("a file");
        for line in [
            &["judge", "damaged.json"][..],
            &["compare", "whole.json", "damaged.json", "--format", "run"],
        ] {
            let (exit, text) = program(folder.path(), line);
            assert!([0, 1, 2, 3].contains(&exit), "{case}: {exit} {text}");
            assert!(!text.contains("panicked"), "{case}: {text}");
        }
    }
}
