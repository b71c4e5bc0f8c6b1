//! Columns of unknown files: none hides a failure because of its title, and ordinary ones do not refuse the file.

use a7probe::run::import::{self, ImportError, ImportOptions, Imported, TimeUnit};

const ROWS: usize = 40;

fn read(text: &str) -> Result<Imported, ImportError> {
    import::read(text.as_bytes(), &ImportOptions::default())
}

/// How many requests ended ok, and how many failed.
fn counts(imported: &Imported) -> (u64, u64) {
    let counts = &imported.endpoints[0].recording.counts;
    (counts.ok, counts.failed_total())
}

/// A heading and rows; every fifth row is the second one. `%i` is the number of the row.
fn table(heading: &str, row: &str, fifth: &str) -> String {
    let rows = (0..ROWS).map(|i| {
        let row = if i % 5 == 4 { fifth } else { row };
        let latency = 40 + i * 7 % 20;
        row.replace("%i", &i.to_string())
            .replace("%L", &latency.to_string())
            + "\n"
    });
    format!("{heading}\n{}", rows.collect::<String>())
}

fn column(title: &str, usual: &str, fifth: &str) -> String {
    table(
        &format!("latency_ms;{title}"),
        &format!("%L;{usual}"),
        &format!("%L;{fifth}"),
    )
}

/// The file is refused, or its failures are counted.
fn assert_no_failure_is_lost(text: &str) {
    if let Ok(imported) = read(text) {
        assert_eq!(counts(&imported), (32, 8), "{text}");
    }
}

fn refusal(text: &str) -> String {
    match read(text) {
        Ok(imported) => panic!("{text} is read: {:?}", counts(&imported)),
        Err(error) => error.to_string(),
    }
}

fn assert_plain(text: &str) {
    let imported = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(counts(&imported), (ROWS as u64, 0), "{text}");
}

#[test]
fn a_title_alone_clears_no_column_of_telling_success() {
    for titles_and_values in [
        // Booleans under the titles of counts, parts, instants, names and statistics.
        "no_response no_reply retries_exhausted page_loaded request_sent body_match length_mismatch \
         connection_reset stopped end_reached thread_died wait_exceeded write_stalled queue_full dns_resolved \
         rate_limited max_retries_exceeded id user url bytes count p99 timestamp port = false true",
        "completed page_loaded stopped id payload transaction = true false",
        "no_answer connection_closed thread_died host_down = 0 1",
        // Words and codes under the titles of names.
        "transaction action tag label n operation connection connect queue host user payload mode = ok failed",
        "transaction host queue size id s conn response = 200 503",
        "region operation scenario = up down",
        // Unknown titles of statuses, with a value that no list has.
        "response resp answer = 200 ERR",
        "response resp answer = 200 -1",
        "response resp = 200 0",
        "retcode errcode curl ret err_no = 0 28",
        // Other languages, signs, codes.
        "Erfolg erfolgreich = WAHR FALSCH",
        "Erfolg = ja nein",
        "Ergebnis = Erfolg Fehler",
        "succès réussi = VRAI FAUX",
        "état = réussi échec",
        "статус = успех ошибка",
        "状态 = 成功 失败",
        "check = ✓ ✗",
        "health = green red",
        "grade = A F",
        "severity = info critical",
        "validation = ok mismatch",
        "response_flags = - UF",
    ] {
        let (titles, values) = titles_and_values.split_once(" = ").expect("values");
        let (usual, fifth) = values.split_once(' ').expect("two values");
        for title in titles.split_whitespace() {
            assert_no_failure_is_lost(&column(title, usual, fifth));
        }
    }
}

#[test]
fn a_column_with_text_in_some_rows_only_is_asked_about() {
    for (title, text) in [
        ("Fehler", "Zeitüberschreitung"),
        ("エラー", "接続失敗"),
        ("reason", "EOF"),
        ("message", "socket hang up"),
        ("note", "no route to host"),
        ("detail", "context canceled"),
        ("flag", "x"),
        ("user", "gone away"),
    ] {
        assert_no_failure_is_lost(&column(title, "", text));
    }
    assert_no_failure_is_lost(&column("response", "200", ""));
    // In no row at all: nothing is told.
    assert_plain(&column("Fehler", "", ""));
}

