//! Latencies and nothing else: a list, one a line, or a column of a CSV file.

use std::time::Duration;

use super::{ImportError, Options, list, table};

/// Latencies in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Latencies {
    /// `None` is a failed request.
    pub(super) values: Vec<Option<Duration>>,
    /// The line or column title that was taken as a heading.
    pub(super) heading: Option<String>,
    /// Whether the file ends as a whole file does.
    pub(super) ending: Ending,
}

/// How a file ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    /// With the end of a line.
    #[default]
    Whole,
    /// In the middle of a line: by hand, or because the file was cut.
    MidLine,
}

/// Reads the text of a file.
///
/// Lines that are blank or begin with `#` are skipped, and so is the rest of a line after a `#` that follows
/// a value. A value is a number with a unit (`163.2ms`, `0.16 s`), a number alone where the heading
/// (`latency_ms`) or [`Options::unit`] gives the unit, or `failed`, `error`, `timeout` for a request
/// that did not end ok.
pub(super) fn read(text: &str, options: &Options) -> Result<Latencies, ImportError> {
    let Some((_, first)) = content_lines(text).next() else {
        return Err(ImportError::Empty);
    };
    if first.starts_with(['{', '[']) {
        return Err(ImportError::Json);
    }
    let latencies = match options.column.is_some() || table::delimiter_of(first).is_some() {
        true => table::read(text, options)?,
        false => list::read(text, options)?,
    };
    match latencies.values.is_empty() {
        true => Err(ImportError::Empty),
        false => Ok(latencies),
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

    use super::{Ending, Latencies};
    use crate::import::{ImportError, Options, Unit, decode};

    fn read(bytes: &[u8], options: &Options) -> Result<Latencies, ImportError> {
        super::read(decode(bytes)?, options)
    }

    fn options(unit: Option<Unit>, column: Option<&str>) -> Options {
        Options {
            unit,
            column: column.map(str::to_owned),
            format: None,
        }
    }

    fn plain(text: &str) -> Latencies {
        read(text.as_bytes(), &Options::default())
            .unwrap_or_else(|error| panic!("{text:?}: {error}"))
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
            "\u{feff}# made by hand\n\n163.5ms # first\n\n  120ms  \n",
            "latency_ms\n163.5\n120\n",
            "Response time (s)\n0.1635\n0.12\n",
        ] {
            assert_eq!(plain(text).values, expected, "{text:?}");
        }
        let unit = options(Some(Unit::Milliseconds), None);
        let list = read(b"latency\n163.5\n0.12s\n", &unit).expect("a list");
        assert_eq!(list.values, expected);
        assert_eq!(list.heading.as_deref(), Some("latency"));
    }

    #[test]
    fn failures_keep_their_place() {
        let list = plain("1ms\nfailed\nTIMEOUT\n2ms\n");
        let one = |ms| Some(Duration::from_millis(ms));
        assert_eq!(list.values, [one(1), None, None, one(2)]);
        assert_eq!(list.heading, None);
        assert_eq!(plain("failed\n1ms\n").values, [None, one(1)]);
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
            assert_eq!(list.values, expected, "{options:?}");
            assert_eq!(list.heading.as_deref(), Some("latency_ms"));
        }
        let headless = read(b"1,163.5ms\n2,120ms\n", &options(None, Some("2"))).expect("a column");
        assert_eq!(headless.values, ms(&[163.5, 120.0]));
        let one_column = read(
            b"\"latency_ms\"\n163.5\n",
            &options(None, Some("latency_ms")),
        );
        assert_eq!(one_column.expect("a column").values, ms(&[163.5]));
        let tabs = read(b"id\tduration_s\n7\t0.1635\n", &options(None, None)).expect("a column");
        assert_eq!(tabs.values, ms(&[163.5]));
    }

    #[test]
    fn a_last_line_without_end_is_remarked_and_a_cut_unit_refused() {
        assert_eq!(plain("1ms\n2ms\n").ending, Ending::Whole);
        assert_eq!(plain("1ms\n2ms").ending, Ending::MidLine);
        // 320.5 minutes would be read otherwise.
        assert_eq!(
            refusal(b"163.2ms\n320.5m", &Options::default()),
            "line 2: '320.5m' has another unit than the lines before, and the line has no end; the file is cut"
        );
    }

    #[test]
    fn what_cannot_be_read_is_told_with_line_value_and_mend() {
        let none = options(None, None);
        let seconds = options(Some(Unit::Seconds), None);
        let empty = "there is no latency in it; write one a line, such as 163.2ms, or 'failed'";
        let json = "it is JSON, but not an a7probe run; give one latency a line, such as 163.2ms, or a CSV file";
        let cases: [(&[u8], Options, &str); 14] = [
            (b"", none.clone(), empty),
            (b"# nothing\n\n", none.clone(), empty),
            (b"latency_ms\n", none.clone(), empty),
            (b"a_ms,b\n", none.clone(), empty),
            (b"[1, 2]", none.clone(), json),
            (b"\xff\xfe1\x00", none.clone(), "it is not UTF-8 text"),
            (
                b"1ms\n\xe9\n",
                none.clone(),
                "it is not UTF-8 text (line 2)",
            ),
            (
                b"# heading\n\n1ms\n163.2\n",
                none.clone(),
                "line 4: '163.2' has no unit; write 163.2ms, name the unit with --unit ms, or title the column latency_ms",
            ),
            (
                b"1ms\n163.2mz\n",
                none.clone(),
                "line 2: '163.2mz' has an unknown unit 'mz'; use ns, us, ms, s, m or h",
            ),
            (
                b"163,2\n150,1\n",
                none.clone(),
                "line 1 has 2 columns; name one with --column: 1, 2 (a comma separates columns; decimals are written with a point)",
            ),
            (
                b"time,status\n1,200\n",
                none.clone(),
                "line 1 has 2 columns; name one with --column: time, status",
            ),
            (
                b"# x\na,b_ms\n1,2\n3\n",
                none,
                "line 4 has 1 columns where line 2 has 2; the file may be cut",
            ),
            (
                b"latency_ms\n163.2\n",
                seconds,
                "the column is called 'latency_ms', but --unit says s; leave --unit out, or name the right column",
            ),
            (
                b"time,latency_ms\n1,2\n",
                options(None, Some("latencyms")),
                "there is no column 'latencyms'; did you mean 'latency_ms'?",
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
        fn no_table_makes_the_reader_panic(text in "([0-9]{1,3}|ms|failed|latency_ms|,|;|\t|\"|#|\r?\n| |-|é){0,30}") {
            let _ = read(text.as_bytes(), &options(None, Some("1")));
            let _ = read(text.as_bytes(), &options(Some(Unit::Seconds), None));
        }
    }
}
