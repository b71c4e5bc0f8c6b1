//! The columns of a CSV file that hold latencies and success, and hints that work.

use std::path::Path;
use std::process::Command;

use a7probe::run::import::{self, ImportError, ImportOptions, Imported, TimeUnit};

use super::path;
use crate::harness::{PROGRAM, temp_dir};

fn read(text: &str, options: &ImportOptions) -> Result<Imported, ImportError> {
    import::read(text.as_bytes(), options)
}

/// How many requests ended ok, and how many failed.
fn counts(imported: &Imported) -> (u64, u64) {
    let counts = &imported.endpoints[0].recording.counts;
    (counts.ok, counts.failed_total())
}

fn counted(text: &str) -> (u64, u64) {
    counts(&read(text, &ImportOptions::default()).unwrap_or_else(|e| panic!("{text}: {e}")))
}

fn refusal(text: &str, options: &ImportOptions) -> String {
    match read(text, options) {
        Ok(imported) => panic!("{text} is read: {:?}", counts(&imported)),
        Err(error) => error.to_string(),
    }
}

/// Two requests, the first ok and the second failed, as a column reports them.
fn two(title: &str, ok: &str, failed: &str) -> String {
    format!("latency_ms;{title}\n20;{ok}\n30;{failed}\n")
}

/// Runs the program in a folder by a line for a shell, in which words may be quoted.
fn shell(folder: &Path, words: &str) -> (Option<i32>, String) {
    let script = format!("'{}' {words}", PROGRAM);
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder)
        .output()
        .expect("a shell");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8(text).expect("UTF-8"),
    )
}

#[test]
fn a_failure_is_a_failure_under_every_common_title() {
    for (title, ok, failed) in [
        ("status", "200", "503"),
        ("Status Code", "204", "404"),
        ("http_status", "200", "0"),
        ("response_code", "200", ""),
        (
            "responseCode",
            "200",
            "Non HTTP response code: java.net.SocketException",
        ),
        ("code", "HTTP 200", "HTTP 503"),
        ("rc", "200 OK", "503 Service Unavailable"),
        ("sc-status", "200.0", "500.0"),
        ("status", "200", "301"),
        ("status", "OK", "Unavailable"),
        ("grpc_status", "0", "14"),
        ("exit_code", "0", "28"),
        ("success", "true", "false"),
        ("Success?", "Yes", "No"),
        ("SUCCEEDED", "1", "0"),
        ("ok", "1.0", "0.0"),
        ("is_ok", "TRUE", "FALSE"),
        ("isOk", "t", "f"),
        ("passed", "pass", "fail"),
        ("expected_response", "true", "false"),
        ("error", "", "timeout"),
        ("error", "none", "EOF"),
        ("err", "<nil>", "connection reset"),
        ("error_code", "0", "1050"),
        ("errors", "0", "2"),
        ("errorMessage", "-", "boom"),
        ("failed", "0", "1"),
        ("is_failed", "False", "True"),
        ("failureMessage", "", "expected 200"),
        ("timeout", "", "true"),
        ("timed_out", "no", "yes"),
        ("Exception", "null", "java.io.IOException"),
        ("result", "OK", "KO"),
        ("Outcome", "success", "err"),
        ("verdict", "PASS", "FAIL"),
        ("not_ok", "false", "true"),
    ] {
        let text = two(title, ok, failed);
        assert_eq!(counted(&text), (1, 1), "{text}");
    }
}

#[test]
fn a_failure_in_any_column_is_one_and_its_latency_may_be_missing() {
    let text = "elapsed_ms,success,responseCode,failureMessage\n\
                5,true,200,\n5,true,500,\n5,false,200,\n5,true,200,too slow\n,false,,\n-1,false,0,\n";
    assert_eq!(counted(text), (1, 5));
    // JMeter's titles, read as a plain CSV file.
    let jmeter = "timeStamp,elapsed,label,responseCode,responseMessage,success\n\
                  1700000000000,12,x,200,OK,true\n1700000000010,13,x,503,Service Unavailable,false\n";
    let options = ImportOptions {
        column: Some("elapsed".to_owned()),
        unit: Some(TimeUnit::Milliseconds),
        ..ImportOptions::default()
    };
    assert_eq!(counts(&read(jmeter, &options).expect("a list")), (1, 1));
}

