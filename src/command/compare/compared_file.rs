//! One side of a comparison, and which of its endpoints belongs to which of the other side.

use std::path::Path;

use anyhow::bail;

use super::super::saved::{self, Saved};
use crate::judge::comparison::{Pair, Side};
use crate::judge::warning::{ComparisonWarning, Warning};
use crate::report::Report;
use crate::run::import::Imported;
use crate::run::plan::Guard;
use crate::run::run_file::Run;

/// The name of two lists of latencies without names.
const UNNAMED: &str = "latency";

/// One side of a comparison.
pub(super) struct ComparedFile {
    /// What messages call it: the file.
    pub(super) label: String,
    content: ComparedContent,
}

enum ComparedContent {
    Run(Box<Run>),
    Imported(Imported),
}

/// An endpoint that both sides have.
pub(super) struct MatchedEndpoint<'a> {
    pub(super) name: String,
    pub(super) sides: Pair<Side<'a>>,
}

/// An endpoint of one side; a list without a name has none.
struct Named<'a> {
    name: Option<&'a str>,
    side: Side<'a>,
}

impl ComparedFile {
    /// A run, or latencies of another tool; `name` is what a list of latencies is called.
    pub(super) fn of_saved(file: &Path, name: Option<&str>, saved: Saved) -> ComparedFile {
        let content = match saved {
            Saved::Run(run) => ComparedContent::Run(run),
            Saved::Imported(mut imported) => {
                if let (Some(name), [only]) = (name, imported.endpoints.as_mut_slice()) {
                    only.name = Some(name.to_owned());
                }
                ComparedContent::Imported(imported)
            }
            Saved::Capacity(_) => unreachable!("searches are compared with searches alone"),
        };
        ComparedFile {
            label: saved::shown(file),
            content,
        }
    }

    #[cfg(feature = "reference")]
    pub(super) fn of_run(label: &str, run: Run) -> ComparedFile {
        ComparedFile {
            label: label.to_owned(),
            content: ComparedContent::Run(Box::new(run)),
        }
    }

    pub(super) fn run(&self) -> Option<&Run> {
        match &self.content {
            ComparedContent::Run(run) => Some(run),
            ComparedContent::Imported(_) => None,
        }
    }

    /// Adds what must be known of it to a report; `role` is `before` or `after`.
    pub(super) fn describe(&self, role: &str, report: &mut Report) {
        match &self.content {
            ComparedContent::Run(run) => report.add_compared_run(role, run),
            ComparedContent::Imported(imported) => {
                saved::describe(&self.label, &imported.remarks, report);
            }
        }
    }

    fn endpoints(&self) -> Vec<Named<'_>> {
        match &self.content {
            ComparedContent::Run(run) => run
                .endpoints
                .iter()
                .map(|endpoint| Named {
                    name: Some(&endpoint.name),
                    side: Side {
                        recording: &endpoint.recording,
                        timeout: Some(run.plan.timeout),
                        guard: run.judging.guard(),
                    },
                })
                .collect(),
            ComparedContent::Imported(imported) => imported
                .endpoints
                .iter()
                .map(|endpoint| Named {
                    name: endpoint.name.as_deref(),
                    side: Side {
                        recording: &endpoint.recording,
                        timeout: None,
                        guard: Guard::default(),
                    },
                })
                .collect(),
        }
    }
}

/// `--endpoint` is about lists.
pub(super) fn check_endpoint_flag(
    name: Option<&str>,
    files: &Pair<ComparedFile>,
) -> anyhow::Result<()> {
    match (name, files.before.run(), files.after.run()) {
        (Some(name), Some(_), Some(_)) => {
            bail!(
                "--endpoint {name} needs a list of latencies\nhint: leave it out; saved runs name their own endpoints"
            )
        }
        _ => Ok(()),
    }
}

/// The endpoints that both sides have, in the order of the side after. If each has one, they belong together whatever
/// they are called.
pub(super) fn matched<'a>(
    files: &'a Pair<ComparedFile>,
    warnings: &mut Vec<Warning>,
) -> anyhow::Result<Vec<MatchedEndpoint<'a>>> {
    let (before, after) = (files.before.endpoints(), files.after.endpoints());
    if let ([before], [after]) = (before.as_slice(), after.as_slice()) {
        return Ok(vec![MatchedEndpoint {
            name: after.name.or(before.name).unwrap_or(UNNAMED).to_owned(),
            sides: Pair {
                before: before.side,
                after: after.side,
            },
        }]);
    }
    let mut matched = Vec::new();
    for after in &after {
        let same = before
            .iter()
            .find(|b| b.name.is_some() && b.name == after.name);
        if let (Some(name), Some(before)) = (after.name, same) {
            matched.push(MatchedEndpoint {
                name: name.to_owned(),
                sides: Pair {
                    before: before.side,
                    after: after.side,
                },
            });
        }
    }
    if matched.is_empty() {
        return Err(nothing_in_common(files));
    }
    for (role, side, other) in [("before", &before, &after), ("after", &after, &before)] {
        warnings.extend(alone(side, other).map(|name| {
            Warning::of(ComparisonWarning::MissingEndpoint {
                endpoint: name.to_owned(),
                only_in: role,
            })
        }));
    }
    Ok(matched)
}

fn alone<'a>(side: &'a [Named<'a>], other: &'a [Named<'a>]) -> impl Iterator<Item = &'a str> {
    let names = side.iter().filter_map(|endpoint| endpoint.name);
    names.filter(|&name| other.iter().all(|o| o.name != Some(name)))
}

fn nothing_in_common(files: &Pair<ComparedFile>) -> anyhow::Error {
    let names = |file: &ComparedFile| {
        let endpoints = file.endpoints();
        let names = endpoints
            .iter()
            .map(|e| e.name.unwrap_or("a list without a name"));
        names.collect::<Vec<_>>().join(", ")
    };
    let hint = match (files.before.run(), files.after.run()) {
        (Some(_), Some(_)) => "measure the same endpoints on both sides",
        _ => "name the run's endpoint that the list of latencies belongs to: --endpoint NAME",
    };
    anyhow::anyhow!(
        "the sides have no endpoint in common: {} before, {} after\nhint: {hint}",
        names(&files.before),
        names(&files.after)
    )
}
