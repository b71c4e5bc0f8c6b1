//! House rules as tests: who may import whom, one home per external crate, one sentence on top of a file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rows of `src/lib.rs`: a module imports only from rows above its own, and from itself.
const ROWS: [&[&str]; 10] = [
    &["units", "verdict", "exit", "printable", "payload", "outage"],
    &["stats", "plan", "sample", "tally", "trace"],
    &["schedule", "histogram"],
    &["recording", "completion"],
    &["summary", "run_file", "import"],
    &["gate", "comparison", "diagnosis"],
    &[
        "report", "engine", "audit", "server", "store", "worker", "provider", "queue", "trust",
    ],
    &["progress"],
    &["cli"],
    &["command"],
];

/// Neighbours in a row that may import each other, in this direction only.
const NEIGHBOURS: [(&str, &str); 18] = [
    ("exit", "verdict"),
    ("plan", "stats"),
    ("completion", "recording"),
    ("import", "run_file"),
    ("summary", "run_file"),
    ("comparison", "gate"),
    ("server", "queue"),
    ("server", "worker"),
    ("server", "store"),
    ("server", "provider"),
    ("worker", "queue"),
    ("worker", "store"),
    ("worker", "provider"),
    ("audit", "trust"),
    ("engine", "trust"),
    ("provider", "trust"),
    ("queue", "trust"),
    ("store", "trust"),
];

/// The only modules that may name an external crate.
const HOMES: [(&str, &[&str]); 20] = [
    ("clap", &["cli", "command", "main"]),
    ("clap_complete", &["cli", "command"]),
    ("clap_mangen", &["command"]),
    ("httparse", &["engine/connection"]),
    ("hdrhistogram", &["histogram"]),
    ("statrs", &["stats"]),
    ("comfy_table", &["report/table"]),
    ("indicatif", &["progress"]),
    ("axum", &["server"]),
    ("rusqlite", &["store"]),
    ("tokio_postgres", &["store/postgres"]),
    ("deadpool_postgres", &["store/postgres"]),
    ("rustix", &["engine", "store"]),
    ("lapin", &["queue/amqp"]),
    ("redis", &["queue/redis"]),
    ("async_nats", &["queue/nats"]),
    ("tokio_postgres_rustls", &["store/postgres"]),
    ("rustls_native_certs", &["trust"]),
    ("x509_cert", &["trust"]),
    (
        "tokio_rustls",
        &[
            "engine",
            "provider",
            "audit",
            "queue",
            "store/postgres",
            "trust",
        ],
    ),
];

struct Source {
    /// Path below `src`, without `.rs`.
    module: String,
    text: String,
}

impl Source {
    fn top(&self) -> &str {
        self.module.split('/').next().unwrap_or_default()
    }

    /// Lines of code, without comments and without what only tests use.
    fn code(&self) -> impl Iterator<Item = &str> {
        let body = self
            .text
            .split("#[cfg(test)]\nmod tests")
            .next()
            .unwrap_or_default();
        body.lines()
            .filter(|line| !line.trim_start().starts_with("//"))
    }
}

/// Requests may hold credentials, and the named host must be the measured one: no client asks the environment for a
/// proxy.
#[test]
fn every_http_client_ignores_the_proxies_of_the_environment() {
    let mut clients = 0;
    for source in sources() {
        let code: Vec<&str> = source.code().collect();
        let code = code.join("\n");
        assert!(
            !code.contains("reqwest::get(") && !code.contains("Client::new()"),
            "{}: a client without settings asks for proxies",
            source.module
        );
        for built in code.split("Client::builder()").skip(1) {
            clients += 1;
            let chain = built.split(".build()").next().unwrap_or_default();
            assert!(chain.contains(".no_proxy()"), "{}", source.module);
        }
    }
    assert!(clients >= 2, "the clients were not found");
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let module = path.strip_prefix(&root).unwrap().with_extension("");
                let text = fs::read_to_string(&path).unwrap();
                found.push(Source {
                    module: module.to_str().unwrap().replace('\\', "/"),
                    text,
                });
            }
        }
    }
    assert!(found.len() > 30, "the sources were not found");
    found
}

fn row(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

/// Modules of this crate that a line names: `crate::plan::…`, `crate::{plan, gate}`.
fn imports(line: &str) -> BTreeSet<String> {
    let word = |text: &str| {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let mut names = BTreeSet::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => names.extend(list.split(',').map(|part| word(part.trim()))),
            None => drop(names.insert(word(rest))),
        }
    }
    names.retain(|name| row(name).is_some());
    names
}

#[test]
fn every_module_imports_only_from_rows_above_its_own() {
    let mut wrong = Vec::new();
    for source in sources()
        .iter()
        .filter(|s| !matches!(s.module.as_str(), "lib" | "main"))
    {
        let own = source.top();
        let Some(own_row) = row(own) else {
            wrong.push(format!(
                "src/{}.rs is in no row of src/lib.rs",
                source.module
            ));
            continue;
        };
        for line in source.code() {
            for name in imports(line).into_iter().filter(|name| name != own) {
                let above = row(&name).is_some_and(|row| row < own_row);
                if !above && !NEIGHBOURS.contains(&(own, name.as_str())) {
                    wrong.push(format!(
                        "src/{}.rs imports {name}: {}",
                        source.module,
                        line.trim()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_rows_are_those_of_the_map_in_lib_rs() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for (number, modules) in ROWS.iter().enumerate() {
        let line = lib
            .lines()
            .find(|line| line.starts_with(&format!("//! | {number} |")))
            .expect("a row of the map");
        for module in *modules {
            assert!(
                line.contains(&format!("[`{module}`]")),
                "row {number} of the map lacks {module}: {line}"
            );
        }
    }
}

#[test]
fn every_external_crate_has_one_home() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (name, homes) in HOMES {
            let at_home = homes.iter().any(|home| {
                source.module == *home || source.module.starts_with(&format!("{home}/"))
            });
            let path = format!("{name}::");
            let names_it = |line: &&str| {
                line.match_indices(&path).any(|(at, _)| {
                    !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                })
            };
            if !at_home && source.code().any(|line| names_it(&line)) {
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

#[test]
fn every_file_opens_with_the_sentence_that_says_what_it_is_for() {
    for source in sources() {
        let first = source.text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("//! ") && first.len() > 20,
            "src/{}.rs opens with: {first}",
            source.module
        );
    }
}

#[test]
fn no_file_is_a_drawer_for_whatever_fits_nowhere() {
    for source in sources() {
        let name = source.module.rsplit('/').next().unwrap_or_default();
        let drawer = [
            "util", "utils", "helper", "helpers", "manager", "misc", "common", "mod",
        ]
        .contains(&name);
        assert!(!drawer, "src/{}.rs", source.module);
    }
}

#[test]
fn the_core_prints_nothing_and_never_exits() {
    for source in sources()
        .iter()
        .filter(|s| row(s.top()).is_some_and(|row| row < 7))
    {
        for line in source.code() {
            for word in ["println!", "eprintln!", "process::exit", "env::var"] {
                assert!(
                    !line.contains(word),
                    "src/{}.rs: {}",
                    source.module,
                    line.trim()
                );
            }
        }
    }
}
