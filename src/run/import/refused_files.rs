//! Files of known tools that cannot support a verdict: each is refused by name, with the export to use instead.

use super::ImportError;
use super::top_level_keys::TopLevelKeys;

/// The fallback hint for tools without an export.
const MEASURE: &str = "measure with a7probe: a7probe measure URL";

/// A file that is refused.
pub(super) struct Refused {
    /// The kind of file.
    file: &'static str,
    /// The missing data.
    what: &'static str,
    /// The file to give instead.
    hint: &'static str,
}

impl Refused {
    pub(super) fn error(&self) -> ImportError {
        ImportError::Refused {
            file: self.file,
            what: self.what.to_owned(),
            hint: self.hint.to_owned(),
        }
    }
}

const FEW: &str = "it keeps a few rounded percentiles, and not the latencies";
const AVERAGES: &str = "it keeps averages and extremes, and not the latencies";

/// Texts by marks, all of which stand in the first part of the file. The first that fits decides.
static TEXTS: [(&[&str], Refused); 29] = [
    (
        &["Thread Stats", "Requests/sec:", "requests in"],
        Refused {
            file: "text output of wrk",
            what: "wrk adds latencies that it did not measure to a few rounded percentiles",
            hint: "run wrk2 with -R RATE --latency, whose table is read, or measure with a7probe",
        },
    ),
    (
        &[
            "Complete requests:",
            "Failed requests:",
            "Time per request:",
        ],
        Refused {
            file: "text output of ab",
            what: "ab counts answers of another length as failed and keeps whole milliseconds",
            hint: MEASURE,
        },
    ),
    (
        &["starttime\tseconds\tctime\tdtime\tttime\twait"],
        Refused {
            file: "ab -g file",
            what: "it does not say which requests failed, and lists broken connections as 0 ms",
            hint: MEASURE,
        },
    ),
    (
        &["Percentage served,Time in ms"],
        Refused {
            file: "ab -e file",
            what: "it has percentiles without the number of requests and of failures",
            hint: MEASURE,
        },
    ),
    (
        &["Transactions:", "Availability:", "Longest transaction:"],
        Refused {
            file: "text output of siege",
            what: AVERAGES,
            hint: MEASURE,
        },
    ),
    (
        &["Date & Time", "Trans,", "Elap Time,"],
        Refused {
            file: "siege log",
            what: AVERAGES,
            hint: MEASURE,
        },
    ),
    (
        &["HTTP/1.", " secs:", "bytes ==> "],
        Refused {
            file: "verbose output of siege",
            what: "siege rounds every time to 10 ms",
            hint: MEASURE,
        },
    ),
    (
        &["# stats: dump at", "stats: "],
        Refused {
            file: "tsung log",
            what: "it keeps the mean of each interval, and not the latencies",
            hint: MEASURE,
        },
    ),
    (
        &["# requests", "# failures", "Median response time"],
        Refused {
            file: "stats of Locust 0.x",
            what: "they keep a median and extremes, and it is not known whether failures are among them",
            hint: "use Locust 1.0 or newer with --csv PREFIX, and give the file that ends in _stats.csv",
        },
    ),
    (
        &["Name", "# requests", "50%", "100%"],
        Refused {
            file: "distribution of Locust 0.x",
            what: "it does not say how many requests failed",
            hint: "use Locust 1.0 or newer with --csv PREFIX, and give the file that ends in _stats.csv",
        },
    ),
    (
        &["# reqs", "# fails", "req/s"],
        Refused {
            file: "text output of Locust",
            what: FEW,
            hint: "run locust with --csv PREFIX, and give the file that ends in _stats.csv",
        },
    ),
    (
        &[
            "Median time per request",
            "Total requests",
            "Successful requests",
        ],
        Refused {
            file: "text output of drill",
            what: FEW,
            hint: MEASURE,
        },
    ),
    (
        &["Success rate:", "Slowest:", "Requests/sec:"],
        Refused {
            file: "text output of oha",
            what: FEW,
            hint: "oha --output-format csv URL > FILE, or json for the failures too",
        },
    ),
    (
        &["Summary:", "Count:", "Slowest:", "Requests/sec:"],
        Refused {
            file: "text output of ghz",
            what: FEW,
            hint: "ghz -O json -o FILE",
        },
    ),
    (
        &["duration (ms),status,error"],
        Refused {
            file: "CSV of ghz",
            what: "it does not say when each call was made",
            hint: "ghz -O json -o FILE",
        },
    ),
    (
        &["Summary:", "Slowest:", "Fastest:", "Requests/sec:"],
        Refused {
            file: "text output of hey",
            what: FEW,
            hint: "hey -o csv URL > FILE",
        },
    ),
    (
        &["Statistics", "Reqs/sec", "HTTP codes:", "Throughput:"],
        Refused {
            file: "text output of bombardier",
            what: FEW,
            hint: "bombardier -l -p r -o json URL > FILE",
        },
    ),
    (
        &["│ Stat", "Latency", "Req/Sec", "Bytes/Sec"],
        Refused {
            file: "text output of autocannon",
            what: FEW,
            hint: "autocannon --json URL > FILE",
        },
    ),
    (
        &["http_req_duration..", "http_reqs..", "iteration_duration.."],
        Refused {
            file: "text summary of k6",
            what: FEW,
            hint: "k6 run --out csv=FILE SCRIPT, or --summary-export FILE",
        },
    ),
    (
        &["vusers.created", "http.requests:", "http.response_time:"],
        Refused {
            file: "text output of Artillery",
            what: FEW,
            hint: "artillery run --output report.json SCRIPT",
        },
    ),
    (
        &["# range, mid point, percentile, count", "# target "],
        Refused {
            file: "text output of Fortio",
            what: "its histogram does not say how many requests failed",
            hint: "fortio load -json FILE URL",
        },
    ),
    (
        &["[total, rate", "Latencies", "Status Codes"],
        Refused {
            file: "text report of vegeta",
            what: "its percentiles are estimates, so how many exceed a target is not known",
            hint: "vegeta encode --to csv results.bin > FILE",
        },
    ),
    (
        &["Bucket", "#", "%", "Histogram", "+Inf]"],
        Refused {
            file: "histogram of vegeta",
            what: "it does not say how many requests failed",
            hint: "vegeta encode --to csv results.bin > FILE",
        },
    ),
    (
        &["command,mean,stddev,median,user,system,min,max"],
        Refused {
            file: "CSV of hyperfine",
            what: AVERAGES,
            hint: "hyperfine --export-json FILE COMMAND",
        },
    ),
    (
        &["Time (mean ± σ):", "Range (min … max):"],
        Refused {
            file: "text output of hyperfine",
            what: AVERAGES,
            hint: "hyperfine --export-json FILE COMMAND",
        },
    ),
    (
        &["| Command | Mean [", "| Relative |"],
        Refused {
            file: "Markdown table of hyperfine",
            what: AVERAGES,
            hint: "hyperfine --export-json FILE COMMAND",
        },
    ),
    (
        &["Label,# Samples,Average,"],
        Refused {
            file: "summary or aggregate report of JMeter",
            what: "it keeps a few percentiles or none, and not the samples",
            hint: "give the file of jmeter -n -t PLAN -l results.jtl",
        },
    ),
    (
        &["summary ", " Avg:", " Min:", " Max:", " Err:"],
        Refused {
            file: "console output of JMeter",
            what: AVERAGES,
            hint: "give the file of jmeter -n -t PLAN -l results.jtl",
        },
    ),
    (
        &["request count", "min response time", "(OK=", "KO="],
        Refused {
            file: "console output of Gatling",
            what: FEW,
            hint: "give simulation.log of Gatling 3.12.0 or older",
        },
    ),
];

