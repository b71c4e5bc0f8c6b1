//! `--data`: every request has the row of its number, whichever thread sends it, and a row is written as its place needs.

use std::fs;
use std::path::Path;
use std::process::Output;

use super::header;
use crate::harness::{a7probe, code, run, stderr, stdout, temp_dir};
use crate::scripted::{OK, Received, Server};

/// A run of which only the requests matter.
const PLAIN: [&str; 8] = [
    "--no-calibration",
    "--iid",
    "--no-audit",
    "--no-gates",
    "--output",
    "json",
    "--progress",
    "none",
];

/// The same without warm-up and preflight: nothing but the plan is sent.
const ALONE: [&str; 3] = ["--no-preflight", "--warmup", "0s"];

fn measure(folder: &Path, url: &str, flags: &[&[&str]]) -> Output {
    run(
        folder,
        &[&["measure", url], &PLAIN[..], &flags.concat()].concat(),
    )
}

/// Measures, and gives what the server received.
#[track_caller]
fn sent(folder: &Path, server: &Server, path: &str, flags: &[&[&str]]) -> Vec<Received> {
    let output = measure(folder, &format!("{}{path}", server.url()), flags);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    server.received()
}

#[track_caller]
fn refusal(folder: &Path, flags: &[&str]) -> String {
    let output = measure(folder, "http://127.0.0.1:9/{{row.id}}", &[flags]);
    let said = stderr(&output);
    assert_eq!(code(&output), 2, "{said}");
    assert!(said.contains("\nhint: "), "{said}");
    said
}

/// A file with the column `id`, whose value is the row's number from 0.
fn write_rows(folder: &Path, file: &str, rows: usize) {
    let text: String = match file.rsplit_once('.') {
        Some((_, "csv")) => {
            let rows = (0..rows).map(|n| format!("name {n},{n}\r\n"));
            std::iter::once("\u{feff}name,id\r\n".to_owned())
                .chain(rows)
                .collect()
        }
        _ => (0..rows)
            .map(|n| format!("{{\"id\":{n},\"name\":\"name {n}\"}}\n"))
            .collect(),
    };
    fs::write(folder.join(file), text).expect("a writable folder");
}

/// `{{n}}` and the row of a request to `/{{row.id}}` with the header `N: {{n}}`.
fn number_and_row(request: &Received) -> (usize, usize) {
    let line = request.head.lines().next().unwrap_or_default();
    let row = line.split(' ').nth(1).unwrap_or_default();
    let number = header(request, "N").expect("the header");
    (
        number.parse().expect("a number"),
        row[1..].parse().expect("a row"),
    )
}

fn numbers_and_rows(received: &[Received]) -> Vec<(usize, usize)> {
    let mut all: Vec<(usize, usize)> = received.iter().map(number_and_row).collect();
    all.sort_unstable();
    all
}

#[test]
fn rows_follow_the_number_of_the_request_over_several_threads_and_cycle() {
    let folder = temp_dir();
    for file in ["rows.csv", "rows.ndjson", "rows.jsonl"] {
        write_rows(folder.path(), file, 700);
        let server = Server::answering(OK);
        // More than 10,000/s are more than one thread's.
        let load = [
            "-n", "2000", "-q", "20000", "-H", "N: {{n}}", "--data", file,
        ];
        let received = sent(folder.path(), &server, "/{{row.id}}", &[&ALONE, &load]);
        let expected: Vec<(usize, usize)> = (0..2000).map(|n| (n, n % 700)).collect();
        assert_eq!(numbers_and_rows(&received), expected, "{file}");
    }
}