#[test]
fn a_column_that_says_failed_in_every_row_is_not_taken_for_ok() {
    for (title, value) in [
        ("Erfolg", "FALSCH"),
        ("completed", "false"),
        ("completed", "0"),
        ("Fehler", "1"),
        ("curl", "28"),
        ("état", "échec"),
        ("label", "failed"),
    ] {
        if let Ok(imported) = read(&column(title, value, value)) {
            assert_eq!(counts(&imported), (0, ROWS as u64), "{title} {value}");
        }
    }
}

#[test]
fn names_times_sizes_and_counters_are_not_asked_about() {
    for (title, value) in [
        ("timestamp", "170000000%i"),
        ("date", "2026-01-01T10:00:%i"),
        ("url", "/orders/%i"),
        ("path", "/errors/7"),
        ("method", "GET"),
        ("host", "web%i.example"),
        ("region", "eu-west-1"),
        ("bytes", "51%i"),
        ("id", "%i"),
        ("request_id", "a%i-b"),
        ("thread", "3"),
        ("threadName", "Thread Group 1-%i"),
        ("connect_ms", "1"),
        ("cached", "true"),
        ("load_average", "0.5"),
    ] {
        let usual = column(title, value, value);
        match title {
            // A statistic of another thing refuses the file as before.
            "load_average" => drop(refusal(&usual)),
            _ => assert_plain(&usual),
        }
    }
    assert_plain(&column("method", "GET", "POST"));
    assert_plain(&column("region", "eu", "us"));
}

#[test]
fn beside_a_status_other_columns_do_not_refuse_the_file() {
    for (title, usual, fifth) in [
        ("country_code", "DE", "FR"),
        ("is_mobile", "true", "false"),
        ("shard", "0", "1"),
        ("retry_status", "", ""),
        ("cache_status", "HIT", "MISS"),
        ("state", "CA", "NY"),
        ("result", "42 items", "17 items"),
        ("postal_code", "10115", "20095"),
        ("currency_code", "EUR", "USD"),
        ("order_state", "NEW", "OPEN"),
        ("code_path", "main.rs", "lib.rs"),
        ("result_count", "17", "3"),
        ("available_memory", "500", "501"),
        ("valid_until", "2026-01-01", "2026-01-02"),
        ("bytes_down", "120", "345"),
        ("up", "12", "13"),
        ("accepted_encoding", "gzip", "br"),
        ("sc-win32-status", "0", "0"),
        ("x-edge-result-type", "Hit", "Miss"),
        ("upstream_status", "200", "-"),
        ("upstream_status", "200", ""),
        ("bucket", "logs", "images"),
        ("rank", "1", "2"),
        ("count", "1", "3"),
        ("weight", "10", "20"),
        ("mode", "read", "write"),
        ("rate_plan", "gold", "free"),
        ("speed_download", "91234", "81234"),
        ("error_no", "0", "0"),
        ("error", "", ""),
        ("message", "", ""),
    ] {
        for status in ["200", "OK"] {
            let text = table(
                &format!("latency_ms;status;{title}"),
                &format!("%L;{status};{usual}"),
                &format!("%L;{status};{fifth}"),
            );
            assert_plain(&text);
        }
    }
}

#[test]
fn what_contradicts_a_status_is_counted_or_asked_about() {
    for (title, usual, fifth) in [
        ("error", "", "timeout"),
        ("error_type", "", "Timeout"),
        ("failed", "false", "true"),
        ("completed", "true", "false"),
        ("errno", "0", "104"),
        ("exception", "null", "java.io.IOException"),
        ("upstream_status", "200", "502"),
        ("status_text", "OK", "timeout"),
        ("message", "", "socket hang up"),
        ("reason", "", "error: body mismatch"),
        ("response", "200", "503"),
    ] {
        let text = table(
            &format!("latency_ms;status;{title}"),
            &format!("%L;200;{usual}"),
            &format!("%L;200;{fifth}"),
        );
        assert_no_failure_is_lost(&text);
    }
    // The way out keeps the status.
    let text = table(
        "latency_ms;status;message",
        "%L;200;",
        "%L;200;socket hang up",
    );
    assert!(
        refusal(&text).ends_with(
            "hint: if it is, name it: --status-column message; if not: --status-column status"
        ),
        "{}",
        refusal(&text)
    );
    // A message beside a status that failed says nothing new.
    let text = table("latency_ms;status;message", "%L;200;", "%L;503;overloaded");
    assert_eq!(counts(&read(&text).expect("a list")), (32, 8));
}

