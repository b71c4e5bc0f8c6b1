//! The pictures of README and docs: the screen of a saved run as SVG, and its page as Chromium draws it.
//!
//! The screen is compared in every run of the tests; `TRYCMD=overwrite` draws it anew. The page is drawn anew with
//! `A7PROBE_LONG=1`, because every version of Chromium draws another PNG.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::shown::{on_a_terminal, pages, root, words};
use crate::harness::{code, run, stderr, temp_dir};
use crate::needs::{CHROMIUM, LONG_TESTS, need, need_right};

/// What both pictures show.
const RUN: &str = "judge health.json";

/// The command that a reader would type for such a run.
const TYPED: &str = "a7probe http://127.0.0.1:8080/health";

const SCREEN: &str = "docs/terminal.svg";
const PAGE: &str = "docs/report.png";

/// The most bytes of a picture.
const MOST_BYTES: u64 = 150_000;

/// Width of a character, height of a line and space around them, in px.
const CHARACTER: f64 = 8.4;
const LINE: f64 = 19.0;
const MARGIN: f64 = 18.0;

/// A part of a line in one colour.
struct Segment {
    column: usize,
    text: String,
    sequence: String,
}

/// The parts of a line between its colour sequences and around its bars, without those of spaces alone.
fn segments(line: &str) -> Vec<Segment> {
    let mut found = Vec::new();
    let mut column = 0;
    let pieces = line.split("\u{1b}[").enumerate();
    for (index, piece) in pieces {
        let (sequence, text) = match index {
            0 => ("0", piece),
            _ => piece.split_once('m').expect("the end of a sequence"),
        };
        let characters: Vec<char> = text.chars().collect();
        for part in characters.chunk_by(|a, b| is_bar(*a) == is_bar(*b)) {
            let text: String = part.iter().collect();
            if !text.trim().is_empty() {
                found.push(Segment {
                    column,
                    text,
                    sequence: sequence.to_owned(),
                });
            }
            column += part.len();
        }
    }
    found
}

/// A block of eighths: of the height from `▁` to `█`, of the width from `▉` to `▏`.
fn is_bar(c: char) -> bool {
    ('▁'..='▏').contains(&c)
}

/// Bars as rectangles, without the seams that fonts leave between them.
fn bars(segment: &Segment, top: f64) -> String {
    let mut path = String::new();
    for (index, c) in segment.text.chars().enumerate() {
        let eighths = f64::from(c as u32 - '▁' as u32 + 1);
        let (width, height) = if eighths <= 8.0 {
            (1.0, eighths / 8.0)
        } else {
            ((16.0 - eighths) / 8.0, 1.0)
        };
        let x = MARGIN + (segment.column + index) as f64 * CHARACTER;
        let full = LINE - 3.0;
        let y = top + 1.5 + full * (1.0 - height);
        let (width, height) = (width * CHARACTER, full * height);
        write!(path, "M{x:.1} {y:.1}h{width:.1}v{height:.1}h-{width:.1}z")
            .expect("memory takes it");
    }
    path
}

/// The colour and the weight of a sequence, on a dark background.
fn look(sequence: &str) -> (&'static str, u32) {
    match sequence {
        "1;32" => ("#4cc3a0", 700),
        "1;31" => ("#ff8a70", 700),
        "1;33" => ("#e3b341", 700),
        "1" => ("#ffffff", 700),
        "2" => ("#98a2ad", 400),
        _ => ("#dfe3e8", 400),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The text of a terminal as a picture. Every part has its place and width, so that columns stay columns in any font.
fn picture(screen: &str) -> String {
    let lines: Vec<&str> = screen.lines().collect();
    let columns = 80.0;
    let width = columns * CHARACTER + 2.0 * MARGIN;
    let height = lines.len() as f64 * LINE + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#0f1216\"/>\n"
    );
    for (index, line) in lines.iter().enumerate() {
        let y = MARGIN + (index as f64 + 0.75) * LINE;
        for segment in segments(line) {
            let (fill, weight) = look(&segment.sequence);
            if segment.text.starts_with(is_bar) {
                let path = bars(&segment, MARGIN + index as f64 * LINE);
                writeln!(svg, "<path fill=\"{fill}\" d=\"{path}\"/>").expect("memory takes it");
                continue;
            }
            let shown = segment.text.trim_start();
            let column = segment.column + segment.text.chars().count() - shown.chars().count();
            let shown = shown.trim_end();
            let x = MARGIN + column as f64 * CHARACTER;
            let length = shown.chars().count() as f64 * CHARACTER;
            writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{fill}\" font-weight=\"{weight}\" xml:space=\"preserve\">{}</text>",
                escaped(shown)
            )
            .expect("memory takes it");
        }
    }
    svg + "</svg>\n"
}

