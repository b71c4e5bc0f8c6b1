//! The known name that a typing error is closest to.

/// Of the candidates that are near enough, the one that needs the fewest edits (Damerau–Levenshtein); of several, the
/// first in the alphabet. `is_near` is asked with the number of edits and the candidate.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    is_near: impl Fn(usize, &str) -> bool,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(candidate, word), candidate))
        .filter(|(edits, candidate)| is_near(*edits, candidate))
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn fewest_edits_win_then_the_alphabet_and_only_near_ones_count() {
        let near = |word, most| nearest(word, ["rate", "date", "target"], |edits, _| edits <= most);
        assert_eq!(near("tagret", 2), Some("target"));
        assert_eq!(near("ate", 1), Some("date"));
        assert_eq!(near("xyz", 2), None);
        let by_length = nearest("x", ["q", "qx"], |edits, candidate| edits < candidate.len());
        assert_eq!(by_length, Some("qx"));
    }
}
