//! `a7probe schema`: the JSON Schemas of run files, reports and capacity searches.

use std::io::Write;

use anyhow::Context;

use crate::cli::schema::SchemaName;
use crate::exit::Exit;
use crate::report;
use crate::run::run_file;

/// Prints a schema.
///
/// # Errors
/// If `out` cannot be written to.
pub fn run(name: SchemaName, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let schema = match name {
        SchemaName::Run => run_file::SCHEMA,
        SchemaName::Report => report::REPORT_SCHEMA,
        SchemaName::Capacity => report::CAPACITY_SCHEMA,
        SchemaName::CapacityChange => report::CAPACITY_CHANGE_SCHEMA,
    };
    out.write_all(schema.as_bytes())
        .context("cannot write the schema")?;
    Ok(Exit::Pass)
}