#[test]
fn the_screen_of_the_readme_is_what_the_program_prints() {
    let variables = [("CLICOLOR_FORCE", "1"), ("TERM", "xterm")];
    let screen = on_a_terminal(&words(RUN), &variables);
    let drawn = picture(&format!("$ {TYPED}\n{screen}"));
    let path = root().join(SCREEN);
    if std::env::var("TRYCMD").is_ok_and(|value| value == "overwrite") {
        fs::write(&path, &drawn).expect("written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == drawn,
        "{SCREEN} is old; draw it anew with TRYCMD=overwrite"
    );
}

#[test]
fn the_page_of_the_readme_is_drawn_by_a_browser() {
    if need_right(&LONG_TESTS, "readme::pictures::page").is_none() {
        return;
    }
    let Some(chromium) = need(&CHROMIUM, "readme::pictures::page") else {
        return;
    };
    let folder = temp_dir();
    let page = folder.path().join("report.html");
    let report = format!("html={}", page.display());
    let arguments = [&words(RUN)[..], &["--report".to_owned(), report]].concat();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = run(&root().join("fixtures/runs"), &arguments);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let drawn = folder.path().join("report.png");
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
        ])
        .args(["--window-size=940,1147", "--force-device-scale-factor=1"])
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .arg(format!("--screenshot={}", drawn.display()))
        .arg(&page)
        .output()
        .expect("Chromium starts");
    assert!(output.status.success(), "{}", stderr(&output));
    let png = fs::read(&drawn).expect("a picture");
    assert!(png.starts_with(b"\x89PNG"), "no PNG");
    assert!(png.len() as u64 <= MOST_BYTES, "{} bytes", png.len());
    fs::write(root().join(PAGE), png).expect("written");
}

/// The files that a page shows as pictures.
fn pictures(page: &str) -> Vec<&str> {
    let starts = page.match_indices("](").filter(|(at, _)| {
        let before = &page[..*at];
        let open = before.rfind('[').unwrap_or_default();
        before[..open].ends_with('!') && !before[open..].contains("](")
    });
    starts
        .filter_map(|(at, _)| page[at + 2..].split(')').next())
        .collect()
}

#[test]
fn every_picture_exists_and_is_small() {
    let mut seen = Vec::new();
    for path in pages() {
        let page = fs::read_to_string(&path).expect("a page");
        let folder = path.parent().expect("a folder");
        for picture in pictures(&page) {
            let size = fs::metadata(folder.join(picture)).map(|file| file.len());
            let size = size.unwrap_or_else(|e| panic!("{} shows {picture}: {e}", path.display()));
            assert!(size > 0 && size <= MOST_BYTES, "{picture}: {size} bytes");
            seen.push(folder.join(picture));
        }
    }
    for expected in [SCREEN, PAGE] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(expected);
        assert!(seen.contains(&path), "no page shows {expected}");
    }
}

#[test]
fn a_line_is_taken_apart_at_its_colours() {
    let parts = segments("\u{1b}[1;31mFAIL\u{1b}[0m  a \u{1b}[2mb\u{1b}[0m █▏5");
    let parts: Vec<(usize, &str, &str)> = parts
        .iter()
        .map(|part| (part.column, part.text.as_str(), part.sequence.as_str()))
        .collect();
    let expected = [
        (0, "FAIL", "1;31"),
        (4, "  a ", "0"),
        (8, "b", "2"),
        (10, "█▏", "0"),
        (12, "5", "0"),
    ];
    assert_eq!(parts, expected);
    let bar = bars(&segments("▌").remove(0), 0.0);
    assert_eq!(bar, "M18.0 1.5h4.2v16.0h-4.2z");
    assert_eq!(
        pictures("[a](b) ![c d](e.svg) and [![f](g.png)](h)"),
        ["e.svg", "g.png"]
    );
}
