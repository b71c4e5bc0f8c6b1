//! The sentences that people read, in every output format; the layers below hand over values.

mod addresses;
pub(super) mod audit;
mod audit_reason;
mod audit_remark;
mod audit_trouble;
pub(super) mod baseline;
mod calibration_failure;
pub(super) mod capacity;
pub(super) mod change;
mod change_reason;
mod clock_note;
pub(super) mod comparison;
mod comparison_headline;
mod comparison_lines;
pub(super) mod demo;
pub(super) mod diagnosis;
mod diagnosis_lines;
mod diagnosis_numbers;
mod diagnosis_outcome;
mod diagnosis_sharing;
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
pub(super) mod page;
pub(crate) mod progress;
mod reason;
mod replay;
mod run;
mod sample;
mod screen_notes;
mod selftest;
pub(crate) mod shard_lines;
pub(super) mod shards;
mod stream_use;
mod test_reason;
mod traces;
pub(super) mod turns;
mod verdict;
mod warning_text;
pub(super) mod warnings;

pub use audit::of_completion;
pub use baseline::planned_limit;
pub use difference::fact_difference;
pub use next_step::next_step;
pub use reason::reason;
pub(crate) use replay::notes as replay_notes;

pub(super) use comparison_headline::{comparison_headlines, largest_change};
pub(super) use comparison_lines::{
    comparison_facts, comparison_next, comparison_notes, deciding_changes, lacks, mark_lines,
    pair_line,
};
pub(super) use diagnosis_lines::{diagnosis_facts, in_short, is_of_a_cause, open_next};
pub(super) use diagnosis_outcome::outcome;
pub(super) use difference::machine_difference;
pub(super) use endpoint::{counts, heading, traffic};
pub(super) use explained::explained;
pub(super) use facts::{
    facts, failures, heading as endpoint_heading, in_spells, sent_per_second, slow_requests,
    status_line, statuses,
};
pub(super) use headline::{
    Headline, headlines, of_verdict, open_reason, rank as verdict_rank, sign,
};
pub(super) use next_line::next_line;
pub(super) use notes::notes;
pub(super) use run::run;
pub(super) use screen_notes::{ScreenNote, screen_notes};
pub(super) use selftest::{
    SELFTEST_NEXT, beyond_tolerance, counted, selftest_headline, selftest_overhead, tolerance_ms,
};
pub(super) use traces::{request_end, trace_lists};
pub(super) use verdict::{listed, not_passed, verdict_line};
