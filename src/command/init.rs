//! `init`: a commented settings file to start from, or the files of a pipeline.

mod pipeline;

use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::cli::InitArgs;
use crate::cli::settings_file::DEFAULT_FILE;
use crate::exit::Exit;
use crate::printable::Shown as _;

/// What is written; every setting at its default, commented out where the default does.
const STARTER: &str = include_str!("init/a7probe.toml");

/// Writes the file, and says what to do with it.
pub(crate) fn run(args: &InitArgs, stdout: &mut dyn Write) -> anyhow::Result<Exit> {
    if let Some(ci) = args.ci {
        return pipeline::run(ci, args.force, stdout);
    }
    if let Some(ci @ ("github" | "gitlab")) = args.file.to_str() {
        bail!("FILE is the name of a settings file\nhint: for a pipeline, a7probe init --ci {ci}");
    }
    write_file(&args.file, STARTER, args.force)?;
    let config = if args.file == Path::new(DEFAULT_FILE) {
        String::new()
    } else {
        format!(" --config {}", args.file.shown())
    };
    writeln!(
        stdout,
        "Wrote {}. Next: a7probe measure{config} --dry-run",
        args.file.shown()
    )?;
    Ok(Exit::Pass)
}

/// Writes a file; an existing one is replaced only with `force`.
fn write_file(path: &Path, text: &str, force: bool) -> anyhow::Result<()> {
    let failed = || {
        format!(
            "cannot write {}\nhint: name a file in a folder that exists and is writable",
            path.shown()
        )
    };
    let mut options = std::fs::OpenOptions::new();
    options
        .write(true)
        .truncate(true)
        .create(force)
        .create_new(!force);
    let mut file = match options.open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            bail!(
                "{} exists already\nhint: replace it with --force",
                path.shown()
            )
        }
        Err(e) => return Err(e).with_context(failed),
    };
    file.write_all(text.as_bytes())
        .with_context(|| format!("cannot write {}", path.shown()))
}
