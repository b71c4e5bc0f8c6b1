//! The text of `--version`: version, commit, features and platform of this build.

use std::env::consts::{ARCH, OS};

/// Releases and containers set it when they build. There is no build script that asks Git: a package has no repository,
/// and a development build would be compiled again after every commit.
const COMMIT: Option<&str> = option_env!("A7PROBE_COMMIT");

/// A feature of `Cargo.toml`, and whether this build has it.
struct BuildFeature {
    name: &'static str,
    is_built_in: bool,
}

const FEATURES: [BuildFeature; 5] = [
    BuildFeature {
        name: "reference",
        is_built_in: cfg!(feature = "reference"),
    },
    BuildFeature {
        name: "postgres",
        is_built_in: cfg!(feature = "postgres"),
    },
    BuildFeature {
        name: "amqp",
        is_built_in: cfg!(feature = "amqp"),
    },
    BuildFeature {
        name: "redis",
        is_built_in: cfg!(feature = "redis"),
    },
    BuildFeature {
        name: "nats",
        is_built_in: cfg!(feature = "nats"),
    },
];

/// The lines after the program's name.
pub(super) fn long() -> String {
    let commit = COMMIT.filter(|commit| !commit.is_empty());
    let commit = commit.unwrap_or("unknown (not a release build)");
    let built_in = FEATURES.iter().filter(|feature| feature.is_built_in);
    let features: Vec<&str> = built_in.map(|feature| feature.name).collect();
    let features = if features.is_empty() {
        "none (the probe alone)".to_owned()
    } else {
        features.join(", ")
    };
    let version = env!("CARGO_PKG_VERSION");
    let platform = platform();
    format!("{version}\ncommit    {commit}\nfeatures  {features}\nplatform  {platform}")
}

/// Processor, system, C library, and whether the program needs that library's files.
fn platform() -> String {
    let library = if cfg!(target_env = "musl") {
        Some("musl")
    } else if cfg!(target_env = "gnu") {
        Some("gnu")
    } else if cfg!(target_env = "msvc") {
        Some("msvc")
    } else {
        None
    };
    let linkage = cfg!(target_feature = "crt-static").then_some("static");
    let optimized = cfg!(debug_assertions).then_some("debug build");
    let parts = [Some(ARCH), Some(OS), library, linkage, optimized];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
