//! README and docs hold: their console blocks are run, the table of exit codes is the enum's.

mod pictures;
mod shown;

use a7probe::exit::Exit;

#[test]
fn console_blocks_do_what_they_show() {
    trycmd::TestCases::new()
        .case("README.md")
        .case("docs/*.md")
        .env("NO_COLOR", "1")
        .run();
}

#[test]
fn the_table_of_exit_codes_is_that_of_the_enum() {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let section = readme
        .split("## Exit codes")
        .nth(1)
        .and_then(|rest| rest.split("\n## ").next())
        .unwrap();
    let rows: Vec<String> = section
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| code"))
        .map(str::to_owned)
        .collect();
    let expected: Vec<String> = Exit::ALL
        .iter()
        .map(|exit| format!("| {} | {} |", exit.code(), exit.meaning()))
        .collect();
    assert_eq!(rows, expected);
}

#[test]
fn the_readme_is_one_page() {
    let readme = include_str!("../../README.md");
    assert!(readme.lines().count() <= 200);
}
