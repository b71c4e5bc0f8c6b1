//! The sentences that people read, in every output format; the layers below hand over values.

pub(super) mod audit;
mod audit_lines;
mod audit_reason;
mod audit_remark;
mod audit_trouble;
mod calibration_failure;
pub(super) mod change;
mod change_reason;
mod clock_note;
pub(super) mod comparison;
pub(super) mod diagnosis;
mod diagnosis_outcome;
mod difference;
pub(super) mod effect;
mod endpoint;
mod explained;
mod facts;
pub mod failure_hints;
mod headline;
mod import_remark;
mod instrument;
mod limitation;
mod next_line;
mod next_step;
mod note;
mod notes;
mod reason;
mod run;
mod sample;
mod screen_notes;
mod selftest;
mod test_reason;
pub(super) mod turns;
mod verdict;
mod warning_text;
pub(super) mod warnings;

pub use audit::of_completion;
pub use difference::fact_difference;
pub use next_step::next_step;
pub use reason::reason;

pub(super) use audit_lines::audit_lines;
pub(super) use difference::machine_difference;
pub(super) use endpoint::{counts, heading, traffic};
pub(super) use explained::{explained, probabilities};
pub(super) use facts::{
    facts, failures, heading as endpoint_heading, in_spells, slow_requests, status_line, statuses,
};
pub(super) use headline::{headlines, of_verdict, rank as verdict_rank, scale, sign};
pub(super) use next_line::next_line;
pub(super) use notes::notes;
pub(super) use run::run;
pub(super) use screen_notes::screen_notes;
pub(super) use selftest::{
    SELFTEST_NEXT, beyond_tolerance, counted, selftest_headline, selftest_overhead, tolerance_ms,
};
pub(super) use verdict::{decisive, listed, verdict_line};
