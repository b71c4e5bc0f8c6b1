//! Files of known tools that cannot be judged: each refusal names the tool and the export to use instead.

use a7probe::run::import::{self, FileFormat};

use super::{bytes, refusal};

/// A fixture, and the required parts of its refusal: the tool, and the hint.
const REFUSED: [(&str, &str, &str); 10] = [
    (
        "wrk.txt",
        "text output of wrk: ",
        "wrk2 with -R RATE --latency",
    ),
    ("ab.txt", "text output of ab: ", "a7probe measure URL"),
    ("ab-g.tsv", "ab -g file: ", "a7probe measure URL"),
    ("ab-e.csv", "ab -e file: ", "a7probe measure URL"),
    ("siege.json", "JSON of siege: ", "a7probe measure URL"),
    (
        "hyperfine.csv",
        "CSV of hyperfine: ",
        "hyperfine --export-json FILE",
    ),
    (
        "hyperfine.md",
        "Markdown table of hyperfine: ",
        "hyperfine --export-json FILE",
    ),
    (
        "hyperfine.txt",
        "text output of hyperfine: ",
        "hyperfine --export-json FILE",
    ),
    (
        "autocannon.txt",
        "text output of autocannon: ",
        "autocannon --json",
    ),
    (
        "locust-0.x-stats.csv",
        "stats of Locust 0.x: ",
        "--csv PREFIX",
    ),
];

/// Texts with the marks of a tool, modelled on the tools' output.
const TEXTS: [(&str, &str, &str); 19] = [
    (
        "Summary:\n  Total:\t1.0 secs\n  Slowest:\t0.2 secs\n  Fastest:\t0.1 secs\n  Average:\t0.1 secs\n  Requests/sec:\t10\n\nLatency distribution:\n  50% in 0.1 secs\n",
        "text output of hey: ",
        "hey -o csv",
    ),
    (
        "Summary:\n  Success rate:\t100.00%\n  Total:\t1.0 sec\n  Slowest:\t0.2 sec\n  Fastest:\t0.1 sec\n  Requests/sec:\t10\n",
        "text output of oha: ",
        "oha --output-format csv",
    ),
    (
        "\nSummary:\n  Count:\t200\n  Total:\t181.57 ms\n  Slowest:\t69.60 ms\n  Fastest:\t26.09 ms\n  Requests/sec:\t1101.53\n",
        "text output of ghz: ",
        "ghz -O json",
    ),
    (
        "Statistics        Avg      Stdev        Max\n  Reqs/sec      10.0       1.0      20.0\n  Latency      1.0ms     2.0ms     3.0ms\n  HTTP codes:\n    1xx - 0, 2xx - 10\n  Throughput:     1.00KB/s\n",
        "text output of bombardier: ",
        "bombardier -l -p r -o json",
    ),
    (
        "  http_req_duration..............: avg=1ms min=1ms\n  http_reqs......................: 10 1/s\n  iteration_duration.............: avg=1ms\n",
        "text summary of k6: ",
        "k6 run --out csv=FILE",
    ),
    (
        "http.codes.200: ... 10\nhttp.requests: .... 10\nhttp.response_time:\n  min: ... 1\nvusers.created: ... 10\n",
        "text output of Artillery: ",
        "artillery run --output report.json",
    ),
    (
        "# range, mid point, percentile, count\n>= 0.001 <= 0.002 , 0.0015 , 100.00, 10\n# target 50% 0.0015\nAll done 10 calls\n",
        "text output of Fortio: ",
        "fortio load -json FILE URL",
    ),
    (
        "Requests      [total, rate, throughput]  10, 10.0, 10.0\nLatencies     [min, mean, 50, 90, 95, 99, max]  1ms, 1ms\nSuccess       [ratio]  100.00%\nStatus Codes  [code:count]  200:10\n",
        "text report of vegeta: ",
        "vegeta encode --to csv results.bin",
    ),
    (
        "Bucket         #     %       Histogram\n[0,     2ms]   6007  32.65%  ####\n[6ms,   +Inf]  4771  25.93%  ###\n",
        "histogram of vegeta: ",
        "vegeta encode --to csv results.bin",
    ),
    (
        "Transactions:\t\t 155 hits\nAvailability:\t\t 96.88 %\nLongest transaction:\t 0.06\n",
        "text output of siege: ",
        "a7probe measure URL",
    ),
    (
        "HTTP/1.1 200     0.00 secs:       2 bytes ==> GET  /health\nHTTP/1.1 200     0.06 secs:       2 bytes ==> GET  /health\n",
        "verbose output of siege: ",
        "a7probe measure URL",
    ),
    (
        "# stats: dump at 1700000000\nstats: request 10 1.2 0.4 9.1 0.3 1.1 100\n",
        "tsung log: ",
        "a7probe measure URL",
    ),
    (
        "Concurrency 4\nTotal requests            10\nSuccessful requests       10\nMedian time per request   2ms\n",
        "text output of drill: ",
        "a7probe measure URL",
    ),
    (
        "Type Name # reqs # fails | Avg Min Max Med | req/s failures/s\nGET /health 10 0(0.00%) | 1 1 1 1 | 1.0 0.0\n",
        "text output of Locust: ",
        "--csv PREFIX",
    ),
    (
        "Label,# Samples,Average,Median,90% Line,95% Line,99% Line,Min,Max,Error %,Throughput\nhealth,10,1,1,1,1,1,1,1,0.0%,1\n",
        "summary or aggregate report of JMeter: ",
        "-l results.jtl",
    ),
    (
        "[{\"name\": \"/health\", \"method\": \"GET\", \"num_requests\": 10, \"response_times\": {\"4\": 10}}]",
        "JSON of Locust: ",
        "--csv PREFIX",
    ),
    (
        "{\"Total\": {\"transaction\": \"Total\", \"sampleCount\": 10, \"errorPct\": 0.0, \"pct1ResTime\": 1.0}}",
        "statistics.json of a JMeter report: ",
        "-l results.jtl",
    ),
    (
        "{\"type\": \"GROUP\", \"name\": \"All Requests\", \"path\": \"\", \"stats\": {}, \"contents\": {}}",
        "stats.json of Gatling: ",
        "simulation.log",
    ),
    (
        "{\"aggregate\": {\"latency\": {\"p95\": 1}, \"codes\": {\"200\": 1}}, \"intermediate\": []}",
        "Artillery's report: this is a report of Artillery 1",
        "Artillery 2",
    ),
];

