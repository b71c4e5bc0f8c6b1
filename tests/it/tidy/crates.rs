//! Where external crates are at home.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::sources;

/// Crates whose types are the language of every layer: errors, JSON, points in time, names, tasks.
const EVERYWHERE: [&str; 9] = [
    "anyhow",
    "thiserror",
    "serde",
    "serde_json",
    "jiff",
    "uuid",
    "tokio",
    "futures_util",
    "strsim",
];

/// The only modules that may name one of the other crates.
const HOMES: [(&str, &[&str]); 40] = [
    ("clap", &["cli", "command", "main"]),
    ("clap_complete", &["cli", "command"]),
    ("clap_mangen", &["command/man"]),
    (
        "terminal_size",
        &["cli/output", "cli/progress", "cli/fitted_messages"],
    ),
    ("toml", &["cli", "run/import/refused_files"]),
    ("tempfile", &["command", "run/run_file"]),
    ("httparse", &["probe/engine/connection"]),
    (
        "h2",
        &[
            "probe/engine/connection",
            "probe/engine/null_server",
            "reference/server/http2",
            "command/selftest/http2_server",
        ],
    ),
    (
        "http",
        &[
            "probe/engine/connection",
            "probe/engine/null_server",
            "command/selftest/http2_server",
        ],
    ),
    (
        "bytes",
        &[
            "probe/engine/connection",
            "probe/engine/null_server",
            "command/selftest/http2_server",
        ],
    ),
    ("hdrhistogram", &["run/histogram"]),
    (
        "csv",
        &["report", "run/import", "run/replay_file", "run/rows"],
    ),
    ("statrs", &["stats"]),
    ("quick_junit", &["report/ci/junit"]),
    ("regex", &["run/plan/expected_body"]),
    ("axum", &["reference/server"]),
    ("hyper", &["reference/server"]),
    ("hyper_util", &["reference/server"]),
    ("rusqlite", &["reference/store"]),
    ("tokio_postgres", &["reference/store/postgres"]),
    ("deadpool_postgres", &["reference/store/postgres"]),
    ("tokio_postgres_rustls", &["reference/store/postgres"]),
    ("rustix", &["probe/engine", "reference/store"]),
    ("lapin", &["reference/queue/amqp"]),
    ("async_compat", &["reference/queue/amqp"]),
    ("redis", &["reference/queue/redis"]),
    ("async_nats", &["reference/queue/nats"]),
    ("percent_encoding", &["reference/queue"]),
    ("tracing", &["reference"]),
    ("tracing_subscriber", &["command/hosting"]),
    ("rustls_native_certs", &["tls_roots"]),
    ("webpki_roots", &["tls_roots"]),
    ("x509_cert", &["tls_roots"]),
    (
        "tokio_rustls",
        &[
            "probe/engine",
            "reference/provider",
            "probe/audit",
            "reference/queue",
            "reference/store/postgres",
            "tls_roots",
        ],
    ),
    (
        "reqwest",
        &[
            "cli/service/url",
            "command/demo",
            "probe/audit",
            "probe/engine/redirect_target",
            "reference/provider",
            "reference/queue",
        ],
    ),
    ("mimalloc", &["lib"]),
    ("rand", &["cli/resolve", "reference", "trace"]),
    (
        "flate2",
        &[
            "reference/queue/rq",
            "run/histogram",
            "run/recording",
            "run/replay_file",
        ],
    ),
    (
        "base64",
        &[
            "cli/service/headers",
            "reference/queue/celery",
            "run/histogram",
            "run/recording",
        ],
    ),
    ("sha2", &["redact", "reference", "run/run_file"]),
];

/// Outside of its homes no file names a crate, in its code or in the tests below it.
#[test]
fn every_external_crate_stays_in_its_homes() {
    let mut wrong = Vec::new();
    for source in sources() {
        let code = source.code();
        for (name, homes) in HOMES {
            let at_home = homes.iter().any(|home| {
                source.module == *home || source.module.starts_with(&format!("{home}/"))
            });
            if !at_home && names(&code, name) {
                wrong.push(format!(
                    "src/{}.rs uses {name}, whose home is {}",
                    source.module,
                    homes.join(" and ")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn names(code: &str, name: &str) -> bool {
    code.match_indices(&format!("{name}::"))
        .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}

/// A new dependency gets a home, or is everywhere on purpose.
#[test]
fn the_lists_name_every_dependency() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    let mut declared = BTreeSet::new();
    let mut is_dependency = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_dependency = line.ends_with("dependencies]") && !line.contains("dev-");
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| is_dependency) {
            declared.insert(name.replace('-', "_"));
        }
    }
    let listed = HOMES.iter().map(|(name, _)| *name).chain(EVERYWHERE);
    assert_eq!(declared, listed.map(str::to_owned).collect());
}
