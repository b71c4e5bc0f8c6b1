//! A comparison as a table, Markdown and CSV.

use a7probe::exit::Exit;
use insta::assert_snapshot;

use super::{improved, read};
use crate::screens::looks_as_its_snapshot;

#[test]
fn a_comparison_says_every_verdict_above_its_tables() {
    let answer = improved().runs(&[
        "--gate",
        "ingest p95 <= 100ms",
        "--gate",
        "ingest p95 reduction >= 70%",
        "--gate",
        "health p95 <= baseline + 10%",
    ]);
    assert_eq!(answer.stderr, "");
    looks_as_its_snapshot("compare-command", &answer.stdout);
    assert_eq!(answer.exit, Exit::Pass);
}

#[test]
fn markdown_says_the_same_for_a_pull_request() {
    let gate = ["--gate", "ingest p95 reduction >= 80%"];
    let answer = improved().runs(&[&gate[..], &["--output", "markdown"]].concat());
    assert_snapshot!(answer.stdout, @r#"
    ### ❌ FAIL: before.json → after.json

    ingest P95 reduction: the reduction is at most 76.3% at 95% confidence

    before: http://127.0.0.1:8080 · open model, grid arrivals · 600 requests per endpoint after 2 s of warm-up · timeout 5 s · seed 18446744073709551615

    after: http://127.0.0.1:8080 · open model, grid arrivals · 600 requests per endpoint after 2 s of warm-up · timeout 5 s · seed 18446744073709551615

    **health: 600 requests before, 600 after**

    | metric | before | after | change | 95% interval | effect |
    |---|---:|---:|---|---|---|
    | P50 | 2.50 ms | 2.50 ms | 0% | −23 to +30% | below 1 ms |
    | P90 | 3.70 ms | 3.70 ms | 0% | −8.7 to +9.5% | below 1 ms |
    | P95 | 3.85 ms | 3.85 ms | 0% | −4.8 to +5.0% | within 5% |
    | P99 | 3.97 ms | 3.97 ms | 0% | −1.1 to +1.1% | within 5% |
    | P99.9 | 4.00 ms | 4.00 ms | – | – | cannot compare |
    | failed | 0% | 0% | 0 points | −0.6 to +0.6 | – |
    | sent | 20.0/s | 20.0/s | 0% | – | – |

    **ingest: 600 requests before, 600 after**

    | metric | before | after | change | 95% interval | effect |
    |---|---:|---:|---|---|---|
    | P50 | 250 ms | 62.4 ms | 4× faster | 3.07× to 5.2× | improved |
    | P90 | 370 ms | 92.5 ms | 4× faster | 3.65× to 4.38× | improved |
    | P95 | 385 ms | 96.2 ms | 4× faster | 3.81× to 4.2× | improved |
    | P99 | 397 ms | 99.2 ms | 4× faster | 3.96× to 4.04× | improved |
    | P99.9 | 400 ms | 100 ms | – | – | cannot compare |
    | failed | 0% | 0% | 0 points | −0.6 to +0.6 | – |
    | sent | 20.0/s | 20.0/s | 0% | – | – |

    - **FAIL** `ingest p95 reduction >= 80%`: the reduction is at most 76.3% at 95% confidence

    > P99.9 cannot be compared: needs 3,688 requests per side (you have 600)

    > intervals of changes allow for slow spells: up to 14.5 requests count as one independent request

    > drift not controlled: the runs were made one after the other, so every other change between them is in the difference; to control drift: a7probe ab
    "#);
    assert_eq!(answer.exit, Exit::Fail);
}

#[test]
fn csv_has_a_row_for_each_endpoint_and_percentile() {
    let answer = improved().runs(&["--output", "csv"]);
    let mut rows = csv::Reader::from_reader(answer.stdout.as_bytes());
    let headers = rows.headers().expect("headers").clone();
    let rows: Vec<csv::StringRecord> = rows.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 10);
    let cell = |row: usize, name: &str| {
        let column = headers.iter().position(|header| header == name);
        rows[row][column.expect(name)].to_owned()
    };
    assert_eq!(
        (cell(0, "endpoint"), cell(0, "metric")),
        ("health".into(), "p50".into())
    );
    assert_eq!(
        (cell(7, "endpoint"), cell(7, "metric")),
        ("ingest".into(), "p95".into())
    );
    assert_eq!(cell(7, "effect"), "improved");
    assert_eq!(cell(9, "ratio_low"), "", "P99.9 cannot be compared");
    assert_eq!(cell(9, "samples_needed"), "3688");
}

#[test]
fn csv_has_every_gate_with_its_verdict() {
    let gates = [
        "ingest p95 reduction >= 70%",
        "ingest p95 <= 1s",
        "ingest error_rate <= 5%",
    ];
    let arguments: Vec<&str> = gates.iter().flat_map(|gate| ["--gate", gate]).collect();
    let answer = improved().runs(&[&arguments[..], &["--output", "csv"]].concat());
    let mut rows = csv::Reader::from_reader(answer.stdout.as_bytes());
    let headers = rows.headers().expect("headers").clone();
    let column = |name: &str| {
        headers
            .iter()
            .position(|header| header == name)
            .expect(name)
    };
    let (gate, verdict) = (column("gate"), column("verdict"));
    let rows: Vec<csv::StringRecord> = rows.records().map(|row| row.expect("a row")).collect();
    assert_eq!(
        rows.len(),
        12,
        "one more for the second gate on P95, one for the error rate"
    );
    for expected in gates {
        let row = rows.iter().find(|row| &row[gate] == expected);
        let row = row.unwrap_or_else(|| panic!("{expected}: {}", answer.stdout));
        assert!(
            ["PASS", "FAIL", "INCONCLUSIVE"].contains(&&row[verdict]),
            "{row:?}"
        );
    }
}

#[test]
fn a_report_file_holds_what_stdout_shows() {
    let case = improved();
    let file = case.path("report.json");
    let flag = format!("json={}", file.display());
    let answer = case.runs(&["--output", "json", "--report", &flag]);
    assert_eq!(
        read(&file),
        answer
            .stdout
            .replace(
                "before.json",
                &case.path("before.json").display().to_string()
            )
            .replace("after.json", &case.path("after.json").display().to_string())
    );
}
