//! The report as a page and as a picture: well-formed, nothing fetched, nothing from outside unescaped, one file of every
//! command that has a report.

mod commands;
mod hostile;
mod long_run;
pub(crate) mod markup;

use a7probe::report::{Report, ReportFormat, Style};
use a7probe::run::recording::Recording;
use a7probe::run::sample::Outcome;

use crate::screens::{all_screens, recording_at, report_of};

/// A report in one of its drawn forms.
pub(crate) fn written(report: &Report, format: ReportFormat) -> String {
    let mut out = Vec::new();
    (report.write(format, &Style::default(), &mut out)).expect("memory takes it");
    String::from_utf8(out).expect("UTF-8")
}

fn drawn(report: &Report) -> [String; 2] {
    [ReportFormat::Html, ReportFormat::Svg].map(|format| written(report, format))
}

#[test]
fn pages_and_pictures_are_well_formed() {
    for (name, report) in all_screens() {
        for text in drawn(&report) {
            markup::check(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}

#[test]
fn every_colour_of_a_page_has_its_dark_value() {
    for (name, report) in all_screens() {
        for text in drawn(&report) {
            for property in ["fill", "stroke"] {
                let start = format!(" {property}=\"#");
                let mut seen = 0;
                for (at, _) in text.match_indices(&start) {
                    let hex = &text[at + start.len() - 1..][..7];
                    let rule = format!("[{property}=\"{hex}\"]{{{property}:#");
                    assert!(text.contains(&rule), "{name}: {hex} has no dark value");
                    seen += 1;
                }
                let is_drawn = seen > 0 || property == "stroke";
                assert!(is_drawn, "{name} has no {property}");
            }
        }
    }
}

#[test]
fn a_page_needs_nothing_but_itself() {
    for (name, report) in all_screens() {
        for text in drawn(&report) {
            for forbidden in [
                "<script",
                "<img",
                "<iframe",
                "<object",
                "@import",
                "url(",
                " style=",
                " onload=",
                "src=",
                "<foreignObject",
            ] {
                assert!(!text.contains(forbidden), "{name} has {forbidden}");
            }
            let without_namespace = text.replace("http://www.w3.org/2000/svg", "");
            let fetched = without_namespace.matches("href=\"http").count();
            assert_eq!(fetched, 0, "{name}");
        }
    }
}

/// What stands in the title of a page, with plain spaces.
fn title(page: &str) -> String {
    let (_, rest) = page.split_once("<title>").expect("a title");
    let (title, _) = rest.split_once("</title>").expect("its end");
    title.replace('\u{a0}', " ")
}

#[test]
fn a_page_begins_with_its_verdict() {
    for (name, begins) in [
        (
            "pass",
            "PASS — 3 of 3 gates; closest: health P99 40.5 ms, limit 150 ms · a7probe",
        ),
        ("fail", "FAIL — health P9"),
        ("nothing", "INCONCLUSIVE — health: no data"),
        ("no-gates", "INCONCLUSIVE — health P95 39.0 ms · a7probe"),
        ("compare-improved", "PASS — ingest P95 "),
    ] {
        let screens = all_screens();
        let (_, report) = screens
            .iter()
            .find(|(known, _)| *known == name)
            .expect("a screen");
        let title = title(&written(report, ReportFormat::Html));
        assert!(title.starts_with(begins), "{name}: {title}");
    }
}

/// The pictures of runs whose truth is known, in `fixtures/page`; `INSTA_UPDATE=always` writes them anew.
#[test]
fn pictures_look_as_their_snapshots_do() {
    let screens = all_screens();
    for wanted in ["failures", "compare-improved"] {
        let (_, report) = screens
            .iter()
            .find(|(name, _)| *name == wanted)
            .expect("a screen");
        let picture = written(report, ReportFormat::Svg).replace('>', ">\n");
        insta::with_settings!({
            snapshot_path => "../../fixtures/page",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(wanted, picture);
        });
    }
}

#[test]
fn the_slowest_answers_carry_their_trace_ids() {
    let screens = all_screens();
    let (_, report) = screens
        .iter()
        .find(|(name, _)| *name == "traces")
        .expect("a screen");
    let page = written(report, ReportFormat::Html);
    let failed = report.endpoints[0].first_failed.first();
    let failed = failed.and_then(|one| one.trace_id).expect("one failed");
    assert!(
        page.contains(&format!("<td class=\"r\">{failed}</td>")),
        "{failed}"
    );
    assert!(page.contains(">HTTP 500 after 2.00 ms</td>"), "{page}");
    let slowest = &report.endpoints[0].course.slowest;
    let mut answered = slowest.iter().filter(|slow| slow.outcome == Outcome::Ok);
    let id = answered
        .find_map(|slow| slow.trace_id)
        .expect("a trace")
        .to_string();
    assert!(page.contains(&format!("<td class=\"r\">{id}</td>")), "{id}");
    assert!(page.contains(&format!("<title>{id} · ")), "{id}");
}

/// 30 s at 20 a second: buckets of a second have no P99, and the page says so.
#[test]
fn a_chart_says_which_percentile_it_leaves_out() {
    let screens = all_screens();
    let (_, report) = screens
        .iter()
        .find(|(name, _)| *name == "pass")
        .expect("it");
    let page = written(report, ReportFormat::Html);
    assert!(
        page.contains("P99 is not drawn: it needs 100 requests a bucket"),
        "{page}"
    );
    assert!(
        page.contains("P95 within the limit in all 30 seconds."),
        "{page}"
    );
}

/// 2 s at 200 a second: buckets of 100 ms.
#[test]
fn a_short_run_has_buckets_of_100_ms() {
    let report = report_of(recording_at(400, 5_000_000, |index| {
        10_000 + index % 7 * 1_000
    }));
    let page = written(&report, ReportFormat::Html);
    assert!(
        page.contains("health: over time, 0.1\u{a0}s a row"),
        "{page}"
    );
    assert!(page.contains("<small>20 rows</small>"), "{page}");
}

#[test]
fn ten_requests_are_dots_and_none_are_words() {
    let ten = report_of(recording_at(10, 50_000_000, |index| 10_000 + index * 1_000));
    let page = written(&ten, ReportFormat::Html);
    assert!(
        page.contains("10 requests are too few for a curve: each is a dot."),
        "{page}"
    );
    assert!(
        page.contains("of data; a chart over time needs 1 s."),
        "{page}"
    );
    let none = report_of(recording_at(0, 1, |_| 0));
    let page = written(&none, ReportFormat::Html);
    assert!(!page.contains("<h3>Percentiles</h3>"), "{page}");
}

/// 20 minutes at 2,000 a second: beyond the sequence, drawn from the seconds.
#[test]
fn a_long_run_stays_below_300_kb() {
    let long: Recording = recording_at(2_400_000, 500_000, |index| {
        2_000 + index * 7_919 % 9_000 + if index % 97_000 < 300 { 400_000 } else { 0 }
    });
    let report = report_of(long);
    let began = std::time::Instant::now();
    let page = written(&report, ReportFormat::Html);
    let took = began.elapsed();
    assert!(page.len() <= 300_000, "{} bytes", page.len());
    assert!(
        page.contains("Drawn from the seconds of the run."),
        "no heat map"
    );
    // Unoptimized; a release needs a tenth.
    assert!(took.as_secs() < 20, "{took:?}");
    let slowest = "Slowest answer 411\u{a0}ms";
    assert!(page.contains(slowest), "the maximum is not kept");
}
