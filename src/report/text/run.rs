//! The plan of a run in one line.

use crate::printable::one_line;
use crate::report::run_info::RunInfo;
use crate::run::plan::{HttpVersion, Model};
use crate::run::run_file::{AdaptiveRecord, RunEnd, SizeRecord, StopReason};
use crate::units::{Pretty, grouped, plural};

/// The plan of a run in one line.
pub(in crate::report) fn run(run: &RunInfo) -> String {
    let model = model(run);
    let size = match run.size {
        _ if run.adaptive.is_some() => adaptive(run),
        SizeRecord::Duration { duration } => Pretty(duration).to_string(),
        SizeRecord::Requests { requests } => {
            format!(
                "{} {} per endpoint",
                grouped(requests),
                plural(requests, "request")
            )
        }
    };
    let size = match run.turns {
        Some(turns) => format!(
            "{} blocks of {}, interleaved",
            turns.pairs,
            Pretty(turns.block)
        ),
        None => size,
    };
    let warmup = match run.turns {
        _ if run.warmup.is_zero() => "no warm-up".to_owned(),
        Some(_) => format!("{} to settle each", Pretty(run.warmup)),
        None => format!("{} of warm-up", Pretty(run.warmup)),
    };
    let label = match run.label.as_str() {
        "" => String::new(),
        label => format!("{label}: "),
    };
    let version = match run.version {
        HttpVersion::Http1 => String::new(),
        HttpVersion::Http2 { streams } => format!(
            " · HTTP/2, at most {} a connection",
            format_args!("{streams} {}", plural(streams as u64, "stream"))
        ),
    };
    let cut = match run.ended {
        RunEnd::Complete => "",
        RunEnd::Interrupted { .. } => " · INTERRUPTED",
        RunEnd::Aborted => " · ABORTED",
    };
    let line = format!(
        "{label}{}{version} · {model} · {size} after {warmup} · timeout {} · seed {}{cut}",
        run.target,
        Pretty(run.timeout),
        run.seed
    );
    one_line(&line).into_owned()
}

/// `open model, jitter arrivals`, `open model, times of access.log`, `closed model, 8 at a time`.
pub(super) fn model(run: &RunInfo) -> String {
    match (run.model, &run.replayed) {
        (Model::Open { .. }, Some(file)) => format!("open model, times of {file}"),
        (Model::Open { arrivals }, None) => format!("open model, {} arrivals", arrivals.as_str()),
        (Model::Closed { concurrency }, _) => format!("closed model, {concurrency} at a time"),
    }
}

/// `stopped when decided, at most 120 s`.
fn adaptive(run: &RunInfo) -> String {
    let Some(AdaptiveRecord { budget, stopped }) = run.adaptive else {
        return String::new();
    };
    match stopped {
        StopReason::Decided => format!("stopped when decided (budget {})", Pretty(budget)),
        StopReason::Budget => format!("budget of {} spent", Pretty(budget)),
        StopReason::Interrupted => format!("budget {}", Pretty(budget)),
    }
}
