//! Parsers for values of flags in several subcommands.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, StringValueParser, TypedValueParser};

use crate::run::plan::Arrivals;
use crate::units::parse_duration;

/// A duration above zero.
pub(super) fn positive_duration() -> impl TypedValueParser<Value = Duration> {
    StringValueParser::new().try_map(|text| match parse_duration(&text) {
        Ok(duration) if duration.is_zero() => Err(format!(
            "'{text}' is not a valid time; write one above 0, such as 10s"
        )),
        Ok(duration) => Ok(duration),
        Err(e) => Err(e.to_string()),
    })
}

/// A schedule by its name.
pub(super) fn arrivals() -> impl TypedValueParser<Value = Arrivals> {
    PossibleValuesParser::new(["jitter", "grid", "poisson"]).map(|text| match text.as_str() {
        "grid" => Arrivals::Grid,
        "poisson" => Arrivals::Poisson,
        _ => Arrivals::Jitter,
    })
}