#[test]
fn the_no_of_error_no_is_a_number() {
    for title in ["error_no", "errno", "err_no", "Error No", "failure_nr"] {
        assert_plain(&column(title, "0", "0"));
        assert_eq!(
            counts(&read(&column(title, "0", "1")).expect("a list")),
            (32, 8),
            "{title}"
        );
    }
    for title in ["no_error", "has_no_error", "No failure"] {
        let text = column(title, "true", "false");
        assert_eq!(counts(&read(&text).expect("a list")), (32, 8), "{title}");
    }
}

#[test]
fn only_the_whole_latency_is_chosen_and_no_unit_is_proposed() {
    for heading in [
        "run;target_ms",
        "run;timeout_ms",
        "run;connect_ms",
        "run;queue_ms",
        "run;gc_ms",
        "run;target_latency_ms",
        "run;latency_budget_ms",
        "minute;total_ms",
        "run;time_total",
        "run;request_time",
    ] {
        let error = refusal(&table(heading, "%i;%L.5", "%i;%L.5"));
        let (_, name) = heading.split_once(';').expect("two titles");
        assert!(
            error.contains(&format!("--column {name}")) || error.contains("add --unit s, ms"),
            "{error}"
        );
        assert!(!error.contains("--unit ms"), "{error}");
    }
    let curl = ImportOptions {
        unit: Some(TimeUnit::Seconds),
        ..ImportOptions::default()
    };
    let text = table("time_total;http_code", "0.0%L;200", "0.0%L;200");
    let imported = import::read(text.as_bytes(), &curl).expect("seconds");
    assert_eq!(counts(&imported), (ROWS as u64, 0));
    let error = refusal(&table("latency_ms;p99", "%L;50", "%L;60"));
    assert!(!error.contains("has no unit"), "{error}");
}

#[test]
fn statistics_are_not_requests() {
    for title in [
        "latency_percentile_99_ms",
        "latency_p_99_ms",
        "latency_99_ms",
        "response_time_95_percentile_ms",
        "latency_quantile_0_95_ms",
        "latency_99th_ms",
        "rt95_ms",
        "p99latency_ms",
        "latencyP99Ms",
        "tp99_latency_ms",
        "latency_worst_ms",
        "latency_best_ms",
        "latency_highest_ms",
        "latency_lower_ms",
        "latency_upper_90_ms",
        "sum_latency_ms",
        "latency_typical_ms",
        "smoothed_latency_ms",
        "http_request_duration_seconds_sum",
    ] {
        refusal(&table(&format!("minute;{title}"), "%i;%L", "%i;%L"));
        refusal(&table(&format!("run;{title}"), "%i;%L", "%i;%L"));
    }
}

#[test]
fn sorted_latencies_beside_figures_are_a_table() {
    let sorted = |heading: &str, of_row: &dyn Fn(usize) -> String| {
        let rows: String = (0..ROWS).map(|i| of_row(i) + "\n").collect();
        format!("{heading}\n{rows}")
    };
    for title in [
        "Anzahl",
        "number",
        "quantity",
        "total",
        "responses",
        "value",
        "users",
    ] {
        for falls in [false, true] {
            let text = sorted(&format!("latency_ms,{title}"), &|i| {
                let latency = if falls { 100 - i } else { i + 1 };
                format!("{latency},{}", 100 + i * 37 % 90)
            });
            refusal(&text);
        }
    }
    for title in ["pctl", "percentile", "level", "quantile"] {
        // In the order of a hash.
        refusal(&sorted(&format!("{title},latency_ms"), &|i| {
            let i = i * 7 % ROWS;
            format!("{},{}", i as f64 / 40.0, 40 + i)
        }));
    }
    assert_plain(&sorted("latency_ms,status", &|i| format!("{},200", i + 1)));
    assert_plain(&sorted("latency_ms,id,status", &|i| {
        format!("{},{i},200", i + 1)
    }));
}

