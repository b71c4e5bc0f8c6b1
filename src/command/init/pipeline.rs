//! `init --ci`: the files of a pipeline that measures a service and fails if a gate is not met.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::write_file;
use crate::cli::CiService;
use crate::exit::Exit;
use crate::printable::Shown as _;
use crate::report::quoted;

/// A file of a pipeline: where the CI service expects it, and its text.
struct PipelineFile {
    path: &'static str,
    text: &'static str,
}

const GITHUB: [PipelineFile; 2] = [
    PipelineFile {
        path: ".github/workflows/latency.yml",
        text: include_str!("github-latency.yml"),
    },
    PipelineFile {
        path: ".github/workflows/latency-comment.yml",
        text: include_str!("github-latency-comment.yml"),
    },
];

const GITLAB: [PipelineFile; 1] = [PipelineFile {
    path: ".gitlab/a7probe.yml",
    text: include_str!("gitlab-a7probe.yml"),
}];

/// The pipeline of a GitLab project, which includes the job.
const GITLAB_PIPELINE: PipelineFile = PipelineFile {
    path: ".gitlab-ci.yml",
    text: "include:\n  - local: .gitlab/a7probe.yml\n",
};

/// The repository of this program, where its manifest names one.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// Writes the files in the current folder and says what to change in them; if one exists, none is written.
///
/// # Errors
/// If one exists and may not be replaced, or if the current folder is not where the CI service looks for them.
pub(super) fn run(ci: CiService, force: bool, stdout: &mut dyn Write) -> anyhow::Result<Exit> {
    check_folder(ci)?;
    let files: &[PipelineFile] = match ci {
        CiService::Github => &GITHUB,
        CiService::Gitlab => &GITLAB,
    };
    check_new(files, force)?;
    for file in files {
        let text = with_repository(file.text, REPOSITORY);
        if let Some(folder) = Path::new(file.path).parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.shown()))?;
        }
        write_file(Path::new(file.path), &text, force)?;
        writeln!(stdout, "Wrote {}", file.path)?;
    }
    match ci {
        CiService::Github => next_of_github(stdout)?,
        CiService::Gitlab => next_of_gitlab(stdout)?,
    }
    Ok(Exit::Pass)
}

/// Pipelines are read at the root of a repository alone.
fn check_folder(ci: CiService) -> anyhow::Result<()> {
    let folder = std::env::current_dir()?;
    let Some(root) = repository_above(&folder) else {
        return Ok(());
    };
    let name = match ci {
        CiService::Github => "github",
        CiService::Gitlab => "gitlab",
    };
    bail!(
        "this folder is not the root of its repository, where the pipeline is read\nhint: cd {} && a7probe init --ci {name}",
        quoted(&root.shown().to_string())
    )
}

/// The root of the repository that holds this folder, if it is another folder.
fn repository_above(folder: &Path) -> Option<PathBuf> {
    let root = folder.ancestors().find(|at| at.join(".git").exists())?;
    (root != folder).then(|| root.to_owned())
}

fn check_new(files: &[PipelineFile], force: bool) -> anyhow::Result<()> {
    let is_there = |file: &&PipelineFile| Path::new(file.path).symlink_metadata().is_ok();
    let existing: Vec<&str> = files.iter().filter(is_there).map(|f| f.path).collect();
    if force || existing.is_empty() {
        return Ok(());
    }
    let verb = if existing.len() == 1 {
        "exists"
    } else {
        "exist"
    };
    bail!(
        "{} {verb} already; nothing was written\nhint: replace with --force, or move the old file first",
        existing.join(" and ")
    )
}

/// The text with the repository that a pipeline may build this program from.
fn with_repository(text: &str, repository: &str) -> String {
    text.replace(
        "PROBE_REPOSITORY: ''",
        &format!("PROBE_REPOSITORY: '{repository}'"),
    )
}

fn next_of_github(stdout: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(
        stdout,
        "Next, in latency.yml:
  1. set SERVICE_URL and GATES
  2. say where a7probe comes from: PROBE_ARCHIVE and PROBE_SHA256 of a release,
     or PROBE_REPOSITORY and PROBE_COMMIT to build it
  3. replace the line in \"Start the service\"
Then commit both files. latency-comment.yml needs no change; it comments on pull
requests once it is on the default branch."
    )?;
    Ok(())
}

/// Adds the pipeline where the project has none; one that exists is for its owner to change.
fn next_of_gitlab(stdout: &mut dyn Write) -> anyhow::Result<()> {
    let pipeline = Path::new(GITLAB_PIPELINE.path);
    let include = match pipeline.symlink_metadata() {
        Ok(_) => Some("Add to .gitlab-ci.yml:\n  include:\n    - local: .gitlab/a7probe.yml"),
        Err(_) => None,
    };
    if include.is_none() {
        write_file(pipeline, GITLAB_PIPELINE.text, false)?;
        writeln!(stdout, "Wrote {}", GITLAB_PIPELINE.path)?;
    }
    writeln!(
        stdout,
        "Next, in .gitlab/a7probe.yml:
  1. set SERVICE_URL and GATES
  2. say where a7probe comes from: PROBE_ARCHIVE and PROBE_SHA256 of a release,
     or PROBE_REPOSITORY and PROBE_COMMIT to build it
  3. replace the first line of the script, which starts the service"
    )?;
    if let Some(include) = include {
        writeln!(stdout, "{include}")?;
    }
    Ok(writeln!(stdout, "Then commit.")?)
}

#[cfg(test)]
mod tests {
    use super::{GITHUB, GITLAB, repository_above, with_repository};

    #[test]
    fn every_pipeline_has_a_place_for_the_repository() {
        for file in [&GITHUB[0], &GITLAB[0]] {
            let text = with_repository(file.text, "https://example.com/a7probe");
            let line = "PROBE_REPOSITORY: 'https://example.com/a7probe'\n";
            assert!(text.contains(line), "{}", file.path);
        }
    }

    /// The shell text between two lines of a file, without its indentation.
    fn part(text: &str, from: &str, to: &str) -> Vec<String> {
        let lines = text.lines().map(str::trim);
        let lines = lines.skip_while(|line| *line != from);
        let part = lines.skip(1).take_while(|line| *line != to);
        part.map(str::to_owned).collect()
    }

    #[test]
    fn both_services_install_the_program_alike() {
        let [github, gitlab] = [&GITHUB[0], &GITLAB[0]].map(|file| {
            part(
                file.text,
                "mkdir -p \"$folder/bin\"",
                "\"$folder/bin/a7probe\" --version",
            )
        });
        assert!(github.len() > 20, "{github:?}");
        assert_eq!(github, gitlab);
    }

    #[test]
    fn a_folder_within_a_repository_is_not_its_root() {
        let root = tempfile::tempdir().unwrap();
        let below = root.path().join("service/docs");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::create_dir(root.path().join(".git")).unwrap();
        assert_eq!(repository_above(root.path()), None);
        assert_eq!(repository_above(&below), Some(root.path().to_owned()));
    }
}
