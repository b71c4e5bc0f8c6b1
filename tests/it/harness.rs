//! The harness of the end-to-end tests: the program as a person runs it, a folder of its own, waiting with a deadline.
//!
//! ```ignore
//! let server = Server::answering(OK);
//! let output = run(temp_dir().path(), &["measure", &server.url(), "-n", "60"]);
//! assert_eq!(code(&output), 0, "{}", stderr(&output));
//! ```

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_a7probe");

/// Longer than anything that is not stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The program in this folder, with nothing on stdin, without the settings of the developer's environment and without
/// those of a CI service. Its output is piped to the test.
pub(crate) fn a7probe(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| is_setting(name)) {
        command.env_remove(name);
    }
    command
}

fn is_setting(variable: &str) -> bool {
    variable.starts_with("A7PROBE_") || variable.starts_with("GITHUB_")
}

/// Runs the program to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    (a7probe(folder, arguments).output()).expect("the program starts")
}

/// The exit code; a program that a signal ended has none.
#[track_caller]
pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().expect("no signal ended it")
}

#[track_caller]
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

#[track_caller]
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// What `--output json` printed.
#[track_caller]
pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}{}", stdout(output), stderr(output)))
}

/// Sends a signal by its name, such as `INT`, to a process that runs.
#[track_caller]
pub(crate) fn signal(process: u32, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &process.to_string()])
        .status();
    assert!(status.expect("kill runs").success(), "kill -{name}");
}

/// A folder that is removed when it is dropped.
pub(crate) fn temp_dir() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Asks again and again until the answer is yes; panics when it takes too long.
#[track_caller]
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A port that was free a moment ago, for servers that cannot be told to pick one and say which.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// The most resident memory that a process has had, in KiB; `None` once it has ended.
pub(crate) fn peak_memory_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
