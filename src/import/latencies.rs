//! Latencies and nothing else: a list, one a line, or a column of a CSV file, read as a stream.

use std::io::Read;
use std::time::Duration;

use super::columns::{Choice, Columns};
use super::numbers::Numbers;
use super::records::{Records, Row};
use super::status_column::StatusColumn;
use super::title::Role;
use super::{
    Format, ImportError, Imported, ListError, Options, Remark, Unit, ValueError, numbers, value,
};
use crate::recording::Recording;

/// How many rows, and how many bytes of them, show what the columns hold.
const SAMPLE: usize = 1_000;
const SAMPLE_BYTES: usize = 256 << 10;

/// Most latencies of a file.
const MOST_VALUES: u64 = 100_000_000;

/// How a file ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    /// With the end of a line.
    #[default]
    Whole,
    /// In the middle of a line: by hand, or because the file was cut.
    MidLine,
}

/// Reads a list or a CSV file.
///
/// Lines that are blank or begin with `#` are skipped, and so is the rest of a line after a `#` that follows
/// a value. A value is a number with a unit (`163.2ms`, `0.16 s`), a number alone where the heading
/// (`latency_ms`) or [`Options::unit`] gives the unit, or `failed`, `error`, `timeout` for a request
/// that did not end ok.
pub(super) fn read(input: impl Read, options: &Options) -> Result<Imported, ImportError> {
    let mut records = Records::new(input)?;
    let mut first = Row::default();
    if !records.read(&mut first)? {
        return Err(ImportError::Empty);
    }
    if first
        .cells
        .get(0)
        .is_some_and(|cell| cell.starts_with(['{', '[']))
        && !first.quoted
    {
        return Err(ImportError::Json);
    }
    let titled = is_heading(&first, records.separator());
    let (sample, width) = (sample(&mut records, &first, titled)?, first.cells.len());
    let mut columns = Columns::new(&first.cells, titled);
    for row in sample.iter().filter(|row| row.cells.len() == width) {
        columns.add(&row.cells);
    }
    check_one_value_a_row(&columns, &sample, titled, options)?;
    let mut reading = Reading::new(columns, &first, &sample, options)?;
    reading.separator = records.separator();
    for row in &sample {
        reading.add(row, &mut records)?;
    }
    drop(sample);
    let mut row = Row::default();
    while records.read(&mut row)? {
        reading.columns.add(&row.cells);
        reading.add(&row, &mut records)?;
    }
    reading.finish(records.ending())
}

/// Whether a first row is titles: of a list anything that is not meant as a value, of columns what holds no number.
fn is_heading(first: &Row, separator: Option<char>) -> bool {
    match (separator, first.cells.get(0)) {
        (None, Some(only)) => !value::is_meant(only) && !numbers::is_number(only),
        _ => !first.cells.iter().any(value::is_value),
    }
}

/// The first rows.
fn sample(
    records: &mut Records<impl Read>,
    first: &Row,
    titled: bool,
) -> Result<Vec<Row>, ImportError> {
    let mut sample: Vec<Row> = Vec::new();
    if !titled {
        sample.push(first.clone());
    }
    let mut bytes = 0;
    let mut row = Row::default();
    while sample.len() < SAMPLE && bytes < SAMPLE_BYTES && records.read(&mut row)? {
        bytes += row.cells.as_slice().len();
        sample.push(row.clone());
    }
    Ok(sample)
}

/// Several values on a line are not columns, and a decimal comma separates none.
fn check_one_value_a_row(
    columns: &Columns,
    sample: &[Row],
    titled: bool,
    options: &Options,
) -> Result<(), ImportError> {
    let Some(row) = sample.first() else {
        return Ok(());
    };
    if titled || options.column.is_some() || columns.columns.len() < 2 {
        return Ok(());
    }
    let cells: Vec<&str> = row.cells.iter().collect();
    let digits = |cell: &&str| !cell.is_empty() && cell.bytes().all(|b| b.is_ascii_digit());
    let error = match cells.as_slice() {
        [whole, fraction] if digits(whole) && digits(fraction) && sample_has_comma(sample) => {
            let text = format!("{whole},{fraction}");
            ValueError::TwoFields { text }
        }
        _ if cells.iter().all(|cell| value::has_unit(cell)) => ValueError::Several {
            text: cells.join(" "),
            count: cells.len(),
        },
        _ => return Ok(()),
    };
    Err(ListError::value(row.line, &error).into())
}

