//! A list of latencies, one a line.

use super::{
    Ending, ImportError, Latencies, Options, Unit, ValueError, content_lines, ending_of, value,
};

/// Reads every line; the first may be a heading such as `latency_ms`.
pub(super) fn read(text: &str, options: &Options) -> Result<Latencies, ImportError> {
    let mut lines = content_lines(text).peekable();
    let heading = lines
        .next_if(|(_, line)| !value::is_meant(line))
        .map(|(_, line)| line.to_owned());
    let unit = unit(heading.as_deref(), options)?;
    let mut latencies = Latencies {
        heading,
        ending: ending_of(text),
        ..Latencies::default()
    };
    let mut previous_unit = None;
    while let Some((line, content)) = lines.next() {
        if latencies.ending == Ending::MidLine && lines.peek().is_none() {
            check_whole(line, content, previous_unit)?;
        }
        let value = value::parse(content, unit);
        latencies
            .values
            .push(value.map_err(|error| at(line, error))?);
        previous_unit = Some(value::unit_on(content));
    }
    Ok(latencies)
}

/// The unit of numbers alone: of the heading or of the option, which must not contradict each other.
pub(super) fn unit(heading: Option<&str>, options: &Options) -> Result<Option<Unit>, ImportError> {
    let heading = heading.unwrap_or("");
    match (Unit::in_heading(heading), options.unit) {
        (Some(ours), Some(unit)) if ours != unit => Err(ImportError::UnitConflict {
            heading: heading.to_owned(),
            unit,
        }),
        (ours, unit) => Ok(ours.or(unit)),
    }
}

/// `320.5ms` that was cut to `320.5m` would be read as minutes, and to `320.5` as nothing.
fn check_whole(line: u64, content: &str, previous_unit: Option<&str>) -> Result<(), ImportError> {
    match previous_unit {
        Some(unit)
            if unit.starts_with(value::unit_on(content)) && unit != value::unit_on(content) =>
        {
            Err(ImportError::Cut {
                line,
                text: content.to_owned(),
            })
        }
        _ => Ok(()),
    }
}

pub(super) fn at(line: u64, error: ValueError) -> ImportError {
    ImportError::Value { line, error }
}
