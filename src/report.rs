//! One result, many faces: what every command has to say, and how it is written down.

mod audit;
mod certificate;
mod comparison;
mod csv;
mod diagnosis;
mod drift;
mod figures;
mod hdrlog;
mod hgrm;
mod instrument;
mod json;
mod markdown;
mod note;
mod planned_request;
mod row;
mod rows;
mod screen;
mod table;
pub mod text;
mod warning;
mod warnings;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::exit::Exit;
use crate::judge::gate::{self, Finding};
use crate::judge::summary::{Drift, Summary};
use crate::run::completion::Audit;
use crate::run::histogram::RankedValues;
use crate::run::plan::Model;
use crate::run::recording::{Recording, RunSecond};
use crate::run::run_file::{
    AdaptiveRecord, Calibration, PlanRecord, Run, RunEnd, SelftestCertificate, SizeRecord,
    TurnsRecord,
};
use crate::stats::rank::Quantile;
use crate::units::{Rate, serialize_ms};
use crate::verdict::Verdict;

pub use audit::{JsonAudit, JsonAudits, JsonCompletion, of_completion};
pub use comparison::{ComparisonReport, JsonChange, JsonErrorRate, JsonRates, TurnsReport};
pub(crate) use diagnosis::DiagnosisReport;
pub use drift::{JsonDrift, JsonRunWindow};
pub use instrument::{JsonCalibration, JsonCertificate};
pub use json::{JsonReport, SCHEMA};
pub use note::Note;
pub use planned_request::PlannedRequest;
pub(crate) use text::diagnosis::step as diagnosis_step;
pub use warning::{
    AuditWarning, ComparisonWarning, CountAbove, DriftWarning, LoadWarning, RunWarning, Warning,
    WarningKind,
};
pub use warnings::of_failures as failure_warnings;

/// What a command has to say.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which command says it.
    pub kind: ReportKind,
    /// What it is about: a URL, or the files.
    pub title: String,
    /// In the order of the plan or of the command line.
    pub endpoints: Vec<EndpointReport>,
    /// What the gates say, grouped by endpoint.
    pub findings: Vec<Finding>,
    /// What may mislead, and how to fix it; people read them on stderr, files hold them.
    pub warnings: Vec<Warning>,
    /// What must be known to read the numbers.
    pub notes: Vec<Note>,
    /// The runs behind it: one of `measure`, two of `compare` and `ab`, none for latencies of another tool.
    pub runs: Vec<RunInfo>,
    /// Before and after; `compare` and `ab` have it.
    pub comparison: Option<ComparisonReport>,
    /// Root causes; `diagnose` alone has it.
    pub(crate) diagnosis: Option<DiagnosisReport>,
}

/// Writes the table of a self-test for people.
pub fn write_certificate(
    certificate: &SelftestCertificate,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    screen::selftest::write(certificate, style, out)
}

/// Writes a self-test as one JSON object.
pub fn write_certificate_json(
    certificate: &SelftestCertificate,
    out: &mut dyn Write,
) -> io::Result<()> {
    certificate::write(certificate, out)
}

/// Which command a report comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// `measure`
    Measure,
    /// `judge`
    Judge,
    /// `compare`
    Compare,
    /// `ab`
    Ab,
    /// `diagnose`
    Diagnose,
}

impl ReportKind {
    /// The command's word.
    pub fn as_str(self) -> &'static str {
        match self {
            ReportKind::Measure => "measure",
            ReportKind::Judge => "judge",
            ReportKind::Compare => "compare",
            ReportKind::Ab => "ab",
            ReportKind::Diagnose => "diagnose",
        }
    }
}

