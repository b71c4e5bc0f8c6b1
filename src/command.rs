//! The subcommands, each as prose in a file (resolve, run, judge, report), and the parts that they share.

pub mod ab;
mod baseline;
mod before_run;
#[cfg(feature = "reference")]
mod broker;
pub(crate) mod capacity;
pub mod compare;
pub(crate) mod completions;
#[cfg(feature = "reference")]
pub(crate) mod demo;
pub mod diagnose;
mod dry_run;
#[cfg(feature = "reference")]
mod hosting;
pub(crate) mod init;
pub mod judge;
pub(crate) mod man;
pub mod measure;
mod measuring;
pub mod merge;
mod progress;
#[cfg(feature = "reference")]
pub(crate) mod provider;
mod rendezvous;
mod save_target;
mod saved;
pub mod schema;
pub mod selftest;
#[cfg(feature = "reference")]
pub(crate) mod serve;
mod sharded;
mod signals;
mod verdict_exit;
mod wall_clock;
#[cfg(feature = "reference")]
pub(crate) mod worker;
mod writable;

pub use measuring::Unreachable;
