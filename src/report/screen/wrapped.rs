//! Lines that fit the terminal: broken between words, or between the parts of a headline.

/// Breaks a line at spaces; later lines are indented. A word that is longer than the line stays whole.
pub(crate) fn at_words(line: &str, width: Option<u16>, indent: usize) -> Vec<String> {
    let width = width.map_or(usize::MAX, usize::from);
    if line.chars().count() <= width {
        return vec![line.to_owned()];
    }
    let lead: String = line.chars().take_while(|c| *c == ' ').collect();
    let mut lines = Vec::new();
    let mut current = lead;
    let mut empty = true;
    for word in line.trim_start().split(' ') {
        let needs = current.chars().count() + usize::from(!empty) + word.chars().count();
        if !empty && needs > width {
            lines.push(std::mem::replace(&mut current, " ".repeat(indent)));
            empty = true;
        }
        if !empty {
            current.push(' ');
        }
        current.push_str(word);
        empty = false;
    }
    lines.push(current);
    lines
}

/// Joins parts, with a new line where the next part does not fit; the first line begins after the indent already.
pub(super) fn at_parts(
    parts: &[String],
    separator: &str,
    width: Option<u16>,
    indent: usize,
) -> Vec<String> {
    let room = width.map_or(usize::MAX, |width| {
        usize::from(width).saturating_sub(indent)
    });
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(last)
                if last.chars().count() + separator.chars().count() + part.chars().count()
                    <= room =>
            {
                last.push_str(separator);
                last.push_str(part);
            }
            _ => lines.extend(at_words(part, u16::try_from(room).ok(), 0)),
        }
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{at_parts, at_words};

    #[test]
    fn prose_breaks_between_words_and_hangs() {
        assert_eq!(
            at_words("note: one two three", Some(10), 6),
            ["note: one", "      two", "      three"]
        );
        assert_eq!(
            at_words("  a verylongword", Some(6), 4),
            ["  a", "    verylongword"]
        );
        assert_eq!(
            at_words("as wide as needed", None, 2),
            ["as wide as needed"]
        );
    }

    #[test]
    fn a_headline_breaks_between_gates() {
        let parts = [
            "P95 236 ms > 150 ms".to_owned(),
            "P99 327 ms > 150 ms".to_owned(),
        ];
        assert_eq!(at_parts(&parts, " · ", Some(80), 14).len(), 1);
        assert_eq!(
            at_parts(&parts, " · ", Some(40), 14),
            ["P95 236 ms > 150 ms", "P99 327 ms > 150 ms"]
        );
    }
}