#[test]
fn a_line_that_may_be_a_request_is_not_skipped() {
    for (text, line) in [
        ("1ms\n\n2ms\n", 2),
        ("latency_ms\n1\n2\n \n3\n", 4),
        ("latency_ms\n\n3\n", 2),
        ("1ms\n# timeout\n2ms\n", 2),
        ("1ms\n#2ms\n3ms\n", 2),
        ("1ms\n2ms # failed\n3ms\n", 2),
        ("null\n1ms\n", 1),
        ("N/A\n1ms\n", 1),
        ("∞\n1ms\n", 1),
        ("Connection reset by peer\n1ms\n", 1),
        ("id,latency_ms,status\n1,5,200\n# 2,5,503,x\n", 3),
    ] {
        let error = refusal(text);
        assert!(error.starts_with(&format!("line {line}: ")), "{error}");
    }
    let text = "id,latency_ms,status\n1,5,200\n#2,5,503\n3,6,200\n";
    assert_eq!(counts(&read(text).expect("a list")), (2, 1));
    for text in [
        "# made by hand\n\n1ms\n2ms # slow\n# end\n\n\n",
        "1ms\n2ms\n\n",
    ] {
        assert_eq!(counts(&read(text).expect("a list")), (2, 0), "{text}");
    }
}

#[test]
fn the_metric_of_k6_decides_whatever_the_status_is() {
    let titles = "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto,scenario,service,status,subproto,tls_version,url,extra_tags\n";
    let request = |failed: u8| {
        format!(
            "http_req_duration,1700000000,50.0,,,,,,GET,a,HTTP/1.1,d,,200,,,u,\n\
             http_req_failed,1700000000,{failed},,,,,,GET,a,HTTP/1.1,d,,200,,,u,\n"
        )
    };
    let rows = request(0) + &request(1) + &request(0);
    let text = format!("{titles}{rows}");
    assert_eq!(counts(&read(&text).expect("k6's CSV")), (2, 1));
    // The same as a spreadsheet or a script saves it.
    let semicolons = text.replace(',', ";");
    let quoted: String = text
        .lines()
        .map(|line| format!("\"{}\"\n", line.replace(',', "\",\"")))
        .collect();
    for text in [&semicolons, &quoted, &format!("\n\n{text}")] {
        assert_eq!(import::detect(text.as_bytes()), import::FileFormat::K6Csv);
        assert_eq!(counts(&read(text).expect("k6's CSV")), (2, 1), "{text}");
    }
    // A failure of which no latency is known.
    let lone =
        format!("{titles}http_req_failed,1700000000,1,,,,,,GET,a,HTTP/1.1,d,,200,,,u,\n{rows}");
    assert!(refusal(&lone).contains("2 requests failed, but only 1"));
}

#[test]
fn hey_needs_its_statuses_and_is_read_in_any_dress() {
    let titles = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset\n";
    let text = format!("{titles}0.9057,0.0011,0.0000,0.0000,0.0045,0.0001,200,0.1\n");
    let german = text.replace(',', ";").replace('.', ",");
    let quoted = text.replacen(
        titles,
        &format!("\"{}\"\n", titles.trim().replace(',', "\",\"")),
        1,
    );
    for text in [&text, &german, &quoted, &format!("\r\n{text}")] {
        let imported = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(imported.format, import::FileFormat::HeyCsv, "{text}");
        let latency = &imported.endpoints[0].recording.latency;
        assert_eq!(latency.count_above(900_000_000), (1, 1), "{text}");
    }
    let old = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read\n\
               0.0057,0.0011,0.0000,0.0000,0.0045,0.0001\n";
    assert!(refusal(old).contains("writes no status"));
}

#[test]
fn other_encodings_are_named_with_the_command_that_changes_them() {
    let cp1252 = b"Antwortzeit (ms);Gr\xf6\xdfe\n5;1\n";
    let utf32: Vec<u8> = "\u{feff}1ms\n"
        .chars()
        .flat_map(|c| (c as u32).to_le_bytes())
        .collect();
    for (bytes, command) in [
        (&cp1252[..], "iconv -f WINDOWS-1252 -t UTF-8 FILE > OUT"),
        (&utf32[..], "iconv -f UTF-32 -t UTF-8 FILE > OUT"),
    ] {
        for error in [
            import::read(bytes, &ImportOptions::default()),
            import::read_list(bytes, &ImportOptions::default()),
        ] {
            let error = error.expect_err("a refusal").to_string();
            assert!(error.contains(command), "{error}");
        }
    }
}
