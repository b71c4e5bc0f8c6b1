//! The writer of HTML and SVG: names of elements and attributes stand in this program, and everything else is escaped.

use std::fmt::{self, Display, Write as _};

use super::style_sheet::StyleSheet;

/// Attributes of an element: names of this program, values from anywhere.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a dyn Display)];

/// `attrs!["x" => 3, "fill" => INK]`.
macro_rules! attrs {
    ($($name:literal => $value:expr),* $(,)?) => {
        &[$(($name, &$value as &dyn std::fmt::Display)),*]
    };
}
pub(super) use attrs;

/// Well-formed markup. Text gets in through [`escape`] alone.
#[derive(Debug, Default)]
pub(super) struct Markup {
    out: String,
    ids: u32,
}

impl Markup {
    pub(super) fn new() -> Markup {
        Markup::default()
    }

    /// An HTML document begins.
    pub(super) fn doctype(&mut self) {
        self.out.push_str("<!DOCTYPE html>\n");
    }

    /// An element with what is written inside.
    pub(super) fn node(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Markup),
    ) {
        self.open(name, attributes);
        self.out.push('>');
        inside(self);
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// An element with text inside.
    pub(super) fn words(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        text: impl Display,
    ) {
        self.node(name, attributes, |m| m.text(text));
    }

    /// An element of SVG with nothing inside.
    pub(super) fn leaf(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.open(name, attributes);
        self.out.push_str("/>");
    }

    /// An element of HTML that has no end.
    pub(super) fn void(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.open(name, attributes);
        self.out.push('>');
    }

    pub(super) fn text(&mut self, text: impl Display) {
        // Writing to a string cannot fail.
        let _ = write!(Escaping(&mut self.out), "{text}");
    }

    /// Without style sheets, elements side by side need a space between them.
    pub(super) fn space(&mut self) {
        self.out.push(' ');
    }

    pub(super) fn line_break(&mut self) {
        self.out.push('\n');
    }

    pub(super) fn style(&mut self, sheet: &StyleSheet) {
        self.out.push_str("<style>\n");
        self.out.push_str(sheet.as_str());
        self.out.push_str("</style>\n");
    }

    /// A number that no other element of the document has.
    pub(super) fn next_id(&mut self) -> u32 {
        self.ids += 1;
        self.ids
    }

    pub(super) fn as_str(&self) -> &str {
        &self.out
    }

    fn open(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.out.push('<');
        self.out.push_str(name);
        for (name, value) in attributes {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            // Writing to a string cannot fail.
            let _ = write!(Escaping(&mut self.out), "{value}");
            self.out.push('"');
        }
    }
}

struct Escaping<'a>(&'a mut String);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(text, self.0);
        Ok(())
    }
}

/// Text that is neither markup nor the end of an attribute, and holds no character that XML or HTML forbids.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(' '),
            c if is_forbidden(c) => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
}

/// Controls, noncharacters, and marks that change the order in which other text is shown.
fn is_forbidden(c: char) -> bool {
    let code = u32::from(c);
    crate::printable::is_unprintable(c)
        || (0xFDD0..=0xFDEF).contains(&code)
        || code & 0xFFFE == 0xFFFE
}

/// Two decimals at most: a length in px, or a coordinate of a chart.
#[derive(Clone, Copy)]
pub(super) struct Px(pub(super) f64);

/// The same with a percent sign.
#[derive(Clone, Copy)]
pub(super) struct Share(pub(super) f64);

impl Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A value that is not a number must not make a picture unreadable.
        let value = if self.0.is_finite() { self.0 } else { 0.0 };
        let rounded = (value * 100.0).round() / 100.0;
        // A negative zero would show its sign.
        write!(f, "{}", rounded + 0.0)
    }
}

impl Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", Px(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::{Markup, Px, Share, escape};

    #[test]
    fn markup_in_text_and_attributes_stays_text() {
        let mut m = Markup::new();
        let hostile = "\"><script>alert('&')</script>\u{1}\u{202e}\u{ffff}";
        m.node("p", attrs!["title" => hostile], |m| m.text(hostile));
        let shown =
            "&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;\u{fffd}\u{fffd}\u{fffd}";
        assert_eq!(m.as_str(), format!("<p title=\"{shown}\">{shown}</p>"));
    }

    #[test]
    fn lines_of_text_become_one() {
        let mut out = String::new();
        escape("a\nb\tc\r", &mut out);
        assert_eq!(out, "a b c\u{fffd}");
    }

    #[test]
    fn coordinates_have_two_decimals_and_no_trailing_zeros() {
        for (value, shown) in [
            (12.0, "12"),
            (12.345, "12.35"),
            (-0.001, "0"),
            (0.1, "0.1"),
            (f64::NAN, "0"),
        ] {
            assert_eq!(Px(value).to_string(), shown);
        }
        assert_eq!(Share(33.333).to_string(), "33.33%");
    }
}
