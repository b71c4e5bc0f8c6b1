//! Names in hey, oha, wrk, wrk2, ab, vegeta, bombardier, curl, k6 and autocannon for the flags of this program.

use super::value;

/// A flag of another tool, in one of its meanings.
pub(super) struct ForeignFlag {
    /// Names without dashes; a name of several letters is known with one dash and with two.
    pub(super) names: &'static [&'static str],
    /// The tools that have it, and its meaning there.
    pub(super) tools: &'static str,
    /// The replacement to type, the best first. `{}` stands for the value. The first hint whose flags the command has
    /// is shown.
    pub(super) hints: &'static [&'static str],
    /// Stands for the value where there is none.
    pub(super) example: &'static str,
    /// The form in which the value is repeated; `None` if this meaning does not fit the value.
    pub(super) value: fn(&str) -> Option<String>,
}

/// A flag whose value is not repeated, because it has none or may be a secret.
const fn flag(
    names: &'static [&'static str],
    tools: &'static str,
    hints: &'static [&'static str],
) -> ForeignFlag {
    ForeignFlag {
        names,
        tools,
        hints,
        example: "",
        value: value::any,
    }
}

/// A flag whose value is repeated in the hint.
const fn with(
    names: &'static [&'static str],
    tools: &'static str,
    example: &'static str,
    value: fn(&str) -> Option<String>,
    hints: &'static [&'static str],
) -> ForeignFlag {
    ForeignFlag {
        names,
        tools,
        hints,
        example,
        value,
    }
}

const HTTP_2: &[&str] = &["use --http2", "leave it out; HTTP/2 is not available here"];
const NO_HTTP_3: &[&str] = &["use --http2; HTTP/3 is not available"];
const ALREADY_1: &[&str] = &["leave it out; a7probe speaks HTTP/1.1 without --http2"];
const PROXY: &[&str] = &["use -x HOST:PORT, with the user and password before the host"];
const NO_PROXY: &[&str] =
    &["leave it out; only the HTTP proxy of -x is used, never one of the environment"];
const NO_REDIRECTS: &[&str] = &["leave it out; redirects are followed only with -L"];
const REDIRECTS: &[&str] = &["use -L, which follows at most 10 redirects"];
const NO_COMPRESSION: &[&str] = &["leave it out; a7probe does not ask for compression"];
const COMPRESSION: &[&str] = &["use -H 'Accept-Encoding: gzip'"];
pub(super) const TIME: &[&str] = &[
    "use -z {}",
    "use --block {}",
    OF_A_SEARCH,
    "use --budget {}",
];
const OF_A_SEARCH: &str =
    "leave it out; --budget limits the search, --confirm is the length of a block";