#[test]
fn workers_of_the_closed_model_share_the_rows_in_order() {
    let folder = temp_dir();
    write_rows(folder.path(), "rows.csv", 300);
    let server = Server::answering(OK);
    let load = [
        "-n",
        "300",
        "-c",
        "8",
        "-H",
        "N: {{n}}",
        "--data",
        "rows.csv",
        "--data-once",
    ];
    let received = sent(folder.path(), &server, "/{{row.id}}", &[&ALONE, &load]);
    let expected: Vec<(usize, usize)> = (0..300).map(|n| (n, n)).collect();
    assert_eq!(numbers_and_rows(&received), expected);
}

#[test]
fn each_row_is_sent_once_and_the_warm_up_takes_the_rows_behind_the_plan() {
    let folder = temp_dir();
    // 20 of the run, 25 ms at 200/s of the warm-up, and one before the run.
    let load = [
        "-n",
        "20",
        "-q",
        "200",
        "--warmup",
        "25ms",
        "-H",
        "N: {{n}}",
        "--data",
        "rows.csv",
        "--data-once",
    ];
    write_rows(folder.path(), "rows.csv", 25);
    let few = refusal(folder.path(), &load);
    assert!(
        few.contains("rows.csv has 25 rows, and the plan needs 26: 20 of the run, 5 of the warm-up, 1 before the run"),
        "{few}"
    );
    write_rows(folder.path(), "rows.csv", 26);
    let server = Server::answering(OK);
    let received = sent(folder.path(), &server, "/{{row.id}}", &[&load]);
    let mut expected: Vec<(usize, usize)> = (0..20).map(|n| (n, n)).collect();
    expected.extend((0..5).map(|n| (n, 20 + n)));
    expected.push((0, 25));
    expected.sort_unstable();
    assert_eq!(numbers_and_rows(&received), expected);
}

#[test]
fn the_warm_up_takes_the_rows_behind_the_plan_when_they_cycle_too() {
    let folder = temp_dir();
    write_rows(folder.path(), "rows.csv", 22);
    let server = Server::answering(OK);
    let load = [
        "-n",
        "20",
        "-q",
        "200",
        "--warmup",
        "25ms",
        "--no-preflight",
        "-H",
        "N: {{n}}",
        "--data",
        "rows.csv",
    ];
    let received = sent(folder.path(), &server, "/{{row.id}}", &[&load]);
    let mut expected: Vec<(usize, usize)> = (0..20).map(|n| (n, n)).collect();
    expected.extend([(0, 20), (1, 21), (2, 0), (3, 1), (4, 2)]);
    expected.sort_unstable();
    assert_eq!(numbers_and_rows(&received), expected);
}

#[test]
fn a_value_is_written_as_its_place_needs() {
    let folder = temp_dir();
    let value = "a/b c&d=\"é\"\\?#%";
    let quoted = value.replace('"', "\"\"");
    fs::write(
        folder.path().join("r.csv"),
        format!("v,text\n\"{quoted}\",\"1\n2\"\n"),
    )
    .expect("a file");
    let encoded = "a%2Fb%20c%26d%3D%22%C3%A9%22%5C%3F%23%25";
    let load = [
        "-n",
        "1",
        "-q",
        "100",
        "--data",
        "r.csv",
        "-H",
        "X-V: {{row.v}}",
    ];
    for (content_type, body, expected) in [
        (
            "application/json",
            r#"{"v":"{{row.v}}","t":"\"{{row.text}}","n":[{{row.text}}]}"#,
            "{\"v\":\"a/b c&d=\\\"é\\\"\\\\?#%\",\"t\":\"\\\"1\\n2\",\"n\":[1\n2]}".to_owned(),
        ),
        (
            "application/x-www-form-urlencoded",
            "v={{row.v}}&{{{{v}}",
            format!("v={encoded}&{{{{v}}}}"),
        ),
        ("text/plain", "{{row.v}}", value.to_owned()),
    ] {
        let server = Server::answering(OK);
        let flags = ["-T", content_type, "-d", body];
        let path = "/x/{{row.v}}?q={{row.v}}&u={{uuid}}&{{{{";
        let received = sent(folder.path(), &server, path, &[&ALONE, &load, &flags]);
        let [request] = received.as_slice() else {
            panic!("{received:?}");
        };
        let line = request.head.lines().next().expect("a request line");
        let start = format!("POST /x/{encoded}?q={encoded}&u=");
        assert!(line.starts_with(&start), "{line}");
        assert!(line.ends_with("&%7B%7B HTTP/1.1"), "{line}");
        assert_eq!(line.len(), start.len() + 36 + "&%7B%7B HTTP/1.1".len());
        assert_eq!(header(request, "X-V"), Some(value));
        assert_eq!(String::from_utf8_lossy(&request.body), expected);
    }
}

