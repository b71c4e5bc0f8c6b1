//! What a shard says: which one it is, why it sent nothing, what it sent.

use std::time::Duration;

use jiff::Timestamp;

use crate::judge::warning::Warning;
use crate::run::run_file::{Run, RunEnd, WallClock, WallClockState};
use crate::run::shard::Shard;
use crate::units::{Pretty, grouped};

/// Which shard `--shard auto` found, and in which variables.
pub(crate) fn found(shard: Shard, variables: &str) -> String {
    format!("shard {shard}, from {variables}")
}

/// The shard was not ready in time.
pub(crate) fn late(shard: Shard, start: Timestamp, late: Duration) -> String {
    format!(
        "error: shard {shard} is late: the run begins at {start}, and the shard was ready {} too late; nothing of the run was sent\n\
         hint: start the shards earlier, or give a later --start-at; merge counts the shard as missing",
        Pretty(late)
    )
}

/// The other shards did not come.
pub(crate) fn alone(shard: Shard, ready: u32, timeout: Duration, folder: &str) -> String {
    format!(
        "error: {ready} of {} shards were ready in {folder} within {}; nothing was sent\n\
         hint: check that all shards run and share this folder, or raise --rendezvous-timeout",
        shard.count(),
        Pretty(timeout)
    )
}

/// A clock that may begin at another time than the others.
pub(crate) fn clock_warning(clock: &WallClock) -> Option<String> {
    (clock.state == WallClockState::Unsynchronized).then(|| {
        "warning: the clock of this machine is not synchronized, so this shard may begin at another time than the others\n\
         hint: turn NTP on (timedatectl set-ntp true)"
            .to_owned()
    })
}

/// What may mislead in a shard, each with its hint.
pub(crate) fn warnings(warnings: &[Warning]) -> Vec<String> {
    let words = warnings.iter().map(super::warnings::warning);
    words
        .map(|words| format!("warning: {}\nhint: {}", words.text, words.hint))
        .collect()
}

/// What a shard sent, and where its verdict comes from.
pub(crate) fn sent(run: &Run, shard: Shard, saved: &str) -> String {
    let own: u64 = run.endpoints.iter().map(|e| e.recording.planned()).sum();
    let planned = run.endpoints.iter().map(|endpoint| {
        let planned = run.plan.planned_requests(&endpoint.name);
        planned.unwrap_or(endpoint.recording.planned())
    });
    let cut = match run.ended {
        RunEnd::Complete => "",
        RunEnd::Interrupted { .. } | RunEnd::Aborted => " before it was cut",
    };
    format!(
        "shard {shard}: {} of {} requests{cut}, saved {saved}\n\
         a7probe merge judges all shards together",
        grouped(own),
        grouped(planned.sum()),
    )
}
