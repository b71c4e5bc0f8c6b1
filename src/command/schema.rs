//! `a7probe schema`: the JSON Schema of run files.

use std::io::Write;

use anyhow::Context;

use crate::exit::Exit;
use crate::run::run_file;

/// Prints the schema.
///
/// # Errors
/// If `out` cannot be written to.
pub fn run(out: &mut dyn Write) -> anyhow::Result<Exit> {
    out.write_all(run_file::SCHEMA.as_bytes())
        .context("cannot write the schema")?;
    Ok(Exit::Pass)
}
