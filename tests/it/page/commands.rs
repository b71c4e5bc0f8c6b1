//! `--report html=` and `svg=` of every command that has a report, and errors about their files.

use std::fs;
use std::path::Path;

use super::markup;
use crate::harness::{code, run, stderr, stdout, temp_dir};
use crate::scripted::{OK, Server};

/// The page and the picture in a folder.
#[track_caller]
fn drawn(folder: &Path) -> [String; 2] {
    ["report.html", "report.svg"].map(|name| {
        let text = fs::read_to_string(folder.join(name)).expect("it was written");
        markup::check(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(text.len() <= 300_000, "{name}: {} bytes", text.len());
        text
    })
}

const REPORTS: [&str; 4] = ["--report", "html=report.html", "--report", "svg=report.svg"];

fn measured(folder: &Path) {
    let server = Server::answering(OK);
    let url = format!("{}/health", server.url());
    let arguments = [
        "measure", &url, "-q", "100", "-n", "200", "--warmup", "0s", "--trace", "--save",
        "run.json",
    ];
    let output = run(folder, &[&arguments[..], &REPORTS].concat());
    assert!(matches!(code(&output), 0 | 3), "{}", stderr(&output));
}

#[test]
fn measure_writes_a_page_that_leads_to_its_run_file() {
    let folder = temp_dir();
    measured(folder.path());
    let [page, picture] = drawn(folder.path());
    for words in [
        "<a href=\"run.json\">",
        "<h3>Latency over time</h3>",
        "<h3>Errors, rate, in flight</h3>",
        "<h3>Percentiles</h3>",
        "<h3>Distribution</h3>",
        "<h3>Phases</h3>",
        "<h3>Repeat this run</h3>",
        "--rate 100/s",
        "-n 200",
        "--trace",
        "GET /health",
    ] {
        assert!(page.contains(words), "no {words}");
    }
    assert!(picture.starts_with("<svg xmlns="), "{}", &picture[..80]);
}

#[test]
fn judge_and_compare_write_the_same_of_saved_runs() {
    let folder = temp_dir();
    measured(folder.path());
    fs::create_dir(folder.path().join("out")).expect("a folder");
    let output = run(
        folder.path(),
        &[
            "judge",
            "run.json",
            "--target",
            "200ms",
            "--report",
            "html=out/page.html",
        ],
    );
    assert!(matches!(code(&output), 0 | 1 | 3), "{}", stderr(&output));
    let page = fs::read_to_string(folder.path().join("out/page.html")).expect("written");
    markup::check(&page).expect("well-formed");
    assert!(page.contains("<a href=\"../run.json\">"), "{page}");
    fs::copy(folder.path().join("run.json"), folder.path().join("b.json")).expect("copied");
    let compare = ["compare", "run.json", "b.json"];
    let output = run(folder.path(), &[&compare[..], &REPORTS].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let [page, _] = drawn(folder.path());
    assert!(page.contains("No verdict — health "), "{}", &page[..700]);
    assert!(
        page.contains("<h3>Distribution before</h3>"),
        "no charts of both runs"
    );
    assert!(
        page.contains("<h3>Distribution after</h3>"),
        "no charts of both runs"
    );
}

#[test]
fn ab_writes_both_sides() {
    let folder = temp_dir();
    let server = Server::answering(OK);
    let arguments = [
        "ab",
        "--before",
        &server.url(),
        "--after",
        &server.url(),
        "--get",
        "health=/health",
        "-q",
        "100",
        "--block",
        "300ms",
        "--settle",
        "100ms",
        "--pairs",
        "4",
    ];
    let output = run(folder.path(), &[&arguments[..], &REPORTS].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let [page, _] = drawn(folder.path());
    assert!(
        page.contains("<h2 class=\"t3\" id=\"change\">Change</h2>"),
        "{page}"
    );
}

#[test]
fn a_list_of_latencies_has_a_page_without_charts_over_time() {
    let folder = temp_dir();
    let latencies = [
        "163", "158", "171", "160", "169", "155", "320.5", "162", "159", "166",
    ];
    fs::write(folder.path().join("evidence.txt"), latencies.join("\n")).expect("written");
    let judge = ["judge", "evidence.txt", "--unit", "ms"];
    let output = run(folder.path(), &[&judge[..], &REPORTS].concat());
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let [page, _] = drawn(folder.path());
    assert!(
        page.contains("the file does not say when its requests were sent"),
        "{page}"
    );
    assert!(page.contains("each is a dot"), "{page}");
}

#[test]
fn an_error_names_the_page_that_cannot_be_written() {
    let folder = temp_dir();
    fs::write(folder.path().join("a.txt"), "1ms\n2ms\n").expect("written");
    let judge = ["judge", "a.txt", "--report", "html=missing/r.html"];
    let output = run(folder.path(), &judge);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    let message = "cannot write missing/r.html";
    assert!(stderr(&output).contains(message), "{}", stderr(&output));
}

#[test]
fn a_page_goes_to_stdout_in_place_of_the_screen_and_a_name_says_its_format() {
    let folder = temp_dir();
    fs::write(folder.path().join("a.txt"), "1ms\n2ms\n").expect("written");
    let judge = ["judge", "a.txt", "--report", "html=-", "--report", "b.svg"];
    let output = run(folder.path(), &judge);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let page = stdout(&output);
    assert!(page.starts_with("<!DOCTYPE html>"), "{page}");
    markup::check(&page).expect("well-formed");
    let picture = fs::read_to_string(folder.path().join("b.svg")).expect("written");
    markup::check(&picture).expect("well-formed");
}
