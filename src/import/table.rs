//! One column of a CSV file.

use csv::{ReaderBuilder, StringRecord, Trim};

use super::list::{at, unit};
use super::{ImportError, Latencies, Options, Unit, content_lines, ending_of, value};

/// What separates the columns of a line, if it has several.
pub(super) fn delimiter_of(line: &str) -> Option<u8> {
    [b'\t', b';', b',']
        .into_iter()
        .find(|&delimiter| line.contains(char::from(delimiter)))
}

/// Reads the column that the options name, or the only one whose title has a unit.
pub(super) fn read(text: &str, options: &Options) -> Result<Latencies, ImportError> {
    let first = content_lines(text).next().map_or("", |(_, line)| line);
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .delimiter(delimiter_of(first).unwrap_or(b','))
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let mut rows = reader.records().peekable();
    let first = match rows.peek() {
        Some(Ok(first)) => first.clone(),
        Some(Err(error)) => return Err(ImportError::Csv(error.to_string())),
        None => return Err(ImportError::Empty),
    };
    let has_heading = !first.iter().any(value::is_meant);
    let index = column(text, &first, has_heading, options)?;
    let heading = has_heading.then(|| first[index].to_owned());
    let unit = unit(heading.as_deref(), options)?;
    let mut latencies = Latencies {
        heading,
        ending: ending_of(text),
        ..Latencies::default()
    };
    for row in rows.skip(usize::from(has_heading)) {
        let row = row.map_err(|error| ImportError::Csv(error.to_string()))?;
        if row.len() == 1 && row[0].is_empty() {
            continue;
        }
        check_length(text, &row, &first)?;
        let value = value::parse(&row[index], unit);
        let value = value.map_err(|error| at(line(text, &row), error))?;
        latencies.values.push(value);
    }
    Ok(latencies)
}

/// Index of the column to read.
fn column(
    text: &str,
    first: &StringRecord,
    has_heading: bool,
    options: &Options,
) -> Result<usize, ImportError> {
    if let Some(name) = &options.column {
        return named_column(first, has_heading, name);
    }
    let with_unit: Vec<usize> = (0..first.len())
        .filter(|&i| has_heading && Unit::in_heading(&first[i]).is_some())
        .collect();
    match (first.len(), with_unit.as_slice()) {
        (1, _) => Ok(0),
        (_, &[only]) => Ok(only),
        _ => Err(ImportError::WhichColumn {
            line: line(text, first),
            columns: titles(first, has_heading),
        }),
    }
}

fn named_column(first: &StringRecord, has_heading: bool, name: &str) -> Result<usize, ImportError> {
    let titled = first
        .iter()
        .position(|title| has_heading && title.eq_ignore_ascii_case(name));
    let numbered = name
        .parse::<usize>()
        .ok()
        .filter(|number| (1..=first.len()).contains(number))
        .map(|number| number - 1);
    titled
        .or(numbered)
        .ok_or_else(|| ImportError::UnknownColumn {
            column: name.to_owned(),
            mend: mend(first, has_heading, name),
        })
}

fn mend(first: &StringRecord, has_heading: bool, name: &str) -> String {
    let near = first
        .iter()
        .filter(|_| has_heading)
        .map(|title| {
            (
                strsim::damerau_levenshtein(&title.to_lowercase(), &name.to_lowercase()),
                title,
            )
        })
        .filter(|&(distance, title)| distance <= title.chars().count().div_ceil(3))
        .min_by_key(|&(distance, _)| distance);
    match near {
        Some((_, title)) => format!("did you mean '{title}'?"),
        None => format!("there are: {}", titles(first, has_heading).join(", ")),
    }
}

/// What `--column` could say.
fn titles(first: &StringRecord, has_heading: bool) -> Vec<String> {
    match has_heading {
        true => first.iter().map(str::to_owned).collect(),
        false => (1..=first.len()).map(|number| number.to_string()).collect(),
    }
}

fn check_length(text: &str, row: &StringRecord, first: &StringRecord) -> Result<(), ImportError> {
    match row.len() == first.len() {
        true => Ok(()),
        false => Err(ImportError::RaggedRow {
            line: line(text, row),
            found: row.len(),
            first: line(text, first),
            expected: first.len(),
        }),
    }
}

/// Line of a row, from 1. The reader counts from the comments and blank lines before it.
fn line(text: &str, row: &StringRecord) -> u64 {
    let Some(position) = row.position() else {
        return 0;
    };
    let before = text.get(position.byte() as usize..).unwrap_or("").lines();
    let skipped = before.take_while(|line| line.trim().is_empty() || line.starts_with('#'));
    position.line() + skipped.count() as u64
}