/// One endpoint's numbers.
#[derive(Clone, Debug)]
pub struct EndpointReport {
    /// What gates call it.
    pub name: String,
    /// The file it came from, if it was read from one.
    pub source: Option<String>,
    /// What was sent; `None` for latencies of another tool.
    pub request: Option<PlannedRequest>,
    /// Percentiles and counts.
    pub summary: Summary,
    /// How the load was put on it; `None` for latencies of another tool.
    pub traffic: Option<Traffic>,
    /// Its halves and tenths, and whether they differ.
    pub drift: Drift,
    /// What HdrHistogram's own formats hold.
    pub distribution: LatencyDistribution,
    /// What became of what was accepted; `None` if nobody asked.
    pub audit: Option<Audit>,
}

/// The latencies of the requests of one endpoint that ended ok, for HdrHistogram's own tools.
#[derive(Clone, Debug)]
pub struct LatencyDistribution {
    /// When the run began, where that is known.
    pub started_at: Option<Timestamp>,
    /// Every value as high as its bucket allows, as HdrHistogram shows values.
    pub highest: RankedValues,
    /// By second since the run began; empty where the time is not known.
    pub seconds: Arc<BTreeMap<u64, RunSecond>>,
}

/// How the load was put on an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Traffic {
    /// The rate that the plan wanted; `None` in the closed model.
    #[serde(rename = "offered_per_s")]
    pub offered: Option<Rate>,
    /// Requests sent per second; `None` below two.
    pub achieved_per_s: Option<f64>,
    /// Our own delay; `None` in the closed model, which has no plan to be late for.
    #[serde(rename = "send_lag_ms")]
    pub send_lag: Option<SendLag>,
    /// Requests that opened a connection.
    pub new_connections: u64,
    /// Requests that waited because the in-flight cap was reached.
    pub pool_limited: u64,
    /// Bytes of all bodies that were received.
    pub body_bytes: u64,
    /// Answers by status, those of the requests that ended ok and of the others.
    pub statuses: BTreeMap<u16, u64>,
    /// Statuses of answers that were not expected.
    #[serde(skip)]
    pub failed_statuses: BTreeMap<u16, u64>,
}

/// Actual send − intended start, by nearest rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SendLag {
    /// Median.
    #[serde(serialize_with = "serialize_ms")]
    pub p50: Duration,
    /// 99th percentile.
    #[serde(serialize_with = "serialize_ms")]
    pub p99: Duration,
    /// Largest.
    #[serde(serialize_with = "serialize_ms")]
    pub max: Duration,
}

/// The plan of a run, in brief, and how it ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RunInfo {
    /// What tells it from the others: a file, `before`, `after`; empty if there is only one.
    pub label: String,
    /// Where the requests went, without credentials.
    pub target: String,
    /// Open or closed.
    pub model: Model,
    /// How much was sent to each endpoint.
    pub size: SizeRecord,
    /// Sent before the measurement and recorded apart.
    pub warmup: Duration,
    /// Longest response time that was waited for.
    pub timeout: Duration,
    /// Feeds the schedule's jitter and the templates.
    pub seed: u64,
    /// Whether the plan was carried out.
    pub ended: RunEnd,
    /// Of a run that stopped when it was decided: its budget, and why it stopped.
    pub adaptive: Option<AdaptiveRecord>,
    /// Of one side of a comparison in turns, how it was measured.
    pub turns: Option<TurnsRecord>,
    /// When t0 was.
    pub started_at: Timestamp,
    /// What the instrument measured of itself before.
    pub calibration: Calibration,
    /// What vouches for it.
    pub certificate: Option<SelftestCertificate>,
}

/// In which form a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportFormat {
    /// Tables for a terminal.
    #[default]
    Human,
    /// One JSON object, [`JsonReport`].
    Json,
    /// GitHub tables, for a comment on a pull request.
    Markdown,
    /// One row per endpoint and percentile.
    Csv,
    /// HdrHistogram's interval log: one line per endpoint and second, the endpoint as the tag.
    Hlog,
    /// HdrHistogram's percentile distribution: one table per endpoint.
    Hgrm,
}