const COUNT: &[&str] = &[
    "use -n {}",
    "use --pairs and --block",
    OF_A_SEARCH,
    "use --budget 60s",
];
const RATE: &[&str] = &["use -q {}"];
const CLIENTS: &[&str] = &[
    "use -c {}",
    "leave it out; the load is -q, requests per second",
];
const TIMEOUT: &[&str] = &["use -t {}"];
const BODY: &[&str] = &["use -d TEXT"];
const BODY_FILE: &[&str] = &["use -d @{}"];
const METHOD: &[&str] = &[
    "use -X {}",
    "name the endpoint: --get NAME=PATH or --post NAME=PATH",
];
const HEAD: &[&str] = &["use -X HEAD", "name the endpoint with --get NAME=PATH"];
const SHOW_HEADERS: &[&str] = &[
    "use -X HEAD for a HEAD request; answers are read and none is printed",
    "leave it out; answers are read and none is printed",
];
const THREADS: &[&str] = &["leave it out; threads and connections are opened as needed"];
const STREAMS: &[&str] = &[
    "use --http2 --streams {} for streams of HTTP/2, else leave it out",
    THREADS[0],
];
const PERCENTILES: &[&str] = &["leave it out; percentiles are always printed"];
const QUIET: &[&str] = &["use --quiet"];
const VERBOSE: &[&str] = &["use -v"];
const INSECURE: &[&str] = &["use -k"];
const NO_KEEPALIVE: &[&str] = &[
    "use --disable-keepalive",
    "leave it out; one step opens a new connection for every request",
];
const KEEPALIVE: &[&str] = &["leave it out; connections are kept open"];
const ACCEPT: &[&str] = &["use -H 'Accept: {}'"];
const USER_AGENT: &[&str] = &["use -H 'User-Agent: {}'"];
const COOKIE: &[&str] = &["use -b 'NAME=VALUE'"];
const BASIC: &[&str] = &["use -a USER:PASS"];
const BEARER: &[&str] = &["use -H 'Authorization: Bearer TOKEN'"];
const TARGETS: &[&str] = &[
    "give several URLs, NAME=URL to name one; -X and -d hold for a single URL",
    "use --get NAME=PATH and --post NAME=PATH, once per endpoint",
];
const FORM: &[&str] = &[
    "use -d TEXT with -T application/x-www-form-urlencoded; multipart bodies from a file: -d @FILE",
];
const COLOURS: &[&str] = &["leave it out; set NO_COLOR=1 for no colours"];
const SCRIPT: &[&str] = &["use -d, -H and {{uuid}} in the body; a7probe runs no scripts"];
const CSV: &[&str] = &["use -o csv={}"];
const JSON_FILE: &[&str] = &["use -o json={}"];
const FORMAT: &[&str] = &["use --output {}"];
const ADDRESS_FAMILY: &[&str] = &["use --connect-to HOST:PORT with an address of that family"];
const RESOLVE: &[&str] = &["use --connect-to HOST:PORT"];
const TLS_DEFAULT: &[&str] = &["leave it out; TLS 1.2 and 1.3 are offered"];
const CLIENT_CERT: &[&str] = &[
    "use --cert FILE and --key FILE, in PEM",
    "leave it out; client certificates: a7probe measure",
];
const CACERT: &[&str] = &["use --cacert {}"];
const WARM_UP: &[&str] = &["use --warmup TIME", "use --settle TIME", "leave it out"];
const ERRORS: &[&str] = &["leave it out; failures are counted and never end the run"];
const BYTES: &[&str] = &["leave it out; whole answers are read and none is printed"];
const SENT_AT_ONCE: &[&str] = &["leave it out; a body is sent whole, with its length"];
const NO_LIMIT: &[&str] = &["leave it out; a7probe has no such setting"];
const NOT_A_LOAD_PROFILE: &[&str] = &["use -q RATE; the rate is constant within a run"];
const SERVER_NAME: &[&str] =
    &["put the name into the URL, and the address into --connect-to HOST:PORT"];