/// More texts, of tools without any export.
static BARE_TEXTS: [(&[&str], Refused); 3] = [
    (
        &["finished in", "time for request:", "time to 1st byte:"],
        Refused {
            file: "text output of h2load",
            what: AVERAGES,
            hint: MEASURE,
        },
    ),
    (
        &["Beginning round", "Latencies:", "Transfer:"],
        Refused {
            file: "text output of rewrk",
            what: AVERAGES,
            hint: MEASURE,
        },
    ),
    (
        &["# TYPE ", "_bucket{", "le=\""],
        Refused {
            file: "Prometheus metrics",
            what: "the steps of a histogram do not tell how many requests failed",
            hint: MEASURE,
        },
    ),
];

/// JSON objects by keys of their top level.
static OBJECTS: [(&[&str], Refused); 7] = [
    (
        &["transactions", "availability", "longest_transaction"],
        Refused {
            file: "JSON of siege",
            what: AVERAGES,
            hint: MEASURE,
        },
    ),
    (
        &["type", "stats", "contents"],
        Refused {
            file: "stats.json of Gatling",
            what: FEW,
            hint: "give simulation.log of Gatling 3.12.0 or older",
        },
    ),
    (
        &["name", "numberOfRequests", "percentiles1"],
        Refused {
            file: "global_stats.json of Gatling",
            what: FEW,
            hint: "give simulation.log of Gatling 3.12.0 or older",
        },
    ),
    (
        &["log"],
        Refused {
            file: "HAR file",
            what: "it lists the requests of a page, each a different one",
            hint: "give one latency a line, such as 163.2ms",
        },
    ),
    (
        &["machine_info", "benchmarks"],
        Refused {
            file: "JSON of pytest-benchmark",
            what: "its times are of rounds of many calls",
            hint: "give one latency a line, such as 163.2ms",
        },
    ),
    (
        &["mutator", "phases", "intermediate"],
        Refused {
            file: "JSON of an Artillery plugin",
            what: FEW,
            hint: "artillery run --output report.json SCRIPT",
        },
    ),
    (
        &["Total"],
        Refused {
            file: "statistics.json of a JMeter report",
            what: FEW,
            hint: "give the file of jmeter -n -t PLAN -l results.jtl",
        },
    ),
];

