//! The way out that a reason may carry: one cause, one hint, in one text.

/// What separates the two, as in error messages.
const MARK: &str = "\nhint: ";

/// The cause, and the way out where there is one.
pub fn cause_and_hint(reason: &str) -> (&str, Option<&str>) {
    match reason.split_once(MARK) {
        Some((cause, way_out)) => (cause, Some(way_out)),
        None => (reason, None),
    }
}

/// Both in one line.
pub fn in_one_line(reason: &str) -> String {
    reason.replace(MARK, "; ")
}