fn assert_refused(bytes: &[u8], tool: &str, way: &str) {
    let said = refusal(bytes);
    assert!(said.starts_with(tool), "{tool}: {said}");
    let (_, hint) = said
        .split_once("\nhint: ")
        .unwrap_or_else(|| panic!("no hint: {said}"));
    assert!(hint.contains(way), "{way}: {said}");
    for word in ["cut", "not an a7probe run", "copy the file"] {
        assert!(!said.contains(word), "{said}");
    }
}

#[test]
fn a_file_of_a_known_tool_is_refused_by_name_with_what_to_export() {
    for (name, tool, way) in REFUSED {
        assert_refused(&bytes(&format!("refused/{name}")), tool, way);
    }
    for (text, tool, way) in TEXTS {
        assert_refused(text.as_bytes(), tool, way);
    }
}

#[test]
fn binary_results_are_named_for_what_they_are() {
    // A gob names its type and its fields; Gatling's log begins with a record of the run and the version.
    let gob = b"\x7f\x7f\x03\x01\x01\x06Result\x01\xff\x80\x00\x01\x0c\x01\x06Attack\x01\x0c\x00\x01\x03Seq\x01\x06\x00\x01\x04Code\x01\x06\x00\x01\tTimestamp\x01\xff\x82\x00\x01\x07Latency\x01\x04\x00\x01\x08BytesOut\x01\x06\x00\x01\x07BytesIn\x01\x06\x00";
    assert_refused(
        gob,
        "binary results of vegeta: ",
        "vegeta encode --to csv results.bin",
    );
    let gatling = b"\x00\x00\x00\x00\x063.13.1\x00\x00\x00\x00\x11shop.Orders\x00\x00\x01\x8b";
    assert_refused(
        gatling,
        "binary simulation.log of Gatling: ",
        "Gatling 3.12.0 or older",
    );
}

#[test]
fn a_message_quotes_a_file_on_one_line_and_without_controls() {
    let text = "timeStamp,elapsed,label,success\n1700000000000,\"5\n\u{1b}[31m\u{202e}\",a,true\n";
    let said = refusal(text.as_bytes());
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.contains(r"\n\u{1b}[31m\u{202e}"), "{said}");
}

#[test]
fn every_refused_file_is_known_by_its_content() {
    for (name, _, _) in REFUSED {
        assert_eq!(
            import::detect(&bytes(&format!("refused/{name}"))),
            FileFormat::Refused,
            "{name}"
        );
    }
}

#[test]
fn nothing_is_said_of_a_cut_where_the_file_is_whole() {
    for text in [
        "timeStamp,elapsed,label,success\n1700000000000,five,a,true\n",
        "timeStamp,elapsed,label,success\n1700000000000,5,a,maybe\n",
        "Value     Percentile TotalCount 1/(1-Percentile)\n\nx 0.5 1 2\n",
        "#[Histogram log format version 1.3]\n0.1,1.0,2.7,HISTFAAA\n",
        "{\"type\":\"Point\",\"metric\":\"http_req_duration\",\"data\":{\"value\":1}}\n{\"type\":7}\n",
        "{\"metrics\":{\"http_reqs\":{\"count\":100},\"http_req_failed\":{\"passes\":0},\"http_req_duration\":{\"max\":3,\"med\":9}}}",
    ] {
        let said = refusal(text.as_bytes());
        assert!(
            !said.contains("cut") && !said.contains("copy the file"),
            "{said}"
        );
        assert!(said.contains("\nhint: "), "{said}");
    }
}
