//! The files that are judged: saved runs and what other tools measured, under names of their own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::bail;

use super::super::baseline::ComparedSubject;
use super::super::saved::{self, Saved};
use crate::cli::judge::JudgeArgs;
use crate::judge::gate::{NamedSegment, Subject};
use crate::printable::{Shown as _, one_line};
use crate::report::Report;
use crate::run::import::{ImportRemark, Imported};
use crate::run::plan::{Guard, LoadShape};
use crate::run::recording::Recording;
use crate::run::run_file::{Gating, Run};

/// A file and what is in it.
pub(super) struct JudgedFile {
    pub(super) file: String,
    pub(super) endpoints: Vec<JudgedEndpoint>,
    content: JudgedContent,
}

/// An endpoint under the name that it has among all files.
pub(super) struct JudgedEndpoint {
    pub(super) name: String,
    pub(super) original_name: String,
    /// A run file contains it.
    recording: Option<Recording>,
}

/// A segment, and the endpoint that it is a part of.
pub(super) struct SegmentName<'a> {
    name: String,
    endpoint: String,
    shape: LoadShape<'a>,
}

impl SegmentName<'_> {
    pub(super) fn named(&self) -> NamedSegment<'_> {
        NamedSegment {
            name: &self.name,
            endpoint: &self.endpoint,
            shape: self.shape,
        }
    }
}

enum JudgedContent {
    Run(Box<Run>),
    Imported(Vec<ImportRemark>),
}

/// What is in the only file; `None` if there are several.
pub(super) fn read_only_file(args: &JudgeArgs) -> Option<anyhow::Result<Saved>> {
    let [file] = args.files.as_slice() else {
        return None;
    };
    let read = saved::read(file, &args.import.options());
    Some(read.map_err(|e| saved::named(e, "judge", &saved::shown(file))))
}

/// Reads every file and gives each endpoint a name of its own.
/// `only` is the content of the only file, if it was read already.
pub(super) fn load_all(
    args: &JudgeArgs,
    mut only: Option<anyhow::Result<Saved>>,
) -> anyhow::Result<Vec<JudgedFile>> {
    check_distinct(&args.files)?;
    let mut sources = Vec::new();
    for file in &args.files {
        let shown = saved::shown(file);
        let saved = only.take().unwrap_or_else(|| {
            let read = saved::read(file, &args.import.options());
            read.map_err(|e| saved::named(e, "judge", &shown))
        })?;
        sources.push(judged(saved, file, &shown, args)?);
    }
    check_endpoint_flag(args, &sources)?;
    if let Some(first) = sources.first()
        && sources.iter().all(|source| source.run().is_some())
    {
        args.import.refuse_for_runs(&first.file)?;
    }
    separate_names(&mut sources);
    Ok(sources)
}

/// The same file twice would be the same data twice.
fn check_distinct(files: &[PathBuf]) -> anyhow::Result<()> {
    for (index, file) in files.iter().enumerate() {
        if files[..index].contains(file) {
            bail!("{} is given twice\nhint: name each file once", file.shown());
        }
    }
    Ok(())
}

fn judged(saved: Saved, file: &Path, shown: &str, args: &JudgeArgs) -> anyhow::Result<JudgedFile> {
    Ok(match saved {
        Saved::Run(run) => JudgedFile::of_run(*run, shown),
        Saved::Capacity(_) => bail!(
            "{shown} is a capacity search, which is judged alone\nhint: a7probe judge {shown}; a7probe compare compares two of them"
        ),
        Saved::Imported(imported) => {
            let source = JudgedFile::of_imported(imported, &stem(file), shown);
            source.renamed(args.import.endpoint.as_deref())
        }
    })
}

/// What a list is called unless it is named.
fn stem(file: &Path) -> String {
    match file.file_stem() {
        Some(stem) if stem != "-" => one_line(&stem.to_string_lossy()).into_owned(),
        _ => "stdin".to_owned(),
    }
}

fn check_endpoint_flag(args: &JudgeArgs, sources: &[JudgedFile]) -> anyhow::Result<()> {
    let lists = sources
        .iter()
        .filter(|source| source.can_be_named())
        .count();
    match (&args.import.endpoint, lists) {
        (None, _) | (Some(_), 1) => Ok(()),
        (Some(name), 0) => bail!(
            "--endpoint {name} needs a list of latencies\nhint: leave it out; runs and files with several endpoints name their own"
        ),
        (Some(name), lists) => bail!(
            "--endpoint {name} needs one list of latencies, and there are {lists}\nhint: judge them one by one, or rename the files"
        ),
    }
}

/// Endpoints of the same name in several files get the name of their file.
fn separate_names(sources: &mut [JudgedFile]) {
    for qualify in [qualified_by_stem, qualified_by_file] {
        let mut uses: HashMap<String, usize> = HashMap::new();
        for endpoint in sources.iter().flat_map(|source| &source.endpoints) {
            *uses.entry(endpoint.name.clone()).or_default() += 1;
        }
        for source in sources.iter_mut() {
            for endpoint in &mut source.endpoints {
                if uses[&endpoint.name] > 1 {
                    endpoint.name = qualify(&source.file, &endpoint.original_name);
                }
            }
        }
    }
}

fn qualified_by_stem(file: &str, name: &str) -> String {
    format!("{}:{name}", stem(Path::new(file)))
}

fn qualified_by_file(file: &str, name: &str) -> String {
    format!("{file}:{name}")
}

