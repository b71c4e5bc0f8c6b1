//! Files as users have them: whole, cut, packed, out of order, of another zone, and of another kind.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::{LoggedRequest, ReadReplayFile, ReplayFormat};

const SECOND: u64 = 1_000_000_000;

fn read(name: &str, text: &str) -> Result<ReadReplayFile, String> {
    ReadReplayFile::read(name, text.as_bytes(), None).map_err(|error| error.to_string())
}

fn starts(read: &ReadReplayFile) -> Vec<u64> {
    read.requests.iter().map(|timed| timed.at_ns).collect()
}

fn paths(read: &ReadReplayFile) -> Vec<String> {
    let stated = read.requests.iter().map(|timed| match &timed.request {
        LoggedRequest::Stated { method, path } => format!("{method} {path}"),
        other => format!("{other:?}"),
    });
    stated.collect()
}

/// A line of the combined format, at a second of one minute.
fn combined(second: &str, request: &str) -> String {
    format!(
        "203.0.113.7 - - [10/Oct/2000:13:55:{second} -0700] \"{request}\" 200 2326 \"-\" \"curl/8\"\n"
    )
}

#[test]
fn a_combined_log_has_times_methods_and_paths() {
    let log = combined("36.5", "GET /a?b=1 HTTP/1.1")
        + &combined("37.25", "POST /b HTTP/1.1")
        + &combined("40.0", "-");
    let read = read("access.log", &log).unwrap();
    assert_eq!(read.format, ReplayFormat::Combined);
    assert_eq!(starts(&read), [0, 750_000_000, 3_500_000_000]);
    assert_eq!(paths(&read), ["GET /a?b=1", "POST /b", "Unusable"]);
    assert_eq!(
        (read.unreadable, read.out_of_order, read.is_spread),
        (0, 0, false)
    );
}

#[test]
fn requests_of_one_second_are_spread_where_a_log_has_whole_seconds() {
    let log: String = ["36", "36", "36", "36", "38"]
        .iter()
        .map(|second| combined(second, "GET / HTTP/1.1"))
        .collect();
    let read = read("access.log", &log).unwrap();
    assert!(read.is_spread);
    assert_eq!(
        starts(&read),
        [0, SECOND / 4, SECOND / 2, 3 * SECOND / 4, 2 * SECOND]
    );
    // A fraction anywhere says that equal times were equal.
    let log = log + &combined("38.5", "GET / HTTP/1.1");
    let read = self::read("access.log", &log).unwrap();
    assert!(!read.is_spread);
    assert_eq!(starts(&read)[..4], [0, 0, 0, 0]);
}

#[test]
fn lines_out_of_order_are_sorted_and_equal_times_keep_their_order() {
    let log = "{\"ts\": 20.5, \"path\": \"/c\"}\n{\"ts\": 10.25, \"path\": \"/a\"}\n{\"ts\": 10.25, \"path\": \"/b\"}\n";
    let read = read("a.ndjson", log).unwrap();
    assert_eq!(read.out_of_order, 1);
    assert_eq!(paths(&read), ["GET /a", "GET /b", "GET /c"]);
    assert_eq!(starts(&read), [0, 0, 10_250_000_000]);
}

#[test]
fn times_of_several_zones_are_one_axis() {
    let log = "{\"time\":\"2026-03-01T12:00:00.5+01:00\",\"path\":\"/a\"}\n{\"time\":\"2026-03-01T11:00:01.5Z\",\"path\":\"/b\"}\n";
    let read = read("a.ndjson", log).unwrap();
    assert_eq!(starts(&read), [0, SECOND]);
    let mixed = log.to_owned() + "{\"time\":\"2026-03-01T11:00:01.5\",\"path\":\"/b\"}\n";
    let error = self::read("a.ndjson", &mixed).unwrap_err();
    assert!(
        error.starts_with(": some times have a zone and others do not\nhint: "),
        "{error}"
    );
}