#[test]
fn variables_of_the_environment_are_sent_and_never_shown() {
    let folder = temp_dir();
    let server = Server::answering(OK);
    let url = format!("{}/{{{{env.TENANT}}}}/x", server.url());
    let line = [
        &["measure", &url],
        &PLAIN[..],
        &ALONE,
        &[
            "-n",
            "3",
            "-q",
            "100",
            "-H",
            "X-Key: {{env.KEY}}",
            "-d",
            r#"{"k":"{{env.KEY}}"}"#,
            "--save",
            "run.json",
        ],
    ]
    .concat();
    let unset = run(folder.path(), &line);
    let said = stderr(&unset);
    assert_eq!(code(&unset), 2, "{said}");
    assert!(
        said.contains("the variable ") && said.contains(" is not set\nhint: export "),
        "{said}"
    );
    let variables = [("TENANT", "Acme & Co"), ("KEY", "s3cr3t\"Key")];
    let output = a7probe(folder.path(), &line)
        .envs(variables)
        .output()
        .expect("it starts");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for request in server.received() {
        assert!(
            request.head.starts_with("POST /Acme%20%26%20Co/x HTTP/1.1"),
            "{}",
            request.head
        );
        assert_eq!(header(&request, "X-Key"), Some("s3cr3t\"Key"));
        assert_eq!(request.body, br#"{"k":"s3cr3t\"Key"}"#);
    }
    let saved = fs::read_to_string(folder.path().join("run.json")).expect("the run");
    for text in [stdout(&output), stderr(&output), saved] {
        assert!(!text.contains("s3cr3t") && !text.contains("Acme"), "{text}");
    }
}

#[test]
fn a_settings_file_names_rows_beside_it_and_variables_anywhere() {
    let folder = temp_dir();
    let below = folder.path().join("conf");
    fs::create_dir(&below).expect("a folder");
    write_rows(&below, "rows.csv", 3);
    let settings = "url = \"http://${HOST}\"\ndata = \"${STEM}.csv\"\nrequests = 3\nrate = \"${RATE}/s\"\nwarmup = \"0s\"\n\
                    [headers]\nN = \"{{n}}\"\nX-Price = \"$${5} ${RATE}\"\n\
                    [endpoints.item]\npath = \"/{{row.id}}\"\n";
    fs::write(below.join("a7probe.toml"), settings).expect("a file");
    let server = Server::answering(OK);
    let host = format!("127.0.0.1:{}", server.port());
    let line = [
        &["measure", "--config", "conf/a7probe.toml", "--no-preflight"],
        &PLAIN[..],
    ]
    .concat();
    let mut command = a7probe(folder.path(), &line);
    let output = command
        .env("HOST", &host)
        .env("STEM", "rows")
        .env("RATE", "100")
        .output();
    let output = output.expect("it starts");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let received = server.received();
    assert_eq!(numbers_and_rows(&received), [(0, 0), (1, 1), (2, 2)]);
    assert!(
        received
            .iter()
            .all(|request| header(request, "X-Price") == Some("${5} 100"))
    );
    let without = a7probe(folder.path(), &line)
        .env("HOST", &host)
        .env("STEM", "rows")
        .output();
    let without = without.expect("it starts");
    assert_eq!(code(&without), 2);
    assert!(
        stderr(&without).contains("conf/a7probe.toml line 4: rate: the variable RATE is not set"),
        "{}",
        stderr(&without)
    );
}

#[test]
fn data_that_does_not_fit_is_refused_before_anything_is_sent() {
    let folder = temp_dir();
    let path = folder.path();
    write_rows(path, "rows.csv", 3);
    fs::write(path.join("lines.csv"), "id\n1\n\"2\n3\"\n").expect("a file");
    fs::write(path.join("cut.csv"), "id,b\n1\n").expect("a file");
    for (flags, message) in [
        (&["--data", "none.csv"][..], "cannot read --data none.csv"),
        (
            &["--data", "{\"a\":\"s3cret\"}"],
            "in curl --data is the body",
        ),
        (
            &["--data", "s3cret.txt"],
            "the data file must end in .csv, .ndjson or .jsonl",
        ),
        (
            &["--data", "cut.csv"],
            "cut.csv, line 2: the row has 1 field, and the file has 2 titles",
        ),
        (
            &["--data", "lines.csv"],
            "lines.csv, row 2: the value of 'id' has a line break or a zero byte, and the path of root must be one line",
        ),
        (&[], "{{row.id}} names a column, and there is no data file"),
        (
            &["--data", "rows.csv", "-H", "X: {{row.nam}}"],
            "hint: did you mean 'name'? columns: name, id",
        ),
        (
            &["--data", "rows.csv", "--data-once", "-c", "2", "-z", "1s"],
            "--data-once: the number of requests is not known",
        ),
        (
            &["--data", "rows.csv", "--data-once", "-c", "2", "-n", "1"],
            "closed-model warm-up",
        ),
    ] {
        let said = refusal(path, flags);
        assert!(said.contains(message), "{flags:?}: {said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
    for (flags, message) in [
        (&["--data", "rows.csv"][..], "--data has no use here"),
        (&["--data-once"], "--data-once has no use here"),
        (
            &["--get", "a=/{{row.id}}"],
            "the base URL has a template in its path",
        ),
    ] {
        let url = if flags[0] == "--get" {
            "http://127.0.0.1:9/{{n}}"
        } else {
            "http://127.0.0.1:9/a"
        };
        let output = measure(path, url, &[flags]);
        assert!(
            stderr(&output).contains(message),
            "{flags:?}: {}",
            stderr(&output)
        );
        assert_eq!(code(&output), 2);
    }
}

#[test]
fn both_sides_of_an_interleaved_comparison_send_the_same_rows() {
    let folder = temp_dir();
    write_rows(folder.path(), "rows.csv", 1000);
    let (before, after) = (Server::answering(OK), Server::answering(OK));
    let (first, second) = (
        format!("{}/{{{{row.id}}}}", before.url()),
        format!("{}/{{{{row.id}}}}", after.url()),
    );
    let line = [
        "ab",
        "--before",
        &first,
        "--after",
        &second,
        "--pairs",
        "2",
        "--block",
        "200ms",
        "--settle",
        "50ms",
        "-q",
        "100",
        "-H",
        "N: {{n}}",
        "--data",
        "rows.csv",
        "--no-preflight",
        "--no-calibration",
        "--iid",
        "--progress",
        "none",
    ];
    let output = run(folder.path(), &line);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    // Two blocks of 20, and before each of them 5 from behind all blocks.
    let mut expected: Vec<(usize, usize)> = (0..40).map(|n| (n, n)).collect();
    expected.extend((0..5).flat_map(|n| [(n, 40 + n); 2]));
    expected.sort_unstable();
    for server in [&before, &after] {
        assert_eq!(numbers_and_rows(&server.received()), expected);
    }
    let once = run(folder.path(), &[&line[..], &["--data-once"]].concat());
    assert!(
        stderr(&once).contains("--data-once is not for ab"),
        "{}",
        stderr(&once)
    );
}
