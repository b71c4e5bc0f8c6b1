//! House rules as tests: imports, external crates, names, sizes, habits, and what a file opens with.

mod circles;
mod code;
mod crates;
mod doors;
mod flags;
mod names;
mod pages;
mod sizes;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use doors::door;

struct Source {
    /// Path below `src` or `tests`, without `.rs`.
    module: String,
    text: String,
}

impl Source {
    fn top(&self) -> &str {
        self.module.split('/').next().unwrap_or_default()
    }

    /// The code, without comments and without the tests at the end of the file.
    fn code(&self) -> String {
        let tests = [
            "#[cfg(test)]\nmod tests {",
            "#[cfg(test)]\npub(crate) mod tests {",
            "#[cfg(test)]\npub(super) mod tests {",
        ];
        let ends = tests.iter().filter_map(|head| self.text.find(head));
        let body = &self.text[..ends.min().unwrap_or(self.text.len())];
        let is_code = |line: &&str| !line.trim_start().starts_with("//");
        body.lines().filter(is_code).collect::<Vec<_>>().join("\n")
    }
}

/// Requests may hold credentials, and the named host must be the measured one: no client asks the environment for a
/// proxy.
#[test]
fn every_http_client_ignores_the_proxies_of_the_environment() {
    let mut clients = 0;
    for source in sources() {
        let code = source.code();
        for unset in ["reqwest::get(", "Client::new()", "Client::default()"] {
            let module = &source.module;
            assert!(
                !code.contains(unset),
                "src/{module}.rs: {unset} asks for proxies"
            );
        }
        for start in [
            "Client::builder()",
            "ClientBuilder::new()",
            "ClientBuilder::default()",
        ] {
            for built in code.split(start).skip(1) {
                clients += 1;
                let chain = built.split(".build()").next().unwrap_or_default();
                assert!(chain.contains(".no_proxy()"), "{}", source.module);
            }
        }
    }
    assert!(clients >= 2, "the clients were not found");
}

fn sources() -> Vec<Source> {
    files_of("src")
}

/// Every Rust file below a folder of the package.
fn files_of(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
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

/// A test of random inputs shows how many it tried.
const COUNTS_ITS_CASES: &str = "reference/payload/mutation";

#[test]
fn the_core_prints_nothing_and_never_exits() {
    let words = [
        "print!(",
        "println!(",
        "io::stdout()",
        "io::stderr()",
        "process::exit",
        "env::var",
    ];
    let is_core = |source: &&Source| {
        let door = door(source.top());
        door.is_some_and(|door| !matches!(door, "cli" | "command"))
            && source.module != COUNTS_ITS_CASES
    };
    for source in sources().iter().filter(is_core) {
        for line in source.code().lines() {
            let found = words.iter().any(|word| line.contains(word));
            assert!(!found, "src/{}.rs: {}", source.module, line.trim());
        }
    }
}