#[test]
fn a_column_that_may_tell_success_and_is_not_understood_refuses_the_file() {
    for (title, a, b) in [
        ("status", "A", "B"),
        ("status", "0", "14"),
        ("status", "0", "0"),
        ("status", "", ""),
        ("success", "true", ""),
        ("result", "1", "0"),
        ("timeout", "5000", "5000"),
        ("error_code", "200", "200"),
        ("Estado", "OK", "ERROR"),
        ("foo", "true", "false"),
        ("foo", "200", "503"),
        ("note", "", "timeout"),
        ("flag", "1", "0"),
    ] {
        let text = two(title, a, b);
        let error = refusal(&text, &ImportOptions::default());
        assert!(
            error.contains(&format!("'{title}'")) && error.contains("--status-column none"),
            "{error}"
        );
        let none = ImportOptions {
            status_column: Some("none".to_owned()),
            ..ImportOptions::default()
        };
        assert_eq!(
            counts(&read(&text, &none).expect("a list")),
            (2, 0),
            "{text}"
        );
    }
    // Appears late, after thousands of rows that show nothing.
    let late = format!("latency_ms,note\n{}5,timeout\n", "5,\n".repeat(20_000));
    assert!(refusal(&late, &ImportOptions::default()).contains("'note' may be the status column"));
}

#[test]
fn the_status_column_can_be_named() {
    let text = "latency_ms,status,foo\n5,A,1\n6,B,0\n7,A,yes\n";
    let named = |name: &str| ImportOptions {
        status_column: Some(name.to_owned()),
        ..ImportOptions::default()
    };
    for name in ["foo", "FOO", "3"] {
        assert_eq!(
            counts(&read(text, &named(name)).expect("a list")),
            (2, 1),
            "{name}"
        );
    }
    assert!(refusal(text, &named("nope")).contains("has no column 'nope'"));
    assert!(refusal(text, &named("latency_ms")).contains("cannot be the status column"));
    let error = import::read(&super::bytes("oha.csv"), &named("status")).expect_err("a refusal");
    assert!(
        error.to_string().contains("leave --status-column out"),
        "{error}"
    );
}

#[test]
fn only_a_column_of_latencies_is_chosen() {
    let rows = |head: &str, row: &str| format!("{head}\n{}", format!("{row}\n").repeat(3));
    for (head, row) in [
        ("timestamp,duration (s),bytes", "1700000000,0.02,512"),
        ("id,Response Time [ms]", "7,20"),
        ("rt_us;vu", "20000;3"),
        ("timestamp_ms,dns_ms,total_ms", "1,2,20"),
        ("time,latencyMs,cached", "1,20,true"),
        ("Latency,host", "20ms,x"),
    ] {
        let text = rows(head, row);
        let imported =
            read(&text, &ImportOptions::default()).unwrap_or_else(|e| panic!("{text}: {e}"));
        let recording = &imported.endpoints[0].recording;
        assert_eq!(recording.latency.count_above(19_999_999), (3, 3), "{text}");
        assert_eq!(recording.latency.count_above(20_000_000), (0, 0), "{text}");
    }
    for (head, row) in [
        ("Requests/s,x", "0.5,1"),
        ("req per sec", "3"),
        ("rps,qps", "3,4"),
        ("bytes/s,size", "3,4"),
        ("min,max,avg,p50,p99", "1,9,4,4,8"),
        ("latency_min,latency_max", "1,9"),
        ("p99_ms", "9"),
        ("latency_ms,duration_ms", "1,2"),
        ("elapsed,size", "1,2"),
        ("window,requests,latency_ms", "1,600,4"),
        ("start_ms,end_ms", "1,2"),
        ("timestamp_ms", "7"),
        ("value,foo", "1,2"),
        ("interval,mean", "1,5"),
        ("latency_ms,success rate", "5,0.5"),
    ] {
        refusal(&rows(head, row), &ImportOptions::default());
    }
    // Named, and still refused.
    for name in ["Failures/s", "requests", "window"] {
        let options = ImportOptions {
            column: Some(name.to_owned()),
            unit: Some(TimeUnit::Seconds),
            ..ImportOptions::default()
        };
        let text = std::fs::read_to_string(path("rate-column.csv")).expect("a fixture");
        assert!(refusal(&text, &options).contains("not latencies"), "{name}");
    }
}

