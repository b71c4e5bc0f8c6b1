//! Lists of latencies and CSV files: the values read from each, the column, the failures, and the refusals.

use std::time::Duration;

use proptest::prelude::{any, proptest};

use a7probe::run::import::{
    ImportError, ImportOptions, ImportRemark, Imported, TimeUnit, read_list,
};
use a7probe::run::recording::Latency;

fn read(bytes: &[u8], options: &ImportOptions) -> Result<Imported, ImportError> {
    read_list(bytes, options)
}

fn options(unit: Option<TimeUnit>, column: Option<&str>) -> ImportOptions {
    ImportOptions {
        unit,
        column: column.map(str::to_owned),
        ..ImportOptions::default()
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
    read(text.as_bytes(), &ImportOptions::default())
        .unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn has_remark(imported: &Imported, part: &str) -> bool {
    imported
        .remarks
        .iter()
        .flat_map(ImportRemark::words)
        .any(|words| words.text.contains(part))
}

fn refusal(text: &[u8], options: &ImportOptions) -> String {
    read(text, options)
        .expect_err(&String::from_utf8_lossy(text))
        .to_string()
}

fn ms(numbers: &[f64]) -> Vec<Option<Duration>> {
    let of = |ms: &f64| Some(Duration::from_nanos((ms * 1e6) as u64));
    numbers.iter().map(of).collect()
}

#[test]
fn a_list_is_read_in_its_order_in_any_notation() {
    let expected = ms(&[163.5, 120.0]);
    for text in [
        "163.5ms\n120ms\n",
        "163.5 ms\r\n0.12 s\r\n",
        "163.5ms\r120ms\r",
        "163.5ms\u{85}120ms\u{2028}",
        "\"163.5ms\"\n\"120ms\"\n",
        "\"163,5 ms\"\n\"120,0 ms\"\n",
        "\u{feff}# made by hand\n\n163.5ms # first\n  120ms  \n\n",
        "latency_ms\n163.5\n120\n",
        "Response time (s)\n0.1635\n0.12\n",
    ] {
        assert_eq!(values(&plain(text)), expected, "{text:?}");
    }
    let unit = options(Some(TimeUnit::Milliseconds), None);
    let list = read(b"latency\n163.5\n0.12s\n", &unit).expect("a list");
    assert_eq!(values(&list), expected);
    assert!(has_remark(&list, "'latency' is treated as the heading"));
    let utf16 = b"\xff\xfe1\x00.\x005\x00m\x00s\x00";
    assert_eq!(
        values(&read(utf16, &ImportOptions::default()).expect("UTF-16")),
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
    let csv = b"# rerun\ntime;latency_ms;status\n1;163.5;200\n2;failed;500\n3;120;200\n";
    let [a, b] = [163.5, 120.0].map(|number| ms(&[number])[0]);
    let expected = vec![a, None, b];
    let unit = Some(TimeUnit::Milliseconds);
    for options in [
        options(None, None),
        options(None, Some("latency_ms")),
        options(unit, Some("LATENCY_MS")),
        options(None, Some("2")),
    ] {
        let list = read(csv, &options).expect("a column");
        assert_eq!(values(&list), expected, "{options:?}");
        assert!(has_remark(&list, "'latency_ms' is treated as the heading"));
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
    // It would otherwise be read as 320.5 minutes.
    assert_eq!(
        refusal(b"163.2ms\n320.5m", &ImportOptions::default()),
        "line 2: '320.5m' has a different unit than the lines before, and the line has no end: the file is cut\n\
         hint: copy the file again, or end its last line"
    );
}

#[test]
fn what_cannot_be_read_is_refused_with_line_value_and_way_out() {
    let none = options(None, None);
    let empty = "it has no latencies\nhint: write one latency per line, such as 163.2ms, or name the tool with --format";
    let blank = "the file is empty\nhint: run the tool that measured again, or save a run with a7probe measure URL --save FILE";
    let json = "it is JSON, but not an a7probe run\nhint: give one latency per line, such as 163.2ms, or a CSV file";
    let cases: [(&[u8], ImportOptions, &str); 16] = [
        (b"", none.clone(), blank),
        (b"# nothing\n\n", none.clone(), blank),
        (b"latency_ms\n", none.clone(), empty),
        (b"a_ms,b\n", none.clone(), empty),
        (b"[1, 2]", none.clone(), json),
        (
            b"1ms\n\xe9\n",
            none.clone(),
            "it is not UTF-8 text (line 2)\nhint: iconv -f WINDOWS-1252 -t UTF-8 FILE > OUT, or save it as \"CSV UTF-8\"",
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
            "line 1: '120ms 130ms 145ms' has 3 values\nhint: one value per line, such as 163.2ms, or 'failed'",
        ),
        (
            b"elapsed\n1\n",
            none.clone(),
            "'elapsed' has no unit\nhint: add --unit s, ms, us or ns",
        ),
        (
            b"start,elapsed,size\n0,120,9\n1,110,9\n2,130,9\n",
            none.clone(),
            "it has 3 numeric columns, and which holds the latencies is not clear\n\
             hint: use --column elapsed, or another of: start (0 to 2, time stamps), \
             elapsed (110 to 130), size (9 in every row, sizes)",
        ),
        (
            b"# x\na,latency_ms\n1,2\n3\n",
            none,
            "line 4: 1 columns where line 2 has 2\nhint: copy the file again; it may be cut",
        ),
        (
            b"latency_ms\n163.2\n",
            options(Some(TimeUnit::Seconds), None),
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
        let _ = read(text.as_bytes(), &options(Some(TimeUnit::Seconds), None));
    }
}
