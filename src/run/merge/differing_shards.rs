//! Files that are not shards of one run: refused, with the two values.

use crate::run::run_file::Run;

/// Why files are not merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// A run that one machine sent, or a merged one.
    #[error(
        "{source_file} is not a shard\nhint: merge files that a7probe measure --shard saved; judge judges a whole run"
    )]
    NotAShard {
        /// Its file.
        source_file: String,
    },
    /// One shard in two files.
    #[error("shard {index} is there twice: {first} and {second}\nhint: give each shard once")]
    Twice {
        /// Its number.
        index: u32,
        /// One file.
        first: String,
        /// The other file.
        second: String,
    },
    /// Shards of two runs.
    #[error(
        "{first} and {second} are not shards of one run: {fact} is {first_value} in the first and {second_value} in the second\nhint: merge the shards of one run alone"
    )]
    Differs {
        /// What differs, such as `seed`.
        fact: String,
        /// One file.
        first: String,
        /// Its value.
        first_value: String,
        /// The other file.
        second: String,
        /// Its value.
        second_value: String,
    },
}

/// A fact that all shards of a run have in common.
struct Fact {
    name: &'static str,
    of: fn(&Run) -> String,
}

/// In the order in which they are named: what a person did wrong before what follows from it.
const FACTS: [Fact; 8] = [
    Fact {
        name: "the version of a7probe",
        of: |run| run.environment.a7probe.clone(),
    },
    Fact {
        name: "the number of shards",
        of: |run| run.shard.map_or(0, |shard| shard.of).to_string(),
    },
    Fact {
        name: "the seed",
        of: |run| run.plan.seed.to_string(),
    },
    Fact {
        name: "the target",
        of: |run| run.plan.origins().join(", "),
    },
    Fact {
        name: "the gates",
        of: |run| format!("'{}'", run.gates.join("; ")),
    },
    Fact {
        name: "the counted targets",
        of: targets,
    },
    Fact {
        name: "the start",
        of: |run| run.started_at.to_string(),
    },
    Fact {
        name: "the run",
        of: |run| run.id.to_string(),
    },
];

fn targets(run: &Run) -> String {
    let endpoints = run.plan.endpoints.iter();
    let counted = endpoints.map(|endpoint| {
        let targets = endpoint.targets_ns.iter();
        let targets: Vec<String> = targets.map(|ns| format!("{ns} ns")).collect();
        format!("{} {}", endpoint.name, targets.join(", "))
    });
    counted.collect::<Vec<_>>().join("; ")
}

/// Refuses two shards of different runs.
pub(super) fn check_alike(
    first: &Run,
    first_source: &str,
    second: &Run,
    second_source: &str,
) -> Result<(), MergeError> {
    let differs = |fact: &str, first_value: String, second_value: String| MergeError::Differs {
        fact: fact.to_owned(),
        first: first_source.to_owned(),
        first_value,
        second: second_source.to_owned(),
        second_value,
    };
    let differences = first.plan.differences(&second.plan);
    if let Some(difference) = differences.into_iter().next() {
        let fact = format!("the plan ({})", difference.fact);
        return Err(differs(&fact, difference.before, difference.after));
    }
    let mut facts = FACTS
        .iter()
        .map(|fact| (fact.name, (fact.of)(first), (fact.of)(second)));
    if let Some((name, before, after)) = facts.find(|(_, before, after)| before != after) {
        return Err(differs(name, before, after));
    }
    let hashes = [first, second].map(|run| run.plan.hash());
    if hashes[0] != hashes[1] {
        let [before, after] = hashes;
        return Err(differs("the plan", before, after));
    }
    Ok(())
}
