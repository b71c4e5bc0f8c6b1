//! A run, from its plan to its file: the schedule, the samples, the recording, the audit, and imports.

pub mod completion;
pub mod histogram;
pub mod import;
pub mod merge;
pub mod plan;
pub mod preflight_failure;
pub mod rate_profile;
pub mod recording;
pub mod replay;
pub mod replay_file;
pub mod rows;
pub mod run_file;
pub mod sample;
pub mod schedule;
pub mod shard;
