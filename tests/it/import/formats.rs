//! Imports of more tools' formats, compared with the known requests behind the files.

use a7probe::run::import::{self, FileFormat, ImportOptions};
use a7probe::run::recording::{Failures, Recording};
use a7probe::run::sample::FailureKind;

use super::{endpoint, exceeding, read, refusal, remarks};

/// 75 `health` and 25 `ingest`, as in vegeta's files: see the README of the fixtures.
fn assert_the_hundred(name: &str) {
    let imported = read(name);
    let (health, ingest) = (endpoint(&imported, "health"), endpoint(&imported, "ingest"));
    assert_eq!((health.planned(), health.counts.ok), (75, 74), "{name}");
    assert_eq!(health.counts.failed[&FailureKind::Status], 1, "{name}");
    assert_eq!((ingest.planned(), ingest.counts.ok), (25, 23), "{name}");
    assert_eq!(ingest.counts.timeout, 1, "{name}");
    assert_eq!(ingest.counts.failed[&FailureKind::Connect], 1, "{name}");
    assert_eq!(exceeding(health, 150.0), (4, 4), "{name}");
    assert_eq!(exceeding(health, 6.0), (4, 4), "{name}");
    assert_eq!(exceeding(ingest, 19.0), (25, 25), "{name}");
    assert_eq!(exceeding(ingest, 29.0), (2, 2), "{name}");
    assert!(health.has_order(), "{name}");
    assert_eq!(health.failures, Failures::Counted, "{name}");
}

#[test]
fn jmeter_csv_and_xml_and_gatling_have_every_request_with_its_end() {
    assert_the_hundred("jmeter.csv");
    assert_the_hundred("jmeter.xml");
    assert_the_hundred("gatling.log");
}

