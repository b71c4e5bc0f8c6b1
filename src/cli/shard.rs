//! `--shard` and the ways to begin together: one part of a run that several machines send.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::Args;
use jiff::Timestamp;

use super::value::positive_duration;
use super::variables::LookUp;
use crate::run::shard::Shard;
use crate::units::parse_duration;

/// How long shards wait for each other, if nothing else is said.
const DEFAULT_RENDEZVOUS_TIMEOUT: Duration = Duration::from_secs(60);

/// One part of a run that several machines send.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Shards")]
pub struct ShardArgs {
    /// Send one part of the run and save it for `a7probe merge`: 0/8 is the first of eight; auto reads the index of a
    /// Kubernetes, Slurm, GitLab or AWS Batch job. There is no verdict.
    #[arg(long, env = "A7PROBE_SHARD", value_name = "I/N|auto")]
    pub shard: Option<ShardChoice>,

    /// When all shards begin, as RFC 3339 or next:60s for the next whole minute; needs --seed.
    #[arg(
        long,
        env = "A7PROBE_START_AT",
        value_name = "TIME",
        conflicts_with = "rendezvous"
    )]
    pub start_at: Option<StartAt>,

    /// Shared folder in which the shards wait for each other; one folder per run.
    #[arg(long, env = "A7PROBE_RENDEZVOUS", value_name = "DIR")]
    pub rendezvous: Option<PathBuf>,

    /// Longest wait for the other shards; then nothing is sent [default: 60s].
    #[arg(long, env = "A7PROBE_RENDEZVOUS_TIMEOUT", value_name = "TIME", value_parser = positive_duration())]
    pub rendezvous_timeout: Option<Duration>,
}

/// Which shard, as it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardChoice {
    /// This one.
    Typed(Shard),
    /// The one that the environment names.
    Auto,
}

impl std::str::FromStr for ShardChoice {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<ShardChoice> {
        match text {
            "auto" => Ok(ShardChoice::Auto),
            text => Ok(ShardChoice::Typed(text.parse()?)),
        }
    }
}

/// When all shards begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// At this time.
    Time(Timestamp),
    /// At the next multiple of this time since 1970.
    Next(Duration),
}

impl std::str::FromStr for StartAt {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<StartAt> {
        if let Some(period) = text.strip_prefix("next:") {
            let period = parse_duration(period)?;
            if period < Duration::from_secs(1) {
                bail!("'{text}' is too short\nhint: give at least one second, such as next:60s");
            }
            return Ok(StartAt::Next(period));
        }
        let time = text.parse().map_err(|_| {
            anyhow!(
                "'{text}' is not a time\nhint: write it as 2026-12-01T12:00:00Z, or next:60s for the next whole minute"
            )
        })?;
        Ok(StartAt::Time(time))
    }
}

impl StartAt {
    /// The instant that is meant, at least this long after now.
    pub(crate) fn instant(self, now: Timestamp, ahead: Duration) -> Timestamp {
        match self {
            StartAt::Time(time) => time,
            StartAt::Next(period) => {
                let earliest = now.saturating_add(ahead).unwrap_or(now).as_nanosecond();
                let period = period.as_nanos() as i128;
                let next = earliest + (-earliest).rem_euclid(period);
                Timestamp::from_nanosecond(next).unwrap_or(now)
            }
        }
    }
}

/// How the shards of a run begin together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gathering {
    At(StartAt),
    /// In a shared folder, within this time.
    Folder {
        folder: PathBuf,
        timeout: Duration,
    },
}

/// A shard as it was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShardSetup {
    pub shard: Shard,
    /// The variables that name it, if no flag does.
    pub found_in: Option<String>,
    pub gathering: Gathering,
}

impl ShardArgs {
    /// The shard that is meant; `None` for a run that one machine sends.
    ///
    /// # Errors
    /// The flags contradict each other, or `auto` finds no shard or two.
    pub(super) fn resolved(
        &self,
        seed: Option<u64>,
        look_up: LookUp<'_>,
    ) -> anyhow::Result<Option<ShardSetup>> {
        let Some(choice) = self.shard else {
            return self.refuse_without_shard().map(|()| None);
        };
        let (shard, found_in) = match choice {
            ShardChoice::Typed(shard) => (shard, None),
            ShardChoice::Auto => {
                let found = found(look_up)?;
                (found.shard, Some(found.variables))
            }
        };
        let gathering = self.gathering(seed)?;
        Ok(Some(ShardSetup {
            shard,
            found_in,
            gathering,
        }))
    }

