//! The files in `deploy/` and the release: of the schemas of their platforms, with flags that the program has, and run
//! where this machine can.

mod checked;
mod commands;
#[cfg(all(
    feature = "postgres",
    feature = "amqp",
    feature = "redis",
    feature = "nats"
))]
mod composed;
mod packaged;
mod scripts;
mod slurm;

use std::fs;
use std::path::PathBuf;

use crate::pipelines::root;

/// Every file below `deploy/` whose name ends so.
fn files(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("deploy")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no file ends with {ending}");
    found
}
