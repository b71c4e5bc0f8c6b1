//! What was planned and what came of it: the plan, its schedule, the samples, what was recorded, and the files of it.

pub mod completion;
pub mod histogram;
pub mod import;
pub mod plan;
pub mod preflight_failure;
pub mod recording;
pub mod run_file;
pub mod sample;
pub mod schedule;