impl JudgedFile {
    pub(super) fn of_run(run: Run, file: &str) -> JudgedFile {
        let endpoints = run.endpoints.iter().map(|endpoint| JudgedEndpoint {
            name: endpoint.name.clone(),
            original_name: endpoint.name.clone(),
            recording: None,
        });
        JudgedFile {
            file: file.to_owned(),
            endpoints: endpoints.collect(),
            content: JudgedContent::Run(Box::new(run)),
        }
    }

    /// Endpoints that the file does not name are called `unnamed`.
    fn of_imported(imported: Imported, unnamed: &str, file: &str) -> JudgedFile {
        let endpoints = imported.endpoints.into_iter().map(|endpoint| {
            let name = endpoint.name.unwrap_or_else(|| unnamed.to_owned());
            JudgedEndpoint {
                original_name: name.clone(),
                name,
                recording: Some(endpoint.recording),
            }
        });
        JudgedFile {
            file: file.to_owned(),
            endpoints: endpoints.collect(),
            content: JudgedContent::Imported(imported.remarks),
        }
    }

    /// As `--endpoint` names the only endpoint of another tool's file.
    fn renamed(mut self, name: Option<&str>) -> JudgedFile {
        if let (Some(name), [only]) = (name, self.endpoints.as_mut_slice()) {
            name.clone_into(&mut only.name);
            name.clone_into(&mut only.original_name);
        }
        self
    }

    /// Whether an endpoint has this name among all files.
    pub(super) fn has_endpoint(&self, name: &str) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.name == name)
    }

    /// Whether it says how many requests there were in a second.
    pub(super) fn has_rate(&self) -> bool {
        matches!(self.content, JudgedContent::Run(_))
    }

    /// Whether `--endpoint` can be about it.
    fn can_be_named(&self) -> bool {
        matches!(self.content, JudgedContent::Imported(_)) && self.endpoints.len() == 1
    }

    /// The gates that the run was judged by when it was measured.
    pub(super) fn gate_texts(&self) -> &[String] {
        match &self.content {
            JudgedContent::Run(run) => &run.gates,
            JudgedContent::Imported(_) => &[],
        }
    }

    /// Whether one of them was not asked for.
    pub(super) fn is_implied(&self, gate: &str) -> bool {
        match &self.content {
            JudgedContent::Run(run) => run.implied_gates.iter().any(|implied| implied == gate),
            JudgedContent::Imported(_) => false,
        }
    }

    /// Whether it was measured with gates: every run is but a side of `ab` and one without a verdict.
    pub(super) fn must_have_gates(&self) -> bool {
        matches!(
            &self.content,
            JudgedContent::Run(run) if run.turns.is_none() && run.gating == Gating::Gates
        )
    }

    /// Its endpoints, to be judged; `guard` is the typed one.
    pub(super) fn subjects(&self, guard: Option<Guard>) -> impl Iterator<Item = Subject<'_>> {
        self.endpoints.iter().filter_map(move |endpoint| {
            let name = &endpoint.name;
            let recording = endpoint.recording.as_ref();
            let mut subject = match &self.content {
                JudgedContent::Run(run) => {
                    let own = run.endpoint(&endpoint.original_name)?;
                    Subject::of_endpoint(name, &endpoint.original_name, &own.recording, run)
                }
                JudgedContent::Imported(_) => Subject::of_list(name, recording?, Guard::default()),
            };
            subject.guard = guard.unwrap_or(subject.guard);
            Some(subject)
        })
    }

    /// Its segments under the names that they have here, and the endpoints that they are parts of.
    pub(super) fn segments(&self) -> Vec<SegmentName<'_>> {
        let Some(run) = self.run() else {
            return Vec::new();
        };
        let segments = self.endpoints.iter().filter_map(|endpoint| {
            let original = &endpoint.original_name;
            let planned = run.plan.endpoints.iter().find(|p| p.name == *original)?;
            // A name may have its file before it.
            let file = endpoint.name.strip_suffix(original.as_str())?;
            Some(SegmentName {
                name: endpoint.name.clone(),
                endpoint: format!("{file}{}", planned.base_name()),
                shape: planned.shape(),
            })
        });
        segments.collect()
    }

    /// The run that it holds, if it is one.
    pub(super) fn run(&self) -> Option<&Run> {
        match &self.content {
            JudgedContent::Run(run) => Some(run),
            JudgedContent::Imported(_) => None,
        }
    }

    /// Its endpoints with their own names, to be compared with a baseline.
    pub(super) fn compared(
        &self,
        guard: Option<Guard>,
    ) -> impl Iterator<Item = ComparedSubject<'_>> {
        let names = self
            .endpoints
            .iter()
            .map(|endpoint| &endpoint.original_name);
        self.subjects(guard)
            .zip(names)
            .map(|(subject, name_in_baseline)| ComparedSubject {
                subject,
                name_in_baseline,
            })
    }

    /// Adds what is known of it to a report.
    pub(super) fn describe(&self, report: &mut Report) {
        match &self.content {
            JudgedContent::Run(run) => {
                report.add_run(&self.file, run);
                let endpoints = report.endpoints.iter_mut().rev();
                for (shown, endpoint) in endpoints.zip(self.endpoints.iter().rev()) {
                    shown.name.clone_from(&endpoint.name);
                }
            }
            JudgedContent::Imported(remarks) => {
                for endpoint in &self.endpoints {
                    if let Some(recording) = &endpoint.recording {
                        report.add_list(&endpoint.name, recording, &self.file);
                    }
                }
                saved::describe(&self.file, remarks, report);
            }
        }
    }
}
