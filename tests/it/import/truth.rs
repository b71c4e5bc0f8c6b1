//! What is read of each format, against what is known of the requests behind the file.

use std::time::Duration;

use a7probe::run::import::{self, FileFormat};
use a7probe::run::recording::{Failures, Recording};
use a7probe::run::sample::FailureKind;

use super::{FIXTURES, bytes, endpoint, exceeding, read, remarks};

/// The truth is within the range, and the range is no wider than this.
fn assert_within(recording: &Recording, limit_ms: f64, truth: u64, widest: u64) {
    let (least, most) = exceeding(recording, limit_ms);
    assert!(
        least <= truth && truth <= most,
        "above {limit_ms} ms: {least} ≤ {truth} ≤ {most}"
    );
    assert!(
        most - least <= widest,
        "above {limit_ms} ms: {least} to {most}"
    );
}

#[test]
fn every_file_is_told_by_its_content() {
    for (name, format) in FIXTURES {
        assert_eq!(import::detect(&bytes(name)), format, "{name}");
    }
    assert_eq!(
        import::detect(b"{\"format\": \"a7probe.run/1\"}"),
        FileFormat::Run
    );
    assert_eq!(
        import::detect(b"{\"name\": \"package\"}"),
        FileFormat::Refused
    );
    assert_eq!(import::detect(b"latency_ms\n12\n"), FileFormat::List);
    assert_eq!(import::detect(b""), FileFormat::List);
}

#[test]
fn oha_json_gives_ranges_that_hold_the_truth() {
    let imported = read("oha.json");
    let oha = endpoint(&imported, "");
    assert_eq!((oha.counts.ok, oha.planned()), (388, 400));
    assert_eq!(oha.counts.failed[&FailureKind::Status], 8);
    assert_eq!(oha.counts.failed[&FailureKind::Reset], 4);
    // Eight failures are among the latencies, so the range is eight wide at least.
    assert_within(oha, 150.0, 32, 8);
    assert_within(oha, 162.0, 12, 8);
    assert_within(oha, 5.0, 61, 110);
    assert!(!oha.has_order());
    assert!(oha.rows_of(Duration::from_millis(150)).is_none());
    assert!(oha.rows_of_failures().is_none());
    assert_eq!(oha.failures, Failures::Counted);
    assert!(remarks(&imported).contains("8 answers with a failure status are among the others"));
}

#[test]
fn oha_json_with_the_breakdown_tells_failures_apart() {
    let imported = read("oha-breakdown.json");
    let oha = endpoint(&imported, "");
    assert_eq!((oha.counts.ok, oha.planned()), (388, 400));
    assert_within(oha, 150.0, 32, 0);
    assert_within(oha, 162.0, 14, 20);
    assert_within(oha, 5.0, 69, 110);
    assert!(!remarks(&imported).contains("among the others"));
}

#[test]
fn what_oha_cut_at_the_end_was_not_sent_to_its_end() {
    let imported = read("oha-deadline.json");
    let counts = &endpoint(&imported, "").counts;
    assert_eq!(
        (counts.ok, counts.failed_total(), counts.unsent),
        (290, 9, 5)
    );
}

#[test]
fn oha_csv_has_every_answer_in_order_and_says_what_it_lacks() {
    let imported = read("oha.csv");
    let oha = endpoint(&imported, "");
    assert_eq!(
        (oha.counts.ok, oha.counts.failed[&FailureKind::Status]),
        (388, 8)
    );
    assert_eq!((oha.statuses[&200], oha.statuses[&503]), (388, 8));
    let (least, most) = exceeding(oha, 150.0);
    assert_eq!(least, most);
    assert!(oha.has_order());
    assert_eq!(oha.failures, Failures::Incomplete);
    // Sent at 100/s.
    let rate = oha.achieved_per_s().expect("a rate");
    assert!((95.0..105.0).contains(&rate), "{rate}");
    assert!(remarks(&imported).contains("leaves requests without an answer out"));
}

