//! SQLite behind the store: one file, which several processes of a machine may share.
//!
//! WAL with `synchronous=FULL`: COMMIT returns when the log has been synced to the disk, and only then does the writer
//! send its answers, and only then is a 202 written. That order is the whole promise.

mod accept;
mod attempt;
mod checkpoint;
mod clock;
mod columns;
mod connection;
mod counts;
mod damage;
mod dispatch;
mod engine;
mod errors;
mod file_guard;
mod files;
mod follow;
mod log_check;
mod log_state;
mod note;
mod other_processes;
mod outcome;
mod presence;
mod readers;
mod space;
mod statements;
mod take_over;
mod transaction;
mod unreadable;
mod volume;
mod writer;

pub(super) use engine::open;
