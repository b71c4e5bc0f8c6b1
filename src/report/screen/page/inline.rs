//! The marks inside a paragraph: code and emphasis are bold or plain, links are their text.

use crate::report::screen::ink::Ink;

/// Begins and ends bold text, until the line is written.
const BOLD: char = '\u{2}';
const END: char = '\u{3}';
/// A space at which no line is broken.
const KEPT: char = '\u{a0}';
/// Code of at most this many characters stays on one line.
const SHORT_CODE: usize = 40;

/// The words of a text, each with its own marks of bold.
pub(super) fn words(text: &str, ink: Ink) -> Vec<String> {
    let mut spans = Spans::default();
    spans.read(&ink.glyphs(text));
    let whole = spans.out;
    let mut words: Vec<String> = Vec::new();
    let mut is_bold = false;
    for word in whole.split(' ').filter(|word| !word.is_empty()) {
        let mut marked = if is_bold {
            BOLD.to_string()
        } else {
            String::new()
        };
        marked.push_str(word);
        is_bold = match word.rfind([BOLD, END]) {
            Some(at) => word[at..].starts_with(BOLD),
            None => is_bold,
        };
        if is_bold {
            marked.push(END);
        }
        words.push(marked);
    }
    words
}

/// Columns on the screen.
pub(super) fn width(text: &str) -> usize {
    text.chars().filter(|c| !matches!(*c, BOLD | END)).count()
}

/// The text as the terminal gets it.
pub(super) fn drawn(text: &str, ink: Ink) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(BOLD) {
        let (before, bold) = rest.split_at(start);
        let end = bold.find(END).unwrap_or(bold.len());
        out.push_str(before);
        out.push_str(&ink.bold(bold[..end].trim_start_matches(BOLD)));
        rest = bold[end..].trim_start_matches(END);
    }
    out.push_str(rest);
    out.retain(|c| !matches!(c, BOLD | END));
    out.replace(KEPT, " ")
}

/// Breaks words into lines of at most this width; a longer word stays whole.
pub(super) fn lines(words: &[String], room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.clone()),
        }
    }
    lines
}

/// The text until now, with marks of bold in place of those of Markdown.
#[derive(Default)]
struct Spans {
    out: String,
    is_strong: bool,
}

impl Spans {
    fn read(&mut self, text: &str) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let used = match c {
                '`' => self.code(rest),
                '[' | '!' => self.link(rest),
                '*' => self.stars(rest),
                '\\' => self.escaped(rest),
                '<' => self.tag(rest),
                _ => None,
            };
            let used = used.unwrap_or_else(|| {
                self.out.push(c);
                c.len_utf8()
            });
            rest = &rest[used..];
        }
    }

    fn code(&mut self, text: &str) -> Option<usize> {
        let ticks = text.len() - text.trim_start_matches('`').len();
        let fence = &text[..ticks];
        let length = text[ticks..].find(fence)?;
        let code = text[ticks..ticks + length].trim();
        let is_short = code.chars().count() <= SHORT_CODE;
        let code = if is_short {
            code.replace(' ', "\u{a0}")
        } else {
            code.to_owned()
        };
        self.bold(&code);
        Some(ticks + length + ticks)
    }

    fn bold(&mut self, text: &str) {
        if self.is_strong {
            self.out.push_str(text);
        } else {
            self.out.push(BOLD);
            self.out.push_str(text);
            self.out.push(END);
        }
    }

    /// `[text](place)` and `![text](place)`: the text, and a place on the web after it.
    fn link(&mut self, text: &str) -> Option<usize> {
        let start = text.find('[').filter(|at| *at <= 1)?;
        let middle = text.find("](")?;
        let end = middle + text[middle..].find(')')?;
        let (shown, place) = (&text[start + 1..middle], &text[middle + 2..end]);
        if shown.contains('[') {
            return None;
        }
        self.read(shown);
        if place.starts_with("http") && place != shown {
            self.out.push_str(" (");
            self.out.push_str(place);
            self.out.push(')');
        }
        Some(end + 1)
    }

    /// `**strong**` is bold, `*emphasis*` is plain.
    fn stars(&mut self, text: &str) -> Option<usize> {
        if let Some(rest) = text.strip_prefix("**") {
            let opens = !self.is_strong;
            if opens && !rest.contains("**") {
                return None;
            }
            self.out.push(if opens { BOLD } else { END });
            self.is_strong = opens;
            return Some(2);
        }
        let closes = text[1..].starts_with(|c: char| !c.is_alphanumeric());
        let opens = text[1..].starts_with(char::is_alphanumeric) && text[1..].contains('*');
        let is_after_word = self.out.ends_with(char::is_alphanumeric);
        (opens != is_after_word || closes && is_after_word).then_some(1)
    }

    fn escaped(&mut self, text: &str) -> Option<usize> {
        let next = text[1..]
            .chars()
            .next()
            .filter(char::is_ascii_punctuation)?;
        self.out.push(next);
        Some(2)
    }

    /// `<br>` is a space, `<https://…>` is the place.
    fn tag(&mut self, text: &str) -> Option<usize> {
        let end = text.find('>')?;
        let inside = &text[1..end];
        if inside.starts_with("http") {
            self.out.push_str(inside);
            return Some(end + 1);
        }
        if matches!(inside, "br" | "br/" | "br /") {
            self.out.push(' ');
            return Some(end + 1);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{drawn, lines, width, words};
    use crate::report::screen::ink::Ink;
    use crate::report::{Colour, Glyphs, Style};

    fn ink(colour: Colour, glyphs: Glyphs) -> Ink {
        Ink::of(&Style {
            colour,
            glyphs,
            ..Style::default()
        })
    }

    fn plain(text: &str) -> String {
        let ink = ink(Colour::Never, Glyphs::Unicode);
        drawn(&words(text, ink).join(" "), ink)
    }

    #[test]
    fn marks_of_markdown_are_not_shown() {
        for (text, shown) in [
            ("a `code` b", "a code b"),
            ("`--gate 'p95 <= 1s'`", "--gate 'p95 <= 1s'"),
            ("**PASS** and *this*", "PASS and this"),
            ("**say `x` now**", "say x now"),
            ("see [docs/json.md](json.md).", "see docs/json.md."),
            ("[oha](https://a.example)", "oha (https://a.example)"),
            ("2 * 3 and `* p99`", "2 * 3 and * p99"),
            ("P99 <= 1s <br> or \\*", "P99 <= 1s or *"),
            ("error_rate and [1, 2]", "error_rate and [1, 2]"),
        ] {
            assert_eq!(plain(text), shown, "{text}");
        }
    }

    #[test]
    fn bold_begins_and_ends_within_each_line() {
        let ink = ink(Colour::Always, Glyphs::Ascii);
        let words = words("**two words** ≤ `c`", ink);
        assert_eq!(width(&words.join(" ")), "two words <= c".len());
        let drawn: Vec<String> = lines(&words, 8)
            .iter()
            .map(|line| drawn(line, ink))
            .collect();
        let bold = |text| format!("\u{1b}[1m{text}\u{1b}[0m");
        assert_eq!(
            drawn,
            [bold("two"), format!("{} <=", bold("words")), bold("c")]
        );
    }
}
