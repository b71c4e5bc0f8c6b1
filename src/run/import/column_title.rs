//! The meaning of a column's title.

use super::TimeUnit;
use super::status_meaning::StatusMeaning;
use super::word_list::listed;

/// The content of a column according to its title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnRole {
    /// The latency of a request, as a whole.
    Latency,
    /// A time whose title leaves open whether it is a latency, such as `time`.
    Time,
    /// A part of a request's time, such as `connect`.
    Part,
    /// Whether the request ended ok.
    Status(StatusMeaning),
    /// Failures of many requests, such as `Failures/s`.
    FailureTotal,
    /// The share of many requests that ended ok, such as `success rate`.
    SuccessTotal,
    /// A rate, such as `Requests/s`.
    Rate,
    /// A figure of many requests, such as `p99` or `avg`.
    Statistic,
    /// A percentage or a rank of a percentile table.
    Rank,
    /// A bound of a histogram's bucket.
    Bucket,
    /// How many values a row stands for.
    Count,
    /// How many requests a row sums up.
    Requests,
    /// An instant, or an offset from the start.
    Stamp,
    /// Bytes.
    Size,
    /// A number that tells rows or senders apart.
    Counter,
    /// A name.
    Label,
    /// Anything else.
    Other,
}

/// A column's title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ColumnTitle {
    pub(super) role: ColumnRole,
    pub(super) unit: Option<TimeUnit>,
}

const NOUNS: &str = "ttime totaltime timetaken timetotal latency latencies duration durations elapsed rt rtt took ping responsetime requesttime \
    roundtrip resptime";
/// Words that together mean the time of a whole request.
const PAIRS: &str = "response_time response_times request_time resp_time req_time total_time time_total time_taken \
    round_trip service_time load_time end_to processing_time execution_time";
const PARTS: &str = "connect connection connecting conn dns lookup namelookup tls ssl handshake handshaking \
    appconnect pretransfer starttransfer ttfb first wait waiting queue queued blocked idle idletime \
    send sending receive receiving read write dial dialup redirect db sql gc think pause sleep gap \
    timeout upstream delay";
const STATISTICS: &str = "min max minimum maximum avg average mean median med stddev stdev std sd variance var mode mad \
    iqr ewma ema apdex worst best highest lowest slowest fastest peak upper lower sum typical smoothed rolling \
    trimmed geomean midpoint";
/// Words of a time that is not measured, but aimed at.
const AIMS: &str = "target slo sla limit budget threshold goal allowed baseline deadline objective";
const RATES: &str =
    "rps qps tps rpm throughput rate rates hz bps kbps mbps ops iops bandwidth speed per freqhz";
const RANKS: &str =
    "percentile percentiles percentage percent quantile quantiles pct perc pctl pctile rank level";
/// Words that make a statistic of any other title.
const PERCENTILES: &str = "percentile percentiles quantile quantiles pctl pctile";
/// Words that may accompany those of a rank or a bucket.
const TABLE_WORDS: &str = "upper lower served request requests of total latency response time cumulative the value in ms s level";
const BUCKETS: &str =
    "le bucket buckets bin bins bound edge histogram upperbound lowerbound boundary";
const COUNTS: &str = "count counts cnt frequency freq frequencies occurrences totalcount samplecount bucketcount \
    cumulativecount cumulative valuecount numvalues observations density weight instances \
    population tally";
const REQUESTS: &str = "requests reqs hits calls samples requestcount numrequests nrequests totalrequests \
    totalrequestcount noofrequests numberofrequests completed numsamples nsamples transactions \
    iterations requestscompleted";
const STAMPS: &str = "timestamp timestamps ts epoch date datetime offset start starts started begin began end ended \
    finish finished stop stopped clock utc when ctime at since";
const SIZES: &str = "bytes byte size length kb mb kib mib octets payload bits chars bytecount";
const COUNTERS: &str = "id idx index seq sequence no nr num number row line iteration iter vu vus thread threads \
    grpthreads allthreads worker workers user users window pid port attempt retry retries \
    concurrency connections";
const LABELS: &str = "request page resource sampler transaction action command browser device city country \
    body useragent url uri path label name method verb host hostname endpoint route query operation group scenario \
    proto protocol agent region zone tag tags trace referer ip address threadname";

impl ColumnTitle {
    pub(super) fn read(title: &str) -> ColumnTitle {
        let words = words(title);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let unit = unit_of(title, &words);
        let role = role(title, &words, unit);
        // `items_s` is not seconds, nor is `it's`.
        let is_letter = words.last() == Some(&"s") && bracketed(title).is_none();
        let unit = unit.filter(|_| !(role == ColumnRole::Other && is_letter));
        ColumnTitle { role, unit }
    }
}

