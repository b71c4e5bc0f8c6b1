//! Which schema is printed.

use clap::ValueEnum;

/// A kind of JSON that this program writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaName {
    /// Saved runs.
    #[default]
    Run,
    /// Reports.
    Report,
    /// Capacity searches.
    Capacity,
    /// Comparisons of two capacity searches.
    CapacityChange,
}
