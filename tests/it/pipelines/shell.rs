//! The shell parts of workflows, jobs and actions, read by a YAML parser and run with bash.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::needs::{PYTHON_YAML, need};

/// A YAML file as JSON; `None` after noting that this test was not run.
pub(crate) fn read(path: &Path, test: &str) -> Option<Value> {
    documents(path, test)?.pop()
}

/// Every document of a YAML file.
pub(crate) fn documents(path: &Path, test: &str) -> Option<Vec<Value>> {
    let python = need(&PYTHON_YAML, test)?;
    let script =
        "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
    let output = Command::new(python)
        .args(["-c", script])
        .arg(path)
        .output()
        .expect("python starts");
    assert!(output.status.success(), "{path:?}: {output:?}");
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

/// The steps of a composite action, or of all jobs of a workflow.
pub(crate) fn steps(file: &Value) -> Vec<Value> {
    let action = file["runs"]["steps"].as_array();
    let jobs = file["jobs"].as_object().into_iter().flatten();
    let jobs = jobs.filter_map(|(_, job)| job["steps"].as_array());
    let steps: Vec<Value> = action.into_iter().chain(jobs).flatten().cloned().collect();
    assert!(!steps.is_empty(), "steps");
    steps
}

/// The script of the step with this name.
pub(crate) fn script(file: &Value, name: &str) -> String {
    let steps = steps(file);
    let step = steps.iter().find(|step| step["name"] == name);
    let step = step.unwrap_or_else(|| panic!("a step {name}"));
    step["run"].as_str().expect("a script").to_owned()
}

/// A folder that stands for a runner: programs of its own before those of the machine, and a home.
pub(crate) struct Runner {
    folder: tempfile::TempDir,
}

impl Runner {
    pub(crate) fn new() -> Runner {
        let folder = crate::harness::temp_dir();
        for name in ["bin", "home", "work"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        Runner { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program of this runner, as a script of bash.
    pub(crate) fn program(&self, name: &str, script: &str) -> PathBuf {
        let path = self.path("bin").join(name);
        write_program(&path, script);
        path
    }

    /// A program that ends with this code and leaves its arguments, each ended by a NUL, in the file `argv`.
    pub(crate) fn recorder(&self, path: &Path, exit: u8) {
        let argv = self.path("argv");
        let record = format!(
            "printf '%s\\0' \"$@\" > '{}'\nexit {exit}\n",
            argv.display()
        );
        write_program(path, &record);
    }

    /// The arguments that a recorder was started with; `None` if it was not.
    pub(crate) fn recorded(&self) -> Option<Vec<String>> {
        let text = fs::read_to_string(self.path("argv")).ok()?;
        let mut arguments: Vec<String> = text.split('\0').map(str::to_owned).collect();
        arguments.pop();
        Some(arguments)
    }

    /// Runs a script as GitHub runs one with `shell: bash`.
    pub(crate) fn run(&self, script: &str, variables: &[(&str, &str)]) -> Output {
        let path = std::env::var("PATH").expect("a path");
        Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
            .current_dir(self.path("work"))
            .env_clear()
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("HOME", self.path("home"))
            .env("GITHUB_OUTPUT", self.path("outputs"))
            .env("GITHUB_SERVER_URL", "https://git.example")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .expect("bash starts")
    }

    pub(super) fn outputs(&self) -> String {
        fs::read_to_string(self.path("outputs")).unwrap_or_default()
    }

    /// The files in the folder where scripts run: one that a script did not mean to write is found there.
    pub(super) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("work")).expect("a folder").flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

fn write_program(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, format!("#!/usr/bin/env bash\n{script}")).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a program");
}

/// An archive as a release has it, with a program in a folder, and its SHA-256.
pub(super) fn release(runner: &Runner) -> (PathBuf, String) {
    let program = runner.path("a7probe-0.2.0/a7probe");
    runner.recorder(&program, 0);
    let archive = runner.path("release.tar.gz");
    let packed = Command::new("tar")
        .arg("-czf")
        .arg(&archive)
        .arg("-C")
        .arg(runner.path("."))
        .arg("a7probe-0.2.0")
        .status();
    assert!(packed.expect("tar starts").success());
    let output = Command::new("sha256sum").arg(&archive).output();
    let text = String::from_utf8(output.expect("sha256sum starts").stdout).expect("UTF-8");
    let sum = text.split(' ').next().expect("a sum").to_owned();
    (archive, sum)
}

/// A `curl` that copies the archive to the file after `-o`, and leaves the address in `address`.
pub(super) fn curl_of(runner: &Runner, archive: &Path) {
    let script = format!(
        "while [ $# -gt 1 ]; do if [ \"$1\" = -o ]; then target=$2; fi; shift; done\n\
         cp '{}' \"$target\"\necho \"$1\" > '{}'\n",
        archive.display(),
        runner.path("address").display()
    );
    runner.program("curl", &script);
}
