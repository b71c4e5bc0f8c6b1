//! One result, many faces: what every command has to say, and how it is written down.
//!
//! [`Report`] holds the result as values; the files here show it as tables, Markdown, CSV, JSON and HdrHistogram's
//! formats, and every sentence stands in [`text`]. This file only names them.

mod audit;
mod audit_counts;
mod baseline_report;
mod capacity_change;
mod capacity_report;
mod capacity_rows;
#[cfg(test)]
mod capacity_sample;
mod capacity_trial;
mod ci;
mod comparison;
mod comparison_report;
mod csv;
mod demo_report;
mod diagnosis;
mod diagnosis_report;
mod drawn_limit;
mod endpoint_report;
mod figures;
mod hdrlog;
mod help_topic;
mod hgrm;
mod html;
mod json;
mod markdown;
mod model;
mod note;
mod planned_request;
mod progress;
mod publishable;
mod row;
mod rows;
mod run_command;
mod run_course;
mod run_info;
mod saved_run_link;
mod screen;
mod shard_table;
mod style;
pub mod text;
mod write;

pub use baseline_report::BaselineReport;
pub use capacity_change::CapacityChangeReport;
pub use capacity_report::{AskedCapacity, CapacityOutcome, CapacityReport};
pub(crate) use capacity_trial::TrialRecords;
pub use capacity_trial::{
    CapacityTrial, JudgedPair, TrialMetric, TrialRecovery, TrialTime, TrialTrace, TrialWork,
};
pub use ci::Written;
pub use comparison_report::{ComparisonReport, TurnsReport};
pub use demo_report::DemoReport;
pub(crate) use diagnosis_report::DiagnosisReport;
pub use endpoint_report::{EndpointReport, LatencyDistribution, Traffic};
pub use help_topic::HelpTopic;
pub use json::{
    CAPACITY_CHANGE_SCHEMA, CAPACITY_SCHEMA, CapacityFileError, JsonAudit, JsonAudits,
    JsonBaseline, JsonCalibration, JsonCertificate, JsonChange, JsonCompletion, JsonErrorRate,
    JsonRates, JsonReport, REPORT_SCHEMA, SCHEMA, is_capacity_file,
};
pub use model::{InconclusivePolicy, Report, ReportKind};
pub use note::Note;
pub use planned_request::PlannedRequest;
pub use progress::{
    EndpointProgress, OfferedLoad, PanelView, PlannedEnd, ProgressSnapshot, ProgressStage,
    SecondP95, SendingProgress,
};
pub use publishable::Publishable;
pub use run_command::RunCommand;
pub(crate) use run_command::quoted;
pub use run_course::{PhaseMedian, RunCourse};
pub use run_info::RunInfo;
pub use saved_run_link::SavedRunLink;
pub(crate) use screen::{at_words, profile_chart};
pub use style::{Colour, Glyphs, ReportFormat, Style, Verbosity};
pub(crate) use text::diagnosis::step as diagnosis_step;
pub use write::{
    capacity_expectation, capacity_json, write_capacities, write_certificate,
    write_certificate_json,
};