#[test]
fn ranks_percentages_and_buckets_are_never_samples() {
    let ab: String = (0..100).map(|i| format!("{i},{}\n", i * 2)).collect();
    let ab = format!("Percentage served,Time in ms\n{ab}");
    for text in [
        "10,5\n20,7\n50,2\n",
        ab.as_str(),
        "percentile,value_ms\n50,10\n90,30\n99,200\n",
        "quantile;latency_ms\n0.5;10\n0.9;30\n",
        "le,count\n0.1,10\n0.5,20\n+Inf,30\n",
        "bucket,count\n1,10\n2,30\n3,2\n",
        "value_ms,count\n1,10\n2,30\n3,2\n",
        "upper bound;frequency\n10;5\n20;6\n",
        "p50,120ms\np90,140ms\np99,150ms\n",
        "name,value_ms\nmin,1\nmax,3\np99,2\n",
        "50,120\n90,140\n99,150\n100,180\n",
        "0.5,120\n0.9,140\n0.99,150\n",
        "0.5 120\n0.9 140\n",
        "  50%    1.23ms\n  75%    1.50ms\n",
        "Latency distribution:\n  10% in 0.0012 secs\n  50% in 0.0032 secs\n",
        "Value(ms)  Percentile  TotalCount\n1 0.5 3\n2 0.9 5\n",
    ] {
        let counts_alone = text.starts_with("10,5");
        let columns = [None, Some("1"), Some("2")];
        for column in &columns[..if counts_alone { 2 } else { 3 }] {
            let options = ImportOptions {
                column: column.map(str::to_owned),
                unit: Some(TimeUnit::Milliseconds),
                ..ImportOptions::default()
            };
            refusal(text, &options);
        }
    }
}

#[test]
fn several_values_on_a_line_are_refused_with_the_line() {
    for text in [
        "1ms\n120ms 130ms 145ms\n",
        "1ms\n120 130 145\n",
        "1ms\n120ms130ms\n",
        "1ms\n1s 200ms\n",
    ] {
        let unit = ImportOptions {
            unit: Some(TimeUnit::Milliseconds),
            ..ImportOptions::default()
        };
        assert!(refusal(text, &unit).starts_with("line 2: "), "{text}");
    }
    for text in ["120ms\t130ms\t145ms\n", "120ms,130ms\n", "120;130;140\n"] {
        let error = refusal(text, &ImportOptions::default());
        assert!(
            error.starts_with("line 1: ") && error.contains(" values"),
            "{error}"
        );
    }
}

#[test]
fn failures_of_a_file_fail_its_verdict_and_its_comparison() {
    let folder = path("");
    let (code, text) = shell(&folder, "judge status-column.csv");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("ok 150 · failed 150"), "{text}");
    let (code, text) = shell(&folder, "judge error-title.csv");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("ok 133 · failed 67"), "{text}");
    let (code, text) = shell(&folder, "judge status-column.csv --status-column none");
    assert_eq!(code, Some(0), "{text}");
    // Requests of 200 ms that ended ok against fast ones that failed.
    let folder = temp_dir();
    let rows = |row: &str| format!("latency_ms,status\n{}", row.repeat(300));
    std::fs::write(folder.path().join("before.csv"), rows("200,200\n")).expect("a file");
    std::fs::write(folder.path().join("after.csv"), rows("5,503\n")).expect("a file");
    let (code, text) = shell(
        folder.path(),
        "compare before.csv after.csv --gate 'p95 reduction >= 10%'",
    );
    assert_ne!(code, Some(0), "{text}");
    assert!(!text.contains("faster"), "{text}");
}

