//! One result, many faces: what every command has to say, and how it is written down.
//!
//! [`Report`] holds the result as values; the files here show it as tables, Markdown, CSV, JSON and HdrHistogram's
//! formats, and every sentence stands in [`text`]. This file only names them.

mod audit;
mod audit_counts;
mod comparison;
mod comparison_report;
mod csv;
mod diagnosis;
mod diagnosis_report;
mod endpoint_report;
mod figures;
mod hdrlog;
mod hgrm;
mod json;
mod markdown;
mod model;
mod note;
mod planned_request;
mod row;
mod rows;
mod run_info;
mod screen;
mod style;
mod table;
pub mod text;
mod write;

pub use comparison_report::{ComparisonReport, TurnsReport};
pub(crate) use diagnosis_report::DiagnosisReport;
pub use endpoint_report::{EndpointReport, LatencyDistribution, Traffic};
pub use json::{
    JsonAudit, JsonAudits, JsonCalibration, JsonCertificate, JsonChange, JsonCompletion, JsonDrift,
    JsonErrorRate, JsonRates, JsonReport, JsonRunWindow, SCHEMA,
};
pub use model::{Report, ReportKind};
pub use note::Note;
pub use planned_request::PlannedRequest;
pub use run_info::RunInfo;
pub use style::{Colour, Glyphs, ReportFormat, Style, Verbosity};
pub(crate) use text::diagnosis::step as diagnosis_step;
pub use write::{write_certificate, write_certificate_json};
