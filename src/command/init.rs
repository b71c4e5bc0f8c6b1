//! `init`: a commented settings file to start from.

use std::io::{ErrorKind, Write};

use anyhow::{Context as _, bail};

use crate::cli::InitArgs;
use crate::exit::Exit;
use crate::printable::Shown as _;

/// What is written; every setting at its default, commented out where the default does.
const STARTER: &str = include_str!("init/a7probe.toml");

/// Writes the file, and says what to do with it.
pub(crate) fn run(args: &InitArgs, stdout: &mut dyn Write) -> anyhow::Result<Exit> {
    let mut options = std::fs::OpenOptions::new();
    options
        .write(true)
        .truncate(true)
        .create(args.force)
        .create_new(!args.force);
    let mut file = match options.open(&args.file) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            bail!(
                "{} is there already\nhint: --force replaces it",
                args.file.shown()
            )
        }
        Err(e) => return Err(e).with_context(|| format!("cannot write {}", args.file.shown())),
    };
    file.write_all(STARTER.as_bytes())
        .with_context(|| format!("cannot write {}", args.file.shown()))?;
    writeln!(
        stdout,
        "wrote {}; try `a7probe measure --dry-run` next",
        args.file.shown()
    )?;
    Ok(Exit::Pass)
}
