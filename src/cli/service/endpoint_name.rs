//! What an endpoint may be called.

/// Names stand in gates, so they are one word.
pub(super) fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    !name.is_empty() && name.chars().all(is_part)
}