/// Commands and values out of a hint, as a person would follow them.
fn followed(hint: &str, text: &str) -> Vec<(String, String)> {
    let flags = |flags: &str| (flags.to_owned(), text.to_owned());
    let hint = hint.split(", or another of").next().unwrap_or(hint);
    let hint = hint.split(" (").next().unwrap_or(hint);
    if let Some(unit) = hint.strip_prefix("add --unit ") {
        let units = unit.replace(" or", ",").replace(",,", ",");
        return units
            .split(", ")
            .map(|unit| flags(&format!("--unit {}", unit.trim())))
            .collect();
    }
    if let Some(at) = hint
        .find("--column ")
        .filter(|_| hint.starts_with("use --column"))
    {
        return vec![flags(&hint[at..])];
    }
    if hint.contains("--status-column none") {
        return vec![flags("--status-column none")];
    }
    match hint {
        "save it with decimal points, or quote the field" => {
            vec![
                (String::new(), text.replace("100,5", "100.5")),
                (String::new(), text.replace("100,5", "\"100,5\"")),
            ]
        }
        "save it with decimal points, or separate the fields with semicolons" => {
            vec![(String::new(), text.replace(',', "."))]
        }
        "one value per line, such as 163.2ms, or 'failed'" => vec![
            (String::new(), "163.2ms\n".to_owned()),
            (String::new(), "failed\n".to_owned()),
        ],
        "leave --unit out, or name the right column" => vec![(String::new(), text.to_owned())],
        _ => Vec::new(),
    }
}

#[test]
fn every_hint_works_as_it_stands() {
    let folder = temp_dir();
    let file = folder.path().join("times.csv");
    for (flags, text) in [
        ("", "start,elapsed,size\n0,120,9\n1,110,9\n2,130,9\n"),
        ("", "elapsed\n1\n2\n"),
        ("", "163.2\n"),
        ("", "Requests/s,Response Time [ms]\n3,20\n4,30\n"),
        ("", "it's,'x' time,\"a \"\"b\"\"\"\n3,20,1.5\n4,10,1.7\n"),
        (
            "--column Failures/s",
            "window,requests,latency,Failures/s\n1,600,400,0\n2,600,401,0\n",
        ),
        (
            "",
            "window,requests,latency,Failures/s\n1,600,400,0\n2,600,401,0\n",
        ),
        ("", "latency_ms,latency_ms\n1,2\n1,2\n"),
        ("", "latency_ms,status\n1,A\n2,B\n"),
        ("", "latency_ms,foo\n1,true\n2,false\n"),
        ("--column latency_ms", "latency_ms,Failures/s\n1,0.5\n2,0\n"),
        ("", "100,5ms\n100,5ms\n"),
        ("--unit ms", "100,5\n100,5\n"),
        ("", "latency_ms\n1\n100,5\n"),
        ("", "time,latency_ms\n0,100,5\n"),
        ("--unit ms", "163,234\n164,100\n"),
        ("", "120ms 130ms\n"),
        ("", "1ms\nslow\n"),
        ("--unit s", "latency_ms\n1\n"),
        ("", "1,20.5\n2,30.5\n7,25.5\n"),
    ] {
        std::fs::write(&file, text).expect("a file");
        let (code, shown) = shell(folder.path(), &format!("judge times.csv {flags}"));
        assert_eq!(code, Some(2), "{text} {shown}");
        let hint = shown
            .lines()
            .find_map(|line| line.strip_prefix("hint: "))
            .expect("a hint");
        let ways = followed(hint, text);
        assert!(!ways.is_empty(), "{text}: nothing to follow in '{hint}'");
        for (way, text) in ways {
            std::fs::write(&file, &text).expect("a file");
            let kept = match way.contains("--column") || hint.starts_with("leave --unit") {
                true => "",
                false => flags,
            };
            let (mut code, mut shown) =
                shell(folder.path(), &format!("judge times.csv {kept} {way}"));
            // A column that is named asks for its unit.
            if shown.contains("' has no unit\nhint: add --unit s, ms, us or ns") {
                (code, shown) = shell(
                    folder.path(),
                    &format!("judge times.csv {kept} {way} --unit ms"),
                );
            }
            assert_ne!(code, Some(2), "{way} on {text}: {shown}");
        }
    }
}
