//! Latencies and nothing else: a list, one a line, or a column of a CSV file, read as a stream.

use std::io::Read;
use std::time::Duration;

use super::column_title::{ColumnRole, ColumnTitle};
use super::columns::{ChosenColumn, ListColumns};
use super::ending::Ending;
use super::import_remark::ListRemark;
use super::list_rows::{ListRow, ListRows};
use super::numbers::Numbers;
use super::status_column::StatusColumn;
use super::{
    FileFormat, ImportError, ImportOptions, ImportRemark, Imported, ListError, TimeUnit,
    ValueError, numbers, status_meaning, value,
};
use crate::run::recording::Recording;

/// How many rows, and how many bytes of them, are examined to classify the columns.
const SAMPLE: usize = 1_000;
const SAMPLE_BYTES: usize = 256 << 10;

/// Most latencies of a file.
const MOST_VALUES: u64 = 100_000_000;

/// Reads a list or a CSV file.
///
/// Comments after `#` are skipped: in a list anywhere, in a CSV file above the titles. A blank line between the values of a
/// list is refused, as is a comment that holds a value or a failure: it may have been a request. A value is a number with a unit (`163.2ms`, `0.16 s`), a number alone where the heading
/// (`latency_ms`) or [`ImportOptions::unit`] gives the unit, or `failed`, `error`, `timeout` for a request
/// that did not end ok.
pub(super) fn read(input: impl Read, options: &ImportOptions) -> Result<Imported, ImportError> {
    let mut records = ListRows::new(input)?;
    let mut first = ListRow::default();
    if !records.read(&mut first)? {
        return Err(ImportError::Blank);
    }
    if first
        .cells
        .get(0)
        .is_some_and(|cell| cell.starts_with(['{', '[']))
        && !first.quoted
    {
        return Err(ImportError::Json);
    }
    let titled = is_heading(&first, records.separator())?;
    let (sample, width) = (sample(&mut records, &first, titled)?, first.cells.len());
    let mut columns = ListColumns::new(&first.cells, titled);
    for row in sample.iter().filter(|row| row.cells.len() == width) {
        columns.add(&row.cells);
    }
    columns.settle();
    if !titled && options.column.is_none() {
        check_one_value_a_row(&columns, &sample, records.separator())?;
    }
    let mut reading = ListReader::new(columns, &first, &sample, options)?;
    reading.separator = records.separator();
    for row in &sample {
        reading.add(row, &mut records)?;
    }
    drop(sample);
    let mut row = ListRow::default();
    while records.read(&mut row)? {
        if titled || records.separator().is_some() {
            reading.columns.add(&row.cells);
        }
        reading.add(&row, &mut records)?;
    }
    reading.finish(records.ending())
}

/// Whether a first row is titles: in a list, any text that is not meant as a value; in columns, a row without a number.
/// A word for a failure or for a missing value is not a title.
fn is_heading(first: &ListRow, separator: Option<char>) -> Result<bool, ImportError> {
    let Some(only) = first.cells.get(0).filter(|_| separator.is_none()) else {
        let titles = !first.cells.iter().any(value::is_value);
        return if titles && first.cells.iter().all(is_outcome) {
            Err(no_title(first, first.cells.get(0).unwrap_or("")))
        } else {
            Ok(titles)
        };
    };
    let titles = !value::is_meant(only) && !numbers::is_number(only);
    if titles && is_outcome(only) {
        Err(no_title(first, only))
    } else {
        Ok(titles)
    }
}

/// Whether a text says that a request failed or that its value is missing, and is not the title of a latency.
fn is_outcome(text: &str) -> bool {
    let title = ColumnTitle::read(text);
    let is_title = title.unit.is_some() || title.role == ColumnRole::Latency;
    let nothing = !text.contains(char::is_alphabetic) || status_meaning::is_missing(text);
    !is_title && (nothing || value::is_failure(text) || status_meaning::is_failing_word(text))
}

fn no_title(first: &ListRow, text: &str) -> ImportError {
    ListError::at(
        first.line,
        format!("'{text}' is neither a latency nor a heading"),
        "write 'failed' for a request that was not answered",
    )
    .into()
}

/// The first rows.
fn sample(
    records: &mut ListRows<impl Read>,
    first: &ListRow,
    titled: bool,
) -> Result<Vec<ListRow>, ImportError> {
    let mut sample: Vec<ListRow> = Vec::new();
    if !titled {
        sample.push(first.clone());
    }
    let mut bytes = 0;
    let mut row = ListRow::default();
    while sample.len() < SAMPLE && bytes < SAMPLE_BYTES && records.read(&mut row)? {
        bytes += row.cells.as_slice().len();
        sample.push(row.clone());
    }
    Ok(sample)
}

