//! Shards that wait for each other in a shared folder: each writes `ready-I`, and the first names the start in `start`
//! when all are there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::measuring::Measuring;
use crate::printable::Shown as _;
use crate::run::run_file::{Signal, write_atomically};
use crate::run::shard::Shard;

/// How often the folder is looked at.
const PERIOD: Duration = Duration::from_millis(50);

/// A shard that is ready, as its file says.
#[derive(Debug, Serialize, Deserialize)]
struct Ready {
    of: u32,
    plan_hash: String,
}

/// What the first shard names when all are there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NamedStart {
    /// t0, RFC 3339.
    start: String,
    /// Seed of the schedule.
    pub(super) seed: u64,
    /// Id of the run.
    pub(super) run: Uuid,
}

/// How the wait ended.
#[derive(Debug)]
pub(super) enum Met {
    /// The run begins.
    All(NamedStart),
    /// The time is up: this many of the shards were there.
    Late {
        ready: u32,
    },
    Interrupted(Signal),
}

impl NamedStart {
    /// Begins at this time.
    pub(super) fn at(start: Timestamp, seed: u64, run: Uuid) -> NamedStart {
        NamedStart {
            start: start.to_string(),
            seed,
            run,
        }
    }

    /// t0.
    ///
    /// # Errors
    /// The file of the start was damaged.
    pub(super) fn time(&self) -> anyhow::Result<Timestamp> {
        let time = self.start.parse();
        time.with_context(|| format!("the start '{}' is not a time", self.start))
    }
}

/// One shard in the shared folder.
pub(super) struct Rendezvous<'a> {
    pub(super) folder: &'a Path,
    pub(super) shard: Shard,
    pub(super) plan_hash: &'a str,
    pub(super) timeout: Duration,
}

impl Rendezvous<'_> {
    /// Waits for all shards; the first one asks `name` for the start then.
    ///
    /// # Errors
    /// The folder cannot be used, holds another run, or a shard has another plan.
    pub(super) fn meet(
        &self,
        measuring: &Measuring,
        name: impl FnOnce() -> NamedStart,
    ) -> anyhow::Result<Met> {
        let shown = self.folder.shown();
        fs::create_dir_all(self.folder).with_context(|| {
            format!("cannot use the folder {shown}\nhint: name a shared folder that can be written")
        })?;
        self.refuse_used()?;
        let own = self.ready_file(self.shard.index());
        let ready = Ready {
            of: self.shard.count(),
            plan_hash: self.plan_hash.to_owned(),
        };
        write(&own, &ready)?;
        let met = self.wait(measuring, name);
        if !matches!(met, Ok(Met::All(_))) {
            // Nothing came of it, so that the folder can be used again.
            let _ = fs::remove_file(&own);
        }
        met
    }

    /// A folder is for one run: what is left in it would name another start.
    fn refuse_used(&self) -> anyhow::Result<()> {
        let (shown, index) = (self.folder.shown(), self.shard.index());
        if self.start_file().exists() {
            bail!(
                "{shown} holds a run that has begun; nothing was sent\nhint: use an empty folder for every run"
            );
        }
        if self.ready_file(index).exists() {
            bail!(
                "{shown} has a shard {index} already; nothing was sent\nhint: start every shard once, and use an empty folder for every run"
            );
        }
        Ok(())
    }

    fn wait(
        &self,
        measuring: &Measuring,
        name: impl FnOnce() -> NamedStart,
    ) -> anyhow::Result<Met> {
        let deadline = Instant::now() + self.timeout;
        let mut name = Some(name);
        loop {
            if let Some(signal) = measuring.signals.received() {
                return Ok(Met::Interrupted(signal));
            }
            if let Some(start) = read::<NamedStart>(&self.start_file())? {
                return Ok(Met::All(start));
            }
            let ready = self.ready()?;
            if self.shard.index() == 0
                && ready == self.shard.count()
                && let Some(name) = name.take()
            {
                write(&self.start_file(), &name())?;
                continue;
            }
            if Instant::now() >= deadline {
                return Ok(Met::Late { ready });
            }
            std::thread::sleep(PERIOD);
        }
    }

    /// How many shards are ready, of this number and with this plan.
    fn ready(&self) -> anyhow::Result<u32> {
        let mut count = 0;
        for index in 0..self.shard.count() {
            let Some(ready) = read::<Ready>(&self.ready_file(index))? else {
                continue;
            };
            if ready.of != self.shard.count() {
                bail!(
                    "shard {index} is one of {}, and this one is one of {}; nothing was sent\nhint: give all shards the same number",
                    ready.of,
                    self.shard.count()
                );
            }
            if ready.plan_hash != self.plan_hash {
                bail!(
                    "shard {index} has plan {}, and this one has plan {}; nothing was sent\nhint: give all shards the same flags and settings",
                    short(&ready.plan_hash),
                    short(self.plan_hash)
                );
            }
            count += 1;
        }
        Ok(count)
    }

    fn ready_file(&self, index: u32) -> PathBuf {
        self.folder.join(format!("ready-{index}"))
    }

    fn start_file(&self) -> PathBuf {
        self.folder.join("start")
    }
}

fn short(hash: &str) -> String {
    hash.chars().take(16).collect()
}

fn write(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string(value)?;
    let written = write_atomically(path, &text);
    written.map_err(|error| super::saved::hinted(&error))
}

/// What a file says; `None` if it is not there.
fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> anyhow::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => {
            let value = serde_json::from_slice(&bytes);
            value.map(Some).with_context(|| {
                format!(
                    "{} is not a file of a7probe\nhint: use an empty folder for every run",
                    path.shown()
                )
            })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.shown())),
    }
}