#[test]
fn json_logs_of_servers_are_read() {
    for (line, request) in [
        // Caddy
        (
            r#"{"level":"info","ts":1646861401.52,"request":{"method":"GET","host":"h","uri":"/x?y=1"}}"#,
            "GET /x?y=1",
        ),
        // Traefik
        (
            r#"{"StartUTC":"2026-01-01T00:00:00.123Z","time":"2026-01-01T00:00:09Z","RequestMethod":"HEAD","RequestPath":"/p"}"#,
            "HEAD /p",
        ),
        // Google Cloud
        (
            r#"{"timestamp":"2026-01-01T00:00:00.1Z","httpRequest":{"requestMethod":"POST","requestUrl":"https://h/a?b"}}"#,
            "POST /a?b",
        ),
        // nginx
        (
            r#"{"time_iso8601":"2026-01-01T00:00:00+00:00","request":"GET /q HTTP/1.1"}"#,
            "GET /q",
        ),
        (
            r#"{"msec":"1646861401.520","request_method":"GET","request_uri":"/r"}"#,
            "GET /r",
        ),
        (
            r#"{"@timestamp":"2026-01-01T00:00:00Z","http.request.method":"get","url.path":"/s"}"#,
            "GET /s",
        ),
        (r#"{"ts":1646861401520,"status":200}"#, "Unstated"),
    ] {
        let read = read("x", line).expect(line);
        assert_eq!(paths(&read), [request], "{line}");
    }
}

#[test]
fn csv_logs_are_read_by_their_titles() {
    let log = "status,Timestamp,method,path\n200,2026-01-01T00:00:00.5Z,GET,\"/a,b\"\n200,2026-01-01T00:00:01Z,,/c\n500,,GET,/d\n200,2026-01-01T00:0";
    let read = read("log.csv", log).unwrap();
    assert_eq!(paths(&read), ["GET /a,b", "GET /c"]);
    assert_eq!((read.unreadable, read.is_cut), (2, true));
    let error = self::read("log.csv", "a,b\n1,2\n").unwrap_err();
    assert_eq!(
        error,
        ", line 1: no column has a time\nhint: name it time or timestamp in the first line"
    );
}

#[test]
fn offsets_are_the_plan_itself() {
    let read = read("plan.txt", "# a plan\n0\n0.5\n1500ms # late\n\n1.5\n").unwrap();
    assert_eq!(read.format, ReplayFormat::Offsets);
    assert_eq!(
        starts(&read),
        [0, SECOND / 2, 3 * SECOND / 2, 3 * SECOND / 2]
    );
    // Whole seconds are meant as they are, and so is a first one that is late.
    let read = self::read("plan.txt", "2\n2\n3\n").unwrap();
    assert_eq!(starts(&read), [2 * SECOND, 2 * SECOND, 3 * SECOND]);
    for (text, found) in [
        (
            "0\nsoon\n",
            ", line 2: the line is not an offset from the start\nhint: ",
        ),
        (
            "-1\n",
            ", line 1: the line is not an offset from the start\nhint: ",
        ),
        (
            "nan\n",
            ", line 1: the line is not an offset from the start\nhint: ",
        ),
        (
            "1646861401.5\n",
            ", line 1: the offset is longer than 7 days\nhint: ",
        ),
        ("# nothing\n", ": the file has no requests\nhint: "),
    ] {
        let error = self::read("plan.txt", text).unwrap_err();
        assert!(error.starts_with(found), "{error}");
    }
}

#[test]
fn one_line_is_one_request_and_no_line_is_refused() {
    let one = read("a.log", combined("36", "GET / HTTP/1.1").trim_end()).unwrap();
    assert_eq!((starts(&one), one.is_cut), (vec![0], false));
    for text in ["", "\n \n"] {
        let error = read("a.log", text).unwrap_err();
        assert!(
            error.starts_with(": the file has no requests\nhint: "),
            "{error}"
        );
    }
}

#[test]
fn a_cut_last_line_is_named_and_a_file_of_another_kind_refused() {
    let log = combined("36", "GET / HTTP/1.1") + &combined("37", "GET / HTTP/1.1")[..30];
    let cut = read("a.log", &log).unwrap();
    assert_eq!(
        (cut.requests.len(), cut.unreadable, cut.is_cut),
        (1, 1, true)
    );
    let error = ReadReplayFile::read("a.log", b"{\"a\":1}\n{}\n", None).unwrap_err();
    assert_eq!(
        error.to_string(),
        ", line 1: 2 of 2 lines have no time that can be read (read as ndjson)\nhint: name the format: --format combined, ndjson, csv or offsets"
    );
    let format = Some(ReplayFormat::Combined);
    assert!(ReadReplayFile::read("a.log", b"0.5\n1\n", format).is_err());
}

#[test]
fn a_packed_log_is_unpacked_and_a_cut_one_refused() {
    let log = combined("36.5", "GET /a HTTP/1.1").repeat(500);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(log.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let read = ReadReplayFile::read("access.log.gz", &packed, None).unwrap();
    assert_eq!(read.requests.len(), 500);
    // Rotated parts may stand behind each other.
    let twice = [packed.clone(), packed.clone()].concat();
    assert_eq!(
        ReadReplayFile::read("a.gz", &twice, None)
            .unwrap()
            .requests
            .len(),
        1000
    );
    let error = ReadReplayFile::read("a.gz", &packed[..packed.len() / 2], None).unwrap_err();
    assert_eq!(
        error.to_string(),
        ": the gzip data end early or are damaged\nhint: copy the file again"
    );
}

#[test]
fn a_log_of_a_day_is_as_long_as_the_day() {
    let lines = (0..24).map(|hour| {
        format!("h - - [10/Oct/2000:{hour:02}:00:00 +0000] \"GET /{hour} HTTP/1.1\" 200 1\n")
    });
    let read = read("day.log", &lines.collect::<String>()).unwrap();
    assert_eq!(starts(&read).last(), Some(&(23 * 3600 * SECOND)));
}

proptest! {
    #[test]
    fn no_damage_of_a_log_makes_the_reader_panic(
        at in 0usize..400, byte: u8, cut in 0usize..400, format in 0usize..5,
    ) {
        let log = combined("36.5", "GET /a HTTP/1.1") + "{\"ts\":1,\"path\":\"/\"}\n1.5\ntime,path\n2026-01-01T00:00:00Z,/a\n";
        let mut bytes = log.into_bytes();
        let last = bytes.len() - 1;
        bytes[at.min(last)] = byte;
        bytes.truncate(cut.max(1));
        let format = ReplayFormat::ALL.get(format).copied();
        if let Ok(read) = ReadReplayFile::read("x", &bytes, format) {
            prop_assert!(!read.requests.is_empty());
            prop_assert!(starts(&read).is_sorted());
        }
    }
}
