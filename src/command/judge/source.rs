//! The files that are judged: saved runs and what other tools measured, under names of their own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::bail;

use super::super::saved::{self, Saved};
use crate::cli::judge::JudgeArgs;
use crate::judge::gate::Subject;
use crate::printable::{Shown as _, one_line};
use crate::report::Report;
use crate::run::import::{ImportRemark, Imported};
use crate::run::plan::Guard;
use crate::run::recording::Recording;
use crate::run::run_file::Run;

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

enum JudgedContent {
    Run(Box<Run>),
    Imported(Vec<ImportRemark>),
}

/// Reads every file and gives each endpoint a name of its own.
pub(super) fn load_all(args: &JudgeArgs) -> anyhow::Result<Vec<JudgedFile>> {
    check_distinct(&args.files)?;
    let mut sources = Vec::new();
    for file in &args.files {
        let shown = saved::shown(file);
        let source = load(file, &shown, args).map_err(|e| saved::named(e, "judge", &shown))?;
        sources.push(source);
    }
    check_endpoint_flag(args, &sources)?;
    separate_names(&mut sources);
    Ok(sources)
}

/// The same file twice would be the same data twice.
fn check_distinct(files: &[PathBuf]) -> anyhow::Result<()> {
    for (index, file) in files.iter().enumerate() {
        if files[..index].contains(file) {
            bail!("{} is given twice; name each file once", file.shown());
        }
    }
    Ok(())
}

fn load(file: &Path, shown: &str, args: &JudgeArgs) -> anyhow::Result<JudgedFile> {
    let options = args.import.options();
    Ok(match saved::read(file, &options)? {
        Saved::Run(run) => JudgedFile::of_run(*run, shown),
        Saved::Imported(imported) => {
            let source = JudgedFile::of_imported(imported, &stem(file), shown);
            source.renamed(args.endpoint.as_deref())
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
    match (&args.endpoint, lists) {
        (None, _) | (Some(_), 1) => Ok(()),
        (Some(name), 0) => bail!(
            "--endpoint {name} names a list of latencies, and there is none; runs and files with several endpoints name them \
             themselves"
        ),
        (Some(name), lists) => bail!(
            "--endpoint {name} names one list of latencies, and there are {lists}; judge them one by one, or rename the files"
        ),
    }
}

/// Endpoints of the same name in several files are told apart by their file.
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
    fn of_run(run: Run, file: &str) -> JudgedFile {
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

    /// Whether it was measured with gates: every run but a side of `ab` is.
    pub(super) fn must_have_gates(&self) -> bool {
        matches!(&self.content, JudgedContent::Run(run) if run.turns.is_none())
    }

    /// Its endpoints, to be judged; `guard` is what was typed.
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
