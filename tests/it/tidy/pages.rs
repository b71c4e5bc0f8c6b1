//! What `docs/architecture.md` names exists: files, and tests in them.

use std::fs;
use std::path::Path;

/// Where the repository is.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn is_path(word: &str) -> bool {
    ["src/", "tests/", "docs/", "fixtures/", "benches/"]
        .iter()
        .any(|folder| word.starts_with(folder))
}

/// A name with underscores in lower case alone, as tests have.
fn is_test(word: &str) -> bool {
    word.matches('_').count() >= 2
        && word
            .chars()
            .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
}

/// Every test of a text, with the file that is named last before it.
fn named_tests(text: &str) -> Vec<(&str, &str)> {
    let mut file = "";
    let mut found = Vec::new();
    for word in quoted(text) {
        if is_path(word) {
            file = word;
        } else if is_test(word) {
            found.push((file, word));
        }
    }
    found
}

fn page() -> String {
    fs::read_to_string(Path::new(ROOT).join("docs/architecture.md")).expect("the page")
}

#[test]
fn every_file_of_the_architecture_page_exists() {
    let page = page();
    let paths: Vec<&str> = quoted(&page).filter(|word| is_path(word)).collect();
    assert!(paths.len() > 60, "the paths were not found");
    let missing: Vec<&&str> = paths
        .iter()
        .filter(|path| !Path::new(ROOT).join(path).exists())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_test_of_the_architecture_page_is_in_its_file() {
    let page = page();
    let tests = named_tests(&page);
    assert!(tests.len() >= 19, "the tests were not found");
    for (file, test) in tests {
        let code = fs::read_to_string(Path::new(ROOT).join(file)).expect(file);
        let lines: Vec<&str> = code.lines().map(str::trim_start).collect();
        let declaration = format!("fn {test}(");
        let is_there = lines
            .windows(2)
            .any(|pair| pair[0] == "#[test]" && pair[1].starts_with(&declaration));
        assert!(is_there, "{file} has no test {test}");
    }
}

#[test]
fn a_test_belongs_to_the_file_before_it() {
    let text = "`src/a.rs`: `one_is_one`; `tests/b.rs`: `two_are_two` and `Plan`, `x_y`";
    assert_eq!(
        named_tests(text),
        [("src/a.rs", "one_is_one"), ("tests/b.rs", "two_are_two")]
    );
}