/// Several values on a line are not columns, and a decimal comma separates none.
fn check_one_value_a_row(
    columns: &ListColumns,
    sample: &[ListRow],
    separator: Option<char>,
) -> Result<(), ImportError> {
    let Some(row) = sample.first() else {
        return Ok(());
    };
    if columns.columns.len() < 2 {
        return Ok(());
    }
    let cells: Vec<&str> = row.cells.iter().collect();
    let error = match cells.as_slice() {
        &[whole, fraction] if separator == Some(',') && are_decimals(sample) => {
            columns.check_rows(Some(1))?;
            ValueError::TwoFields {
                text: format!("{whole},{fraction}"),
            }
        }
        _ if cells.iter().all(|cell| value::has_unit(cell))
            || sample.len() == 1 && cells.iter().all(|cell| value::is_value(cell)) =>
        {
            ValueError::Several {
                text: cells.join(" "),
                count: cells.len(),
            }
        }
        _ => return Ok(()),
    };
    Err(ListError::value(row.line, &error).into())
}

/// Whether every row consists of two numbers that may be one with a decimal comma: digits, and the same number of
/// digits in every row, with or without a unit.
fn are_decimals(sample: &[ListRow]) -> bool {
    let decimals = |row: &ListRow| {
        let (whole, fraction) = (row.cells.get(0)?, row.cells.get(1)?);
        let (number, suffix) = value::split_unit(fraction);
        let known = suffix.is_empty() || value::has_unit(fraction);
        (digits(whole) && digits(number) && known).then_some(number.len())
    };
    let first = sample.first().and_then(decimals);
    first.is_some_and(|n| n <= 3) && sample.iter().all(|row| decimals(row) == first)
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// A file on its way into a recording.
struct ListReader<'a> {
    options: &'a ImportOptions,
    columns: ListColumns,
    choice: ChosenColumn,
    statuses: Vec<StatusColumn>,
    unit: Option<TimeUnit>,
    numbers: Numbers,
    /// Line and width of the first row.
    first: (u64, usize),
    separator: Option<char>,
    previous_unit: Option<String>,
    recording: Recording,
    rows: u64,
}

