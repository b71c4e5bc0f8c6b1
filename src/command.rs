//! One file a subcommand; each reads as prose: resolve, run, judge, report.

pub mod ab;
mod broker;
pub mod compare;
pub mod completions;
pub mod demo;
pub mod diagnose;
mod dry_run;
mod hosting;
pub mod init;
pub mod judge;
pub mod measure;
mod measuring;
pub mod progress;
pub mod provider;
mod saved;
pub mod schema;
pub mod selftest;
pub mod serve;
mod signals;
pub mod worker;

pub use measuring::Unreachable;