/// Whether the rows are pairs of digits that may be decimals: the second of each has as many as the others.
fn sample_has_comma(sample: &[Row]) -> bool {
    let digits = |row: &Row| row.cells.get(1).map(str::len);
    let first = sample.first().and_then(digits);
    first.is_some_and(|n| n <= 3) && sample.iter().all(|row| digits(row) == first)
}

/// A file on its way into a recording.
struct Reading<'a> {
    options: &'a Options,
    columns: Columns,
    choice: Choice,
    statuses: Vec<StatusColumn>,
    unit: Option<Unit>,
    numbers: Numbers,
    /// Line and width of the first row.
    first: (u64, usize),
    separator: Option<char>,
    previous_unit: Option<String>,
    recording: Recording,
    rows: u64,
}

impl<'a> Reading<'a> {
    fn new(
        columns: Columns,
        first: &Row,
        sample: &[Row],
        options: &'a Options,
    ) -> Result<Reading<'a>, ImportError> {
        if sample.is_empty() {
            return Err(ImportError::Empty);
        }
        let choice = columns.choose(options)?;
        columns.check_rows(choice)?;
        let statuses = columns.statuses(choice, options)?;
        let unit = unit(&columns, choice, options)?;
        let mut numbers = Numbers::default();
        numbers.learn(sample.iter().filter_map(|row| row.cells.get(choice.index)));
        Ok(Reading {
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

    fn add(&mut self, row: &Row, records: &mut Records<impl Read>) -> Result<(), ImportError> {
        self.check_width(row)?;
        let mut failed = false;
        for status in &mut self.statuses {
            failed |= status.is_failure(row.cells.get(status.index()).unwrap_or(""));
        }
        self.check_totals(row)?;
        let latency = match failed {
            true => None,
            false => self.latency(row, records)?,
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
        row: &Row,
        records: &mut Records<impl Read>,
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

    /// `320.5ms` that was cut to `320.5m` would be read as minutes, and to `320.5` as nothing.
    fn check_whole(
        &mut self,
        line: u64,
        text: &str,
        records: &mut Records<impl Read>,
    ) -> Result<(), ImportError> {
        let unit = value::unit_on(text);
        let shorter = self
            .previous_unit
            .as_deref()
            .is_some_and(|previous| previous.starts_with(unit) && previous != unit);
        if shorter && records.is_cut()? {
            return Err(ListError::at(
                line,
                format!("'{text}' has another unit than the lines before, and the line has no end; the file is cut"),
                "copy the file again, or end its last line",
            )
            .into());
        }
        if self.previous_unit.as_deref() != Some(unit) {
            self.previous_unit = Some(unit.to_owned());
        }
        Ok(())
    }

    fn check_width(&self, row: &Row) -> Result<(), ImportError> {
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
        let hint = match found < width {
            true => "copy the file again; it may be cut",
            false => "quote the fields that hold the separator",
        };
        Err(ListError::at(
            row.line,
            format!("{found} columns where line {first_line} has {width}"),
            hint,
        )
        .into())
    }

    /// Failures among the requests of a row, of which the row tells no more.
    fn check_totals(&self, row: &Row) -> Result<(), ImportError> {
        if self.options.status_column.is_some() {
            return Ok(());
        }
        for (index, column) in self.columns.columns.iter().enumerate() {
            let text = row.cells.get(index).unwrap_or("");
            let zero = || numbers::roughly(text.trim_end_matches('%').trim()) == Some(0.0);
            if column.role == Role::FailureTotal && !text.is_empty() && !zero() {
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

    /// Checks what the whole file tells.
    fn finish(self, ending: Ending) -> Result<Imported, ImportError> {
        let Reading {
            columns,
            choice,
            options,
            ..
        } = &self;
        columns.check_rows(*choice)?;
        if !choice.explicit && columns.sums().is_some() {
            return Err(columns.summed_up());
        }
        columns.check_not_stamps(*choice, options)?;
        self.statuses.iter().try_for_each(StatusColumn::check)?;
        if options.status_column.is_none() {
            columns.check_untold(*choice, &self.statuses)?;
        }
        if let Some((line, error)) = self.numbers.doubt().filter(|_| self.separator != Some(',')) {
            return Err(ListError::value(line, &error).into());
        }
        let remarks = self.remarks(ending);
        Ok(Imported::unnamed(Format::List, self.recording, remarks))
    }

    fn remarks(&self, ending: Ending) -> Vec<Remark> {
        let heading = self.heading();
        let heading = heading.map(|heading| format!("'{heading}' is taken as the heading"));
        let mut remarks: Vec<Remark> = heading.map(Remark::Note).into_iter().collect();
        remarks.extend(self.statuses.iter().flat_map(StatusColumn::remarks));
        if self.options.status_column.is_some() && self.statuses.is_empty() {
            remarks.push(Remark::note(
                "every row counts as ok unless its value says otherwise (--status-column none)",
            ));
        }
        if let Some(what) = self.columns.sums().filter(|_| self.choice.explicit) {
            remarks.push(Remark::warning(
                format!("a row may stand for several requests: {what}"),
                super::columns::EACH_REQUEST,
            ));
        }
        remarks.push(Remark::note(
            "from where these latencies count is as given, and the order of the file is taken as the order of time",
        ));
        remarks.extend(Remark::of_ending(ending));
        remarks
    }
}

/// Two cells that may be one number with a decimal comma.
fn split_number(row: &Row) -> Option<String> {
    let cells: Vec<&str> = row.cells.iter().collect();
    let digits = |cell: &str| !cell.is_empty() && cell.bytes().all(|b| b.is_ascii_digit());
    cells
        .windows(2)
        .rev()
        .find(|two| digits(two[0]) && digits(two[1]))
        .map(|two| two.join(","))
}

/// The unit of numbers alone: of the title or of the option, which must not contradict each other.
fn unit(columns: &Columns, choice: Choice, options: &Options) -> Result<Option<Unit>, ImportError> {
    let column = &columns.columns[choice.index];
    match (column.unit(), options.unit) {
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

/// Lines that say something, trimmed, with their numbers from 1.
pub(super) fn content_lines(text: &str) -> impl Iterator<Item = (u64, &str)> {
    (1..)
        .zip(text.lines())
        .map(|(number, line)| (number, line.split('#').next().unwrap_or("").trim()))
        .filter(|(_, line)| !line.is_empty())
}

pub(super) fn ending_of(text: &str) -> Ending {
    match text.ends_with(['\n', '\r']) {
        true => Ending::Whole,
        false => Ending::MidLine,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::{any, proptest};

    use crate::import::{ImportError, Imported, Options, Remark, Unit, read_list};
    use crate::recording::Latency;

    fn read(bytes: &[u8], options: &Options) -> Result<Imported, ImportError> {
        read_list(bytes, options)
    }

    fn options(unit: Option<Unit>, column: Option<&str>) -> Options {
        Options {
            unit,
            column: column.map(str::to_owned),
            ..Options::default()
        }
    }

    /// Every latency in its place; `None` is a failure.
    fn values(imported: &Imported) -> Vec<Option<Duration>> {
        let recording = &imported.endpoints[0].recording;
        let Latency::Exact(values) = &recording.latency else {
            panic!("a list is exact");
        };
        let mut values = values.iter().map(|&ns| Duration::from_nanos(ns));
        (0..recording.planned())
            .map(|i| {
                recording
                    .ok
                    .get(i)
                    .then(|| values.next().expect("a latency"))
            })
            .collect()
    }

    fn plain(text: &str) -> Imported {
        read(text.as_bytes(), &Options::default())
            .unwrap_or_else(|error| panic!("{text:?}: {error}"))
    }

    fn has_remark(imported: &Imported, part: &str) -> bool {
        imported.remarks.iter().any(|remark| match remark {
            Remark::Note(text) | Remark::Warning { text, .. } => text.contains(part),
        })
    }

    fn refusal(text: &[u8], options: &Options) -> String {
        read(text, options)
            .expect_err(&String::from_utf8_lossy(text))
            .to_string()
    }

    fn ms(numbers: &[f64]) -> Vec<Option<Duration>> {
        let of = |ms: &f64| Some(Duration::from_nanos((ms * 1e6) as u64));
        numbers.iter().map(of).collect()
    }

    #[test]
    fn a_list_is_read_in_its_order_whatever_its_dress() {
        let expected = ms(&[163.5, 120.0]);
        for text in [
            "163.5ms\n120ms\n",
            "163.5 ms\r\n0.12 s\r\n",
            "163.5ms\r120ms\r",
            "163.5ms\u{85}120ms\u{2028}",
            "\"163.5ms\"\n\"120ms\"\n",
            "\"163,5 ms\"\n\"120,0 ms\"\n",
            "\u{feff}# made by hand\n\n163.5ms # first\n\n  120ms  \n",
            "latency_ms\n163.5\n120\n",
            "Response time (s)\n0.1635\n0.12\n",
        ] {
            assert_eq!(values(&plain(text)), expected, "{text:?}");
        }
        let unit = options(Some(Unit::Milliseconds), None);
        let list = read(b"latency\n163.5\n0.12s\n", &unit).expect("a list");
        assert_eq!(values(&list), expected);
        assert!(has_remark(&list, "'latency' is taken as the heading"));
        let utf16 = b"\xff\xfe1\x00.\x005\x00m\x00s\x00";
        assert_eq!(
            values(&read(utf16, &Options::default()).expect("UTF-16")),
            ms(&[1.5])
        );
    }

    #[test]
    fn failures_keep_their_place() {
        let list = plain("1ms\nfailed\nTIMEOUT\n2ms\n");
        let one = |ms| Some(Duration::from_millis(ms));
        assert_eq!(values(&list), [one(1), None, None, one(2)]);
        assert_eq!(values(&plain("failed\n1ms\n")), [None, one(1)]);
    }

    #[test]
    fn a_column_is_found_by_its_unit_its_title_or_its_number() {
        let csv = b"time;latency_ms;status\n# rerun\n1;163.5;200\n2;failed;500\n3;120;200\n";
        let [a, b] = [163.5, 120.0].map(|number| ms(&[number])[0]);
        let expected = vec![a, None, b];
        let unit = Some(Unit::Milliseconds);
        for options in [
            options(None, None),
            options(None, Some("latency_ms")),
            options(unit, Some("LATENCY_MS")),
            options(None, Some("2")),
        ] {
            let list = read(csv, &options).expect("a column");
            assert_eq!(values(&list), expected, "{options:?}");
            assert!(has_remark(&list, "'latency_ms' is taken as the heading"));
        }
        let headless = read(b"1,163.5ms\n2,120ms\n", &options(None, Some("2"))).expect("a column");
        assert_eq!(values(&headless), ms(&[163.5, 120.0]));
        let one_column = read(
            b"\"latency_ms\"\n163.5\n",
            &options(None, Some("latency_ms")),
        );
        assert_eq!(values(&one_column.expect("a column")), ms(&[163.5]));
        let tabs = read(b"id\tduration_s\n7\t0.1635\n", &options(None, None)).expect("a column");
        assert_eq!(values(&tabs), ms(&[163.5]));
    }

    #[test]
    fn a_last_line_without_end_is_remarked_and_a_cut_unit_refused() {
        assert!(!has_remark(&plain("1ms\n2ms\n"), "may be cut"));
        assert!(has_remark(&plain("1ms\n2ms"), "may be cut"));
        // 320.5 minutes would be read otherwise.
        assert_eq!(
            refusal(b"163.2ms\n320.5m", &Options::default()),
            "line 2: '320.5m' has another unit than the lines before, and the line has no end; the file is cut\n\
             hint: copy the file again, or end its last line"
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_line_value_and_way_out() {
        let none = options(None, None);
        let empty = "there is no latency in it; write one a line, such as 163.2ms, or 'failed'";
        let json = "it is JSON, but not an a7probe run; give one latency a line, such as 163.2ms, or a CSV file";
        let cases: [(&[u8], Options, &str); 16] = [
            (b"", none.clone(), empty),
            (b"# nothing\n\n", none.clone(), empty),
            (b"latency_ms\n", none.clone(), empty),
            (b"a_ms,b\n", none.clone(), empty),
            (b"[1, 2]", none.clone(), json),
            (
                b"1ms\n\xe9\n",
                none.clone(),
                "it is not UTF-8 text (line 2)",
            ),
            (
                b"# heading\n\n1ms\n163.2\n",
                none.clone(),
                "line 4: '163.2' has no unit\nhint: add --unit s, ms, us or ns",
            ),
            (
                b"1ms\n163.2mz\n",
                none.clone(),
                "line 2: '163.2mz' has an unknown unit 'mz'\nhint: write the unit as ns, us, ms, s, m or h",
            ),
            (
                b"1ms\ndaemon:x:1:1\n",
                none.clone(),
                "line 2: 'daemon:x:1:1' is not a latency\nhint: one value per line, such as 163.2ms, or 'failed'",
            ),
            (
                b"163,2\n150,1\n",
                none.clone(),
                "line 1: '163,2' could be 163.2 or two fields\nhint: save it with decimal points, or quote the field",
            ),
            (
                b"120ms 130ms 145ms\n",
                none.clone(),
                "line 1: '120ms 130ms 145ms' holds 3 values\nhint: one value per line, such as 163.2ms, or 'failed'",
            ),
            (
                b"elapsed\n1\n",
                none.clone(),
                "'elapsed' has no unit\nhint: add --unit s, ms, us or ns",
            ),
            (
                b"start,elapsed,size\n0,120,9\n1,110,9\n2,130,9\n",
                none.clone(),
                "it has 3 numeric columns: start, elapsed, size\n\
                 hint: choose one: --column elapsed --unit ms (start: holds time stamps or offsets, 0 to 2; \
                 elapsed: 110 to 130; size: holds sizes, 9 in every row)",
            ),
            (
                b"# x\na,b_ms\n1,2\n3\n",
                none,
                "line 4: 1 columns where line 2 has 2\nhint: copy the file again; it may be cut",
            ),
            (
                b"latency_ms\n163.2\n",
                options(Some(Unit::Seconds), None),
                "the column is called 'latency_ms', but --unit says s\nhint: leave --unit out, or name the right column",
            ),
            (
                b"time,latency_ms\n1,2\n",
                options(None, Some("latencyms")),
                "it has no column 'latencyms'\nhint: did you mean 'latency_ms'?",
            ),
        ];
        for (text, options, message) in cases {
            let shown = String::from_utf8_lossy(text);
            assert_eq!(refusal(text, &options), message, "{shown:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in any::<Vec<u8>>(), column in any::<Option<String>>()) {
            let _ = read(&bytes, &options(None, column.as_deref()));
        }

        #[test]
        fn no_table_makes_the_reader_panic(text in "([0-9]{1,3}|ms|failed|latency_ms|status|p99|,|;|\t|\"|#|\r?\n| |-|é){0,30}") {
            let _ = read(text.as_bytes(), &options(None, Some("1")));
            let _ = read(text.as_bytes(), &options(Some(Unit::Seconds), None));
        }
    }
}
