//! What a release packs, and what a package of the sources has.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::harness::{PROGRAM, code, stderr, stdout, temp_dir};
use crate::pipelines::root;
use crate::pipelines::shell::{self, Runner};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn ci(script: &str, arguments: &[&Path]) -> Output {
    let program = root().join(".ci").join(script);
    let mut command = Command::new(program);
    command.args(arguments).env("SOURCE_DATE_EPOCH", "1");
    command.output().expect("bash starts")
}

/// A small program that starts this one: with all its symbols, this one takes seconds to pack.
fn program(folder: &Path) -> PathBuf {
    let path = folder.join("program");
    fs::write(&path, format!("#!/bin/sh\nexec '{PROGRAM}' \"$@\"\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
    path
}

#[track_caller]
fn archive(target: &str, folder: &Path, pages: &Path, program: &Path) -> PathBuf {
    let output = ci("package", &[Path::new(target), program, folder, pages]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    PathBuf::from(stdout(&output).trim_end())
}

fn members(archive: &Path) -> Vec<String> {
    let output = Command::new("tar").arg("-tzf").arg(archive).output();
    let text = stdout(&output.expect("tar starts"));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn an_archive_has_program_pages_and_licences_and_the_same_bytes_again() {
    let folder = temp_dir();
    let pages = folder.path().join("pages");
    let program = program(folder.path());
    let output = ci("pages", &[&pages, &program]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let target = "x86_64-unknown-linux-musl";
    let first = archive(target, &folder.path().join("one"), &pages, &program);
    let name = format!("a7probe-{VERSION}-{target}");
    assert_eq!(
        first.file_name().expect("a name"),
        format!("{name}.tar.gz").as_str()
    );
    let members = members(&first);
    for file in [
        "a7probe",
        "CHANGELOG.md",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "completions/_a7probe",
        "completions/a7probe.bash",
        "completions/a7probe.fish",
        "man/a7probe.1",
        "man/a7probe-measure.1",
        "man/a7probe-judge.1",
        "man/a7probe-serve.1",
    ] {
        assert!(
            members.contains(&format!("{name}/{file}")),
            "{file}: {members:?}"
        );
    }
    let second = archive(target, &folder.path().join("two"), &pages, &program);
    assert!(fs::read(first).expect("it") == fs::read(second).expect("it"));
    let windows = archive(
        "x86_64-pc-windows-msvc",
        &folder.path().join("one"),
        &pages,
        &program,
    );
    let windows_program = format!("a7probe-{VERSION}-x86_64-pc-windows-msvc/a7probe.exe");
    assert!(self::members(&windows).contains(&windows_program));
}

/// The step of the composite action and that of the generated pipelines take the program out of it by this rule.
#[test]
fn the_action_installs_the_archive_of_a_release() {
    const TEST: &str = "deploy::packaged::action";
    let action = root().join(".github/actions/a7probe/action.yml");
    let Some(action) = shell::read(&action, TEST) else {
        return;
    };
    let folder = temp_dir();
    let pages = folder.path().join("pages");
    let program = program(folder.path());
    assert_eq!(code(&ci("pages", &[&pages, &program])), 0);
    let machine = stdout(&Command::new("uname").arg("-m").output().expect("uname"));
    let target = format!("{}-unknown-linux-musl", machine.trim());
    let archive = archive(&target, folder.path(), &pages, &program);
    let sum = Command::new("sha256sum").arg(&archive).output();
    let sum = stdout(&sum.expect("sha256sum starts"));
    let sum = sum.split(' ').next().expect("a sum");
    let runner = Runner::new();
    let asked = runner.path("asked");
    // Stands for the server of releases: notes the address, and gives this archive.
    runner.program(
        "curl",
        &format!(
            "echo \"${{@: -1}}\" > '{}'\nwhile [ $# -gt 1 ]; do [ \"$1\" != -o ] || cp '{}' \"$2\"; shift; done\n",
            asked.display(),
            archive.display()
        ),
    );
    let variables = [
        ("VERSION", VERSION),
        ("SHA256", sum),
        ("REPOSITORY", "owner/name"),
    ];
    let output = runner.run(&shell::script(&action, "Install a7probe"), &variables);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(
        fs::read_to_string(asked).expect("an address").trim_end(),
        format!(
            "https://git.example/owner/name/releases/download/v{VERSION}/a7probe-{VERSION}-{target}.tar.gz"
        )
    );
    let installed = runner.path("home/.a7probe/bin/a7probe");
    let output = Command::new(installed).arg("-V").output();
    assert_eq!(
        stdout(&output.expect("it starts")),
        format!("a7probe {VERSION}\n")
    );
}

#[test]
fn the_formula_has_the_checksums_of_the_release_and_none_of_its_own() {
    let folder = temp_dir();
    let sums = folder.path().join("SHA256SUMS");
    let targets = [
        ("aarch64-apple-darwin", 'a'),
        ("x86_64-apple-darwin", 'b'),
        ("aarch64-unknown-linux-musl", 'c'),
        ("x86_64-unknown-linux-musl", 'd'),
    ];
    let sum = |digit: char| digit.to_string().repeat(64);
    let line = |(target, digit): &(&str, char)| {
        format!("{}  a7probe-{VERSION}-{target}.tar.gz\n", sum(*digit))
    };
    fs::write(&sums, targets.iter().map(line).collect::<String>()).expect("written");
    let repository = Path::new("owner/name");
    let output = ci("homebrew", &[repository, &sums]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let formula = stdout(&output);
    for (target, digit) in targets {
        let url = format!(
            "url \"https://github.com/owner/name/releases/download/v{VERSION}/a7probe-{VERSION}-{target}.tar.gz\"\n      sha256 \"{}\"",
            sum(digit)
        );
        assert!(formula.contains(&url), "{formula}");
    }
    assert_eq!(formula.matches("sha256").count(), targets.len());
    fs::write(&sums, targets[1..].iter().map(line).collect::<String>()).expect("written");
    let output = ci("homebrew", &[repository, &sums]);
    assert_eq!(code(&output), 1);
    assert_eq!(stdout(&output), "");
    assert!(
        stderr(&output).contains("no checksum of a7probe-"),
        "{}",
        stderr(&output)
    );
}

/// Files that the code reads when it is compiled, outside of its tests.
fn included() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).unwrap_or_default();
                let code = text.split("#[cfg(test)]\nmod tests {").next();
                for included in code.unwrap_or_default().split("include_str!(\"").skip(1) {
                    let name = included.split('"').next().expect("a name");
                    found.push(path.with_file_name(name));
                }
            }
        }
    }
    found
}

#[test]
fn the_package_has_what_a_build_reads_and_neither_tests_nor_fixtures() {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args([
            "package",
            "--locked",
            "--offline",
            "--list",
            "--allow-dirty",
        ])
        .output()
        .expect("cargo starts");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let listed = stdout(&output);
    let listed: Vec<&str> = listed.lines().collect();
    let included = included();
    assert!(included.len() > 20, "{included:?}");
    for path in included {
        let path = fs::canonicalize(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        let path = path.strip_prefix(root()).expect("in this project");
        assert!(listed.contains(&path.to_str().expect("UTF-8")), "{path:?}");
    }
    for needed in [
        "Cargo.lock",
        "docs/json.md",
        "LICENSE-MIT",
        "README.md",
        "src/main.rs",
    ] {
        assert!(listed.contains(&needed), "{needed}");
    }
    for outside in [
        "tests/",
        "fixtures/",
        "benches/",
        "deploy/",
        ".github/",
        ".ci/",
    ] {
        assert!(
            !listed.iter().any(|file| file.starts_with(outside)),
            "{outside}"
        );
    }
}