/// A JSON array; only Locust's is known.
static LOCUST_JSON: Refused = Refused {
    file: "JSON of Locust",
    what: "it keeps rounded response times, failed requests among them",
    hint: "run locust with --csv PREFIX, and give the file that ends in _stats.csv",
};

static VEGETA_GOB: Refused = Refused {
    file: "binary results of vegeta",
    what: "they are for vegeta's own commands",
    hint: "vegeta encode --to csv results.bin > FILE",
};

static GATLING_BINARY: Refused = Refused {
    file: "binary simulation.log of Gatling",
    what: "newer versions of Gatling write a binary log of their own",
    hint: "give simulation.log of Gatling 3.12.0 or older, or measure with a7probe",
};

/// A text that is refused.
pub(super) fn of_text(head: &str) -> Option<&'static Refused> {
    if head.trim_start().starts_with('[') {
        let is_locust = ["\"response_times\"", "\"num_requests\""];
        return is_locust
            .iter()
            .all(|mark| head.contains(mark))
            .then_some(&LOCUST_JSON);
    }
    let mut all = TEXTS.iter().chain(&BARE_TEXTS);
    let found = all.find(|(marks, _)| marks.iter().all(|mark| head.contains(mark)));
    found.map(|(_, known)| known)
}

/// A JSON object that is refused; `head` is the start of its text.
pub(super) fn of_object(keys: &TopLevelKeys, head: &str) -> Option<&'static Refused> {
    let in_text = |known: &Refused| match known.file {
        "HAR file" => head.contains("\"entries\"") || head.contains("\"creator\""),
        "statistics.json of a JMeter report" => {
            head.contains("\"sampleCount\"") && head.contains("\"pct1ResTime\"")
        }
        _ => true,
    };
    let found = OBJECTS
        .iter()
        .find(|(names, known)| keys.has(names) && in_text(known));
    found.map(|(_, known)| known)
}

/// A binary file of a known tool.
pub(super) fn of_binary(bytes: &[u8]) -> Option<&'static Refused> {
    let head = &bytes[..bytes.len().min(1_024)];
    let has = |mark: &str| {
        head.windows(mark.len())
            .any(|window| window == mark.as_bytes())
    };
    if !head.contains(&0) && std::str::from_utf8(head).is_ok() {
        return None;
    }
    // A gob begins with the names of its fields.
    if ["Code", "Timestamp", "Latency", "BytesOut", "BytesIn"]
        .into_iter()
        .all(has)
    {
        return Some(&VEGETA_GOB);
    }
    is_gatling(head).then_some(&GATLING_BINARY)
}

/// A record of the run, 0, and the version with its length before it.
fn is_gatling(head: &[u8]) -> bool {
    let [0, 0, 0, 0, length @ 3..=32, rest @ ..] = head else {
        return false;
    };
    let version = rest.get(..usize::from(*length)).unwrap_or_default();
    version.first().is_some_and(u8::is_ascii_digit) && version.contains(&b'.')
}

/// JSON of an unknown tool.
pub(super) fn unknown_object(keys: &TopLevelKeys) -> ImportError {
    let names = keys.names();
    let what = match names.len() {
        0 => "it has no keys of a known tool".to_owned(),
        1..=6 => format!("its keys are {}", names.join(", ")),
        n => format!("its keys are {} and {} more", names[..5].join(", "), n - 5),
    };
    ImportError::Refused {
        file: "JSON that is neither a run of a7probe nor a known tool's",
        what: what.chars().take(200).filter(|c| !c.is_control()).collect(),
        hint: "give one latency a line, such as 163.2ms, or a CSV file with --column".to_owned(),
    }
}
