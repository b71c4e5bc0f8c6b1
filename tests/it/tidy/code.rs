//! Habits that a compiler does not ask for.

use super::sources;

/// Files whose questions about a `bool` are still to become `if`.
const BOOL_MATCHES: [&str; 57] = [
    "command/ab",
    "command/ab/plan_text",
    "command/compare",
    "command/diagnose",
    "command/measure",
    "command/measuring",
    "command/measuring/no_answer",
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
    "probe/audit/client",
    "probe/audit/early",
    "probe/audit/ledger",
    "probe/audit/listing",
    "probe/audit/polls",
    "probe/audit/requests",
    "probe/audit/see_other",
    "probe/audit/state",
    "probe/audit/state_answer",
    "probe/engine/connection/foreign",
    "probe/engine/connection/response",
    "probe/engine/lane",
    "probe/engine/stop",
    "reference/store/postgres/accept",
    "reference/store/postgres/session",
    "reference/store/postgres/transact",
    "reference/store/sqlite/writer",
    "report/comparison",
    "report/diagnosis",
    "report/hgrm",
    "report/instrument",
    "report/table/certificate",
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
    "trust/certificate",
    "trust/files",
    "trust/signature",
    "trust/verifier",
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
