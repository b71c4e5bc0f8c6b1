//! One file a subcommand; each reads as prose: resolve, run, judge, report.

pub mod ab;
#[cfg(feature = "reference")]
mod broker;
pub mod compare;
pub mod completions;
#[cfg(feature = "reference")]
pub mod demo;
pub mod diagnose;
mod dry_run;
#[cfg(feature = "reference")]
mod hosting;
pub mod init;
pub mod judge;
pub mod measure;
mod measuring;
pub mod progress;
#[cfg(feature = "reference")]
pub mod provider;
mod saved;
pub mod schema;
pub mod selftest;
#[cfg(feature = "reference")]
pub mod serve;
mod signals;
#[cfg(feature = "reference")]
pub mod worker;

pub use measuring::Unreachable;
