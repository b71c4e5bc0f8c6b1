//! Every chart as a table, folded: percentiles, buckets of the run, the slowest and the failed requests.

use super::EndpointRuns;
use super::chapter::RunOfEndpoint;
use super::course::{BucketLevel, Course};
use super::markup::{Markup, attrs};
use super::number;
use super::phases_panel::{labels, times_of};
use super::slow_requests::SlowRequest;
use crate::judge::summary::PERCENTILES;
use crate::report::figures::thousands;
use crate::report::text;
use crate::run::recording::Exemplar;
use crate::run::sample::Outcome;
use crate::stats::rank::Quantile;
use crate::units::trimmed;

/// Rows of a table at most; no chart has more buckets.
const MOST_ROWS: usize = 600;

pub(super) fn write(m: &mut Markup, endpoints: &[EndpointRuns<'_>]) {
    if endpoints.is_empty() {
        return;
    }
    m.node("section", attrs!["class" => "data"], |m| {
        m.words("h2", attrs!["class" => "t3"], "Data");
        for endpoint in endpoints {
            for run in &endpoint.runs {
                let name = format!("{}{}", endpoint.name, run.role.suffix());
                percentiles(m, &name, run);
                buckets(m, &name, run);
                slowest(m, &name, run);
                failed(m, &name, run);
            }
        }
    });
}

/// A folded table: its columns, the first of which names the rows.
struct DataTable<'a> {
    title: String,
    size: String,
    columns: &'a [&'static str],
    rows: Vec<Vec<String>>,
}

impl DataTable<'_> {
    fn write(&self, m: &mut Markup) {
        if self.rows.is_empty() {
            return;
        }
        m.node("details", attrs![], |m| {
            m.node("summary", attrs![], |m| {
                m.text(&self.title);
                m.space();
                m.words("small", attrs![], &self.size);
            });
            let attributes =
                attrs!["class" => "w", "tabindex" => 0, "role" => "region", "aria-label" => self.title];
            m.node("div", attributes, |m| m.node("table", attrs![], |m| self.table(m)));
        });
        m.line_break();
    }

    fn table(&self, m: &mut Markup) {
        m.node("thead", attrs![], |m| {
            m.node("tr", attrs![], |m| {
                for (number, column) in self.columns.iter().enumerate() {
                    if number == 0 {
                        m.words("th", attrs!["scope" => "col"], column);
                    } else {
                        m.words("th", attrs!["scope" => "col", "class" => "r"], column);
                    }
                }
            });
        });
        m.node("tbody", attrs![], |m| {
            for row in &self.rows {
                m.node("tr", attrs![], |m| {
                    for (number, cell) in row.iter().enumerate() {
                        if number == 0 {
                            m.words("td", attrs![], cell);
                        } else {
                            m.words("td", attrs!["class" => "r"], cell);
                        }
                    }
                });
            }
        });
    }
}

fn percentiles(m: &mut Markup, name: &str, run: &RunOfEndpoint<'_>) {
    let mut quantiles = PERCENTILES.to_vec();
    quantiles.push(Quantile::P75);
    quantiles.sort_unstable();
    let summary = &run.endpoint.summary;
    let row = |quantile: &Quantile| {
        let percentile = summary.percentile(*quantile);
        vec![
            quantile.to_string(),
            number::observed(percentile.value),
            number::interval(percentile.interval),
            thousands(percentile.samples_needed),
        ]
    };
    let rows: Vec<Vec<String>> = quantiles.iter().map(row).collect();
    DataTable {
        title: format!("{name}: percentiles"),
        size: format!("{} rows", rows.len()),
        columns: &[
            "percentile",
            "value",
            "95% interval",
            "requests that an interval needs",
        ],
        rows,
    }
    .write(m);
}

