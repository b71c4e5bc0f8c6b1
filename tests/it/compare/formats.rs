//! A comparison as a table, Markdown and CSV.

use a7probe::exit::Exit;
use insta::assert_snapshot;

use super::{improved, read};

#[test]
fn a_comparison_reads_as_a_table_with_its_gates_below() {
    let answer = improved().runs(&[
        "--gate",
        "ingest p95 <= 100ms",
        "--gate",
        "ingest p95 reduction >= 70%",
        "--gate",
        "health p95 <= baseline + 10%",
    ]);
    assert_eq!(answer.stderr, "");
    assert_snapshot!(answer.stdout, @r#"
    before: http://127.0.0.1:8080 · open model, grid arrivals · 600 requests per endpoint after 2 s of warm-up · timeout 5 s · seed 18446744073709551615
    after: http://127.0.0.1:8080 · open model, grid arrivals · 600 requests per endpoint after 2 s of warm-up · timeout 5 s · seed 18446744073709551615

    health: 600 requests before, 600 after
    ┌───────────────┬─────────┬─────────┬───────────┬──────────────────────┬──────────────┐
    │ Metric        ┆  Before ┆   After ┆ Change    ┆ Interval (95 %)      ┆ Effect       │
    ╞═══════════════╪═════════╪═════════╪═══════════╪══════════════════════╪══════════════╡
    │ P50           ┆  2.5 ms ┆  2.5 ms ┆ unchanged ┆ −23.1 % … +30.1 %    ┆ within noise │
    │ P90           ┆  3.7 ms ┆  3.7 ms ┆ unchanged ┆ −8.7 % … +9.5 %      ┆ within noise │
    │ P95           ┆ 3.85 ms ┆ 3.85 ms ┆ unchanged ┆ −4.8 % … +5 %        ┆ within noise │
    │ P99           ┆ 3.97 ms ┆ 3.97 ms ┆ unchanged ┆ −1.1 % … +1.1 %      ┆ within noise │
    │ P99.9         ┆    4 ms ┆    4 ms ┆ unchanged ┆ cannot be resolved   ┆ inconclusive │
    │ error rate    ┆ 0 % (0) ┆ 0 % (0) ┆ unchanged ┆ −0.61 … +0.61 points ┆ –            │
    │ achieved rate ┆    20/s ┆    20/s ┆ ±0 %      ┆ –                    ┆ –            │
    └───────────────┴─────────┴─────────┴───────────┴──────────────────────┴──────────────┘

    ingest: 600 requests before, 600 after
    ┌───────────────┬──────────┬──────────┬───────────┬──────────────────────┬──────────────┐
    │ Metric        ┆   Before ┆    After ┆ Change    ┆ Interval (95 %)      ┆ Effect       │
    ╞═══════════════╪══════════╪══════════╪═══════════╪══════════════════════╪══════════════╡
    │ P50           ┆ 249.8 ms ┆ 62.44 ms ┆ 4× faster ┆ 3.07× – 5.2× faster  ┆ improved     │
    │ P90           ┆ 369.9 ms ┆ 92.49 ms ┆ 4× faster ┆ 3.65× – 4.38× faster ┆ improved     │
    │ P95           ┆   385 ms ┆ 96.25 ms ┆ 4× faster ┆ 3.81× – 4.2× faster  ┆ improved     │
    │ P99           ┆   397 ms ┆ 99.25 ms ┆ 4× faster ┆ 3.96× – 4.04× faster ┆ improved     │
    │ P99.9         ┆   400 ms ┆   100 ms ┆ 4× faster ┆ cannot be resolved   ┆ inconclusive │
    │ error rate    ┆  0 % (0) ┆  0 % (0) ┆ unchanged ┆ −0.61 … +0.61 points ┆ –            │
    │ achieved rate ┆     20/s ┆     20/s ┆ ±0 %      ┆ –                    ┆ –            │
    └───────────────┴──────────┴──────────┴───────────┴──────────────────────┴──────────────┘

    note: health, ingest: an interval of the change takes on each side 3 688 requests for P99.9
    note: intervals of changes reckon with bursts: up to 14.5 requests are worth one independent one
    note: the verdicts on one run reckon with bursts; such a PASS excludes slow episodes of 100 ms
    note: drift not controlled: the runs were made one after the other, so whatever else changed between them is in the difference; repeat them in turns (before, after, after, before) and see whether it stays

    PASS          health p95 <= baseline + 10%: the growth is at most 5 % at 95 % confidence
    PASS          ingest p95 <= 100ms: none of 600 requests was above 100 ms, and up to 20 would pass
    PASS          ingest p95 reduction >= 70%: the reduction is at least 73.7 % at 95 % confidence

    PASS all 3 gates
    "#);
    assert_eq!(answer.exit, Exit::Pass);
}

#[test]
fn markdown_says_the_same_for_a_pull_request() {
    let gate = ["--gate", "ingest p95 reduction >= 80%"];
    let answer = improved().runs(&[&gate[..], &["--output", "markdown"]].concat());
    assert_snapshot!(answer.stdout, @r#"
    ### ❌ FAIL: before.json → after.json

    ingest P95 reduction: the reduction is at most 76.3 % at 95 % confidence

    before: http://127.0.0.1:8080 · open model, grid arrivals · 600 requests per endpoint after 2 s of warm-up · timeout 5 s · seed 18446744073709551615

    after: http://127.0.0.1:8080 · open model, grid arrivals · 600 requests per endpoint after 2 s of warm-up · timeout 5 s · seed 18446744073709551615

    **health: 600 requests before, 600 after**

    | Metric | Before | After | Change | Interval (95 %) | Effect |
    |---|---:|---:|---|---|---|
    | P50 | 2.5 ms | 2.5 ms | unchanged | −23.1 % … +30.1 % | within noise |
    | P90 | 3.7 ms | 3.7 ms | unchanged | −8.7 % … +9.5 % | within noise |
    | P95 | 3.85 ms | 3.85 ms | unchanged | −4.8 % … +5 % | within noise |
    | P99 | 3.97 ms | 3.97 ms | unchanged | −1.1 % … +1.1 % | within noise |
    | P99.9 | 4 ms | 4 ms | unchanged | cannot be resolved | inconclusive |
    | error rate | 0 % (0) | 0 % (0) | unchanged | −0.61 … +0.61 points | – |
    | achieved rate | 20/s | 20/s | ±0 % | – | – |

    **ingest: 600 requests before, 600 after**

    | Metric | Before | After | Change | Interval (95 %) | Effect |
    |---|---:|---:|---|---|---|
    | P50 | 249.8 ms | 62.44 ms | 4× faster | 3.07× – 5.2× faster | improved |
    | P90 | 369.9 ms | 92.49 ms | 4× faster | 3.65× – 4.38× faster | improved |
    | P95 | 385 ms | 96.25 ms | 4× faster | 3.81× – 4.2× faster | improved |
    | P99 | 397 ms | 99.25 ms | 4× faster | 3.96× – 4.04× faster | improved |
    | P99.9 | 400 ms | 100 ms | 4× faster | cannot be resolved | inconclusive |
    | error rate | 0 % (0) | 0 % (0) | unchanged | −0.61 … +0.61 points | – |
    | achieved rate | 20/s | 20/s | ±0 % | – | – |

    - **FAIL** `ingest p95 reduction >= 80%`: the reduction is at most 76.3 % at 95 % confidence

    > health, ingest: an interval of the change takes on each side 3 688 requests for P99.9

    > intervals of changes reckon with bursts: up to 14.5 requests are worth one independent one

    > drift not controlled: the runs were made one after the other, so whatever else changed between them is in the difference; repeat them in turns (before, after, after, before) and see whether it stays
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
    assert_eq!(
        cell(9, "ratio_low"),
        "",
        "600 requests cannot carry a P99.9"
    );
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
