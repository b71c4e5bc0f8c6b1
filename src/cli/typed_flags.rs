//! Which flags stand on the command line. A variable may be there for another command; a flag is meant for this one.

use std::collections::BTreeSet;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Id};

/// The ids of the arguments that were typed. To be flattened into a struct as its first field: the other fields take
/// their values out of the parsed arguments.
#[derive(Clone, Debug, Default)]
pub(super) struct TypedFlags(BTreeSet<String>);

impl TypedFlags {
    /// Refuses a typed flag that would be ignored.
    pub(super) fn has_use(
        &self,
        id: &str,
        has_use: bool,
        because: &str,
        hint: &str,
    ) -> anyhow::Result<()> {
        anyhow::ensure!(
            has_use || !self.0.contains(id),
            "--{} has no use here: {because}\nhint: {hint}",
            id.replace('_', "-")
        );
        Ok(())
    }
}

impl FromArgMatches for TypedFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<TypedFlags, Error> {
        let typed = |id: &&Id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine);
        Ok(TypedFlags(
            matches.ids().filter(typed).map(Id::to_string).collect(),
        ))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = TypedFlags::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for TypedFlags {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}