impl<'a> ListReader<'a> {
    fn new(
        mut columns: ListColumns,
        first: &ListRow,
        sample: &[ListRow],
        options: &'a ImportOptions,
    ) -> Result<ListReader<'a>, ImportError> {
        if sample.is_empty() {
            return Err(ImportError::Empty);
        }
        columns.find_firm(sample);
        let choice = columns.choose(options)?;
        columns.check_rows(Some(choice.index))?;
        let statuses = columns.statuses(choice, options, sample)?;
        let unit = unit(&columns, choice, options)?;
        let mut numbers = Numbers::default();
        numbers.learn(sample.iter().filter_map(|row| row.cells.get(choice.index)));
        Ok(ListReader {
            options,
            choice,
            statuses,
            unit,
            numbers,
            first: (first.line, first.cells.len()),
            separator: None,
            previous_unit: None,
            recording: Recording::of_requests(Duration::ZERO),
            rows: 0,
            columns,
        })
    }

    fn add(&mut self, row: &ListRow, records: &mut ListRows<impl Read>) -> Result<(), ImportError> {
        self.check_width(row)?;
        self.check_gap(row)?;
        let mut failed = false;
        for status in &mut self.statuses {
            failed |= status.is_failure(row.cells.get(status.index()).unwrap_or(""));
        }
        if !failed {
            self.columns.add_contradictions(row);
        }
        self.check_totals(row)?;
        let latency = if failed {
            None
        } else {
            self.latency(row, records)?
        };
        if self.rows == MOST_VALUES {
            return Err(ListError::file(
                format!("has more than {MOST_VALUES} latencies"),
                "judge a part of it, such as `head -n 1000000 FILE`",
            )
            .into());
        }
        self.recording.add_latency(self.rows, latency);
        self.rows += 1;
        Ok(())
    }

    fn latency(
        &mut self,
        row: &ListRow,
        records: &mut ListRows<impl Read>,
    ) -> Result<Option<Duration>, ImportError> {
        let text = row.cells.get(self.choice.index).unwrap_or("");
        self.check_whole(row.line, text, records)?;
        if self.separator.is_none() && !row.quoted && text.contains(',') && value::is_value(text) {
            let text = text.to_owned();
            return Err(ListError::value(row.line, &ValueError::TwoFields { text }).into());
        }
        let read = value::read(text, self.unit, row.line, &mut self.numbers);
        read.map_err(|error| match error {
            ValueError::NoUnit(_) if self.heading().is_some() => {
                self.columns.no_unit(self.choice.index)
            }
            error => ListError::value(row.line, &error).into(),
        })
    }

    /// A cut turns `320.5ms` into `320.5m`, which would be read as minutes, or into `320.5` without a unit.
    fn check_whole(
        &mut self,
        line: u64,
        text: &str,
        records: &mut ListRows<impl Read>,
    ) -> Result<(), ImportError> {
        let unit = value::unit_on(text);
        let shorter = self
            .previous_unit
            .as_deref()
            .is_some_and(|previous| previous.starts_with(unit) && previous != unit);
        if shorter && records.is_cut()? {
            return Err(ListError::at(
                line,
                format!("'{text}' has a different unit than the lines before, and the line has no end: the file is cut"),
                "copy the file again, or end its last line",
            )
            .into());
        }
        if self.previous_unit.as_deref() != Some(unit) {
            self.previous_unit = Some(unit.to_owned());
        }
        Ok(())
    }

    /// In a list, a blank line or a comment between two values may have been a request.
    fn check_gap(&self, row: &ListRow) -> Result<(), ImportError> {
        match &row.gap {
            Some((line, what)) => Err(ListError::at(
                *line,
                what.clone(),
                "write 'failed' for a request that was not answered, or delete the line",
            )
            .into()),
            None => Ok(()),
        }
    }

    fn check_width(&self, row: &ListRow) -> Result<(), ImportError> {
        let (first_line, width) = self.first;
        let found = row.cells.len();
        if found == width || found > width && row.cells.iter().skip(width).all(str::is_empty) {
            return Ok(());
        }
        if found > width
            && self.separator == Some(',')
            && let Some(text) = split_number(row)
        {
            return Err(ListError::value(row.line, &ValueError::TwoFields { text }).into());
        }
        let hint = if found < width {
            "copy the file again; it may be cut"
        } else {
            "quote the fields that hold the separator"
        };
        Err(ListError::at(
            row.line,
            format!("{found} columns where line {first_line} has {width}"),
            hint,
        )
        .into())
    }

    /// Failures among the requests of a row that gives no other detail.
    fn check_totals(&self, row: &ListRow) -> Result<(), ImportError> {
        if self.options.status_column.is_some() {
            return Ok(());
        }
        for (index, column) in self.columns.columns.iter().enumerate() {
            let text = row.cells.get(index).unwrap_or("");
            if column.tells_failures(text) {
                return Err(ListError::at(
                    row.line,
                    format!("'{}' is '{text}': some of its requests failed", self.columns.name(index)),
                    "give the file that has a row for each request, or leave failures out with --status-column none",
                )
                .into());
            }
        }
        Ok(())
    }

    fn heading(&self) -> Option<&str> {
        self.columns.columns[self.choice.index].title.as_deref()
    }

    /// Checks the file as a whole.
    fn finish(self, ending: Ending) -> Result<Imported, ImportError> {
        let ListReader {
            columns,
            choice,
            options,
            ..
        } = &self;
        columns.check_rows(Some(choice.index))?;
        if !choice.explicit && columns.sums().is_some() {
            return Err(columns.summed_up());
        }
        columns.check_not_stamps(*choice)?;
        for status in &self.statuses {
            let other = self
                .statuses
                .iter()
                .find(|other| other.index() != status.index() && other.is_understood());
            let otherwise = other.map(|other| columns.flag_name(other.index()));
            status.check(otherwise.as_deref().unwrap_or("none"))?;
        }
        if options.status_column.is_none() {
            columns.check_unnamed_failures(*choice, &self.statuses)?;
        }
        if let Some((line, error)) = self
            .numbers
            .ambiguous_number()
            .filter(|_| self.separator != Some(','))
        {
            return Err(ListError::value(line, &error).into());
        }
        let remarks = self.remarks(ending);
        Ok(Imported::unnamed(FileFormat::List, self.recording, remarks))
    }

    fn remarks(&self, ending: Ending) -> Vec<ImportRemark> {
        let heading = self.heading();
        let heading = heading.map(|heading| {
            ImportRemark::List(ListRemark::Heading {
                heading: heading.to_owned(),
            })
        });
        let mut remarks: Vec<ImportRemark> = heading.into_iter().collect();
        remarks.extend(self.statuses.iter().flat_map(StatusColumn::remarks));
        if self.options.status_column.is_some() && self.statuses.is_empty() {
            remarks.push(ImportRemark::List(ListRemark::NoStatuses));
        }
        if let Some(sign) = self.columns.sums().filter(|_| self.choice.explicit) {
            remarks.push(ImportRemark::List(ListRemark::SummedRows { sign }));
        }
        remarks.push(ImportRemark::Format(FileFormat::List));
        remarks.extend(ImportRemark::of_ending(ending));
        remarks
    }
}

/// Two cells that may be one number with a decimal comma.
fn split_number(row: &ListRow) -> Option<String> {
    let cells: Vec<&str> = row.cells.iter().collect();
    cells
        .windows(2)
        .rev()
        .find(|two| digits(two[0]) && digits(two[1]))
        .map(|two| two.join(","))
}

/// The unit of numbers alone: of the title or of the option, which must not contradict each other.
fn unit(
    columns: &ListColumns,
    choice: ChosenColumn,
    options: &ImportOptions,
) -> Result<Option<TimeUnit>, ImportError> {
    let column = &columns.columns[choice.index];
    match (column.unit, options.unit) {
        (Some(ours), Some(unit)) if ours != unit => Err(ListError::inside(
            format!(
                "the column is called '{}', but --unit says {unit}",
                columns.name(choice.index)
            ),
            "leave --unit out, or name the right column",
        )
        .into()),
        (ours, unit) => Ok(ours.or(unit)),
    }
}
