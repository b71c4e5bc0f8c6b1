//! The report as one JSON object: stable names, times in milliseconds, exact where the data are.

mod audit;
pub(super) mod capacity;
mod change;
mod diagnosis;
mod endpoint;
mod finding;
mod instrument;
#[cfg(test)]
mod page;
mod progress;
mod rates;
mod reason;
mod run;
mod schema;
mod segment;
pub(super) mod selftest;
mod shards;

use std::io::{self, Write};

use serde::Serialize;

use super::comparison_report::TurnsReport;
use super::model::Report;
use super::text;
use crate::judge::comparison::Noise;
use crate::judge::warning::{Warning, WarningKind};
use crate::verdict::Verdict;

pub use audit::{JsonAudit, JsonAudits, JsonCompletion};
pub use capacity::change::CAPACITY_CHANGE_SCHEMA;
pub use capacity::{CAPACITY_SCHEMA, CapacityFileError, is_capacity_file};
pub use change::{JsonBaseline, JsonChange};
pub(super) use diagnosis::{JsonDiagnosis, support_word};
pub(super) use endpoint::{JsonEndpoint, JsonObserved, JsonPercentile};
pub(super) use finding::{JsonFinding, JsonPKind};
pub use instrument::{JsonCalibration, JsonCertificate};
pub use rates::{JsonErrorRate, JsonRates};
pub(super) use run::JsonRun;
pub use schema::REPORT_SCHEMA;
pub(super) use segment::JsonProfile;

/// Name and version of this form; the number rises when a field changes its meaning or goes.
pub const SCHEMA: &str = "a7probe.report/1";

/// A report as JSON holds it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonReport {
    /// [`SCHEMA`].
    pub schema: String,
    /// The command: `measure`, `judge`, `compare`, `ab` or `diagnose`.
    pub kind: String,
    /// What it is about: a URL, or files.
    pub title: String,
    /// Over the gates that decide; `null` where nothing was asked.
    pub verdict: Option<Verdict>,
    /// The exit code of the command.
    pub exit_code: u8,
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
    /// The saved run that gates were judged against; only of `measure` and `judge`, where one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<JsonBaseline>,
    /// How both sides were interleaved; only of `ab`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turns: Option<TurnsReport>,
    /// Root causes; only in a diagnosis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) diagnosis: Option<JsonDiagnosis>,
    /// Percentiles and counts of each endpoint.
    pub endpoints: Vec<JsonEndpoint>,
    /// The endpoints that were measured in segments, with the sum of their counts; absent without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<JsonProfile>,
    /// The runs behind it, in brief.
    pub runs: Vec<JsonRun>,
    /// What may mislead, and how to fix it.
    pub warnings: Vec<JsonWarning>,
    /// What must be known to read the numbers.
    pub notes: Vec<String>,
}