fn role(title: &str, words: &[&str], unit: Option<TimeUnit>) -> ColumnRole {
    let title = TitleWords {
        title,
        words,
        squashed: words.concat(),
        unit,
    };
    title
        .rate()
        .or_else(|| title.table())
        .or_else(|| title.latency())
        .or_else(|| title.status())
        .unwrap_or_else(|| title.other_figure())
}

/// A title and what it is made of.
struct TitleWords<'a> {
    title: &'a str,
    words: &'a [&'a str],
    /// All words as one.
    squashed: String,
    unit: Option<TimeUnit>,
}

impl TitleWords<'_> {
    fn has(&self, list: &str) -> bool {
        self.words.iter().any(|word| listed(list, word))
    }

    fn is(&self, list: &str) -> bool {
        listed(list, &self.squashed)
    }

    /// Whether the title has a word of this list, and else only words that accompany one in a table.
    fn only(&self, core: &str) -> bool {
        let known = |word: &&str| listed(core, word) || listed(TABLE_WORDS, word);
        self.has(core) && self.words.iter().all(known)
    }

    /// A rate, or a share of requests that failed or succeeded.
    fn rate(&self) -> Option<ColumnRole> {
        let rate = is_rate(self.title, self.words);
        if !rate && !self.title.contains('%') && !self.has(RANKS) {
            return None;
        }
        if StatusMeaning::tells_failure(self.words) {
            Some(ColumnRole::FailureTotal)
        } else if StatusMeaning::of_title(self.words) == Some(StatusMeaning::Positive) {
            Some(ColumnRole::SuccessTotal)
        } else {
            rate.then_some(ColumnRole::Rate)
        }
    }

    /// A column of a percentile table, a histogram or a summary.
    fn table(&self) -> Option<ColumnRole> {
        let percentile =
            self.words.iter().any(|word| is_percentile(word)) || has_percentile(self.title);
        let statistic = |word: &&str| {
            listed(STATISTICS, word) && !(*word == "min" && self.unit == Some(TimeUnit::Minutes))
        };
        if percentile {
            Some(ColumnRole::Statistic)
        } else if self.only(RANKS) || self.title.trim() == "%" || self.title.contains("1/(1-") {
            Some(ColumnRole::Rank)
        } else if self.has(PERCENTILES) {
            Some(ColumnRole::Statistic)
        } else if self.only(BUCKETS) || self.is("upper lower ge lt gt") {
            Some(ColumnRole::Bucket)
        } else if self.words.iter().any(statistic) {
            Some(ColumnRole::Statistic)
        } else if self.is(COUNTS) || self.is("n") {
            Some(ColumnRole::Count)
        } else {
            self.is(REQUESTS).then_some(ColumnRole::Requests)
        }
    }

    /// The time of a whole request.
    fn latency(&self) -> Option<ColumnRole> {
        let total_time = self.unit.is_some() && self.has("total");
        let whole = total_time || is_whole(self.words, &self.squashed);
        if !whole || self.words.contains(&"upstream") || self.has("timeout") {
            return None;
        }
        Some(if has_rank_number(self.words) || self.has("pct perc") {
            ColumnRole::Statistic
        } else if self.has(AIMS) {
            ColumnRole::Part
        } else {
            ColumnRole::Latency
        })
    }

    fn status(&self) -> Option<ColumnRole> {
        let meaning = || StatusMeaning::of_title(self.words).map(ColumnRole::Status);
        self.unit.is_none().then(meaning).flatten()
    }

    fn other_figure(&self) -> ColumnRole {
        let stamp = ["timestamp", "starttime", "endtime", "datetime"];
        if self.has(STAMPS) || stamp.iter().any(|word| self.squashed.contains(word)) {
            ColumnRole::Stamp
        } else if self.has(SIZES) {
            ColumnRole::Size
        } else if self.has(PARTS) {
            ColumnRole::Part
        } else if self.has("time times t secs seconds lag") || self.is("ms us ns s millis") {
            ColumnRole::Time
        } else if self.has(COUNTERS) {
            ColumnRole::Counter
        } else if self.has(LABELS) {
            ColumnRole::Label
        } else {
            ColumnRole::Other
        }
    }
}

/// A number that names a percentile in the title of a latency: `latency_99`, `rt95`, `p99latency`, `0_95`.
fn has_rank_number(words: &[&str]) -> bool {
    let numbers = words
        .iter()
        .flat_map(|word| word.split(|c: char| !c.is_ascii_digit()))
        .filter(|digits| !digits.is_empty());
    numbers
        .filter_map(|digits| digits.parse::<u64>().ok())
        .any(|n| (5..=100).contains(&n) || [999, 9_999, 99_999].contains(&n))
}

