//! Habits that a compiler does not ask for.

use super::sources;

/// A plain `bool` is asked with `if`, `then` or `then_some`.
#[test]
fn no_bool_is_matched() {
    let mut wrong = Vec::new();
    for source in sources() {
        let is_arm = |line: &&str| {
            let text = line.trim_start();
            ["true =>", "false =>", "true if "]
                .iter()
                .any(|arm| text.starts_with(arm))
        };
        let count = source.text.lines().filter(is_arm).count();
        if count > 0 {
            wrong.push(format!("src/{}.rs has {count} arms", source.module));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A function that needs eight values needs a struct with a name.
#[test]
fn no_function_is_excused_from_the_limit_of_its_arguments() {
    for source in sources() {
        let is_excused = source.text.contains("too_many_arguments");
        assert!(!is_excused, "src/{}.rs", source.module);
    }
}

/// Errors keep their message at their type, and the grammar of gates says what it cannot read.
const ERRORS: [&str; 5] = [
    "judge/comparison/noise",
    "judge/gate/check",
    "judge/gate/grammar",
    "judge/gate/grammar/limit",
    "judge/gate/parse_error",
];

/// A reason is a value; its sentence is in `report`.
#[test]
fn no_sentence_is_built_where_numbers_become_verdicts() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|s| s.top() == "judge") {
        let module = source.module.as_str();
        if ERRORS.contains(&module) || module.ends_with("/tests") {
            continue;
        }
        for line in source.code() {
            // Every second piece between quotation marks is a text.
            let texts = line.split('"').skip(1).step_by(2);
            wrong.extend(
                texts
                    .filter(|text| words(text) > 4)
                    .map(|text| format!("src/{module}.rs: {text}")),
            );
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn words(text: &str) -> usize {
    let is_word = |word: &&str| word.len() > 1 && word.chars().all(char::is_alphabetic);
    text.split_whitespace().filter(is_word).count()
}
