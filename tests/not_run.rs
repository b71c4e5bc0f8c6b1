//! Closes the suite: lists by name the tests that were not run because something they need is not here.

#![expect(clippy::print_stdout, reason = "telling is all it does")]

use std::collections::BTreeSet;
use std::path::Path;

fn main() {
    // A runner that asks for a list gets an empty one: there is nothing to run here, only to tell.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let not_built = not_built();
    if !not_built.is_empty() {
        println!("\nnot built, because features are off (cargo test --all-features has them all):");
        not_built.iter().for_each(|module| println!("  {module}"));
    }
    let list = Path::new(env!("CARGO_TARGET_TMPDIR")).join("not-run");
    let text = std::fs::read_to_string(&list).unwrap_or_default();
    let _ = std::fs::remove_file(&list);
    let tests: BTreeSet<&str> = text.lines().collect();
    if tests.is_empty() {
        println!("\nevery test that was built had what it needs");
        return;
    }
    println!(
        "\nnot run, because something they need is not here (tests/services.sh installs and starts services):"
    );
    tests.iter().for_each(|test| println!("  {test}"));
}

/// The modules of `it` that this build leaves out, by the features that it lacks.
fn not_built() -> Vec<&'static str> {
    let features = [
        ("postgres", cfg!(feature = "postgres")),
        ("amqp", cfg!(feature = "amqp")),
        ("redis", cfg!(feature = "redis")),
        ("nats", cfg!(feature = "nats")),
    ];
    let missing: Vec<String> = features
        .into_iter()
        .filter(|(_, is_on)| !is_on)
        .map(|(name, _)| format!("feature = \"{name}\""))
        .collect();
    let conditional = include_str!("it/main.rs").split("\n#[cfg(").skip(1);
    let of_missing = conditional.filter_map(|item| {
        let (condition, rest) = item.split_once(")]\nmod ")?;
        let is_missing = missing.iter().any(|feature| condition.contains(feature));
        is_missing.then(|| rest.split(';').next().unwrap_or_default())
    });
    of_missing.collect()
}