fn buckets(m: &mut Markup, name: &str, run: &RunOfEndpoint<'_>) {
    let Some(course) = Course::of(run.endpoint) else {
        return;
    };
    let ms = |level: BucketLevel| match level {
        BucketLevel::Empty => "–".to_owned(),
        BucketLevel::Ns(ns) => milliseconds(ns),
        BucketLevel::Failed => "failed".to_owned(),
    };
    let buckets = course.buckets.iter().enumerate().take(MOST_ROWS);
    let rows = buckets.map(|(number, bucket)| {
        let mut row = vec![
            trimmed(number as f64 * course.width_s, 1),
            thousands(bucket.requests),
            thousands(bucket.failures.all),
            ms(bucket.p50),
            ms(bucket.p95),
        ];
        if course.has_p99 {
            row.push(ms(bucket.p99));
        }
        row.push(bucket.max_ns.map_or_else(|| "–".to_owned(), milliseconds));
        row
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let with_p99 = [
        "s", "sent", "failed", "P50 ms", "P95 ms", "P99 ms", "max ms",
    ];
    let without = ["s", "sent", "failed", "P50 ms", "P95 ms", "max ms"];
    DataTable {
        title: format!(
            "{name}: over time, {} a row",
            number::seconds(course.width_s)
        ),
        size: format!("{} rows", thousands(rows.len() as u64)),
        columns: if course.has_p99 { &with_p99 } else { &without },
        rows,
    }
    .write(m);
}

/// Three significant digits without a unit.
fn milliseconds(ns: u64) -> String {
    let ms = ns as f64 / 1e6;
    let decimals = match ms {
        ms if ms >= 100.0 => 0,
        ms if ms >= 10.0 => 1,
        ms if ms >= 1.0 => 2,
        _ => 3,
    };
    if ms >= 1_000.0 {
        thousands(ms.round() as u64)
    } else {
        trimmed(ms, decimals)
    }
}

fn slowest(m: &mut Markup, name: &str, run: &RunOfEndpoint<'_>) {
    let slow = SlowRequest::answered(run.endpoint);
    let has_ids = slow.iter().any(|request| request.trace_id.is_some());
    let mut columns = vec!["request", "start s", "total ms"];
    if has_ids {
        columns.insert(1, "trace id");
    }
    columns.extend(labels());
    let rows = slow.iter().map(|request| {
        let mut row = vec![
            thousands(request.exemplar.index + 1),
            trimmed(request.exemplar.at.as_secs_f64(), 3),
            milliseconds(request.exemplar.latency.as_nanos() as u64),
        ];
        if has_ids {
            row.insert(1, request.trace_id.clone().unwrap_or_default());
        }
        let times = times_of(request).into_iter();
        row.extend(times.map(|time| milliseconds(time.as_nanos() as u64)));
        row
    });
    DataTable {
        title: format!("{name}: slowest answers"),
        size: "phases in ms".to_owned(),
        columns: &columns,
        rows: rows.collect(),
    }
    .write(m);
}

/// The slowest and the first of the requests that failed, in the order of time.
fn failed(m: &mut Markup, name: &str, run: &RunOfEndpoint<'_>) {
    let endpoint = run.endpoint;
    let known = endpoint.slowest.iter().chain(&endpoint.first_failed);
    let mut failed: Vec<&Exemplar> = known.filter(|one| one.outcome != Outcome::Ok).collect();
    failed.sort_by_key(|one| one.index);
    failed.dedup_by_key(|one| one.index);
    let has_ids = failed.iter().any(|one| one.trace_id.is_some());
    let mut columns = vec!["request", "start s", "end"];
    if has_ids {
        columns.insert(1, "trace id");
    }
    let rows = failed.iter().map(|one| {
        let mut row = vec![
            thousands(one.index + 1),
            trimmed(one.at.as_secs_f64(), 3),
            text::request_end(one),
        ];
        if has_ids {
            row.insert(
                1,
                one.trace_id.map_or_else(String::new, |id| id.to_string()),
            );
        }
        row
    });
    DataTable {
        title: format!("{name}: failed requests"),
        size: "the slowest and the first".to_owned(),
        columns: &columns,
        rows: rows.collect(),
    }
    .write(m);
}