impl ReportFormat {
    /// Whether it holds latencies for HdrHistogram's own tools, rather than the result.
    pub fn is_of_hdrhistogram(self) -> bool {
        matches!(self, ReportFormat::Hlog | ReportFormat::Hgrm)
    }
}

/// How tables for a terminal look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether verdicts are coloured.
    pub colour: Colour,
    /// Columns of the terminal; `None` for as many as needed, and no pictures.
    pub width: Option<u16>,
    /// The characters that it can show.
    pub glyphs: Glyphs,
    /// How much is told.
    pub verbosity: Verbosity,
}

/// Whether verdicts are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    #[default]
    Never,
    /// ANSI escapes.
    Always,
}

/// The characters that a terminal can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    /// `≤`, `·`, bars in eighths.
    #[default]
    Unicode,
    /// `<=`, `|`, bars of `#`.
    Ascii,
}

/// How much a report for people tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// The verdict line alone (`--quiet`).
    Brief,
    /// Tables, reasons of what did not pass, verdict.
    #[default]
    Normal,
    /// Reasons and p-values of every gate too (`-v`).
    Full,
}

impl Report {
    /// A report without endpoints, findings and remarks yet.
    pub fn new(kind: ReportKind, title: impl Into<String>) -> Report {
        Report {
            kind,
            title: title.into(),
            endpoints: Vec::new(),
            findings: Vec::new(),
            warnings: Vec::new(),
            notes: Vec::new(),
            runs: Vec::new(),
            comparison: None,
            diagnosis: None,
        }
    }

    /// Adds a run: its plan in brief, its endpoints under their own names, and what warns of itself in it.
    /// The label tells several runs apart.
    pub fn add_run(&mut self, label: &str, run: &Run) {
        self.runs.push(RunInfo::of(label, run));
        self.warnings.extend(warnings::of(label, run));
        self.endpoints.extend(run.endpoints.iter().map(|endpoint| {
            let name = endpoint.name.clone();
            let mut report = EndpointReport::of_run(name, &endpoint.recording, &run.plan);
            report.distribution.started_at = Some(run.started_at);
            report.audit.clone_from(&endpoint.audit);
            report
        }));
    }

    /// Adds latencies that another tool measured, and what warns of itself in them.
    pub fn add_list(&mut self, name: &str, recording: &Recording, source: &str) {
        self.warnings.extend(warnings::of_list(name, recording));
        let endpoint = EndpointReport::of_list(name, recording, source);
        self.endpoints.push(endpoint);
    }

    /// The verdict over the gates that decide. Without one, a run is not shown to be anything, and that is
    /// never a pass; a comparison may be made for its table alone, then it is `None`.
    pub fn verdict(&self) -> Option<Verdict> {
        let without = match self.kind {
            ReportKind::Measure | ReportKind::Judge => Some(Verdict::Inconclusive),
            ReportKind::Compare | ReportKind::Ab | ReportKind::Diagnose => None,
        };
        let of_causes = self.diagnosis.as_ref().map(DiagnosisReport::verdict);
        gate::run_verdict(&self.findings).or(of_causes).or(without)
    }

    /// The exit code of the verdict.
    pub fn exit(&self) -> Exit {
        self.verdict().map_or(Exit::Pass, Exit::from)
    }

    /// Writes the report in a form.
    pub fn write(
        &self,
        format: ReportFormat,
        style: &Style,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match format {
            ReportFormat::Human => match self.kind {
                ReportKind::Measure | ReportKind::Judge => screen::write(self, style, out),
                ReportKind::Compare | ReportKind::Ab | ReportKind::Diagnose => {
                    table::write(self, style, out)
                }
            },
            ReportFormat::Json => json::write(self, out),
            ReportFormat::Markdown => markdown::write(self, out),
            ReportFormat::Csv => csv::write(self, out),
            ReportFormat::Hlog => hdrlog::write(self, out),
            ReportFormat::Hgrm => self.endpoints.iter().try_for_each(|e| e.write_hgrm(out)),
        }
    }

