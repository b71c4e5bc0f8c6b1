//! What to do about flags that exclude each other.

/// Ids of arguments that stand on the command line together, and the hint; the first row that fits is shown.
const HINTS: [(&[&str], &str); 9] = [
    (
        &["requests", "duration"],
        "-n fixes the number of requests, -z the time",
    ),
    (
        &["quick"],
        "leave one of them out; --quick judges P50 and P95, and ends within 15 s",
    ),
    (
        &["budget"],
        "use --budget for a run that stops when every gate is decided, -n or -z for a fixed size",
    ),
    (
        &["no_gates"],
        "leave one of them out; --no-gates measures without a verdict",
    ),
    (
        &["iid"],
        "leave one of them out; --iid treats every request as independent and allows for no spell",
    ),
    (
        &["insecure"],
        "leave one of them out; -k accepts every certificate",
    ),
    (
        &["unix_socket"],
        "leave one of them out; a run connects to one place",
    ),
    (
        &["body_file"],
        "use one of them; -d @FILE reads the body from a file too",
    ),
    (&[], "leave one of them out"),
];

/// The hint for the arguments with these ids.
pub(super) fn hint(ids: &[&str]) -> &'static str {
    let fits = |row: &&(&[&str], &'static str)| row.0.iter().all(|id| ids.contains(id));
    HINTS.iter().find(fits).map_or("", |row| row.1)
}
