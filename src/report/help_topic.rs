//! The pages of `a7probe help TOPIC`: the same texts as in `docs/`.

use std::borrow::Cow;
use std::io::{self, Write};

use super::screen;
use super::style::Style;
use crate::exit::Exit;

/// A subject that the help explains on a page of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelpTopic {
    /// The grammar of gates, and the implied ones.
    Gates,
    /// The completion audit.
    Audit,
    /// The causes of high latency and their remedies.
    Diagnose,
    /// The table of [`Exit`].
    ExitCodes,
    /// The settings file, its order with flags and variables, and every variable.
    Environment,
    /// How latency is measured and judged.
    Method,
    /// The glossary.
    Terms,
}

impl HelpTopic {
    /// Every topic, in the order in which the help lists them.
    pub const ALL: [HelpTopic; 7] = [
        HelpTopic::Gates,
        HelpTopic::Audit,
        HelpTopic::Diagnose,
        HelpTopic::ExitCodes,
        HelpTopic::Environment,
        HelpTopic::Method,
        HelpTopic::Terms,
    ];

    /// The word after `a7probe help`.
    pub fn name(self) -> &'static str {
        match self {
            HelpTopic::Gates => "gates",
            HelpTopic::Audit => "audit",
            HelpTopic::Diagnose => "diagnose",
            HelpTopic::ExitCodes => "exit-codes",
            HelpTopic::Environment => "environment",
            HelpTopic::Method => "method",
            HelpTopic::Terms => "terms",
        }
    }

    /// The page in Markdown.
    pub fn page(self) -> Cow<'static, str> {
        match self {
            HelpTopic::Gates => include_str!("../../docs/gates.md").into(),
            HelpTopic::Audit => include_str!("../../docs/audit.md").into(),
            HelpTopic::Diagnose => include_str!("../../docs/diagnose.md").into(),
            HelpTopic::ExitCodes => exit_codes().into(),
            HelpTopic::Environment => include_str!("../../docs/settings.md").into(),
            HelpTopic::Method => include_str!("../../docs/method.md").into(),
            HelpTopic::Terms => include_str!("../../docs/glossary.md").into(),
        }
    }

    /// Writes the page for a terminal: at most 100 columns wide, without Markdown's marks.
    ///
    /// # Errors
    /// `out` cannot be written to.
    pub fn write(self, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        screen::page::write(&self.page(), style, out)
    }
}

/// The table of the codes, from the enum that decides them.
fn exit_codes() -> String {
    let mut page = "# Exit codes\n\n| code | meaning |\n|---:|---|\n".to_owned();
    for exit in Exit::ALL {
        page.push_str(&format!("| {} | {} |\n", exit.code(), exit.meaning()));
    }
    page.push_str(
        "\nThe worst of several wins: 2, then 4, 1, 3, 0.\n\n\
         - `--inconclusive warn` turns 3 into 0 with a warning. The verdict stays INCONCLUSIVE.\n\
         - `--no-gates` measures without a verdict and ends with 0, or with 4 if the service is unreachable.\n\
         - A run whose gates all end in `warn` ends with 0.\n\
         - `compare` and `ab` without a gate end with 0.\n\
         - `selftest` ends with 1 if a figure exceeds its tolerance.\n",
    );
    page
}

#[cfg(test)]
mod tests {
    use super::HelpTopic;
    use crate::report::{Glyphs, Style};

    fn shown(topic: HelpTopic, style: &Style) -> String {
        let mut out = Vec::new();
        topic.write(style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_page_fits_80_columns_except_its_code() {
        let style = Style {
            width: Some(80),
            ..Style::default()
        };
        for topic in HelpTopic::ALL {
            let page = shown(topic, &style);
            assert!(page.lines().count() > 10, "{topic:?}");
            for line in page.lines().filter(|line| !line.starts_with("    ")) {
                assert!(line.chars().count() <= 80, "{topic:?}: {line}");
                assert!(!line.contains("](") && !line.contains("**"), "{line}");
            }
        }
    }

    #[test]
    fn every_page_has_a_form_in_ascii() {
        let style = Style {
            glyphs: Glyphs::Ascii,
            ..Style::default()
        };
        for topic in HelpTopic::ALL {
            let page = shown(topic, &style);
            let other: String = page.chars().filter(|c| !c.is_ascii()).collect();
            assert_eq!(other, "", "{topic:?}");
        }
    }
}