#[test]
fn hey_rounds_and_a_target_within_the_rounding_is_a_range() {
    let row = |seconds: &str, offset: &str| format!("{seconds},0,0,0,0,0,200,{offset}\n");
    let titles = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset\n";
    // In the order of the file the slow one is first; by its offset it is last.
    let text = [
        titles,
        &row("0.1500", "0.3000"),
        &row("0.0050", "0.1000"),
        &row("0.1502", "0.2000"),
    ]
    .concat();
    let imported = import::read(text.as_bytes(), &Default::default()).expect("hey's CSV");
    let hey = endpoint(&imported, "");
    assert_eq!(exceeding(hey, 150.0), (1, 2));
    assert_eq!(exceeding(hey, 150.1), (1, 1));
    assert_eq!(exceeding(hey, 149.9), (2, 2));
    let slowest: Vec<u64> = hey.slowest.iter().map(|e| e.index).collect();
    assert_eq!(slowest, [1, 2, 0]);
    let rows = hey.rows_of(Duration::from_millis(150)).expect("an order");
    assert_eq!(rows.at_most.iter().collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(
        rows.certain.iter().collect::<Vec<_>>(),
        [false, true, false]
    );

    let imported = read("hey.csv");
    let hey = endpoint(&imported, "");
    assert_eq!(
        (hey.counts.ok, hey.counts.failed[&FailureKind::Status]),
        (392, 8)
    );
    assert_eq!(hey.failures, Failures::Incomplete);
}

#[test]
fn locust_gives_ranges_of_rounded_times_with_failures_among_them() {
    let imported = read("locust_stats.csv");
    let health = endpoint(&imported, "health");
    assert_eq!((health.planned(), health.counts.failed_total()), (588, 19));
    let ingest = endpoint(&imported, "ingest");
    assert_eq!((ingest.planned(), ingest.counts.failed_total()), (328, 8));
    for (limit_ms, of_health, of_ingest) in [
        (5.0, 562, 328),
        (15.0, 47, 53),
        (150.0, 45, 25),
        (163.0, 25, 12),
    ] {
        assert_within(health, limit_ms, of_health, 588);
        assert_within(ingest, limit_ms, of_ingest, 328);
    }
    // Between the 90th and the 98th percentile, and no wider.
    assert_within(health, 150.0, 45, 50);
    assert!(remarks(&imported).contains("27 failed requests are among the others"));
}

#[test]
fn locust_history_knows_the_median_and_the_extremes() {
    let imported = read("locust_stats_history.csv");
    let health = endpoint(&imported, "health");
    assert!(health.planned() > 0);
    // Nothing is slower than the maximum: only failures exceed it.
    assert_eq!(exceeding(health, 165.0).1, health.counts.failed_total());
    let (least, most) = exceeding(health, 15.0);
    assert!(least < most && most <= health.planned() / 2 + health.counts.failed_total());
    assert!(remarks(&imported).contains("give the file that ends in _stats.csv"));
}

#[test]
fn a_log_gives_each_tag_its_counts() {
    let imported = read("tagged.hlog");
    let (health, ingest) = (endpoint(&imported, "health"), endpoint(&imported, "ingest"));
    assert_eq!((health.planned(), ingest.planned()), (600, 600));
    assert_eq!(exceeding(health, 150.0), (0, 0));
    assert_eq!(exceeding(ingest, 150.0), (30, 30));
    let seconds: Vec<u64> = ingest.intervals.iter().map(|(s, _)| s).collect();
    assert_eq!(seconds, [0, 1, 2, 3, 4, 5]);
    assert!(ingest.intervals.values().all(|interval| interval.ok == 100));
    assert_eq!(ingest.failures, Failures::Incomplete);
    assert!(remarks(&imported).contains("treated as nanoseconds"));

    let untagged = read("python.hlog");
    let all = endpoint(&untagged, "");
    assert_eq!(all.planned(), 1000);
    assert_eq!(exceeding(all, 150.0), (23, 23));
    assert_eq!(exceeding(all, 10.0), (500, 500));
}

#[test]
fn a_percentile_table_gives_counts_up_to_its_lines() {
    for (name, n, truth) in [("ingest.hgrm", 600, 30), ("python.hgrm", 500, 23)] {
        let imported = read(name);
        let table = endpoint(&imported, "");
        assert_eq!(table.planned(), n, "{name}");
        // As many as the line that crosses the limit counts at once.
        assert_within(table, 150.0, truth, 7);
        assert_eq!(table.failures, Failures::Incomplete);
        assert!(remarks(&imported).contains("has no failures"));
    }
}

#[test]
fn wrk2_adds_its_failures() {
    let imported = read("wrk2.txt");
    let wrk2 = endpoint(&imported, "");
    assert_eq!((wrk2.counts.ok, wrk2.planned()), (596, 603));
    assert_eq!(wrk2.counts.failed[&FailureKind::Status], 4);
    assert_eq!(wrk2.counts.failed[&FailureKind::Reset], 3);
    // 30 are slow; the table says so of 23, and 7 lie on the line that crosses the limit. The four of a failure status
    // may be among them or not, and the three without an answer come on top.
    assert_eq!(exceeding(wrk2, 150.0), (26, 37));
    assert_eq!(wrk2.failures, Failures::Counted);
}

#[test]
fn wrk2_counts_a_timeout_several_times_so_it_may_exceed_and_may_not() {
    let text = String::from_utf8(bytes("wrk2.txt")).expect("text");
    let text = text.replace("timeout 0", "timeout 5");
    let imported = import::read(text.as_bytes(), &Default::default()).expect("wrk2's output");
    assert_eq!(exceeding(endpoint(&imported, ""), 150.0), (26, 42));
    assert!(
        remarks(&imported)
            .contains("wrk2 counts 5 timeouts and may count one request several times")
    );
}

/// `k6.json`, `vegeta.json` and `vegeta.csv` are of the same requests.
#[test]
fn every_request_of_k6_and_vegeta_is_read_with_its_end() {
    for name in ["k6.json", "vegeta.json", "vegeta.csv"] {
        let imported = read(name);
        let health = endpoint(&imported, "health");
        assert_eq!(
            (health.counts.ok, health.counts.failed[&FailureKind::Status]),
            (74, 1),
            "{name}"
        );
        assert_eq!(exceeding(health, 150.0), (4, 4), "{name}");
        assert_eq!(exceeding(health, 200.0), (1, 1), "{name}");
        let ingest = endpoint(&imported, "ingest");
        assert_eq!((ingest.counts.ok, ingest.counts.timeout), (23, 1), "{name}");
        assert_eq!(ingest.counts.failed[&FailureKind::Connect], 1, "{name}");
        assert_eq!(exceeding(ingest, 150.0), (2, 2), "{name}");
        // Ordered by the start, whatever came to its end first: every 50 ms a request, the eighth is slow.
        assert!(health.has_order(), "{name}");
        let mut slow: Vec<u64> = health.slowest.iter().take(3).map(|e| e.index).collect();
        slow.sort_unstable();
        assert_eq!(slow, [7, 32, 57], "{name}");
        assert_eq!(health.slowest[0].latency, Duration::from_millis(200));
        let rate = health.achieved_per_s().expect("a rate");
        assert!((rate - 20.0).abs() < 1e-3, "{name}: {rate}");
        assert_eq!(health.failures, Failures::Counted);
    }
    assert!(remarks(&read("k6.json")).contains(
        "3 requests were blocked for 1 ms or more before their latency began, up to 1.5 ms"
    ));
    assert!(remarks(&read("vegeta.csv")).contains("from the send"));
}

#[test]
fn an_iteration_that_k6_dropped_is_a_request_that_was_never_sent() {
    let mut text = String::from_utf8(bytes("k6.json")).expect("text");
    text.push_str("{\"metric\":\"dropped_iterations\",\"type\":\"Point\",\"data\":{\"time\":\"2023-11-14T22:13:29Z\",\"value\":4,\"tags\":{}}}\n");
    let imported = import::read(text.as_bytes(), &Default::default()).expect("k6's output");
    assert_eq!(endpoint(&imported, "health").counts.unsent, 4);
    assert_eq!(endpoint(&imported, "ingest").counts.unsent, 4);
    assert!(remarks(&imported).contains("k6 dropped 4 iterations"));
}

#[test]
fn a_result_that_vegeta_lost_is_missed() {
    let text = String::from_utf8(bytes("vegeta.json")).expect("text");
    let without: Vec<&str> = text
        .lines()
        .enumerate()
        .filter(|(i, _)| *i != 40)
        .map(|(_, line)| line)
        .collect();
    let imported =
        import::read((without.join("\n") + "\n").as_bytes(), &Default::default()).expect("results");
    assert!(remarks(&imported).contains("1 sequence numbers are missing"));
    assert!(!remarks(&read("vegeta.json")).contains("missing"));
}

#[test]
fn the_summary_of_k6_gives_ranges_between_its_percentiles() {
    let imported = read("k6-summary.json");
    let k6 = endpoint(&imported, "");
    assert_eq!((k6.counts.ok, k6.counts.failed_total()), (995, 5));
    // 0.2, 0.4 … 200 ms, the fastest five failed. At P95 (190.06 ms) the ranks are known, so at least 50 are above.
    assert_eq!(exceeding(k6, 190.0).0, 55);
    for (limit_ms, truth) in [
        (0.5, 1000),
        (50.0, 755),
        (150.0, 255),
        (190.0, 55),
        (199.9, 6),
        (200.0, 5),
    ] {
        assert_within(k6, limit_ms, truth, 500);
    }
    // Without the metric of expected responses the five are anywhere among the latencies.
    let mixed = read("k6-handle-summary.json");
    let k6 = endpoint(&mixed, "");
    assert_eq!((k6.counts.ok, k6.counts.failed_total()), (995, 5));
    for (limit_ms, truth) in [(50.0, 755), (150.0, 255), (190.0, 55), (200.0, 5)] {
        assert_within(k6, limit_ms, truth, 510);
    }
    assert!(remarks(&mixed).contains("5 failed requests are among the others"));
}
