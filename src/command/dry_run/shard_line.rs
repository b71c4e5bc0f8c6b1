//! Which part of the run a shard sends, and how the shards begin together.

use serde_json::{Value, json};

use crate::cli::shard::{Gathering, ShardSetup, StartAt};
use crate::printable::Shown as _;
use crate::units::Pretty;

/// `2 of 8 (from JOB_COMPLETION_INDEX): requests 2, 10, 18, … of each endpoint; begins at 2026-12-01T12:00:00Z`.
pub(super) fn line(setup: &ShardSetup) -> String {
    let (index, count) = (setup.shard.index(), setup.shard.count());
    let found_in = match &setup.found_in {
        Some(variables) => format!(" (from {variables})"),
        None => String::new(),
    };
    let [first, second, third] = [0, 1, 2].map(|own| setup.shard.global(own));
    format!(
        "{index} of {count}{found_in}: requests {first}, {second}, {third}, … of each endpoint; {}",
        beginning(&setup.gathering)
    )
}

fn beginning(gathering: &Gathering) -> String {
    match gathering {
        Gathering::At(StartAt::Time(time)) => format!("begins at {time}"),
        Gathering::At(StartAt::Next(period)) => {
            format!("begins at the next multiple of {}", Pretty(*period))
        }
        Gathering::Folder { folder, timeout } => format!(
            "begins when all are ready in {}, within {}",
            folder.shown(),
            Pretty(*timeout)
        ),
    }
}

/// The same for programs.
pub(super) fn json(setup: &ShardSetup) -> Value {
    let (start_at, every, folder) = match &setup.gathering {
        Gathering::At(StartAt::Time(time)) => (Some(time.to_string()), None, None),
        Gathering::At(StartAt::Next(period)) => (None, Some(period.as_secs_f64()), None),
        Gathering::Folder { folder, .. } => (None, None, Some(folder.display().to_string())),
    };
    json!({
        "index": setup.shard.index(),
        "count": setup.shard.count(),
        "found_in": setup.found_in,
        "start_at": start_at,
        "start_every_s": every,
        "rendezvous": folder,
    })
}
