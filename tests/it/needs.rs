//! What a test needs beyond Rust: found by itself, or noted by name as not run, never silently green.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

/// Something that `tests/services.sh` installs.
pub(crate) struct Service {
    /// As the list of what was not run names it.
    pub(crate) name: &'static str,
    /// Tells whether it is there, and gives the command that uses it.
    pub(crate) find: fn() -> Option<PathBuf>,
}

/// The load generator wrk.
pub(crate) const WRK: Service = Service {
    name: "wrk",
    find: || answers("wrk", &["-v"]),
};

/// Python with HdrHistogram's own package.
pub(crate) const PYTHON_HDR: Service = Service {
    name: "python3 with hdrhistogram",
    find: || {
        let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/services/venv/bin/python");
        let candidates = [own.to_str()?.to_owned(), "python3".to_owned()];
        candidates
            .iter()
            .find_map(|python| answers(python, &["-c", "import hdrh.histogram"]))
    },
};

/// The service, or `None` after noting that this test was not run; with `A7PROBE_REQUIRE_SERVICES=1` a missing
/// service is a failure.
pub(crate) fn need(service: &Service, test: &str) -> Option<PathBuf> {
    let found = (service.find)();
    if found.is_none() {
        let required = std::env::var("A7PROBE_REQUIRE_SERVICES").is_ok_and(|v| v == "1");
        assert!(
            !required,
            "{test} needs {}, which is not here; tests/services.sh installs it",
            service.name
        );
        let list = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("not-run");
        let mut list = OpenOptions::new()
            .create(true)
            .append(true)
            .open(list)
            .unwrap();
        // One write a line: tests run side by side.
        let line = format!(
            "{test}: needs {}
",
            service.name
        );
        list.write_all(line.as_bytes()).unwrap();
    }
    found
}

/// The program, if it can be started; some print their version with an exit code of their own.
fn answers(program: &str, args: &[&str]) -> Option<PathBuf> {
    let output = Command::new(program).args(args).output().ok()?;
    let failed_import = program.contains("python") && !output.status.success();
    (!failed_import).then(|| program.into())
}
