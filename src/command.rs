//! One file a subcommand: resolve, run, judge, report.

pub mod schema;
