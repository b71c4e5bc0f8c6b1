//! What an error code of the server is about.

use tokio_postgres::error::SqlState;

/// Would the database refuse this event again, and take others? Its data, a constraint or trigger of the operator's, or its
/// size; not a full disk, a deadlock or a statement that was cancelled.
pub(super) fn is_of_the_event(code: &SqlState) -> bool {
    matches!(code.code().get(..2), Some("22" | "23" | "44" | "54" | "P0"))
}

pub(super) fn is_locked(code: &SqlState) -> bool {
    *code == SqlState::LOCK_NOT_AVAILABLE
}

#[cfg(test)]
mod tests {
    use tokio_postgres::error::SqlState;

    use super::is_of_the_event;

    #[test]
    fn only_what_is_wrong_with_the_event_is_held_against_it() {
        for code in ["22021", "23514", "23503", "44000", "54000", "P0001"] {
            assert!(is_of_the_event(&SqlState::from_code(code)), "{code}");
        }
        for code in [
            "53100", "53200", "57014", "40P01", "40001", "55P03", "25006", "42501",
        ] {
            assert!(!is_of_the_event(&SqlState::from_code(code)), "{code}");
        }
    }
}
