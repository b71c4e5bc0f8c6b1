//! Lists of words that are written as one text.

/// Whether a list of words has a word.
pub(super) fn listed(list: &str, word: &str) -> bool {
    list.split(' ').any(|listed| listed == word)
}
