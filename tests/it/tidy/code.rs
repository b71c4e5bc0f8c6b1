//! Habits that a compiler does not ask for.

use super::sources;

/// Files whose questions about a `bool` are still to become `if`.
const BOOL_MATCHES: [&str; 78] = [
    "cli/audit",
    "cli/discreet",
    "cli/foreign",
    "cli/foreign/elsewhere",
    "cli/foreign/missing",
    "cli/foreign/value",
    "cli/judge",
    "cli/output",
    "cli/resolve",
    "cli/resolve/ab",
    "cli/resolve/diagnose",
    "cli/settings",
    "cli/settings_error",
    "command/ab",
    "command/ab/plan_text",
    "command/compare",
    "command/diagnose",
    "command/hosting",
    "command/measure",
    "command/measuring/no_answer",
    "command/measuring/status_hints",
    "command/progress",
    "command/saved",
    "command/selftest",
    "command/selftest/scenario",
    "judge/comparison",
    "judge/comparison/dependence",
    "judge/comparison/effect",
    "judge/comparison/order",
    "judge/comparison/paired",
    "judge/diagnosis/client",
    "judge/diagnosis/ladder",
    "judge/diagnosis/observation",
    "judge/diagnosis/queueing",
    "judge/diagnosis/steps",
    "judge/gate/gate_watch",
    "judge/gate/grammar",
    "judge/summary",
    "judge/summary/drift",
    "probe/audit/audit_state",
    "probe/audit/audited_requests",
    "probe/audit/client",
    "probe/audit/early",
    "probe/audit/listing",
    "probe/audit/polls",
    "probe/audit/reported_state",
    "probe/audit/see_other",
    "probe/audit/state_answer",
    "probe/engine/connection/foreign_protocol",
    "probe/engine/stop",
    "reference/store/postgres/accept",
    "reference/store/postgres/session",
    "reference/store/postgres/transact",
    "reference/store/sqlite/writer",
    "report/audit",
    "report/comparison",
    "report/csv",
    "report/diagnosis",
    "report/hgrm",
    "report/instrument",
    "report/markdown",
    "report/table",
    "report/table/certificate",
    "report/text",
    "report/warnings/drift",
    "run/import/columns",
    "run/import/jmeter/xml",
    "run/plan",
    "run/recording/bits",
    "stats/cluster",
    "stats/dependence",
    "stats/modes",
    "stats/sequential",
    "stats/two_groups",
    "tls_roots/certificate",
    "tls_roots/files",
    "tls_roots/signature",
    "tls_roots/verifier",
];

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
        if count > 0 && !BOOL_MATCHES.contains(&source.module.as_str()) {
            wrong.push(format!("src/{}.rs has {count} arms", source.module));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Files that are still to be cured of it.
const EXCUSED: [&str; 1] = ["probe/engine"];

/// A function that needs eight values needs a struct with a name.
#[test]
fn no_function_is_excused_from_the_limit_of_its_arguments() {
    for source in sources() {
        let may = EXCUSED.contains(&source.module.as_str());
        let is_excused = source.text.contains("too_many_arguments");
        assert!(may || !is_excused, "src/{}.rs", source.module);
    }
}

/// Errors keep their message at their type, and the grammar of gates says what it cannot read.
const ERRORS: [&str; 4] = [
    "judge/comparison/noise",
    "judge/gate/check",
    "judge/gate/grammar",
    "judge/gate/parse_error",
];

/// Files whose sentences are still to go to `report`.
const SENTENCES: [&str; 10] = [
    "judge/comparison/effect",
    "judge/comparison/paired",
    "judge/diagnosis/blocked_loop",
    "judge/diagnosis/client",
    "judge/diagnosis/connection",
    "judge/diagnosis/observation",
    "judge/diagnosis/queueing",
    "judge/diagnosis/slow_call",
    "judge/diagnosis/steps",
    "judge/diagnosis/verdict",
];

/// A reason is a value; its sentence is in `report`.
#[test]
fn no_sentence_is_built_where_numbers_become_verdicts() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|s| s.top() == "judge") {
        let module = source.module.as_str();
        if ERRORS.contains(&module) || SENTENCES.contains(&module) || module.ends_with("/tests") {
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
