//! Rows of a CSV file (RFC 4180): commas, quoted fields, a line of titles.

use csv::{ErrorKind, ReaderBuilder, StringRecord};

use super::{DataFileError, DataProblem, DataRows};

/// Reads all rows below the titles.
pub(super) fn read(text: &str, rows: &mut DataRows) -> Result<(), DataFileError> {
    if let Some(before) = before_open_quote(text) {
        return Err(DataFileError::at_end_of(before, DataProblem::OpenQuote));
    }
    let mut reader = ReaderBuilder::new().from_reader(text.as_bytes());
    let titles = reader.headers().map_err(|error| csv_error(&error))?;
    let titles: Vec<String> = titles.iter().map(|title| title.trim().to_owned()).collect();
    let places = rows
        .places_in(&titles)
        .map_err(|problem| DataFileError::at_line(1, problem))?;
    let mut record = StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|error| csv_error(&error))?
    {
        for &place in &places {
            // Every record has as many fields as there are titles.
            rows.push(record.get(place).unwrap_or_default());
        }
    }
    Ok(())
}

fn csv_error(error: &csv::Error) -> DataFileError {
    let line = error.position().map(csv::Position::line);
    let problem = match error.kind() {
        ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => DataProblem::Fields {
            found: *len,
            titles: *expected_len,
        },
        _ => DataProblem::Unreadable,
    };
    match line {
        Some(line) => DataFileError::at_line(line, problem),
        None => problem.into(),
    }
}

/// The text before a quote that begins a field and is never closed: every line behind it would be part of the value.
fn before_open_quote(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let (mut at, mut opened) = (0, None);
    while at < bytes.len() {
        let begins_field = at == 0 || b",\n\r".contains(&bytes[at - 1]);
        match (opened, bytes[at]) {
            (None, b'"') if begins_field => opened = Some(at),
            (Some(_), b'"') if bytes.get(at + 1) == Some(&b'"') => at += 1,
            (Some(_), b'"') => opened = None,
            _ => {}
        }
        at += 1;
    }
    opened.map(|at| &text[..at])
}