    /// Writes the warnings as stderr shows them, each with its hint.
    pub fn write_warnings(&self, out: &mut dyn Write) -> io::Result<()> {
        self.warnings.iter().try_for_each(|warning| {
            let words = text::warnings::warning(warning);
            writeln!(out, "warning: {}\nhint: {}", words.text, words.hint)
        })
    }
}

impl EndpointReport {
    /// An endpoint of a run that this program measured, under the name that its plan gives it.
    pub fn of_run(
        name: impl Into<String>,
        recording: &Recording,
        plan: &PlanRecord,
    ) -> EndpointReport {
        let name = name.into();
        let planned = plan.endpoints.iter().find(|endpoint| endpoint.name == name);
        EndpointReport {
            summary: Summary::of(recording, Some(plan.timeout)),
            traffic: Some(Traffic {
                offered: planned.and_then(|endpoint| endpoint.rate_per_s),
                achieved_per_s: recording.achieved_per_s(),
                send_lag: SendLag::of(recording),
                new_connections: recording.new_connections,
                pool_limited: recording.pool_limited,
                body_bytes: recording.body_bytes,
                statuses: recording.statuses.clone(),
                failed_statuses: planned
                    .map(|endpoint| {
                        planned_request::unexpected(&recording.statuses, &endpoint.expect)
                    })
                    .unwrap_or_default(),
            }),
            source: None,
            request: planned.map(|endpoint| PlannedRequest::of(plan, endpoint)),
            drift: Drift::of(
                recording,
                planned
                    .and_then(|endpoint| endpoint.rate_per_s)
                    .map(Rate::as_per_second),
            ),
            distribution: LatencyDistribution::of(recording, None),
            audit: None,
            name,
        }
    }

    /// Writes its latencies as HdrHistogram's percentile distribution, in ms; the format has one table a file.
    pub fn write_hgrm(&self, out: &mut dyn Write) -> io::Result<()> {
        hgrm::write(self, out)
    }

    /// Latencies that another tool measured.
    pub fn of_list(
        name: impl Into<String>,
        recording: &Recording,
        source: impl Into<String>,
    ) -> EndpointReport {
        EndpointReport {
            name: name.into(),
            source: Some(source.into()),
            request: None,
            summary: Summary::of(recording, None),
            traffic: None,
            drift: Drift::of(recording, None),
            distribution: LatencyDistribution::of(recording, None),
            audit: None,
        }
    }
}

impl LatencyDistribution {
    /// Of a recording whose run began then.
    pub fn of(recording: &Recording, started_at: Option<Timestamp>) -> LatencyDistribution {
        LatencyDistribution {
            started_at,
            highest: recording.latency.highest(),
            seconds: recording.intervals.clone(),
        }
    }
}

impl RunInfo {
    /// The plan of a run, in brief.
    pub fn of(label: &str, run: &Run) -> RunInfo {
        RunInfo {
            label: label.to_owned(),
            target: run.plan.target.clone(),
            model: run.plan.model,
            size: run.plan.size,
            warmup: run.plan.warmup,
            timeout: run.plan.timeout,
            seed: run.plan.seed,
            ended: run.ended,
            adaptive: run.judging.adaptive,
            turns: run.turns,
            started_at: run.started_at,
            calibration: run.instrument.calibration.clone(),
            certificate: run.instrument.certificate.clone(),
        }
    }
}

impl SendLag {
    /// `None` if nothing was sent by a plan.
    pub fn of(recording: &Recording) -> Option<SendLag> {
        let levels = recording.send_lag.ranked_values();
        let at = |quantile: Quantile| {
            levels
                .at_rank(quantile.rank(levels.count()))
                .map(Duration::from_nanos)
        };
        Some(SendLag {
            p50: at(Quantile::P50)?,
            p99: at(Quantile::P99)?,
            max: Duration::from_nanos(recording.send_lag.max_ns()?),
        })
    }
}
