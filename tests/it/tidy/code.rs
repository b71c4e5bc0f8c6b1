//! Habits that a compiler does not ask for.

use super::sources;

/// A plain `bool` is asked with `if`, `then` or `then_some`. A tuple of bools may be a truth table that names both in
/// every arm; where an arm leaves one open, it is a chain of `if` in disguise.
#[test]
fn no_bool_is_matched() {
    let mut wrong = Vec::new();
    for source in sources() {
        let arms = source.text.lines().filter(|line| asks_a_bool(line));
        wrong.extend(arms.map(|arm| format!("src/{}.rs: {}", source.module, arm.trim())));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Whether a line begins an arm that asks a bool alone, or one of a tuple and leaves another open.
fn asks_a_bool(line: &str) -> bool {
    let text = line.trim_start().trim_start_matches("| ");
    let pattern = text.split(" =>").next().unwrap_or_default();
    let pattern = pattern.split(" if ").next().unwrap_or_default();
    if pattern.len() == text.trim_end().len() {
        return false;
    }
    let elements = pattern.strip_prefix('(').and_then(|p| p.strip_suffix(')'));
    match elements {
        Some(elements) => {
            let mut parts = elements.split(", ");
            parts.clone().any(is_bool) && parts.any(|part| part == "_")
        }
        None => is_bool(pattern),
    }
}

fn is_bool(pattern: &str) -> bool {
    matches!(pattern, "true" | "false")
}

#[test]
fn an_arm_that_leaves_a_bool_open_is_told_from_a_truth_table() {
    for arm in [
        "true => 1,",
        "    false if a => {",
        "(true, _) => 1,",
        "| (_, b, false) if c => {",
    ] {
        assert!(asks_a_bool(arm), "{arm}");
    }
    for line in [
        "(true, false) => 1,",
        "Some(true) => 1,",
        "(true, Some(_)) => 1,",
        "(_, None) => 1,",
        "true",
        "if a && b {",
    ] {
        assert!(!asks_a_bool(line), "{line}");
    }
}

/// A function that needs eight values needs a struct with a name.
#[test]
fn no_function_is_excused_from_the_limit_of_its_arguments() {
    for source in sources() {
        let is_excused = source.text.contains("too_many_arguments");
        assert!(!is_excused, "src/{}.rs", source.module);
    }
}

/// Values that belong together have a name together: a tuple as a parameter dodges the limit of arguments.
#[test]
fn no_parameter_is_a_tuple() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (head, parameter) in tuple_parameters(&source.code()) {
            wrong.push(format!("src/{}.rs: {head}: {parameter}", source.module));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Functions and the names of their parameters that are tuples of two or more, or references to them.
fn tuple_parameters(code: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let head = &code[at + 3..];
        let name: String = head
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let is_head = code[..at].ends_with([' ', '\n']) || at == 0;
        if name.is_empty() || !is_head {
            continue;
        }
        let ends = head.find(['{', ';']).unwrap_or(head.len());
        let parameters = head[..ends].split(" -> ").next().unwrap_or_default();
        for (colon, _) in parameters.match_indices(": ") {
            let kind = parameters[colon + 2..]
                .trim_start_matches("&")
                .trim_start_matches("mut ");
            if is_tuple(kind) {
                let before = &parameters[..colon];
                let start = before.rfind(|c: char| !c.is_alphanumeric() && c != '_');
                let parameter = &before[start.map_or(0, |at| at + 1)..];
                found.push((name.clone(), parameter.to_owned()));
            }
        }
    }
    found
}

/// Whether a type that begins here is a tuple: a comma stands in its parentheses, and not deeper.
fn is_tuple(kind: &str) -> bool {
    let mut depth = 0;
    for sign in kind.chars() {
        match sign {
            '(' | '<' | '[' => depth += 1,
            ')' | '>' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return false;
        }
        if depth == 1 && sign == ',' {
            return kind.starts_with('(');
        }
    }
    false
}

#[test]
fn a_tuple_is_seen_in_the_head_of_a_function_alone() {
    let code = "fn a(x: u8, (b, c): (u8, u8)) -> (u8, u8) {\n    let d: (u8, u8) = (b, c);\n    d\n}\nfn e(\n    f: &(u8, u8),\n) {}\nfn g(h: &(dyn Fn(u8, u8) + Send), i: (impl A + B)) {}\n";
    let found: Vec<String> = tuple_parameters(code)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(found, ["a", "e"]);
}

/// Errors keep their message at their type, and the grammar of gates says what it cannot read.
const ERRORS: [&str; 8] = [
    "judge/abort_rule",
    "judge/comparison/noise",
    "judge/gate/check_error",
    "judge/gate/grammar",
    "judge/gate/grammar/limit",
    "judge/gate/grammar/limit/baseline",
    "judge/gate/parse_error",
    "judge/gate/shortfall",
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
        for line in source.code().lines() {
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
