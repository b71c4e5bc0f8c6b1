//! The files that `init --ci` writes, the composite action and the workflows of this project: linted, and their shell
//! parts run.

mod action;
mod comment;
pub(crate) mod linted;
mod measured;
pub(crate) mod shell;

use std::fs;
use std::path::Path;

use crate::harness::{code, run, stderr, stdout, temp_dir};

const GITHUB: [&str; 2] = [
    ".github/workflows/latency.yml",
    ".github/workflows/latency-comment.yml",
];
const GITLAB: &str = ".gitlab/a7probe.yml";

/// The root of this project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Writes the files of a service, and gives the screen.
#[track_caller]
fn init(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, &[&["init", "--ci"], arguments].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    stdout(&output)
}

/// What `init --ci` refuses, and why.
#[track_caller]
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, &[&["init"], arguments].concat());
    assert_eq!(code(&output), 2, "{}", stdout(&output));
    stderr(&output)
}

#[test]
fn github_gets_two_workflows_and_the_screen_names_them() {
    let folder = temp_dir();
    fs::create_dir(folder.path().join(".git")).expect("a folder");
    let screen = init(folder.path(), &["github"]);
    for path in GITHUB {
        assert!(screen.contains(&format!("Wrote {path}\n")), "{screen}");
        assert!(folder.path().join(path).is_file());
    }
    for name in [
        "SERVICE_URL",
        "GATES",
        "PROBE_ARCHIVE",
        "PROBE_SHA256",
        "PROBE_REPOSITORY",
        "PROBE_COMMIT",
    ] {
        assert!(screen.contains(name), "{screen}");
        let workflow = fs::read_to_string(folder.path().join(GITHUB[0])).expect("it");
        assert!(workflow.contains(&format!("  {name}: ")), "{name}");
    }
}

#[test]
fn an_existing_file_stays_and_then_nothing_is_written() {
    let folder = temp_dir();
    let own = folder.path().join(GITHUB[1]);
    fs::create_dir_all(own.parent().expect("a folder")).expect("a folder");
    fs::write(&own, "own").expect("written");
    let error = refused(folder.path(), &["--ci", "github"]);
    let expected = "error: .github/workflows/latency-comment.yml exists already; nothing was written\nhint: replace with --force, or move the old file first\n";
    assert_eq!(error, expected);
    assert_eq!(fs::read_to_string(&own).expect("it"), "own");
    assert!(!folder.path().join(GITHUB[0]).exists());
    init(folder.path(), &["github", "--force"]);
    assert_ne!(fs::read_to_string(&own).expect("it"), "own");
    let both = refused(folder.path(), &["--ci", "github"]);
    assert!(
        both.contains("latency.yml and .github/workflows/latency-comment.yml exist already"),
        "{both}"
    );
}

#[test]
fn gitlab_gets_a_job_and_a_pipeline_only_if_it_has_none() {
    let folder = temp_dir();
    let screen = init(folder.path(), &["gitlab"]);
    let pipeline = folder.path().join(".gitlab-ci.yml");
    assert!(
        screen.contains("Wrote .gitlab/a7probe.yml\nWrote .gitlab-ci.yml\n"),
        "{screen}"
    );
    let include = "include:\n  - local: .gitlab/a7probe.yml\n";
    assert_eq!(fs::read_to_string(&pipeline).expect("it"), include);
    fs::write(&pipeline, "stages: [test]\n").expect("written");
    let screen = init(folder.path(), &["gitlab", "--force"]);
    assert!(!screen.contains("Wrote .gitlab-ci.yml"), "{screen}");
    assert!(
        screen.contains("Add to .gitlab-ci.yml:\n  include:\n"),
        "{screen}"
    );
    assert_eq!(
        fs::read_to_string(&pipeline).expect("it"),
        "stages: [test]\n"
    );
}

#[test]
fn a_place_that_is_not_read_and_a_wrong_command_are_refused() {
    let folder = temp_dir();
    fs::create_dir_all(folder.path().join(".git")).expect("a folder");
    let below = folder.path().join("service");
    fs::create_dir(&below).expect("a folder");
    let error = refused(&below, &["--ci", "gitlab"]);
    assert!(
        error.starts_with("error: this folder is not the root of its repository"),
        "{error}"
    );
    assert!(error.contains("&& a7probe init --ci gitlab\n"), "{error}");
    assert!(!below.join(".gitlab").exists());
    let error = refused(folder.path(), &["--ci", "jenkins"]);
    assert!(
        error.contains("github") && error.contains("gitlab"),
        "{error}"
    );
    let error = refused(folder.path(), &["--ci", "github", "ci.toml"]);
    assert!(error.contains("cannot be combined with"), "{error}");
    let error = refused(folder.path(), &["github"]);
    assert!(error.contains("a7probe init --ci github"), "{error}");
    assert!(!folder.path().join("github").exists());
    fs::write(folder.path().join(".github"), "a file").expect("written");
    let error = refused(folder.path(), &["--ci", "github"]);
    assert!(
        error.starts_with("error: cannot create .github/workflows"),
        "{error}"
    );
}