/// Whether a title names a span of time that its rows sum up: `minute`, `window`.
pub(super) fn is_period(words: &[&str]) -> bool {
    const PERIODS: &str = "second minute hour day week month window interval period slot";
    !words.is_empty() && words.iter().all(|word| listed(PERIODS, word))
}

/// Whether a statistic is one of times: `p99`, `avg`, `mean response time`.
pub(super) fn is_of_times(words: &[&str]) -> bool {
    let alone = words
        .iter()
        .all(|word| listed(STATISTICS, word) || is_percentile(word) || word.parse::<f64>().is_ok());
    alone
        || words
            .iter()
            .any(|word| listed(NOUNS, word) || matches!(*word, "time" | "times" | "e2e"))
}

/// Whether a rate is one of data and not of requests: `speed_download`, `KB/sec`.
pub(super) fn is_data_rate(words: &[&str]) -> bool {
    let data = "bytes byte kb mb kib mib bit bits bps kbps mbps speed bandwidth download upload";
    words.iter().any(|word| listed(data, word))
}

/// Whether every word of a title is one of the words for times, sizes, counts and names.
pub(super) fn is_known(words: &[&str]) -> bool {
    const TIMES: &str = "time times t secs seconds";
    const BESIDE: &str = "of the in sent received client server remote local current all total http response request \
        body header thread name code content cs sc x";
    let lists = [
        NOUNS, PARTS, STAMPS, SIZES, COUNTERS, LABELS, COUNTS, REQUESTS, TIMES,
    ];
    let named = |word: &&str| {
        word.parse::<TimeUnit>().is_ok() || lists.iter().any(|list| listed(list, word))
    };
    words.iter().any(named) && words.iter().all(|word| named(word) || listed(BESIDE, word))
}

/// Whether the title means the time of a whole request.
fn is_whole(words: &[&str], squashed: &str) -> bool {
    let noun = words.iter().any(|word| {
        listed(NOUNS, word)
            || NOUNS.split(' ').any(|noun| {
                word.strip_prefix(noun)
                    .is_some_and(|rest| rest.parse::<TimeUnit>().is_ok() && rest.len() > 1)
            })
    });
    let pair = words.windows(2).any(|two| listed(PAIRS, &two.join("_")));
    let part = words
        .iter()
        .any(|word| listed(PARTS, word) && !matches!(*word, "send" | "read" | "write"));
    (noun || pair || squashed.contains("e2e")) && !part
}

/// `Requests/s`, `bytes per second`.
fn is_rate(title: &str, words: &[&str]) -> bool {
    let lower = title.to_lowercase();
    let per_time = lower.split('/').skip(1).any(|rest| {
        let word: String = rest
            .trim_start()
            .chars()
            .take_while(|c| c.is_alphabetic())
            .collect();
        word == "h" || word == "hour" || word == "day" || word.parse::<TimeUnit>().is_ok()
    });
    per_time
        || words.iter().any(|word| listed(RATES, word))
        || words.concat().contains("persec")
        || words
            .windows(2)
            .any(|two| two[0].ends_with("ps") && two[0].len() == 3 && two[1] == "s")
}

/// `p99`, `P99.9`, `q95`, `tp99`, `95th`.
pub(super) fn is_percentile(word: &str) -> bool {
    let word = word.to_lowercase();
    let number = |text: &str| {
        text.parse::<f64>()
            .is_ok_and(|n| (0.0..=100_000.0).contains(&n))
            && text.len() >= 2
    };
    ["p", "q", "tp", "p(", "pct", "perc"].iter().any(|prefix| {
        word.strip_prefix(prefix)
            .is_some_and(|rest| number(rest.trim_end_matches(')').trim_start_matches('_')))
    }) || ["th", "st", "nd", "rd", "%", "%ile", "pct"]
        .iter()
        .any(|suffix| word.strip_suffix(suffix).is_some_and(number))
}

/// `p(95)`, `99.9%`.
fn has_percentile(title: &str) -> bool {
    title.split_whitespace().any(is_percentile)
}

/// The unit that a title names: in brackets, or as its last word. A unit after `/` or `per` is that of a rate, and
/// `min` and `m` count as minutes in brackets only.
fn unit_of(title: &str, words: &[&str]) -> Option<TimeUnit> {
    if let Some(unit) = bracketed(title) {
        return Some(unit);
    }
    if title.contains('/') || words.contains(&"per") {
        return None;
    }
    let last = words.last()?;
    if let Ok(unit) = last.parse() {
        let short = matches!(*last, "m" | "min" | "mins") || words.len() == 1 && *last == "s";
        return (!short).then_some(unit);
    }
    // latencyms
    NOUNS.split(' ').chain(["time"]).find_map(|noun| {
        let rest = last.strip_prefix(noun)?;
        match rest {
            "m" | "s" | "min" => None,
            _ => rest.parse().ok(),
        }
    })
}

