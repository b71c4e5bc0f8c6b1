//! Other tools as independent checks: they look at the same thing and must see the same.

use std::process::Command;
use std::time::Duration;

use a7probe::run::histogram::{Histogram, Precision};
use a7probe::stats::rank::Quantile;

use crate::harness::{code, run, stderr, temp_dir};
use crate::needs::{PYTHON_HDR, WRK, need};
use crate::scripted::{OK, Server};

/// A server that takes a known time for every answer.
fn taking(delay: Duration) -> Server {
    Server::tcp(move |conversation| {
        while conversation.request().is_some() {
            std::thread::sleep(delay);
            conversation.send(OK);
        }
    })
}

/// `Latency Distribution` of wrk: `     50%   20.35ms`.
fn median_of_wrk(text: &str) -> Duration {
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with("50%"))
        .expect("a median");
    a7probe::units::parse_duration(line.split_whitespace().nth(1).expect("a value"))
        .expect("a duration")
}

#[test]
fn wrk_and_the_closed_model_see_the_same_median() {
    let Some(wrk) = need(
        &WRK,
        "other_tools::wrk_and_the_closed_model_see_the_same_median",
    ) else {
        return;
    };
    let server = taking(Duration::from_millis(20));
    let url = format!("http://127.0.0.1:{}/health", server.port());
    let output = Command::new(wrk)
        .args(["-t1", "-c4", "-d2s", "--latency", &url])
        .output()
        .unwrap();
    let theirs = median_of_wrk(&String::from_utf8(output.stdout).unwrap());

    let folder = temp_dir();
    let file = folder.path().join("run.json");
    let arguments = [
        "measure", &url, "-m", "GET", "-c", "4", "-z", "2s", "--iid", "--warmup", "0s", "--quiet",
        "--save", "run.json",
    ];
    let ours = run(folder.path(), &arguments);
    assert_eq!(code(&ours), 0, "{}", stderr(&ours));
    let run = a7probe::run::run_file::Run::load(&file).unwrap();
    let levels = run.endpoints[0].recording.latency.ranked_values();
    let ours = Duration::from_nanos(levels.at_rank(Quantile::P50.rank(levels.count())).unwrap());
    // Both measure from the send, one after the other on a shared machine.
    assert!(
        ours.abs_diff(theirs) < Duration::from_millis(10),
        "a7probe {ours:?}, wrk {theirs:?}"
    );
}

#[test]
fn hdrhistogram_itself_reads_our_histograms() {
    let Some(python) = need(
        &PYTHON_HDR,
        "other_tools::hdrhistogram_itself_reads_our_histograms",
    ) else {
        return;
    };
    let mut histogram = Histogram::new(Precision::Three);
    (1..=10_000u64).for_each(|i| histogram.record(i * 37_000));
    let script = "import sys\n\
        from hdrh.histogram import HdrHistogram\n\
        h = HdrHistogram.decode(sys.argv[1])\n\
        print(h.get_total_count(), h.get_value_at_percentile(50), h.get_value_at_percentile(95), h.get_max_value())";
    let output = Command::new(python)
        .args(["-c", script, &histogram.encode()])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<u64> = text
        .split_whitespace()
        .map(|n| n.parse().unwrap())
        .collect();
    let [count, p50, p95, max] = numbers[..] else {
        panic!("{text}{}", String::from_utf8_lossy(&output.stderr))
    };
    assert_eq!(count, 10_000);
    for (theirs, truth) in [
        (p50, 185_000_000.0),
        (p95, 351_500_000.0),
        (max, 370_000_000.0),
    ] {
        // Three digits: within a thousandth.
        assert!(
            (theirs as f64 / truth - 1.0).abs() <= 0.001,
            "{theirs} for {truth}"
        );
    }
}
