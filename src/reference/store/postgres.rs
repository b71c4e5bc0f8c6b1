//! PostgreSQL behind the store: what several machines share.
//!
//! As with SQLite, one thread of a process takes all waiting work and commits it in one transaction, and only then are
//! its answers sent. Several processes work concurrently. `FOR UPDATE SKIP LOCKED` deals the due jobs out, NOTIFY
//! informs one process of new ones, and a periodic look replaces a lost notification. Work on rows that another session
//! has locked waits separately. The clock is the server's, without its steps.

mod accept;
mod answer;
mod attempt;
mod batch_parts;
mod clock;
mod columns;
mod commit_failure;
mod committer;
mod context;
mod counts;
mod database_address;
mod dispatch;
mod durable;
mod effects;
mod engine;
mod listen;
mod lock_queue;
mod lock_suspects;
mod locks;
mod migrate;
mod notifier;
mod other_processes;
mod outcome;
mod overdue;
mod owners;
mod readers;
mod session;
mod sqlstate;
mod transact;
mod unreadable;
mod wake_hints;

pub(super) use engine::open;