    fn refuse_without_shard(&self) -> anyhow::Result<()> {
        let typed = [
            ("--start-at", self.start_at.is_some()),
            ("--rendezvous", self.rendezvous.is_some()),
            ("--rendezvous-timeout", self.rendezvous_timeout.is_some()),
        ];
        match typed.iter().find(|(_, is_typed)| *is_typed) {
            Some((flag, _)) => bail!(
                "{flag} needs --shard\nhint: say which part this machine sends, such as --shard 0/8, or --shard auto"
            ),
            None => Ok(()),
        }
    }

    fn gathering(&self, seed: Option<u64>) -> anyhow::Result<Gathering> {
        match (&self.rendezvous, self.start_at) {
            (Some(folder), _) => Ok(Gathering::Folder {
                folder: folder.clone(),
                timeout: self
                    .rendezvous_timeout
                    .unwrap_or(DEFAULT_RENDEZVOUS_TIMEOUT),
            }),
            (None, _) if self.rendezvous_timeout.is_some() => {
                bail!("--rendezvous-timeout needs --rendezvous\nhint: name a shared folder")
            }
            (None, Some(_)) if seed.is_none() => bail!(
                "--start-at needs --seed, so that all shards have one schedule\nhint: give every shard the same number, such as --seed 7"
            ),
            (None, Some(at)) => Ok(Gathering::At(at)),
            (None, None) => bail!(
                "--shard needs a common start\nhint: --rendezvous DIR where the shards share a folder, else --start-at next:60s --seed N"
            ),
        }
    }
}

/// A shard that the environment names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FoundShard {
    shard: Shard,
    variables: String,
}

/// The variables of a scheduler: the number of the task, the lowest one, and their count.
struct Scheduler {
    index: &'static str,
    first: FirstIndex,
    counts: &'static [&'static str],
}