/// Something that may mislead.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
            exit_code: report.exit().code(),
            findings: report.findings.iter().map(JsonFinding::from).collect(),
            changes: report.comparison.as_ref().map(change::changes),
            rates: report.comparison.as_ref().map(rates::rates),
            audits: report.comparison.as_ref().and_then(audit::audits),
            noise: report.comparison.as_ref().map(|c| c.noise),
            baseline: report.baseline.as_ref().map(JsonBaseline::from),
            turns: report.comparison.as_ref().and_then(|c| c.turns),
            diagnosis: report.diagnosis.as_ref().map(JsonDiagnosis::from),
            endpoints: report.endpoints.iter().map(JsonEndpoint::from).collect(),
            profiles: segment::profiles(&report.endpoints),
            runs: report.runs.iter().map(JsonRun::from).collect(),
            warnings: report.warnings.iter().map(JsonWarning::from).collect(),
            notes: text::notes(report),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};

    use std::time::Duration;

    use insta::assert_snapshot;

    use super::{JsonWarning, Warning};
    use crate::judge::summary::{
        Growth, GrowthKind, LevelChange, Parts, RequestsInFlight, RunPosition, RunWindow, SlowStart,
    };
    use crate::judge::warning::{
        AuditWarning, ComparisonWarning, DriftWarning, LoadWarning, RunWarning, WarningKind,
    };
    use crate::run::completion::{AuditRemark, AuditTrouble};
    use crate::run::import::{FileFormat, ImportRemark, UnstatedFact};
    use crate::stats::rank::Quantile;

    const MS: Duration = Duration::from_millis(1);

    fn lines(warnings: impl IntoIterator<Item = impl Into<WarningKind>>) -> String {
        let line = |warning| to_value(Warning::of(warning).kind).unwrap().to_string();
        warnings
            .into_iter()
            .map(line)
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn a_change_during_a_run_has_its_numbers() {
        let endpoint = || "a".to_owned();
        let window = |from| RunWindow {
            from,
            requests: 300,
            median: Some(MS),
            p95: None,
        };
        let warnings = [
            DriftWarning::LevelChanged {
                endpoint: endpoint(),
                change: LevelChange {
                    parts: Parts::Tenths,
                    earlier: window(RunPosition::Second(0)),
                    later: window(RunPosition::Second(9)),
                    quantile: Quantile::P95,
                    at: RunPosition::Second(7),
                },
            },
            DriftWarning::LatencyGrows {
                endpoint: endpoint(),
                growth: Growth {
                    first: MS,
                    last: None,
                    p: 0.001,
                    slope: Some(0.002),
                    in_flight: Some(RequestsInFlight {
                        first: 1.0,
                        last: 8.5,
                    }),
                    kind: GrowthKind::Queueing,
                },
            },
            DriftWarning::SlowStart {
                endpoint: endpoint(),
                start: SlowStart {
                    until: RunPosition::Value(25),
                    median: Some(4 * MS),
                    rest: Some(MS),
                },
                warmup: 500 * MS,
            },
        ];
        assert_snapshot!(lines(warnings), @r#"
        {"code":"level_changed","values":{"at_s":7,"at_value":null,"earlier":{"from_s":0,"from_value":null,"p50_ms":1.0,"p95_ms":null,"requests":300},"endpoint":"a","later":{"from_s":9,"from_value":null,"p50_ms":1.0,"p95_ms":null,"requests":300},"metric":"p95","parts":"tenths"}}
        {"code":"latency_grows","values":{"endpoint":"a","first_p50_ms":1.0,"kind":"queueing","last_p50_ms":null,"p":0.001,"requests_in_flight":{"first":1.0,"last":8.5},"slope_ms_per_s":2.0}}
        {"code":"slow_start","values":{"endpoint":"a","rest_p50_ms":1.0,"start_p50_ms":4.0,"until_s":null,"until_value":25,"warmup_s":0.5}}
        "#);
    }

    #[test]
    fn a_remark_of_an_audit_has_a_code_of_its_own() {
        let trouble = || AuditTrouble::stated("HTTP 503\nhint: wait");
        let remarks = [
            AuditRemark::Trouble {
                unread: 2,
                last: trouble(),
            },
            AuditRemark::ClocksDisagree { events: 3 },
            AuditRemark::NoOffset { events: 3 },
            AuditRemark::NoTime { events: 3 },
            AuditRemark::NotReadAgain { reason: trouble() },
        ];
        assert_snapshot!(lines(remarks.map(AuditWarning::Remark)), @r#"
        {"code":"events_unread","values":{"events":2,"last_answer":"HTTP 503"}}
        {"code":"clocks_disagree","values":{"events":3}}
        {"code":"times_without_offset","values":{"events":3}}
        {"code":"events_without_time","values":{"events":3}}
        {"code":"not_read_again","values":{"cause":"HTTP 503"}}
        "#);
    }

    #[test]
    fn a_fact_has_the_same_code_in_a_warning_as_in_a_reason() {
        let endpoint = || "a".to_owned();
        let warnings: [WarningKind; 5] = [
            RunWarning::ProcessorBusy {
                cpu_share: 0.9,
                threads: 2,
            }
            .into(),
            RunWarning::Throttled {
                time: MS,
                periods: 4,
            }
            .into(),
            LoadWarning::SentLate {
                endpoint: endpoint(),
                p99: MS,
                max: 2 * MS,
            }
            .into(),
            AuditWarning::Shared {
                endpoint: endpoint(),
                requests: 2,
            }
            .into(),
            AuditWarning::Pending {
                endpoint: endpoint(),
                events: 2,
                waited: MS,
            }
            .into(),
        ];
        assert_snapshot!(lines(warnings), @r#"
        {"code":"client_busy","values":{"cpu_share":0.9,"threads":2}}
        {"code":"client_throttled","values":{"periods":4,"throttled_ms":1.0}}
        {"code":"client_late","values":{"endpoint":"a","send_lag_max_ms":2.0,"send_lag_p99_ms":1.0}}
        {"code":"shared_events","values":{"endpoint":"a","requests":2}}
        {"code":"events_pending","values":{"endpoint":"a","events":2,"waited_ms":1.0}}
        "#);
    }

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
                    "hint": "a verdict that depends on them is INCONCLUSIVE",
                    "code": "unsent",
                    "values": {"endpoint": "health", "unsent": 3, "planned": 60},
                }),
            ),
            (
                Warning::of(ComparisonWarning::SameRun),
                json!({
                    "text": "before and after are the same run",
                    "hint": "the second measurement was probably saved under the first name",
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
                    "text": "oha leaves requests without an answer out of its CSV, so a PASS is about the answered ones only",
                    "hint": "compare the number of rows with the number of requests sent; --output-format json counts them",
                    "code": "import_format",
                    "values": {"format": "oha-csv"},
                }),
            ),
            (
                Warning::of(ImportRemark::Unstated(UnstatedFact::Failures {
                    format: FileFormat::Hlog,
                })),
                json!({
                    "text": "an HdrHistogram log has no failures, so a PASS is about the answered requests only",
                    "hint": "take the number of failures from the measuring tool",
                    "code": "import_unstated",
                    "values": {"fact": "failures", "format": "hlog"},
                }),
            ),
        ] {
            assert_eq!(to_value(JsonWarning::from(&warning)).unwrap(), expected);
        }
    }
}
