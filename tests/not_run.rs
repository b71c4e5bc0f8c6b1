//! Closes the suite: lists by name the tests that were not run because something they need is not here.

#![expect(clippy::print_stdout, reason = "telling is all it does")]

use std::collections::BTreeSet;
use std::path::Path;

fn main() {
    // A runner that asks for a list gets an empty one: there is nothing to run here, only to tell.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let list = Path::new(env!("CARGO_TARGET_TMPDIR")).join("not-run");
    let text = std::fs::read_to_string(&list).unwrap_or_default();
    let _ = std::fs::remove_file(&list);
    let tests: BTreeSet<&str> = text.lines().collect();
    if tests.is_empty() {
        println!("\nevery test had what it needs");
        return;
    }
    println!(
        "\nnot run, because something they need is not here (tests/services.sh installs and starts it):"
    );
    tests.iter().for_each(|test| println!("  {test}"));
}
