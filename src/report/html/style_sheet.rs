//! The style sheet of the report: layout and type from this file, dark mode generated from the table of colours.

use super::colour::{self, PageColour, TABLE};

/// Text of this program and colours of the table: nothing from outside can stand in it.
#[derive(Debug, Default)]
pub(super) struct StyleSheet(String);

pub(super) const SANS: &str = "Inter, ui-sans-serif, system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Noto Sans, Arial, sans-serif";
pub(super) const MONO: &str =
    "ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, Liberation Mono, monospace";

impl StyleSheet {
    /// Of the page.
    pub(super) fn of_page() -> StyleSheet {
        let mut sheet = StyleSheet::default();
        sheet.with_colours(include_str!("page.css"), |colour| colour);
        sheet.push("@media screen and (prefers-color-scheme:dark){\n");
        sheet.with_colours(include_str!("dark.css"), colour::dark);
        sheet.mapping();
        sheet.push("}\n");
        sheet
    }

    /// Of a picture that stands alone.
    pub(super) fn of_picture() -> StyleSheet {
        let mut sheet = StyleSheet::default();
        sheet.push("@media (prefers-color-scheme:dark){\n");
        sheet.mapping();
        sheet.push("}\n");
        sheet
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn push(&mut self, css: &'static str) {
        self.0.push_str(css);
    }

    /// Replaces `$NAME` by the colour of that name.
    fn with_colours(&mut self, css: &'static str, shade: impl Fn(PageColour) -> PageColour) {
        let mut text = css
            .replace("$SANS", &quoted(SANS))
            .replace("$MONO", &quoted(MONO));
        for (name, colour) in NAMES {
            text = text.replace(&format!("${name};"), &format!("{};", shade(colour)));
            text = text.replace(&format!("${name}}}"), &format!("{}}}", shade(colour)));
            text = text.replace(&format!("${name} "), &format!("{} ", shade(colour)));
        }
        self.0.push_str(&text);
    }

    /// Every light value of a presentation attribute has its dark value.
    fn mapping(&mut self) {
        for property in ["fill", "stroke"] {
            for (light, dark) in TABLE {
                self.0
                    .push_str(&format!("[{property}=\"{light}\"]{{{property}:{dark}}}"));
            }
            self.0.push('\n');
        }
    }
}

/// The colours that the style sheet names.
const NAMES: [(&str, PageColour); 10] = [
    ("BACKGROUND", colour::BACKGROUND),
    ("INK", colour::INK),
    ("SECONDARY", colour::SECONDARY),
    ("RULE", colour::RULE),
    ("GRID", colour::GRID),
    ("SHADE", colour::SHADE),
    ("PASS", colour::PASS),
    ("FAIL", colour::FAIL),
    ("INCONCLUSIVE", colour::INCONCLUSIVE),
    ("LINK", colour::P95),
];

/// Families of several words stand in quotation marks.
fn quoted(families: &str) -> String {
    let quoted = families.split(", ").map(|family| {
        if family.contains(' ') {
            format!("\"{family}\"")
        } else {
            family.to_owned()
        }
    });
    quoted.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::StyleSheet;
    use crate::report::html::colour::TABLE;

    #[test]
    fn every_name_is_replaced_and_every_colour_mapped() {
        let sheet = StyleSheet::of_page();
        assert!(!sheet.as_str().contains('$'), "{}", sheet.as_str());
        for (light, dark) in TABLE {
            for property in ["fill", "stroke"] {
                let rule = format!("[{property}=\"{light}\"]{{{property}:{dark}}}");
                assert!(sheet.as_str().contains(&rule), "{rule}");
            }
        }
    }

    #[test]
    fn nothing_is_fetched_and_the_sheet_cannot_end_its_element() {
        for sheet in [StyleSheet::of_page(), StyleSheet::of_picture()] {
            for forbidden in ["url(", "@import", "</", "http"] {
                assert!(!sheet.as_str().contains(forbidden), "{forbidden}");
            }
        }
    }
}
