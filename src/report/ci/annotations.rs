//! The gates that did not pass, as workflow commands of GitHub Actions.

use std::io::{self, Write};

use crate::judge::gate::{Finding, Severity};
use crate::printable;
use crate::report::model::Report;
use crate::report::text;
use crate::verdict::Verdict;

/// Annotations of a step that GitHub shows.
const MOST: usize = 10;

/// Writes at most ten annotations, the worst first; the last one counts the others.
///
/// # Errors
/// `out` cannot be written to.
pub(in crate::report) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let findings: Vec<&Finding> = text::not_passed(report)
        .into_iter()
        .filter(|finding| finding.verdict != Verdict::NotJudged)
        .collect();
    let shown = match findings.len() {
        0..=MOST => findings.len(),
        _ => MOST - 1,
    };
    for finding in &findings[..shown] {
        let level = match (finding.severity(), finding.verdict) {
            (Severity::Decides, Verdict::Fail) => "error",
            _ => "warning",
        };
        let title = format!("{}: {}", finding.verdict, finding.gate);
        let message = text::reason(finding);
        writeln!(
            out,
            "::{level} title={}::{}",
            property(&title),
            data(&message)
        )?;
    }
    match findings.len() - shown {
        0 => Ok(()),
        others => writeln!(
            out,
            "::warning title=a7probe::{others} more gates did not pass; the step summary lists them"
        ),
    }
}

/// The text of a command: `%` and line ends would end or change it.
pub(super) fn data(text: &str) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D");
    printable::one_line(&text.replace('\n', "%0A")).into_owned()
}

/// A value in front of the text, which `:` and `,` would end.
pub(super) fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{data, property};

    #[test]
    fn what_would_end_a_command_is_escaped() {
        let text = "100% a:b,c\r\n::error::x\u{1b}";
        assert_eq!(data(text), "100%25 a:b,c%0D%0A::error::x\\u001b");
        assert_eq!(
            property(text),
            "100%25 a%3Ab%2Cc%0D%0A%3A%3Aerror%3A%3Ax\\u001b"
        );
    }
}