/// The table. Of several meanings of a name, the first that fits the value is shown.
#[rustfmt::skip] // One meaning a line.
pub(super) const TABLE: &[ForeignFlag] = &[
    // Other tools' names for length, load and threads.
    with(&["R"], "wrk2: rate", "2000", value::number, RATE),
    flag(&["R"], "curl: remote time", NO_LIMIT),
    with(&["rate"], "vegeta: as fast as possible", "", value::zero, &["use -c N without a rate", "use -q RATE"]),
    with(&["rate"], "vegeta: rate", "50", value::rate, RATE),
    with(&["rps"], "k6: rate", "50", value::count, RATE),
    with(&["overallRate", "connectionRate"], "autocannon: rate", "50", value::count, RATE),
    with(&["r"], "bombardier: rate", "50", value::number, RATE),
    flag(&["r"], "ab: no stop on socket errors; oha: redirects; curl: range", ERRORS),
    with(&["duration"], "wrk, bombardier, vegeta, k6: duration", "30s", value::time, TIME),
    with(&["z"], "hey, oha: duration", "30s", value::time, TIME),
    with(&["n"], "hey, oha, ab: requests", "1000", value::count, COUNT),
    with(&["c"], "hey, oha, wrk, ab: clients", "50", value::count, CLIENTS),
    with(&["requests", "n-requests", "amount", "iterations"], "bombardier, autocannon, k6: requests", "1000", value::count, COUNT),
    with(&["maxOverallRequests"], "autocannon: requests", "1000", value::count, COUNT),
    with(&["vus", "max-vus"], "k6: virtual users", "50", value::count, CLIENTS),
    with(&["connections"], "wrk, bombardier, vegeta, autocannon: clients", "50", value::count, CLIENTS),
    flag(&["max-connections", "workers", "max-workers"], "vegeta: workers; autocannon: threads", THREADS),
    flag(&["threads"], "wrk: threads", THREADS),
    flag(&["cpus"], "hey, vegeta: threads", THREADS),
    flag(&["pipelining"], "autocannon: pipelining", THREADS),
    with(&["p"], "oha: streams; autocannon: pipelining", "8", value::number, STREAMS),
    with(&["p"], "ab: body file", "FILE", value::path, BODY_FILE),
    flag(&["p"], "ab: body file; bombardier: parts to print; curl: proxy tunnel", &["use -d @FILE for a body from a file"]),
    flag(&["W", "warmup"], "autocannon: warm-up", WARM_UP),
    flag(&["stage", "stages", "burst-delay", "burst-rate", "burst-ratio", "ramp-up"], "k6, oha: load profile", NOT_A_LOAD_PROFILE),
    with(&["max-time"], "curl: timeout", "10s", value::time, TIMEOUT),
    with(&["timeout"], "wrk, bombardier, vegeta: timeout", "10s", value::time, TIMEOUT),
    with(&["connect-timeout"], "curl, oha: connect timeout", "10s", value::time, TIMEOUT),
    with(&["s"], "wrk, wrk2: script", "script.lua", value::script, SCRIPT),
    with(&["s"], "ab: timeout", "30s", value::duration, TIMEOUT),
    flag(&["s"], "curl: silent; ab: timeout; wrk: script; bombardier: stream", QUIET),
    with(&["script"], "wrk, wrk2: script", "", value::any, SCRIPT),
    flag(&["w"], "curl: output format; ab: HTML table; oha: wait for answers; autocannon: threads", &["leave it out, or choose a format with --output"]),
    flag(&["latency-correction"], "oha", &["leave it out; response time always counts from the intended start"]),
    flag(&["ignoreCoordinatedOmission"], "autocannon", &["leave it out; response time always counts from the intended start"]),
    flag(&["wait-ongoing-requests-after-deadline"], "oha", &["leave it out; answers in flight are waited for"]),
    flag(&["lazy", "max-body", "maxConnectionRequests", "reconnectRate", "bailout", "forever", "idReplacement", "dump-urls", "batch", "throw"], "vegeta, autocannon, oha, k6", NO_LIMIT),
    // Requests.
    with(&["A"], "hey: Accept header", "application/json", value::media_type, ACCEPT),
    with(&["A", "user-agent"], "curl: user agent", "my-agent", value::agent, USER_AGENT),
    flag(&["A"], "ab: user and password", BASIC),
    with(&["U"], "hey: user agent", "my-agent", value::agent, USER_AGENT),
    flag(&["U"], "curl: proxy user; wrk2: uncorrected latency", PROXY),
    with(&["X"], "ab: proxy", "", value::proxy, PROXY),
    with(&["X", "request"], "curl: method", "POST", value::method, METHOD),
    with(&["m", "method"], "hey, oha, bombardier: method", "POST", value::method, METHOD),
    flag(&["I", "head"], "curl: HEAD request", HEAD),
    with(&["i"], "k6: iterations", "1000", value::number, COUNT),
    with(&["i"], "autocannon: body file", "FILE", value::path, BODY_FILE),
    flag(&["i"], "ab: HEAD request; curl: show headers", SHOW_HEADERS),
    flag(&["include", "dump-header"], "curl: show headers", BYTES),
    flag(&["cookie-jar", "junk-session-cookies"], "curl: cookie jar", &["leave it out; cookies of answers are not kept"]),
    with(&["C"], "ab: cookie", "", value::cookie, COOKIE),
    flag(&["C"], "ab: cookie; autocannon: coordinated omission", COOKIE),
    with(&["u"], "k6: clients", "50", value::number, CLIENTS),
    with(&["u"], "oha: time unit", "", value::time_unit, &["leave it out; the result names its units"]),
    flag(&["u"], "curl: user and password; ab: file to PUT; k6: clients; oha: time unit", BASIC),
    flag(&["user", "basic"], "curl: user and password", BASIC),
    flag(&["oauth2-bearer"], "curl: bearer token", BEARER),
    flag(&["netrc", "netrc-file", "digest", "ntlm", "negotiate", "anyauth", "aws-sigv4", "aws-session"], "curl, oha: authentication", BEARER),
    with(&["e", "referer"], "curl: referer", "URL", value::url, &["use -H 'Referer: {}'"]),
    with(&["e"], "ab: CSV file", "FILE", value::path, CSV),
    flag(&["e"], "ab: CSV file; curl: referer; k6: environment", &["use -o csv=FILE, or -H 'Referer: URL'"]),
    flag(&["data-raw", "data-ascii"], "curl: body", BODY),
    flag(&["data-binary"], "curl: body", &["use -d TEXT or -d @FILE"]),
    flag(&["data-urlencode"], "curl: form field", &["use -d 'NAME=VALUE', percent-encoded, with -T application/x-www-form-urlencoded"]),
    flag(&["json"], "curl: JSON body; oha: JSON output", &["use -d TEXT for a JSON body, or --output json for the result"]),
    flag(&["form", "form-string", "F"], "curl, oha, autocannon: form", FORM),
    flag(&["G"], "curl: send data in the query", &["put the data into the URL's query"]),
    with(&["body"], "vegeta: body file", "FILE", value::any_quoted, BODY_FILE),
    with(&["D", "body-file", "put-file", "upload-file", "input"], "bombardier, curl, autocannon: body file", "FILE", value::any_quoted, BODY_FILE),
    flag(&["Z"], "oha: bodies from a file; curl: parallel; ab: ciphers", &["use -d with {{uuid}} or {{n}} for bodies that differ"]),
    with(&["f"], "bombardier: body file", "FILE", value::path, BODY_FILE),
    flag(&["f"], "bombardier: body file; curl: fail; ab: TLS version; autocannon: endless", &["use -d @FILE for a body; any status but 2xx is a failure already"]),
    flag(&["fail", "fail-with-body", "fail-early"], "curl: fail on errors", &["leave it out; any status but 2xx is a failure already"]),
    flag(&["headers", "add-header"], "autocannon: header", &["use -H 'NAME: VALUE'"]),
    with(&["header"], "vegeta: header", "NAME: VALUE", value::not_secret, &["use -H 'NAME: VALUE'"]),
    flag(&["host", "servername"], "hey, oha: Host header", SERVER_NAME),
    flag(&["url"], "curl: URL", &["write the URL without a flag"]),
    flag(&["targets"], "vegeta", TARGETS),
    flag(&["urls-from-file", "rand-regex-url", "rand-regex", "max-repeat", "har"], "oha, autocannon: many URLs", TARGETS),
    with(&["g"], "ab: gnuplot file", "FILE", value::path, CSV),
    flag(&["g", "request-target", "path-as-is", "globoff"], "curl: URL as it is", &["leave it out; the URL is sent as it is written"]),
    flag(&["chunked", "stream"], "vegeta, bombardier: chunked body", SENT_AT_ONCE),
    flag(&["compressed", "tr-encoding"], "curl: compression", COMPRESSION),
    flag(&["disable-compression"], "hey, oha", NO_COMPRESSION),
    flag(&["expectBody"], "autocannon: expected body", &["use --expect-body TEXT"]),
    // Connections.
    flag(&["h2"], "hey", HTTP_2),
    flag(&["h2c", "http2", "http2-prior-knowledge", "http-version"], "oha, vegeta, bombardier, curl", HTTP_2),
    flag(&["http3", "http3-only"], "oha, curl", NO_HTTP_3),
    flag(&["http1.0", "http1.1", "http1", "fasthttp", "http0.9", "0", "1"], "curl, bombardier", ALREADY_1),
    flag(&["2"], "curl", HTTP_2),
    flag(&["3"], "curl", NO_HTTP_3),
    flag(&["disable-keepalive"], "hey", NO_KEEPALIVE),
    flag(&["disableKeepAlives", "no-connection-reuse", "no-vu-connection-reuse", "no-keepalive"], "bombardier, k6, curl: no keep-alive", NO_KEEPALIVE),
    with(&["keepalive"], "vegeta: keep-alive", "", value::is_false, NO_KEEPALIVE),
    flag(&["keepalive", "keepalive-time"], "vegeta, curl: keep-alive", KEEPALIVE),
    flag(&["disable-redirects"], "hey", NO_REDIRECTS),
    flag(&["redirects", "redirect", "max-redirects", "max-redirs", "location-trusted"], "curl, oha, vegeta, k6: redirects", REDIRECTS),
    flag(&["proxy-user", "P"], "curl, ab: proxy user", PROXY),
    flag(&["proxy-header", "proxy-http2", "proxy-http-version", "noproxy", "socks5", "socks5-hostname", "preproxy"], "curl, oha: proxy", NO_PROXY),
    flag(&["insecure-skip-tls-verify"], "k6", INSECURE),
    flag(&["insecure"], "vegeta", INSECURE),
    with(&["root-certs", "capath"], "vegeta, curl: CA certificates", "FILE", value::any_quoted, CACERT),
    with(&["cacert"], "curl, oha: CA certificates", "FILE", value::any_quoted, CACERT),
    flag(&["E", "cert", "key", "cert-type", "key-type", "pass", "P12"], "curl, ab, vegeta: client certificate", CLIENT_CERT),
    flag(&["tlsv1", "tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3", "tls-max", "ciphers", "tls13-ciphers", "ssl-reqd", "session-tickets"], "curl, vegeta: TLS settings", TLS_DEFAULT),
    flag(&["4", "6", "ipv4", "ipv6"], "curl, oha: address family", ADDRESS_FAMILY),
    flag(&["resolve", "resolvers", "dns-ttl", "dns-servers", "no-pre-lookup", "vsock-addr"], "curl, vegeta, oha: name resolution", RESOLVE),
    flag(&["interface", "local-port", "laddr", "B"], "curl, vegeta, ab: local address", &["leave it out; the system chooses the local address"]),
    with(&["unix-socket", "socketPath", "abstract-unix-socket"], "curl, autocannon: Unix socket", "FILE", value::any_quoted, &["use --unix-socket {}"]),
    with(&["S"], "autocannon: Unix socket", "FILE", value::path, &["use --unix-socket {}"]),
    flag(&["S", "show-error"], "curl: show errors; ab: no deviations", &["leave it out; errors are always shown"]),
    flag(&["retry", "retry-delay", "retry-max-time", "retry-connrefused", "retry-all-errors"], "curl: retries", &["leave it out; a failed request is never sent again; --wait-ready 30s waits for the service"]),
    flag(&["range", "limit-rate", "speed-limit", "speed-time", "y", "Y", "tcp-nodelay", "no-buffer", "N"], "curl: transfer", NO_LIMIT),
    // Output.
    with(&["output"], "vegeta, oha, curl: output file", "FILE", value::not_format, JSON_FILE),
    with(&["output-format", "format", "out", "print"], "oha, bombardier, k6: output format", "json", value::format, FORMAT),
    flag(&["output-format", "format", "print", "type", "output-dir", "create-dirs"], "oha, vegeta, bombardier, curl: output", &["use --output json, markdown or csv"]),
    with(&["out", "summary-export", "db-url"], "k6, oha: output file", "FILE", value::any_quoted, JSON_FILE),
    flag(&["O", "J", "remote-name", "remote-header-name", "remote-time", "write-out"], "curl: save the answer", BYTES),
    with(&["csv"], "ab: CSV file", "FILE", value::any_quoted, CSV),
    flag(&["more"], "hey: histogram", PERCENTILES),
    flag(&["latency"], "wrk, wrk2, autocannon: percentiles", PERCENTILES),
    flag(&["latencies", "l"], "bombardier, autocannon: percentiles; ab: varying length", PERCENTILES),
    flag(&["u_latency", "batch_latency", "renderStatusCodes", "statusCodeStats", "stats-success-breakdown", "summary-trend-stats", "sampleInt", "histogram", "percentiles", "histogram-buckets", "buckets"], "wrk2, oha, k6, vegeta, autocannon: percentiles", PERCENTILES),
    flag(&["no-tui", "no-print", "no-progress", "fps", "silent", "progress-bar", "no-progress-meter", "q", "no-summary", "no-usage-report", "no-thresholds", "no-setup", "no-teardown"], "oha, bombardier, autocannon, curl, k6: quiet", QUIET),
    flag(&["disable-color", "no-color"], "oha, k6", COLOURS),
    flag(&["debug", "http-debug", "trace-ascii", "verbose"], "oha, k6, curl: debugging", VERBOSE),
    flag(&["time-unit"], "oha: time unit", &["leave it out; the result names its units"]),
    flag(&["name", "tag", "title", "env", "config-file"], "vegeta, k6, autocannon: label", &["leave it out; name endpoints with --get NAME=PATH"]),
    flag(&["K", "disable", "next", "parallel", "parallel-max", "parallel-immediate", "manual", "M", "Q", "quote", "list-only", "append", "no-sessionid", "j", "#"], "curl", NO_LIMIT),
    flag(&["opentelemetry-addr", "prometheus-addr", "profile-cpu", "summary-mode", "thresholds", "threshold"], "vegeta, k6", &["use --gate for limits and --report json=FILE for results"]),
    flag(&["excludeErrorStats", "on-port", "workerThreads"], "autocannon", NO_LIMIT),
    flag(&["renderResultsTable", "renderLatencyTable"], "autocannon", PERCENTILES),
    flag(&["renderProgressBar"], "autocannon", QUIET),
    flag(&["verifyBody"], "autocannon: expected body", &["use --expect-body TEXT"]),
    with(&["ca"], "autocannon: CA certificates", "FILE", value::any_quoted, CACERT),
    flag(&["summary-time-unit"], "k6: time unit", &["leave it out; the result names its units"]),
    flag(&["execution-segment", "execution-segment-sequence"], "k6: part of a distributed run", NO_LIMIT),
    flag(&["log-output", "log-format", "console-output", "show-logs"], "k6: log", VERBOSE),
    flag(&["discard-response-bodies"], "k6", BYTES),
    flag(&["dns"], "k6: name resolution", RESOLVE),
    flag(&["local-ips"], "k6: local address", &["leave it out; the system chooses the local address"]),
    flag(&["batch-per-host", "setup-timeout", "teardown-timeout", "include-system-env-vars", "paused", "block-hostnames", "blacklist-ip", "compatibility-mode", "linger", "min-iteration-duration", "system-tags", "traces-output", "address", "secret-source", "profiling-enabled", "no-cookies-reset"], "k6", NO_LIMIT),
    flag(&["url-query"], "curl: query", &["put the data into the URL's query"]),
    flag(&["continue-at", "max-filesize", "raw", "ignore-content-length", "crlf", "stderr", "styled-output", "tcp-fastopen", "keepalive-cnt", "etag-save", "etag-compare", "expect100-timeout", "variable", "hsts", "haproxy-protocol", "proto", "proto-default", "proto-redir", "trace-time", "xattr", "use-ascii", "post301", "post302", "post303"], "curl", NO_LIMIT),
    flag(&["no-alpn", "pinnedpubkey", "false-start", "cert-status", "crlfile"], "curl: TLS settings", TLS_DEFAULT),
    flag(&["doh-url", "dns-interface", "dns-ipv4-addr", "dns-ipv6-addr"], "curl: name resolution", RESOLVE),
    flag(&["socks4", "socks4a", "proxytunnel", "proxy-insecure", "proxy-cacert", "proxy-basic"], "curl: proxy", NO_PROXY),
    with(&["time-cond"], "curl: only if it was changed since then", "DATE", value::any_quoted, &["use -H 'If-Modified-Since: DATE'"]),
];
