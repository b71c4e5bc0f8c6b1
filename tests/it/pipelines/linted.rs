//! Linters and schemas of the CI services find nothing in the files of a pipeline and of this project.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{GITHUB, GITLAB, init, root, shell};
use crate::harness::{stderr, stdout, temp_dir};
use crate::needs::{ACTIONLINT, CHECK_JSONSCHEMA, SHELLCHECK, Service, ZIZMOR, need};

/// A folder with the files of both services.
fn generated() -> tempfile::TempDir {
    let folder = temp_dir();
    init(folder.path(), &["github"]);
    init(folder.path(), &["gitlab"]);
    folder
}

pub(crate) fn output(
    service: &Service,
    test: &str,
    command: impl FnOnce(&mut Command),
) -> Option<Output> {
    let program = need(service, test)?;
    let mut process = Command::new(program);
    command(&mut process);
    Some(process.output().expect("it starts"))
}

#[track_caller]
pub(crate) fn finds_nothing(output: &Output) {
    let text = stdout(output) + &stderr(output);
    assert!(output.status.success(), "{text}");
}

pub(crate) fn actionlint(folder: &Path) -> Option<Output> {
    output(&ACTIONLINT, "pipelines::linted::actionlint", |command| {
        command.current_dir(folder);
    })
}

#[test]
fn actionlint_finds_nothing_and_a_mistake() {
    let folder = generated();
    for at in [folder.path(), root()] {
        let Some(output) = actionlint(at) else { return };
        finds_nothing(&output);
        assert!(stdout(&output).contains("Checking"), "{}", stdout(&output));
    }
    let wrong = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ github.event.pull_request.title }}\n";
    fs::write(folder.path().join(GITHUB[0]), wrong).expect("written");
    if let Some(output) = actionlint(folder.path()) {
        assert!(!output.status.success(), "{}", stdout(&output));
    }
}

#[test]
fn zizmor_finds_nothing() {
    let folder = generated();
    for at in [folder.path(), root()] {
        let checked = output(&ZIZMOR, "pipelines::linted::zizmor", |command| {
            command.args(["--offline", "--persona=pedantic"]);
            command.arg(at.join(".github"));
        });
        if let Some(output) = checked {
            finds_nothing(&output);
        }
    }
}

#[test]
fn the_files_are_of_the_schemas_of_their_services() {
    let folder = generated();
    let own = |path: &str| root().join(path);
    let generated = |path: &str| folder.path().join(path);
    let workflows = GITHUB.map(generated).into_iter().chain(workflows());
    let workflows = workflows.map(|path| ("vendor.github-workflows", path));
    let others = [
        (
            "vendor.github-actions",
            own(".github/actions/a7probe/action.yml"),
        ),
        ("vendor.gitlab-ci", generated(GITLAB)),
        ("vendor.gitlab-ci", generated(".gitlab-ci.yml")),
    ];
    for (schema, path) in workflows.chain(others) {
        let checked = output(&CHECK_JSONSCHEMA, "pipelines::linted::schemas", |command| {
            command.args(["--builtin-schema", schema]).arg(path);
        });
        if let Some(output) = checked {
            finds_nothing(&output);
        }
    }
}

/// The workflows of this project.
fn workflows() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(".github/workflows")).expect("the workflows");
    let paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    assert!(paths.len() >= 2, "{paths:?}");
    paths
}

#[test]
fn shellcheck_finds_nothing_in_their_scripts() {
    const TEST: &str = "pipelines::linted::shellcheck";
    let folder = generated();
    let files = GITHUB.map(|path| folder.path().join(path)).into_iter();
    let files = files
        .chain(workflows())
        .chain([root().join(".github/actions/a7probe/action.yml")]);
    let mut scripts = Vec::new();
    for path in files {
        let Some(file) = shell::read(&path, TEST) else {
            return;
        };
        let steps = shell::steps(&file);
        scripts.extend(
            steps
                .iter()
                .filter_map(|step| step["run"].as_str().map(str::to_owned)),
        );
    }
    let job = shell::read(&folder.path().join(GITLAB), TEST).expect("it was there");
    let parts = job["a7probe"]["script"].as_array().expect("a script");
    scripts.extend(
        parts
            .iter()
            .filter_map(|part| part.as_str().map(str::to_owned)),
    );
    assert!(scripts.len() > 12, "{scripts:?}");
    for script in scripts {
        let path = folder.path().join("script.sh");
        fs::write(&path, &script).expect("written");
        let checked = output(&SHELLCHECK, TEST, |command| {
            command
                .args(["--shell=bash", "--severity=warning"])
                .arg(&path);
        });
        if let Some(output) = checked {
            finds_nothing(&output);
        }
    }
}
