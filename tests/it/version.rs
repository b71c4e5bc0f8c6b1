//! `--version`: which build this is, and how quickly it says so.

use std::env::consts::{ARCH, OS};
use std::time::{Duration, Instant};

use crate::harness::{code, run, stdout, temp_dir};

#[test]
fn it_names_version_commit_features_and_platform() {
    let folder = temp_dir();
    let output = run(folder.path(), &["--version"]);
    assert_eq!(code(&output), 0);
    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert_eq!(lines[0], format!("a7probe {}", env!("CARGO_PKG_VERSION")));
    let commit = lines[1].strip_prefix("commit    ").expect("a commit");
    let known = option_env!("A7PROBE_COMMIT").filter(|commit| !commit.is_empty());
    assert_eq!(commit, known.unwrap_or("unknown (not a release build)"));
    let features = lines[2].strip_prefix("features  ").expect("features");
    let has = |name| features.split(", ").any(|feature| feature == name);
    for (name, is_built_in) in [
        ("reference", cfg!(feature = "reference")),
        ("postgres", cfg!(feature = "postgres")),
        ("amqp", cfg!(feature = "amqp")),
        ("redis", cfg!(feature = "redis")),
        ("nats", cfg!(feature = "nats")),
    ] {
        assert_eq!(has(name), is_built_in, "{name}: {features}");
    }
    let platform = lines[3].strip_prefix("platform  ").expect("a platform");
    assert!(platform.starts_with(&format!("{ARCH} {OS}")), "{platform}");
    assert_eq!(
        platform.ends_with(" debug build"),
        cfg!(debug_assertions),
        "{platform}"
    );
}

#[test]
fn the_short_flag_is_one_line() {
    let folder = temp_dir();
    let output = run(folder.path(), &["-V"]);
    assert_eq!(
        stdout(&output),
        format!("a7probe {}\n", env!("CARGO_PKG_VERSION"))
    );
}

/// 20 ms in a release. A debug build on a busy machine has more time; what this finds is a start that reads files, asks
/// the network or waits.
#[test]
fn it_starts_at_once() {
    let folder = temp_dir();
    let quickest = (0..5).map(|_| {
        let began = Instant::now();
        assert_eq!(code(&run(folder.path(), &["--version"])), 0);
        began.elapsed()
    });
    let quickest = quickest.min().expect("five starts");
    assert!(quickest < Duration::from_secs(1), "{quickest:?}");
}
