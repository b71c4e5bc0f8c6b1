//! The sentences that people read, in every output format; the layers below hand over values.

mod audit_reason;
mod audit_remark;
mod audit_trouble;
mod calibration_failure;
mod change_reason;
pub(super) mod diagnosis;
mod difference;
pub(super) mod effect;
mod endpoint;
pub mod failure_hints;
mod import_remark;
mod limitation;
mod next_step;
mod note;
mod notes;
mod reason;
mod run;
mod sample;
mod test_reason;
mod verdict;
pub(super) mod warnings;

pub use difference::fact_difference;
pub use next_step::next_step;
pub use reason::reason;

pub(super) use difference::machine_difference;
pub(super) use endpoint::{counts, heading, noun, traffic};
pub(super) use notes::{clock_note, notes};
pub(super) use run::run;
pub(super) use verdict::{decisive, listed, verdict_line};
