//! Keeps the placeholders of a URL as they were typed, while the rest is read as a URL.

use crate::run::plan::Template;

/// A text whose placeholders are replaced by letters, which stay as they are when a URL is read.
pub(super) struct TemplateMask<'a> {
    pub(super) text: String,
    /// What each placeholder is replaced by is this, its number and another `x`.
    letters: String,
    hidden: Vec<&'a str>,
}

impl<'a> TemplateMask<'a> {
    pub(super) fn over(text: &'a str) -> TemplateMask<'a> {
        let mut letters = "xqzqx".to_owned();
        // A host is read in lower case.
        while text.to_ascii_lowercase().contains(&letters) {
            letters.push_str("qx");
        }
        let mut mask = TemplateMask {
            text: String::new(),
            letters,
            hidden: Vec::new(),
        };
        let mut end = 0;
        for place in Template::places(text) {
            mask.text.push_str(&text[end..place.start]);
            let stand_in = mask.stand_in(mask.hidden.len());
            mask.text.push_str(&stand_in);
            mask.hidden.push(&text[place.clone()]);
            end = place.end;
        }
        mask.text.push_str(&text[end..]);
        mask
    }

    fn stand_in(&self, number: usize) -> String {
        format!("{}{number}x", self.letters)
    }

    /// Whether a part of the text has a placeholder.
    pub(super) fn is_in(&self, part: &str) -> bool {
        !self.hidden.is_empty() && part.contains(&self.letters)
    }

    /// A part of the text with its placeholders again.
    pub(super) fn lift(&self, part: &str) -> String {
        let numbered = self.hidden.iter().enumerate();
        numbered.fold(part.to_owned(), |part, (number, placeholder)| {
            part.replace(&self.stand_in(number), placeholder)
        })
    }
}

/// The text between the placeholders.
pub(super) fn without_templates(text: &str) -> String {
    let (mut plain, mut end) = (String::new(), 0);
    for place in Template::places(text) {
        plain.push_str(&text[end..place.start]);
        end = place.end;
    }
    plain + &text[end..]
}
