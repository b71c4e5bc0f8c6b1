//! One file a subcommand; each reads as prose: resolve, run, judge, report.

pub mod ab;
mod broker;
pub mod compare;
pub mod completions;
pub mod demo;
mod dry_run;
pub mod init;
pub mod judge;
pub mod measure;
mod measuring;
mod saved;
pub mod schema;
pub mod serve;
mod signals;
mod stop;
pub mod worker;

pub use measuring::Unreachable;