fn read_text(text: &str) -> import::Imported {
    import::read(text.as_bytes(), &ImportOptions::default())
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn jmeter_csv_is_read_with_other_separators_without_titles_and_with_an_assertion_that_failed() {
    let titled = "timeStamp;elapsed;label;responseCode;success\n1700000000000;5;a;200;true\n1700000000010;6;a;200;false\n";
    let untitled = "1700000000000,5,a,200,OK,Thread Group 1-1,text,true,,120,90,1,1,null,5,0,1\n\
                    1700000000010,6,a,200,OK,Thread Group 1-1,text,false,no such text,120,90,1,1,null,5,0,1\n";
    let by_code = "timeStamp\telapsed\tlabel\tresponseCode\n1700000000000\t5\ta\t200\n1700000000010\t6\ta\t500\n";
    for text in [titled, untitled, by_code] {
        assert_eq!(import::detect(text.as_bytes()), FileFormat::JmeterCsv);
        let imported = read_text(text);
        let counts = &endpoint(&imported, "a").counts;
        assert_eq!((counts.ok, counts.failed_total()), (1, 1), "{text}");
    }
    let silent = "timeStamp,elapsed,label\n1700000000000,5,a\n";
    assert!(
        refusal(silent.as_bytes()).starts_with(
            "JMeter's CSV results: its samples have no success field\nhint: run JMeter with -Jjmeter"
        ),
        "{}",
        refusal(silent.as_bytes())
    );
}

#[test]
fn every_age_of_gatlings_text_log_is_read() {
    // Gatling 3.0 to 3.3 have the user before the groups, 2.0 has scenario and user before all and four instants.
    for text in [
        "RUN\ts.S\ts\t1500000000000\t \t3.0.1\nREQUEST\t1\tg\ta\t1500000000000\t1500000000007\tOK\t \nREQUEST\t1\tg\ta\t1500000000100\t1500000000190\tKO\tstatus.find.is(200), but actually found 500\n",
        "sc\tu1\tRUN\tx\nsc\tu1\tREQUEST\t\ta\t1500000000000\t1500000000001\t1500000000005\t1500000000007\tOK\t \nsc\tu1\tREQUEST\t\ta\t1500000000100\t1500000000101\t1500000000180\t1500000000190\tKO\tstatus(200).is(500)\n",
    ] {
        assert_eq!(
            import::detect(text.as_bytes()),
            FileFormat::GatlingLog,
            "{text}"
        );
        let imported = read_text(text);
        let a = endpoint(&imported, "a");
        assert_eq!((a.counts.ok, a.planned()), (1, 2), "{text}");
        assert_eq!(exceeding(a, 6.0), (2, 2), "{text}");
        assert_eq!(exceeding(a, 7.0), (1, 1), "{text}");
    }
}

#[test]
fn ghz_has_every_call() {
    let imported = read("ghz.json");
    let call = endpoint(&imported, "shop.Orders.Place");
    assert_eq!((call.planned(), call.counts.ok), (100, 97));
    assert_eq!(call.counts.timeout, 1);
    assert_eq!(call.counts.failed[&FailureKind::Status], 1);
    assert_eq!(call.counts.failed[&FailureKind::Connect], 1);
    // 3 of 200 ms, and the failures.
    assert_eq!(exceeding(call, 150.0), (6, 6));
    let short =
        br#"{"count":3,"total":1,"average":1,"fastest":1,"slowest":1,"rps":1,"details":null}"#;
    assert!(refusal(short).contains("hint: write all of it: ghz -O json"));
}

#[test]
fn hyperfine_has_every_run_and_its_exit_code() {
    let imported = read("hyperfine.json");
    let sleep = endpoint(&imported, "sleep 0.02");
    assert_eq!((sleep.planned(), sleep.counts.ok), (12, 12));
    assert_eq!(exceeding(sleep, 20.0), (12, 12));
    assert_eq!(exceeding(endpoint(&imported, "true"), 20.0), (0, 0));
    let failing = r#"{"results":[{"command":"false","mean":0.1,"times":[0.1,0.2,0.3],"exit_codes":[0,1,null]}]}"#;
    let imported = read_text(failing);
    let counts = &endpoint(&imported, "false").counts;
    assert_eq!((counts.ok, counts.failed_total()), (1, 2));
}

#[test]
fn k6_csv_has_every_request_with_its_failures() {
    let imported = read("k6-out.csv");
    let ingest = endpoint(&imported, "ingest");
    assert_eq!((ingest.planned(), ingest.counts.ok), (14, 12));
    assert_eq!(ingest.counts.failed[&FailureKind::Status], 2);
    // 160 and 168 ms failed, 161 to 173 ms are the others.
    assert_eq!(exceeding(ingest, 165.0), (9, 9));
    assert!(ingest.has_order());
}

#[test]
fn what_k6_says_of_a_request_in_a_metric_of_its_own_is_that_requests() {
    let text = "metric_name,timestamp,metric_value,group,method,name\n\
                http_req_duration,1700000000,5,,GET,http://h/a\nhttp_req_failed,1700000000,0,,GET,http://h/a\n\
                http_req_duration,1700000000,6,,GET,http://h/a\nhttp_req_failed,1700000000,1,,GET,http://h/a\n";
    let imported = read_text(text);
    let a = endpoint(&imported, "a");
    assert_eq!((a.counts.ok, a.counts.failed_total()), (1, 1));
    assert_eq!(exceeding(a, 5.5), (1, 1));
    assert_eq!(a.failures, Failures::Counted);
}

/// 1000 answers of 0.2, 0.4 … 200 ms. `among` of them failed, and `unanswered` more requests had no answer.
fn assert_the_thousand(recording: &Recording, among: u64, unanswered: u64, widest: u64) {
    assert_eq!(recording.counts.ok, 1_000 - among);
    assert_eq!(recording.planned(), 1_000 + unanswered);
    for limit_ms in [0.1, 10.1, 50.1, 99.9, 150.1, 180.1, 190.1, 197.9, 199.9] {
        let above = 1_000 - (limit_ms / 0.2) as u64;
        // The fastest answers failed: each counts as above every limit.
        let failed_below = among.min((limit_ms / 0.2) as u64);
        let truth = above + failed_below + unanswered;
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
    assert_eq!(
        exceeding(recording, 201.0),
        (among + unanswered, among + unanswered)
    );
    assert!(!recording.has_order());
}

#[test]
fn summaries_give_ranges_that_hold_the_truth() {
    let of = |name: &str, endpoint_name: &str| endpoint(&read(name), endpoint_name).clone();
    // Five answers with a status and no more percentiles than five.
    let bombardier = of("bombardier.json", "");
    // 20 of status 503, and 5 without an answer, all with a latency.
    assert_eq!(bombardier.counts.timeout, 3);
    assert_eq!(bombardier.counts.failed[&FailureKind::Connect], 2);
    assert_eq!(bombardier.counts.failed[&FailureKind::Status], 20);
    assert_the_thousand(&bombardier, 25, 0, 500);

    let artillery = of("artillery.json", "");
    assert_eq!(artillery.counts.timeout, 3);
    assert_eq!(artillery.counts.failed[&FailureKind::Connect], 2);
    // 99.9 ms is within 1 % of the median, so all between two other percentiles is possible.
    assert_the_thousand(&artillery, 20, 5, 760);

    let fortio = of("fortio.json", "health");
    assert_eq!(fortio.counts.failed[&FailureKind::Reset], 5);
    assert_the_thousand(&fortio, 25, 0, 125);

    let k6 = of("k6-machine-readable.json", "");
    assert_eq!((k6.planned(), k6.counts.ok), (1_000, 995));
    let old = of("k6-summary.json", "");
    for limit_ms in [1.0, 50.0, 150.0, 199.0, 201.0] {
        let (least, most) = exceeding(&k6, limit_ms);
        let truth = 1_000 - ((limit_ms / 0.2) as u64).min(1_000) + 5;
        assert!(
            least <= truth && truth <= most,
            "{limit_ms}: {least} to {most}"
        );
    }
    assert_eq!(exceeding(&k6, 201.0), exceeding(&old, 201.0));
}

#[test]
fn vegetas_hdrplot_can_fail_and_never_passes_for_it_does_not_know_of_failures() {
    let imported = read("vegeta-hdrplot.txt");
    assert!(remarks(&imported).contains("warning: the plot does not say how many requests failed"));
    let plot = endpoint(&imported, "");
    assert_eq!(
        (plot.planned(), plot.failures),
        (1_000, Failures::Incomplete)
    );
    for limit_ms in [0.1, 10.1, 50.1, 99.9, 150.1, 180.1, 190.1, 197.9, 201.0] {
        let truth = 1_000 - ((limit_ms / 0.2) as u64).min(1_000);
        let (least, most) = exceeding(plot, limit_ms);
        assert!(
            least <= truth && truth <= least + 200,
            "above {limit_ms} ms: {least} of {truth}"
        );
        // Each may have failed.
        assert_eq!(most, 1_000);
    }
}

#[test]
fn autocannon_counts_a_closed_connection_though_it_does_not_name_it() {
    let imported = read("autocannon.json");
    let autocannon = endpoint(&imported, "");
    assert_eq!((autocannon.counts.ok, autocannon.planned()), (388, 400));
    assert_eq!(autocannon.counts.failed[&FailureKind::Status], 8);
    // The server closed four of 400 connections, as many as may have been in flight when the run ended.
    assert_eq!(autocannon.counts.unsent, 4);
    // One in 20 took 60 ms, and the slowest 75 ms.
    let (least, most) = exceeding(autocannon, 55.0);
    assert!(least <= 32 && 32 <= most, "{least} to {most}");
    assert_eq!(exceeding(autocannon, 77.0), (12, 12));
}

#[test]
fn logs_of_every_encoding_keep_their_counts_and_seconds() {
    // 1, 2 … 600 ms, in three seconds.
    let imported = read("v0.hlog");
    let v0 = endpoint(&imported, "");
    assert_eq!(v0.counts.ok, 600);
    assert_eq!(v0.intervals.len(), 3);
    let (least, most) = exceeding(v0, 149.7);
    assert!(
        least <= 451 && 451 <= most && most - least <= 1,
        "{least} to {most}"
    );

    // Relative to a base time, and the first line is not the earliest.
    let imported = read("v1-shifted.hlog");
    let (odd, other) = (endpoint(&imported, "odd"), endpoint(&imported, ""));
    assert_eq!((odd.counts.ok, other.counts.ok), (400, 200));
    let seconds = |of: &Recording| of.intervals.iter().map(|(s, _)| s).collect::<Vec<_>>();
    assert_eq!(seconds(odd), [0, 2]);
    assert_eq!(seconds(other), [1]);
    assert_eq!(odd.intervals.get(2).map(|own| own.ok), Some(200));
}

#[test]
fn a_file_that_says_it_is_of_a_tool_is_told_by_more_than_one_word() {
    for text in [
        "latency_ms\n12\n13\n",
        "# wrk\n12ms\n",
        "results\n1ms\n",
        "id,elapsed_ms\n1,5\n",
        "Latency\n5ms\n",
        "REQUEST ms\n5\n",
    ] {
        assert_eq!(import::detect(text.as_bytes()), FileFormat::List, "{text}");
    }
    for text in [
        r#"{"format": "a7probe.run/1", "results": [], "count": 1}"#,
        r#"{"plan": {}, "endpoints": []}"#,
    ] {
        assert_eq!(import::detect(text.as_bytes()), FileFormat::Run, "{text}");
    }
    // Not one of a tool by its keys alone.
    for text in [
        r#"{"spec": {}, "result": {}}"#,
        r#"{"results": [1, 2]}"#,
        r#"{"log": "x"}"#,
        "{}",
    ] {
        assert!(
            refusal(text.as_bytes())
                .starts_with("JSON that is neither an a7probe run nor a known tool's result: "),
            "{}",
            refusal(text.as_bytes())
        );
    }
}
