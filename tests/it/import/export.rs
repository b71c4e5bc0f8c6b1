//! What HdrHistogram's own formats hold of a run, read by HdrHistogram itself and by us.

use std::path::Path;
use std::process::Command;

use a7probe::report::{Report, ReportFormat, ReportKind, Style};
use a7probe::run::import::{self, ImportOptions};
use a7probe::run::run_file::Run;

use super::{bytes, endpoint, exceeding};
use crate::harness::{self, a7probe, stderr, temp_dir};
use crate::needs::{PYTHON_HDR, need};
use crate::runs;

/// Judges a run and writes these reports beside it.
fn exported(run: &Run, folder: &Path, reports: &[&str]) {
    let file = folder.join("run.json");
    run.save(&file).expect("a saved run");
    let mut command = a7probe(folder, &["judge", "run.json", "--quiet"]);
    for report in reports {
        command.args(["--report", report]);
    }
    let output = command.output().expect("a7probe");
    assert!(
        matches!(output.status.code(), Some(0 | 1 | 3)),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// 605 requests each; `ingest` with failures of every kind.
fn run() -> Run {
    runs::run(
        runs::all_ok((0..605).map(|i| std::time::Duration::from_micros(4_000 + i * 7))),
        runs::mixed(600),
    )
}

#[test]
fn hdrhistogram_itself_reads_our_log_with_its_tags_and_seconds() {
    let test = "import::export::hdrhistogram_itself_reads_our_log_with_its_tags_and_seconds";
    let Some(python) = need(&PYTHON_HDR, test) else {
        return;
    };
    let folder = temp_dir();
    let run = run();
    exported(&run, folder.path(), &["hlog=run.hlog"]);
    let script = "import sys\n\
        from hdrh.histogram import HdrHistogram\n\
        from hdrh.log import HistogramLogReader\n\
        reader = HistogramLogReader(sys.argv[1], HdrHistogram(1, 3600 * 10**9, 2))\n\
        while True:\n\
        \x20   h = reader.get_next_interval_histogram()\n\
        \x20   if h is None: break\n\
        \x20   above = sum(i.count_at_value_iterated_to for i in h.get_recorded_iterator() if i.value_iterated_to > 200 * 10**6)\n\
        \x20   print(h.get_tag(), h.get_start_time_stamp(), h.get_total_count(), above)";
    let output = Command::new(python)
        .args(["-c", script])
        .arg(folder.path().join("run.hlog"))
        .output()
        .expect("python");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let mut lines = Vec::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let [tag, start_ms, count, _above] = cells[..] else {
            panic!("{line}")
        };
        lines.push((
            tag.to_owned(),
            start_ms.parse::<f64>().expect("a time"),
            count.parse::<u64>().expect("a count"),
        ));
    }
    assert!(
        !lines.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for endpoint in &run.endpoints {
        let own: Vec<_> = lines
            .iter()
            .filter(|(tag, _, _)| *tag == endpoint.name)
            .collect();
        let intervals = &endpoint.recording.intervals;
        let counts: Vec<u64> = own.iter().map(|(_, _, count)| *count).collect();
        assert_eq!(
            counts,
            intervals.values().map(|i| i.ok).collect::<Vec<_>>(),
            "{}",
            endpoint.name
        );
        assert_eq!(counts.iter().sum::<u64>(), endpoint.recording.counts.ok);
        let began_ms = run.started_at.as_millisecond() as f64;
        for ((_, start_ms, _), (second, _)) in own.iter().zip(intervals.iter()) {
            assert!(
                (start_ms - began_ms - second as f64 * 1e3).abs() < 1.0,
                "{start_ms}"
            );
        }
    }
}

#[test]
fn a_log_keeps_every_count_on_its_way_through_our_own_importer() {
    let folder = temp_dir();
    let run = run();
    exported(&run, folder.path(), &["hlog=run.hlog"]);
    let log = std::fs::read(folder.path().join("run.hlog")).expect("a log");
    let imported = import::read(&log, &ImportOptions::default()).expect("a log");
    for own in &run.endpoints {
        let read = endpoint(&imported, &own.name);
        assert_eq!(read.counts.ok, own.recording.counts.ok);
        let counts = |r: &a7probe::run::recording::Recording| -> Vec<(u64, u64)> {
            r.intervals
                .iter()
                .map(|(second, interval)| (second, interval.ok))
                .collect()
        };
        assert_eq!(counts(read), counts(&own.recording));
        // Within the two digits of a second's histogram.
        let (least, most) = read.latency.count_above(150_000_000);
        let (truth, _) = own.recording.latency.count_above(150_000_000);
        assert!(
            least <= truth && truth <= most,
            "{least} ≤ {truth} ≤ {most}"
        );
    }
    let text = String::from_utf8(log).expect("UTF-8");
    let not_ok = run.endpoints[1].recording.counts.not_ok();
    assert!(
        text.contains(&format!("{not_ok} did not and are not]")),
        "{text}"
    );
}

#[test]
fn a_table_for_each_endpoint_holds_every_count() {
    let folder = temp_dir();
    let run = run();
    exported(&run, folder.path(), &["hgrm=run.hgrm"]);
    for own in &run.endpoints {
        let table = folder.path().join(format!("run.{}.hgrm", own.name));
        let table = std::fs::read(table).expect("a table of each endpoint");
        let imported = import::read(&table, &ImportOptions::default()).expect("a table");
        let read = endpoint(&imported, "");
        assert_eq!(read.counts.ok, own.recording.counts.ok);
        for limit_ms in [1u64, 5, 50, 150, 399] {
            let (least, most) = read.latency.count_above(limit_ms * 1_000_000);
            let (own_least, own_most) = own.recording.latency.count_above(limit_ms * 1_000_000);
            assert!(
                least <= own_least && own_most <= most,
                "{limit_ms} ms: {least} ≤ {own_least}, {own_most} ≤ {most}"
            );
        }
    }
    assert!(!folder.path().join("run.hgrm").exists());
}

#[test]
fn what_another_tool_measured_is_exported_too() {
    let imported = import::read(&bytes("vegeta.json"), &ImportOptions::default()).expect("results");
    let mut report = Report::new(ReportKind::Judge, "vegeta.json");
    for own in &imported.endpoints {
        let name = own.name.clone().expect("a name");
        report
            .endpoints
            .push(a7probe::report::EndpointReport::of_list(
                name,
                &own.recording,
                "vegeta.json",
            ));
    }
    let mut log = Vec::new();
    report
        .write(ReportFormat::Hlog, &Style::default(), &mut log)
        .expect("a log");
    let back = import::read(&log, &ImportOptions::default()).expect("a log");
    for own in &imported.endpoints {
        let read = endpoint(&back, own.name.as_deref().expect("a name"));
        assert_eq!(read.counts.ok, own.recording.counts.ok);
        assert_eq!(
            exceeding(read, 150.0).0,
            own.recording.latency.count_above(150_000_000).0
        );
    }
}

#[test]
fn the_formats_for_hdrhistogram_are_files_of_one_run() {
    let folder = temp_dir();
    let run_in = |args: &[&str]| {
        let output = harness::run(folder.path(), args);
        (output.status.code(), stderr(&output))
    };
    std::fs::write(folder.path().join("list.txt"), "1ms\n2ms\n".repeat(40)).expect("a list");
    let (code, stderr) = run_in(&["judge", "list.txt", "--output", "hlog"]);
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("hlog is for files only\nhint: write --report hlog=FILE"),
        "{stderr}"
    );
    let (code, stderr) = run_in(&["compare", "list.txt", "list.txt", "--report", "hgrm=x.hgrm"]);
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("the format has the latencies of one run, and compare has several")
            && stderr.contains("hint: save the runs, then use it with judge"),
        "{stderr}"
    );
    let (code, stderr) = run_in(&["judge", "list.txt", "--report", "run"]);
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains(
            "--report run has no format\nhint: write json=run, or a name such as report.json"
        ),
        "{stderr}"
    );
}
