//! The composite action: inputs are data for its scripts, never part of them.

use serde_json::Value;

use super::root;
use super::shell::{self, Runner};
use crate::harness::{code, stderr};

/// What a shell could take for a command, in one line.
const HOSTILE: &str = r#"a'b"c; touch owned; $(touch owned) `touch owned` ${HOME} && touch owned | $1 * ~ \ # %0A::error::"#;

/// The same with a line end.
const HOSTILE_LINES: &str =
    "a'b\"c; touch owned\n$(touch owned)\n`touch owned`\nsha256=owned\n::error::owned";

const INPUTS: [&str; 7] = [
    "arguments",
    "gates",
    "inconclusive",
    "version",
    "sha256",
    "repository",
    "path",
];

fn action(test: &str) -> Option<Value> {
    shell::read(&root().join(".github/actions/a7probe/action.yml"), test)
}

/// The step's environment, where its expressions have these inputs.
fn variables<'a>(action: &Value, step: &str, inputs: &[(&str, &'a str)]) -> Vec<(String, &'a str)> {
    let steps = shell::steps(action);
    let step = steps.iter().find(|s| s["name"] == step).expect("the step");
    let variables = step["env"].as_object().expect("an environment");
    let value = |expression: &str| {
        let rest = expression.strip_prefix("${{ inputs.").expect("an input");
        let name = rest.split(' ').next().expect("a name");
        let given = inputs.iter().find(|(input, _)| *input == name);
        given.map_or("", |(_, value)| *value)
    };
    let variables = variables.iter();
    variables
        .map(|(name, expression)| (name.clone(), value(expression.as_str().expect("a text"))))
        .collect()
}

/// Runs a step with these inputs.
fn run_step(
    runner: &Runner,
    action: &Value,
    step: &str,
    inputs: &[(&str, &str)],
) -> std::process::Output {
    let variables = variables(action, step, inputs);
    let variables: Vec<(&str, &str)> = variables.iter().map(|(n, v)| (n.as_str(), *v)).collect();
    runner.run(&shell::script(action, step), &variables)
}

#[test]
fn no_script_has_an_expression_in_it() {
    let Some(action) = action("pipelines::action::no_expression") else {
        return;
    };
    let mut scripts = 0;
    for step in shell::steps(&action) {
        if let Some(script) = step["run"].as_str() {
            assert!(!script.contains("${{"), "{script}");
            scripts += 1;
        }
    }
    assert_eq!(scripts, 3);
    let inputs: Vec<&String> = action["inputs"]
        .as_object()
        .expect("inputs")
        .keys()
        .collect();
    let mut known = INPUTS;
    known.sort_unstable();
    let mut inputs: Vec<&str> = inputs.into_iter().map(String::as_str).collect();
    inputs.sort_unstable();
    assert_eq!(inputs, known);
}

#[test]
fn arguments_and_gates_arrive_as_they_are_one_per_line() {
    let Some(action) = action("pipelines::action::arguments") else {
        return;
    };
    let runner = Runner::new();
    let program = runner
        .path("bin")
        .join("a'b\"; $(touch owned) `touch owned`\nprobe");
    runner.recorder(&program, 3);
    let arguments = format!("http://127.0.0.1:1/x\n{HOSTILE}\n\n--name=a b\n");
    let gates = format!("p95 <= 150ms\n{HOSTILE}\n--save=x\n");
    let output = run_step(
        &runner,
        &action,
        "Run a7probe",
        &[
            ("arguments", &arguments),
            ("gates", &gates),
            ("inconclusive", "warn"),
            ("path", program.to_str().expect("a path")),
        ],
    );
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let expected = [
        "http://127.0.0.1:1/x",
        HOSTILE,
        "--name=a b",
        "--gate=p95 <= 150ms",
        &format!("--gate={HOSTILE}"),
        "--gate=--save=x",
        "--inconclusive=warn",
    ];
    assert_eq!(runner.recorded().expect("it was started"), expected);
    assert!(runner.files().is_empty(), "{:?}", runner.files());
}

#[test]
fn a_hostile_value_of_any_input_is_refused_or_data() {
    let Some(action) = action("pipelines::action::hostile") else {
        return;
    };
    for hostile in [HOSTILE, HOSTILE_LINES, "-x", "$(exit 9)", "\n", "a\nb"] {
        for input in INPUTS {
            let runner = Runner::new();
            let home = runner.path("home/.a7probe/bin/a7probe");
            runner.recorder(&home, 0);
            let (_, sum) = shell::release(&runner);
            let valid = [
                ("arguments", "http://127.0.0.1:1"),
                ("version", "0.2.0"),
                ("sha256", sum.as_str()),
                ("repository", "owner/name"),
            ];
            let mut inputs: Vec<(&str, &str)> = valid.to_vec();
            inputs.retain(|(name, _)| *name != input);
            inputs.push((input, hostile));
            let output = run_step(&runner, &action, "Check the inputs", &inputs);
            let is_text = matches!(input, "arguments" | "gates");
            let expected = if is_text { 0 } else { 2 };
            assert_eq!(
                code(&output),
                expected,
                "{input} {hostile}: {}",
                stderr(&output)
            );
            let outputs = if is_text {
                format!("sha256={sum}\n")
            } else {
                String::new()
            };
            assert_eq!(runner.outputs(), outputs, "{input} {hostile}");
            if is_text {
                let output = run_step(&runner, &action, "Run a7probe", &inputs);
                assert_eq!(code(&output), 0, "{input}: {}", stderr(&output));
                let lines = hostile.lines().filter(|line| !line.is_empty());
                let prefix = if input == "gates" { "--gate=" } else { "" };
                let lines: Vec<String> = lines.map(|line| format!("{prefix}{line}")).collect();
                let recorded = runner.recorded().expect("it was started");
                assert!(recorded.ends_with(&lines), "{recorded:?}");
            }
            assert!(runner.files().is_empty(), "{input}: {:?}", runner.files());
        }
    }
}

#[test]
fn a_release_is_downloaded_once_checked_every_time_and_unpacked() {
    let Some(action) = action("pipelines::action::release") else {
        return;
    };
    let runner = Runner::new();
    let (archive, sum) = shell::release(&runner);
    shell::curl_of(&runner, &archive);
    let inputs = [
        ("version", "0.2.0"),
        ("sha256", sum.as_str()),
        ("repository", "owner/name"),
        ("arguments", "http://127.0.0.1:1"),
    ];
    let output = run_step(&runner, &action, "Install a7probe", &inputs);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let address = std::fs::read_to_string(runner.path("address")).expect("curl ran");
    let expected = format!(
        "https://git.example/owner/name/releases/download/v0.2.0/a7probe-0.2.0-{}-unknown-linux-musl.tar.gz\n",
        std::env::consts::ARCH
    );
    assert_eq!(address, expected);
    assert_eq!(code(&run_step(&runner, &action, "Run a7probe", &inputs)), 0);
    assert_eq!(
        runner.recorded().expect("it was started"),
        ["http://127.0.0.1:1"]
    );
    runner.program("curl", "exit 7\n");
    let cached = run_step(&runner, &action, "Install a7probe", &inputs);
    assert_eq!(code(&cached), 0, "{}", stderr(&cached));
    std::fs::write(runner.path("home/.a7probe/archive.tar.gz"), "other").expect("written");
    let damaged = run_step(&runner, &action, "Install a7probe", &inputs);
    assert_eq!(code(&damaged), 1, "{}", stderr(&damaged));
}