fn bracketed(title: &str) -> Option<TimeUnit> {
    title
        .split(['(', '['])
        .skip(1)
        .find_map(|rest| rest.split([')', ']']).next()?.trim().parse().ok())
}

/// The words of a title in lower case: `responseCode`, `Response Code`, `response-code`.
pub(super) fn words(title: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let chars: Vec<char> = title.chars().collect();
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| chars[i]);
        let lower_after = chars.get(i + 1).is_some_and(|c| c.is_lowercase());
        let hump = c.is_uppercase()
            && before.is_some_and(|b| {
                b.is_lowercase() || b.is_ascii_digit() || b.is_uppercase() && lower_after
            });
        if (hump || !c.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::status_meaning::StatusMeaning;
    use super::{ColumnRole, ColumnTitle, TimeUnit, words};

    #[test]
    fn words_are_told_apart_in_every_spelling() {
        for title in [
            "responseCode",
            "Response Code",
            "response-code",
            "RESPONSE_CODE",
            "ResponseCode",
        ] {
            assert_eq!(words(title), ["response", "code"], "{title}");
        }
        assert_eq!(words("HTTPStatus?"), ["http", "status"]);
    }

    #[test]
    fn a_title_tells_what_its_column_holds() {
        use ColumnRole::{
            Bucket, Count, Counter, FailureTotal, Label, Latency, Part, Rank, Rate, Requests, Size,
            Stamp, Statistic, Status, SuccessTotal, Time,
        };
        for (role, titles) in [
            (
                Latency,
                "latency, latency_ms, Latency (ms), elapsed, duration [s], rt_us, Response Time [ms], total_time, time_taken, latencyMs, latencyms, request-duration, time_total, http_req_duration, e2e_ms, end_to_end_ms, round trip, error_latency_ms",
            ),
            (Time, "time, t, time_ms, ms, s"),
            (Part, "connect_ms, dns, time_connect, timeout_ms, Idle Time"),
            (
                Rate,
                "Requests/s, req per sec, rps, qps, throughput, bytes/s, Bytes/sec, requests_per_second, KB/sec, hits / min, latency/s",
            ),
            (SuccessTotal, "success rate, succeeded_pct, ok %"),
            (FailureTotal, "Failures/s, error_rate, Error %"),
            (
                Statistic,
                "min, max_ms, avg, Average response time, p99, P99.9, p(95), 99%, 95th, median, latency_min, stddev, mean_ms, latency_p99_ms, q95",
            ),
            (Rank, "Percentile, Percentage served, quantile, %, rank"),
            (Bucket, "le, bucket, Upper Bound, bin"),
            (Count, "count, frequency, TotalCount, n, Freq"),
            (Requests, "requests, hits, # requests, samples"),
            (
                Stamp,
                "timestamp, ts, start, start_ms, offset, timeStamp, date, request-start",
            ),
            (Size, "bytes, sentBytes, size, content_length"),
            (Counter, "id, index, seq, vu, window"),
            (Label, "url, method, label"),
            (
                Status(StatusMeaning::Code),
                "status, Status Code, http_status, responseCode, code, rc, result",
            ),
            (
                Status(StatusMeaning::Positive),
                "success, Success?, ok, is_ok, passed, no_error",
            ),
            (
                Status(StatusMeaning::Negative),
                "error, err, failed, is_failed, timed_out, timeout, exception, not_ok",
            ),
            (
                Status(StatusMeaning::ErrorCode),
                "error_code, errno, errorCode, failures, error_count",
            ),
        ] {
            for title in titles.split(", ") {
                assert_eq!(ColumnTitle::read(title).role, role, "{title}");
            }
        }
    }

    #[test]
    fn a_title_may_name_a_unit() {
        for (title, unit) in [
            ("latency_ms", Some(TimeUnit::Milliseconds)),
            ("Latency (ms) of GET", Some(TimeUnit::Milliseconds)),
            ("duration [s]", Some(TimeUnit::Seconds)),
            ("elapsed.seconds", Some(TimeUnit::Seconds)),
            ("latencyMs", Some(TimeUnit::Milliseconds)),
            ("durationms", Some(TimeUnit::Milliseconds)),
            ("rt_µs", Some(TimeUnit::Microseconds)),
            ("duration (min)", Some(TimeUnit::Minutes)),
            ("ms", Some(TimeUnit::Milliseconds)),
            ("duration_min", None),
            ("Requests/s", None),
            ("requests per s", None),
            ("latency", None),
            ("items", None),
            ("items_s", None),
            ("it's", None),
            ("s", None),
            ("", None),
        ] {
            assert_eq!(ColumnTitle::read(title).unit, unit, "{title}");
        }
    }
}
