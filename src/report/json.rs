//! The report as one JSON object: stable names, times in milliseconds, exact where the data are.

mod audit;
mod change;
mod diagnosis;
mod drift;
mod endpoint;
mod finding;
mod instrument;
mod rates;
mod reason;
mod run;
pub(super) mod selftest;

use std::io::{self, Write};

use serde::Serialize;

use super::comparison_report::TurnsReport;
use super::model::Report;
use super::text;
use crate::judge::comparison::Noise;
use crate::judge::warning::{Warning, WarningKind};
use crate::verdict::Verdict;

pub use audit::{JsonAudit, JsonAudits, JsonCompletion};
pub use change::JsonChange;
pub(super) use diagnosis::{JsonDiagnosis, support_word};
pub use drift::{JsonDrift, JsonRunWindow};
pub(super) use endpoint::{JsonEndpoint, JsonObserved, JsonPercentile};
pub(super) use finding::{JsonFinding, JsonPKind};
pub use instrument::{JsonCalibration, JsonCertificate};
pub use rates::{JsonErrorRate, JsonRates};
pub(super) use run::JsonRun;

/// Name and version of this form; the number rises when a field changes its meaning or goes.
pub const SCHEMA: &str = "a7probe.report/1";

/// A report as JSON holds it.
#[derive(Clone, Debug, Serialize)]
pub struct JsonReport {
    /// [`SCHEMA`].
    pub schema: String,
    /// The command: `measure`, `judge`, `compare`, `ab` or `diagnose`.
    pub kind: String,
    /// What it is about: a URL, or files.
    pub title: String,
    /// Over the gates that decide; `null` where nothing was asked.
    pub verdict: Option<Verdict>,
    /// What the gates say.
    pub findings: Vec<JsonFinding>,
    /// Before and after; only in a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<JsonChange>>,
    /// Error rates and achieved rates before and after; only in a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rates: Option<Vec<JsonRates>>,
    /// Completion audits before and after; only in a comparison of runs of which at least one was audited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audits: Option<Vec<JsonAudits>>,
    /// What counted as no change; only in a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<Noise>,
    /// How both sides were interleaved; only of `ab`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turns: Option<TurnsReport>,
    /// Root causes; only in a diagnosis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) diagnosis: Option<JsonDiagnosis>,
    /// Percentiles and counts of each endpoint.
    pub endpoints: Vec<JsonEndpoint>,
    /// The runs behind it, in brief.
    pub runs: Vec<JsonRun>,
    /// What may mislead, and how to fix it.
    pub warnings: Vec<JsonWarning>,
    /// What must be known to read the numbers.
    pub notes: Vec<String>,
}

/// Something that may mislead.
#[derive(Clone, Debug, Serialize)]
pub struct JsonWarning {
    /// What is the matter.
    pub text: String,
    /// What to do about it.
    pub hint: String,
    /// `code`, and `values` where it has numbers; their names end in their unit.
    #[serde(flatten)]
    pub kind: WarningKind,
}

impl From<&Warning> for JsonWarning {
    fn from(warning: &Warning) -> JsonWarning {
        let words = text::warnings::warning(warning);
        JsonWarning {
            text: words.text,
            hint: words.hint,
            kind: warning.kind.clone(),
        }
    }
}

/// Writes the report as indented JSON and a newline.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &JsonReport::from(report))?;
    writeln!(out)
}

impl From<&Report> for JsonReport {
    fn from(report: &Report) -> JsonReport {
        JsonReport {
            schema: SCHEMA.to_owned(),
            kind: report.kind.as_str().to_owned(),
            title: report.title.clone(),
            verdict: report.verdict(),
            findings: report.findings.iter().map(JsonFinding::from).collect(),
            changes: report.comparison.as_ref().map(change::changes),
            rates: report.comparison.as_ref().map(rates::rates),
            audits: report.comparison.as_ref().and_then(audit::audits),
            noise: report.comparison.as_ref().map(|c| c.noise),
            turns: report.comparison.as_ref().and_then(|c| c.turns),
            diagnosis: report.diagnosis.as_ref().map(JsonDiagnosis::from),
            endpoints: report.endpoints.iter().map(JsonEndpoint::from).collect(),
            runs: report.runs.iter().map(JsonRun::from).collect(),
            warnings: report.warnings.iter().map(JsonWarning::from).collect(),
            notes: text::notes(report),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};

    use super::{JsonWarning, Warning};
    use crate::judge::warning::{ComparisonWarning, LoadWarning};
    use crate::run::import::{FileFormat, ImportRemark, UnstatedFact};

    #[test]
    fn a_warning_has_its_words_a_code_and_its_numbers() {
        let unsent = LoadWarning::Unsent {
            endpoint: "health".to_owned(),
            unsent: 3,
            planned: 60,
        };
        for (warning, expected) in [
            (
                Warning::of(unsent).labelled("before"),
                json!({
                    "text": "before: 3 of 60 requests to health were never sent",
                    "hint": "a verdict that hangs on them is INCONCLUSIVE",
                    "code": "unsent",
                    "values": {"endpoint": "health", "unsent": 3, "planned": 60},
                }),
            ),
            (
                Warning::of(ComparisonWarning::SameRun),
                json!({
                    "text": "before and after are the same run",
                    "hint": "give the files of two runs",
                    "code": "same_run",
                }),
            ),
            (
                Warning::of(ImportRemark::MidLine),
                json!({
                    "text": "the last line has no end, so the file may be cut",
                    "hint": "check the last value; end the file with a newline",
                    "code": "import_cut_mid_line",
                }),
            ),
            (
                Warning::of(ImportRemark::Format(FileFormat::OhaCsv)),
                json!({
                    "text": "oha leaves requests without an answer out of its CSV, so a pass holds for the answered \
                             ones only",
                    "hint": "compare the number of rows with what was sent; --output-format json counts them",
                    "code": "import_format",
                    "values": {"format": "oha-csv"},
                }),
            ),
            (
                Warning::of(ImportRemark::Unstated(UnstatedFact::Failures {
                    format: FileFormat::Hlog,
                })),
                json!({
                    "text": "an HdrHistogram log holds no failures, so a pass holds for the answered requests only",
                    "hint": "take the number of failures from the tool that measured",
                    "code": "import_unstated",
                    "values": {"fact": "failures", "format": "hlog"},
                }),
            ),
        ] {
            assert_eq!(to_value(JsonWarning::from(&warning)).unwrap(), expected);
        }
    }
}
