//! House rules as tests: who may import whom, one home per external crate, one sentence on top of a file.

mod code;
mod names;
mod sizes;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every door of `src/lib.rs` and the doors that it may import from; each may import from itself.
const DOORS: [(&str, &[&str]); 9] = [
    ("ground", &["ground"]),
    ("stats", &["ground"]),
    ("run", &["ground", "stats"]),
    ("judge", &["ground", "stats", "run"]),
    ("probe", &["ground", "stats", "run"]),
    ("report", &["ground", "stats", "run", "judge"]),
    (
        "cli",
        &[
            "ground",
            "stats",
            "run",
            "judge",
            "probe",
            "report",
            "reference",
        ],
    ),
    (
        "command",
        &[
            "ground",
            "stats",
            "run",
            "judge",
            "probe",
            "report",
            "cli",
            "reference",
        ],
    ),
    ("reference", &["ground"]),
];

/// The files of the ground floor.
const GROUND: [&str; 6] = [
    "units",
    "verdict",
    "exit",
    "printable",
    "redact",
    "tls_roots",
];

/// The only modules that may name an external crate.
const HOMES: [(&str, &[&str]); 20] = [
    ("clap", &["cli", "command", "main"]),
    ("clap_complete", &["cli", "command"]),
    ("clap_mangen", &["command"]),
    ("httparse", &["probe/engine/connection"]),
    ("hdrhistogram", &["run/histogram"]),
    ("statrs", &["stats"]),
    ("comfy_table", &["report/table"]),
    ("indicatif", &["command/progress"]),
    ("axum", &["reference/server"]),
    ("rusqlite", &["reference/store"]),
    ("tokio_postgres", &["reference/store/postgres"]),
    ("deadpool_postgres", &["reference/store/postgres"]),
    ("rustix", &["probe/engine", "reference/store"]),
    ("lapin", &["reference/queue/amqp"]),
    ("redis", &["reference/queue/redis"]),
    ("async_nats", &["reference/queue/nats"]),
    ("tokio_postgres_rustls", &["reference/store/postgres"]),
    ("rustls_native_certs", &["tls_roots"]),
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
        let tests = [
            "#[cfg(test)]\nmod tests",
            "#[cfg(test)]\npub(crate) mod tests",
        ];
        let ends = tests.iter().filter_map(|head| self.text.find(head));
        let body = &self.text[..ends.min().unwrap_or(self.text.len())];
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

/// The door behind which a top-level module stands.
fn door(module: &str) -> Option<&'static str> {
    if GROUND.contains(&module) {
        return Some("ground");
    }
    DOORS
        .iter()
        .map(|(door, _)| *door)
        .find(|door| *door == module)
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
    names.retain(|name| door(name).is_some());
    names
}

#[test]
fn every_module_imports_only_through_the_doors_that_it_may_see() {
    let mut wrong = Vec::new();
    for source in sources()
        .iter()
        .filter(|s| !matches!(s.module.as_str(), "lib" | "main"))
    {
        let Some(own) = door(source.top()) else {
            wrong.push(format!(
                "src/{}.rs is behind no door of src/lib.rs",
                source.module
            ));
            continue;
        };
        let seen = DOORS
            .iter()
            .find(|(door, _)| *door == own)
            .map_or(&[][..], |(_, seen)| *seen);
        for line in source.code() {
            for name in imports(line) {
                let other = door(&name).unwrap_or_default();
                let may = other == own || seen.contains(&other);
                if !may {
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
fn the_map_in_lib_rs_shows_every_door() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let map: Vec<&str> = lib.lines().filter(|line| line.starts_with("//!")).collect();
    let map = map.join("\n");
    let doors = DOORS
        .iter()
        .map(|(door, _)| *door)
        .filter(|door| *door != "ground");
    for door in doors.chain(GROUND) {
        let shown = map.contains(&format!("[`{door}`]"))
            || map.contains(&format!("(mod@{door})"))
            || map.contains(&format!("[`mod@{door}`]"));
        assert!(shown, "the map lacks {door}");
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
        .filter(|s| door(s.top()).is_some_and(|door| !matches!(door, "cli" | "command")))
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
