//! The same screen in ASCII, for a terminal or a locale without Unicode.

use std::borrow::Cow;

/// Every character of our own that is not ASCII, with its form there.
const FORMS: [(char, &str); 46] = [
    ('≤', "<="),
    ('≥', ">="),
    ('·', "|"),
    ('µ', "u"),
    ('×', "x"),
    ('–', "-"),
    ('−', "-"),
    ('→', "->"),
    ('─', "-"),
    ('…', "..."),
    ('█', "#"),
    ('▒', "?"),
    ('▉', "#"),
    ('▊', "#"),
    ('▋', "#"),
    ('▌', "#"),
    ('▍', "#"),
    ('▎', "#"),
    ('▏', "#"),
    ('▁', " "),
    ('▂', "."),
    ('▃', ":"),
    ('▄', "-"),
    ('▅', "="),
    ('▆', "+"),
    ('▇', "*"),
    ('φ', "phi"),
    ('τ', "tau"),
    ('∞', "inf"),
    ('±', "+-"),
    ('│', "|"),
    ('┆', "|"),
    ('═', "-"),
    ('╌', "-"),
    ('┌', "+"),
    ('┐', "+"),
    ('└', "+"),
    ('┘', "+"),
    ('├', "+"),
    ('┤', "+"),
    ('┬', "+"),
    ('┴', "+"),
    ('┼', "+"),
    ('╞', "+"),
    ('╡', "+"),
    ('╪', "+"),
];

/// The text with every glyph of our own in ASCII; names keep their letters.
pub(in crate::report) fn ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match FORMS.iter().find(|(glyph, _)| *glyph == c) {
            Some((_, form)) => out.push_str(form),
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::{FORMS, ascii};

    #[test]
    fn every_glyph_has_a_form() {
        assert_eq!(
            ascii("P95 ≤ 150 ms · 3 × 80 µs – −5%"),
            "P95 <= 150 ms | 3 x 80 us - -5%"
        );
        assert_eq!(ascii("█▌ ▁▂▃▄▅▆▇█"), "##  .:-=+*#");
        assert_eq!(ascii("café"), "café");
        for (glyph, form) in FORMS {
            assert!(form.is_ascii() && !glyph.is_ascii());
        }
    }
}
