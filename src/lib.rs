//! a7probe answers, with stated confidence: is this service inside its latency target, did the fix
//! help, and is what it accepted really done?
//!
//! # Data flow
//!
//! ```text
//! argv → Cli → Plan → Schedule → [engine] → Sample → Recording ⇄ RunFile
//!                                           Recording → Summary → Finding / Change → Verdict → Report → stdout + exit code
//! ```
//!
//! # Layout
//!
//! Nine doors. A module imports only from rows above its own; `tests/it/tidy.rs` holds us to it.
//!
//! | row | door | what |
//! |---|---|---|
//! | 0 | [`units`] [`verdict`] [`exit`] [`printable`] [`redact`] [`tls_roots`] | durations, rates, percentages; pass, fail, inconclusive; exit codes; text without control characters; text without secrets; whose certificates are accepted |
//! | 1 | [`stats`] | mathematics: numbers in, numbers out |
//! | 2 | [`mod@run`] | what was planned and what came of it: plan, schedule, samples, recordings, run files, other tools' files |
//! | 3 | [`judge`] [`probe`] | numbers to verdicts: summary, gates, comparison, diagnosis; the engine that sends, and the audit that asks afterwards |
//! | 4 | [`report`] | one result, many faces |
//! | 5 | [`cli`] | what was typed, what is meant, and every rule between the two |
//! | 6 | [`command`] | one file a subcommand: resolve, run, judge, report |
//!
//! [`reference`](mod@reference) is the bundled ingest server with its store, brokers, workers and provider. It sees row 0 only, and only `cli` and
//! `command` see it. `judge` and `probe` do not see each other.
//!
//! # Invariants
//!
//! - The schedule is fixed before the run and does not depend on the answers; a decision may only end it.
//! - Every planned request ends in exactly one bin; failures are +∞, never dropped.
//! - Gates are judged from raw nanoseconds counted at record time, never from a bucket.
//! - No data is never a pass.
//! - What was answered 202 is on disk before the answer is written.

// A test that unwraps says where it failed.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod exit;
pub mod printable;
pub mod redact;
pub mod tls_roots;
pub mod units;
pub mod verdict;

pub mod stats;

pub mod run;

pub mod judge;
pub mod probe;

pub mod report;

pub mod cli;

pub mod command;

#[cfg(feature = "reference")]
pub mod reference;

use std::ffi::OsString;
use std::io::{self, Write};

use cli::{Cli, Command};
use exit::Exit;
use printable::{Printable, Sequences};

/// Reads the command line, the program's name first, and runs the subcommand.
///
/// Control characters do not leave the program, except the colours of a verdict: names come from files and servers.
pub fn start(arguments: &[OsString], stdout: &mut dyn Write, stderr: &mut dyn Write) -> Exit {
    let stderr = &mut Printable::new(stderr, Sequences::None);
    let exit = match cli::read(arguments) {
        Ok(cli) => {
            let stdout = &mut Printable::new(stdout, Sequences::Colours);
            run(cli, stdout, stderr)
        }
        // The pipe of a help text may be closed early, as by `head`.
        Err(cli::EarlyExit::Help(text)) => {
            let _ = Printable::new(stdout, Sequences::Styles).write_all(text.as_bytes());
            Exit::Pass
        }
        Err(cli::EarlyExit::Mistake(message)) => {
            let _ = writeln!(stderr, "{}", message.trim_end());
            Exit::Error
        }
    };
    let _ = stderr.flush();
    exit
}

/// Runs a subcommand: its result goes to `stdout`, progress, warnings and errors go to `stderr`.
///
/// A closed pipe, as after `head`, is not an error and does not change the exit code.
pub fn run(cli: Cli, stdout: &mut dyn Write, stderr: &mut dyn Write) -> Exit {
    let stdout = &mut IgnoreBrokenPipe(stdout, "cannot write to stdout");
    let stderr = &mut IgnoreBrokenPipe(stderr, "cannot write to stderr");
    match dispatch(cli, stdout, stderr).and_then(|exit| Ok(stdout.flush().map(|()| exit)?)) {
        Ok(exit) => exit,
        Err(e) => {
            // A failure to write to stderr cannot be reported.
            let _ = writeln!(
                stderr,
                "error: {}",
                redact::message(printable::causes::joined(&e).trim_end())
            );
            if e.is::<command::Unreachable>() {
                Exit::Unreachable
            } else {
                Exit::Error
            }
        }
    }
}

/// Writes to a pipe until its reader closes it, and discards the rest. The text begins the message of any other error.
struct IgnoreBrokenPipe<'a>(&'a mut dyn Write, &'static str);

impl Write for IgnoreBrokenPipe<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unless_broken_pipe(self.0.write(bytes), bytes.len(), self.1)
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_broken_pipe(self.0.flush(), (), self.1)
    }
}

fn unless_broken_pipe<T>(result: io::Result<T>, done: T, otherwise: &str) -> io::Result<T> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(done),
        Err(e) => Err(io::Error::new(e.kind(), format!("{otherwise}: {e}"))),
        done => done,
    }
}

fn dispatch(cli: Cli, stdout: &mut dyn Write, stderr: &mut dyn Write) -> anyhow::Result<Exit> {
    match cli.command {
        #[cfg(feature = "reference")]
        Command::Demo(args) => command::demo::run(&args, stdout, stderr),
        Command::Measure(args) => command::measure::run(&args, stdout, stderr),
        Command::Judge(args) => command::judge::run(&args, stdout, stderr),
        Command::Compare(args) => command::compare::run(&args, stdout, stderr),
        Command::Ab(args) => command::ab::run(&args, stdout, stderr),
        Command::Diagnose(args) => command::diagnose::run(&args, stdout, stderr),
        #[cfg(feature = "reference")]
        Command::Serve(args) => command::serve::run(&args, stderr),
        #[cfg(feature = "reference")]
        Command::Worker(args) => command::worker::run(&args, stderr),
        #[cfg(feature = "reference")]
        Command::Provider(args) => command::provider::run(&args, stderr),
        Command::Selftest(args) => command::selftest::run(&args, stdout, stderr),
        Command::Init(args) => command::init::run(&args, stdout),
        Command::Schema => command::schema::run(stdout),
        Command::Completions { shell } => command::completions::completions(shell, stdout),
        Command::Man => command::completions::man(stdout),
    }
}