/// From where a scheduler counts.
enum FirstIndex {
    Zero,
    One,
    Variable(&'static str),
}

const SCHEDULERS: [Scheduler; 4] = [
    // A pod of Kubernetes does not learn how many there are.
    Scheduler {
        index: "JOB_COMPLETION_INDEX",
        first: FirstIndex::Zero,
        counts: &["A7PROBE_SHARDS", "JOB_COMPLETIONS"],
    },
    Scheduler {
        index: "SLURM_ARRAY_TASK_ID",
        first: FirstIndex::Variable("SLURM_ARRAY_TASK_MIN"),
        counts: &["SLURM_ARRAY_TASK_COUNT"],
    },
    Scheduler {
        index: "CI_NODE_INDEX",
        first: FirstIndex::One,
        counts: &["CI_NODE_TOTAL"],
    },
    Scheduler {
        index: "AWS_BATCH_JOB_ARRAY_INDEX",
        first: FirstIndex::Zero,
        counts: &["AWS_BATCH_JOB_ARRAY_SIZE"],
    },
];

/// The one shard that the environment names.
fn found(look_up: LookUp<'_>) -> anyhow::Result<FoundShard> {
    let found = SCHEDULERS.iter().map(|scheduler| scheduler.found(look_up));
    let found: anyhow::Result<Vec<Option<FoundShard>>> = found.collect();
    let mut found = found?.into_iter().flatten();
    let Some(first) = found.next() else {
        bail!(
            "--shard auto finds no index: none of {} is set\nhint: type it, such as --shard 0/8",
            SCHEDULERS.map(|scheduler| scheduler.index).join(", ")
        );
    };
    match found.find(|other| other.shard != first.shard) {
        Some(other) => bail!(
            "--shard auto finds two shards: {} from {}, {} from {}\nhint: type the one that is meant, such as --shard {}",
            first.shard,
            first.variables,
            other.shard,
            other.variables,
            first.shard
        ),
        None => Ok(first),
    }
}

impl Scheduler {
    /// The shard of its variables; `None` without its index.
    fn found(&self, look_up: LookUp<'_>) -> anyhow::Result<Option<FoundShard>> {
        let Some(index) = number(self.index, look_up)? else {
            return Ok(None);
        };
        let first = match self.first {
            FirstIndex::Zero => 0,
            FirstIndex::One => 1,
            FirstIndex::Variable(name) => number(name, look_up)?.unwrap_or(0),
        };
        let counts = self.counts.iter().map(|name| {
            let count = number(name, look_up)?;
            Ok(count.map(|count| (*name, count)))
        });
        let counts: anyhow::Result<Vec<Option<(&str, u64)>>> = counts.collect();
        let counts: Vec<(&str, u64)> = counts?.into_iter().flatten().collect();
        let Some(&(name, count)) = counts.first() else {
            bail!(
                "--shard auto reads index {index} from {} and finds no count in {}\nhint: set {} to the number of shards",
                self.index,
                self.counts.join(" or "),
                self.counts[0]
            );
        };
        if let Some((other, differs)) = counts.iter().find(|(_, other)| *other != count) {
            bail!(
                "--shard auto finds two counts: {name} is {count} and {other} is {differs}\nhint: unset one of them"
            );
        }
        let variables = format!("{} and {name}", self.index);
        let Some(own) = index.checked_sub(first) else {
            bail!(
                "--shard auto reads {} = {index}, and the lowest index is {first}\nhint: type the shard, such as --shard 0/{count}",
                self.index
            );
        };
        let shard = Shard::new(own, count).map_err(|error| anyhow!("{variables}: {error}"))?;
        Ok(Some(FoundShard { shard, variables }))
    }
}

fn number(name: &str, look_up: LookUp<'_>) -> anyhow::Result<Option<u64>> {
    let Some(text) = look_up(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => bail!(
            "{name} is '{text}', which is not a whole number\nhint: type the shard, such as --shard 0/8"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::{StartAt, found};

    fn auto(variables: &[(&str, &str)]) -> Result<String, String> {
        let look_up = |name: &str| {
            let mut variables = variables.iter();
            let found = variables.find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        match found(&look_up) {
            Ok(found) => Ok(format!("{} from {}", found.shard, found.variables)),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn auto_reads_the_index_of_each_scheduler() {
        for (variables, expected) in [
            (
                vec![("JOB_COMPLETION_INDEX", "3"), ("A7PROBE_SHARDS", "8")],
                "3/8 from JOB_COMPLETION_INDEX and A7PROBE_SHARDS",
            ),
            (
                vec![("JOB_COMPLETION_INDEX", "0"), ("JOB_COMPLETIONS", "4")],
                "0/4 from JOB_COMPLETION_INDEX and JOB_COMPLETIONS",
            ),
            (
                vec![
                    ("SLURM_ARRAY_TASK_ID", "12"),
                    ("SLURM_ARRAY_TASK_MIN", "10"),
                    ("SLURM_ARRAY_TASK_COUNT", "4"),
                ],
                "2/4 from SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT",
            ),
            // GitLab counts from 1.
            (
                vec![("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "2")],
                "0/2 from CI_NODE_INDEX and CI_NODE_TOTAL",
            ),
            (
                vec![
                    ("AWS_BATCH_JOB_ARRAY_INDEX", "5"),
                    ("AWS_BATCH_JOB_ARRAY_SIZE", "6"),
                ],
                "5/6 from AWS_BATCH_JOB_ARRAY_INDEX and AWS_BATCH_JOB_ARRAY_SIZE",
            ),
        ] {
            assert_eq!(auto(&variables).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn auto_refuses_none_two_and_nonsense() {
        for (variables, expected) in [
            (vec![], "finds no index"),
            (vec![("JOB_COMPLETION_INDEX", "3")], "finds no count"),
            (
                vec![("JOB_COMPLETION_INDEX", "8"), ("A7PROBE_SHARDS", "8")],
                "there is no shard 8 of 8",
            ),
            (
                vec![("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "2")],
                "the lowest index is 1",
            ),
            (
                vec![("CI_NODE_INDEX", "one"), ("CI_NODE_TOTAL", "2")],
                "CI_NODE_INDEX is 'one'",
            ),
            (
                vec![
                    ("JOB_COMPLETION_INDEX", "3"),
                    ("A7PROBE_SHARDS", "8"),
                    ("JOB_COMPLETIONS", "4"),
                ],
                "A7PROBE_SHARDS is 8 and JOB_COMPLETIONS is 4",
            ),
            (
                vec![
                    ("JOB_COMPLETION_INDEX", "3"),
                    ("A7PROBE_SHARDS", "8"),
                    ("CI_NODE_INDEX", "1"),
                    ("CI_NODE_TOTAL", "2"),
                ],
                "finds two shards: 3/8",
            ),
        ] {
            let error = auto(&variables).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(error.contains("hint: "), "{error}");
        }
    }

    #[test]
    fn next_is_the_first_whole_multiple_that_leaves_time() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let next = StartAt::Next(Duration::from_secs(60));
        let five = Duration::from_secs(5);
        let instant = |now: &str| next.instant(at(now), five);
        assert_eq!(instant("2026-12-01T12:00:01Z"), at("2026-12-01T12:01:00Z"));
        assert_eq!(instant("2026-12-01T12:00:55Z"), at("2026-12-01T12:01:00Z"));
        assert_eq!(instant("2026-12-01T12:00:56Z"), at("2026-12-01T12:02:00Z"));
        let typed: StartAt = "2026-12-01T12:00:00+01:00".parse().unwrap();
        assert_eq!(
            typed.instant(at("2026-01-01T00:00:00Z"), five),
            at("2026-12-01T11:00:00Z")
        );
        for wrong in ["noon", "next:0s", "next:x", "12:00"] {
            assert!(wrong.parse::<StartAt>().is_err(), "{wrong}");
        }
    }
}
