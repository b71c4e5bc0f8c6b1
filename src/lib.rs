//! a7probe answers three questions with stated confidence: is a service inside its latency target, did a fix help, and
//! was accepted work really done?
//!
//! # Data flow
//!
//! ```text
//! measure   argv → Cli → MeasureArgs → Measure (Plan, gates) → RunSpec → engine → Sample → Recording → EndpointRun → Run
//! saved     Run ⇄ run file (JSON);  another tool's file → Imported;  Runs of shards → ShardMerge → Run
//! judged    Run → Summary → Finding;  Run before, Run after → Comparison → Finding;  Observations → Diagnosis
//! shown     Finding, Comparison, Diagnosis → Report → stdout, files, exit code
//! ```
//!
//! # Layout
//!
//! Nine doors. A module imports from its own door and from those in the last column; `tests/it/tidy.rs` holds that.
//!
//! | door | what is behind it | it sees |
//! |---|---|---|
//! | ground: [`units`] [`verdict`] [`exit`] [`printable`] [`redact`] [`tls_roots`] [`exposition`] [`trace`] | durations, rates, percentages; pass, fail, inconclusive; exit codes; text without control characters; text without secrets; trusted certificates; the text format of metrics; W3C trace context | |
//! | [`stats`] | mathematics: numbers in, numbers out | ground |
//! | [`mod@run`] | a run: plan, schedule, samples, recording, completion, run file, import | ground, stats |
//! | [`judge`] | numbers to verdicts: summary, gate, comparison, diagnosis, capacity | ground, stats, run |
//! | [`probe`] | the engine sends a plan, the audit asks for accepted events | ground, stats, run |
//! | [`report`] | one result in every format, and every sentence | ground, stats, run, judge |
//! | [`reference`](mod@reference) | the bundled ingest server: server, store, queue, worker, provider (feature `reference`) | ground |
//! | [`cli`] | arguments and the plan that they mean: flags, variables, profile, settings file | all but command |
//! | [`command`] | one file a subcommand: resolve, run, judge, report | all |
//!
//! `judge` and `probe` do not see each other: `command` hands the gates to the engine as a stop signal.
//!
//! # Invariants
//!
//! - The schedule is fixed before the run and does not depend on the answers; a decision may only end it.
//! - Every planned request ends in exactly one bin; failures are +∞, never dropped.
//! - Gates of a run are judged from raw nanoseconds counted at record time, never from a bucket; a saved run is judged at
//!   another target from its sequence of times, and at both ends of the step that holds the target.
//! - A run without data never passes.
//! - At the default durability an event is on disk before the server answers 202.

// A test that unwraps says where it failed.
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(all(windows, feature = "reference"))]
compile_error!("the reference server needs Unix; on Windows build with --no-default-features");

/// musl's own allocator has one lock for all threads.
#[cfg(all(target_env = "musl", feature = "mimalloc"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub mod exit;
pub mod exposition;
pub mod printable;
pub mod redact;
pub mod tls_roots;
pub mod trace;
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

use cli::{Cli, Command, FittedMessages};
use exit::Exit;
use printable::{Printable, Sequences};

/// Reads the command line, the program's name first, and runs the subcommand.
///
/// Control characters do not leave the program, except the colours of a verdict: names come from files and servers.
pub fn start(arguments: &[OsString], stdout: &mut dyn Write, stderr: &mut dyn Write) -> Exit {
    let fitted = &mut FittedMessages::on_stderr(stderr);
    let stderr = &mut Printable::new(fitted, Sequences::None);
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
    for warning in &cli.warnings {
        writeln!(stderr, "{warning}")?;
    }
    match cli.command {
        #[cfg(feature = "reference")]
        Command::Demo(args) => command::demo::run(&args, stdout, stderr),
        Command::Measure(args) => command::measure::run(&args, stdout, stderr),
        Command::Judge(args) => command::judge::run(&args, stdout, stderr),
        Command::Compare(args) => command::compare::run(&args, stdout, stderr),
        Command::Ab(args) => command::ab::run(&args, stdout, stderr),
        Command::Capacity(args) => command::capacity::run(&args, stdout, stderr),
        Command::Merge(args) => command::merge::run(&args, stdout, stderr),
        Command::Diagnose(args) => command::diagnose::run(&args, stdout, stderr),
        #[cfg(feature = "reference")]
        Command::Serve(args) => command::serve::run(&args, stderr),
        #[cfg(feature = "reference")]
        Command::Worker(args) => command::worker::run(&args, stderr),
        #[cfg(feature = "reference")]
        Command::Provider(args) => command::provider::run(&args, stderr),
        Command::Selftest(args) => command::selftest::run(&args, stdout, stderr),
        Command::Init(args) => command::init::run(&args, stdout),
        Command::Schema { name } => command::schema::run(name, stdout),
        Command::Completions { shell } => command::completions::completions(shell, stdout),
        Command::Man(args) => command::man::run(&args, stdout),
    }
}
