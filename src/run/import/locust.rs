//! Locust: `--csv PREFIX` writes percentiles of rounded response times, failures among them.

use super::ending::ending_of;
use super::endpoint_names::{EndpointKey, names};
use super::import_remark::UnstatedFact;
use super::percentile_summary::{PercentileSummary, add};
use super::rank_bounds::RankBound;
use super::titled_rows::{TitledRow, TitledRows, titles};
use super::{FileFormat, ImportError, ImportRemark, Imported, ImportedEndpoint, TimeUnit};
use crate::run::recording::{Counts, Recording};
use crate::run::sample::{FailureKind, Outcome};

/// First columns of the file that can be judged, of the one that can partly be, and of those that cannot.
const STATS: &str = "Type,Name,Request Count,Failure Count";
const HISTORY: &str = "Timestamp,User Count,Type,Name,";
const FAILURES: &str = "Method,Name,Error,Occurrences";
const EXCEPTIONS: &str = "Count,Message,Traceback,Nodes";

/// Most names of one file.
const MOST_NAMES: usize = 500;

/// The percentiles that Locust can be configured to write.
const PERCENTILES: [(&str, f64); 11] = [
    ("50%", 0.50),
    ("66%", 0.66),
    ("75%", 0.75),
    ("80%", 0.80),
    ("90%", 0.90),
    ("95%", 0.95),
    ("98%", 0.98),
    ("99%", 0.99),
    ("99.9%", 0.999),
    ("99.99%", 0.9999),
    ("100%", 1.0),
];

/// Whether this is the first line of one of Locust's files.
pub(super) fn is_locust(first_line: &str) -> bool {
    [STATS, HISTORY, FAILURES, EXCEPTIONS]
        .iter()
        .any(|titles| first_line.starts_with(titles))
}

/// Which columns hold the totals.
struct StatsColumns {
    requests: &'static str,
    failures: &'static str,
    median: &'static str,
    min: &'static str,
    max: &'static str,
    /// In the history they are those of a moving window.
    percentiles: &'static [(&'static str, f64)],
}

const STATS_COLUMNS: StatsColumns = StatsColumns {
    requests: "Request Count",
    failures: "Failure Count",
    median: "Median Response Time",
    min: "Min Response Time",
    max: "Max Response Time",
    percentiles: &PERCENTILES,
};

const HISTORY_COLUMNS: StatsColumns = StatsColumns {
    requests: "Total Request Count",
    failures: "Total Failure Count",
    median: "Total Median Response Time",
    min: "Total Min Response Time",
    max: "Total Max Response Time",
    percentiles: &[],
};

/// A range for every response time of every name.
pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let format = FileFormat::LocustCsv;
    let (first_line, _) = titles(text);
    let columns = match first_line.as_str() {
        titles if titles.starts_with(STATS) => &STATS_COLUMNS,
        titles if titles.starts_with(HISTORY) => &HISTORY_COLUMNS,
        titles if titles.starts_with(FAILURES) || titles.starts_with(EXCEPTIONS) => {
            return Err(format.error(
                "this file lists failures, without latencies",
                "give the file that ends in _stats.csv, which counts failures too",
            ));
        }
        _ => return Err(format.damaged("its first line is not that of a file of Locust")),
    };
    // Of the history only the last row of each name is of the whole run.
    let mut entries: Vec<(EndpointKey, EndpointTotals)> = Vec::new();
    let mut total = None;
    TitledRows::titled(format, text)?.for_each(|row| {
        let entry = EndpointTotals::of(format, row, columns)?;
        if row.get("Name") == "Aggregated" && row.get("Type").is_empty() {
            total = Some(entry);
            return Ok(());
        }
        let key = EndpointKey::new(row.get("Type"), row.get("Name"));
        let full = entries.len() == MOST_NAMES;
        match entries.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = entry,
            None if full => {
                return Err(format.error(
                    format!("it has more than {MOST_NAMES} names"),
                    "give the requests of one endpoint one name: self.client.get(url, name=…)",
                ));
            }
            None => entries.push((key, entry)),
        }
        Ok(())
    })?;
    let remarks = remarks(columns, &entries, total.as_ref(), text);
    let keys: Vec<EndpointKey> = entries.iter().map(|(key, _)| key.clone()).collect();
    let mut endpoints = Vec::new();
    for (name, (_, entry)) in names(&keys).into_iter().zip(entries) {
        endpoints.push(ImportedEndpoint {
            name: Some(name),
            recording: entry.recording(format)?,
        });
    }
    if let (true, Some(total)) = (endpoints.is_empty(), total) {
        return Ok(Imported::unnamed(format, total.recording(format)?, remarks));
    }
    Ok(Imported {
        format,
        endpoints,
        remarks,
    })
}

/// The totals of one name.
struct EndpointTotals {
    requests: u64,
    failures: u64,
    bounds: Vec<RankBound>,
}

impl EndpointTotals {
    fn of(
        format: FileFormat,
        row: &TitledRow<'_>,
        columns: &StatsColumns,
    ) -> Result<EndpointTotals, ImportError> {
        let requests: u64 = row.number(columns.requests)?;
        let failures: u64 = row.number(columns.failures)?;
        if failures > requests || requests > 1 << 40 {
            return Err(format.damaged(format!("{failures} of {requests} requests failed")));
        }
        let mut entry = EndpointTotals {
            requests,
            failures,
            bounds: Vec::new(),
        };
        if requests == 0 {
            return Ok(entry);
        }
        // Minimum and maximum are not rounded.
        let exact = |title: &str| {
            Ok::<u64, ImportError>(row.duration(title, TimeUnit::Milliseconds)?.as_nanos() as u64)
        };
        entry.bounds.push(RankBound::at(1, exact(columns.min)?, 1));
        entry
            .bounds
            .push(RankBound::at(requests, exact(columns.max)?, 1));
        entry
            .bounds
            .push(entry.rounded(0.5, exact(columns.median)?));
        for &(title, fraction) in columns.percentiles {
            let text = row.get(title);
            if !text.is_empty() && text != "N/A" {
                entry.bounds.push(entry.rounded(fraction, exact(title)?));
            }
        }
        Ok(entry)
    }

    /// Locust takes the largest rounded value that at least n − ⌊n·fraction⌋ requests reach.
    fn rounded(&self, fraction: f64, value_ns: u64) -> RankBound {
        let rank = (self.requests as f64 * fraction) as u64 + 1;
        RankBound::at(rank.min(self.requests), value_ns, rounding_ns(value_ns))
    }

    fn recording(self, format: FileFormat) -> Result<Recording, ImportError> {
        let mut counts = Counts::default();
        add(&mut counts, Outcome::Ok, self.requests - self.failures);
        add(
            &mut counts,
            Outcome::Failed(FailureKind::Status),
            self.failures,
        );
        PercentileSummary {
            answers: self.requests,
            bounds: self.bounds,
            counts,
        }
        .into_recording(format)
    }
}

/// Half a step of Locust's rounding: to whole ms below 100, then to two digits.
fn rounding_ns(value_ns: u64) -> u64 {
    match value_ns / 1_000_000 {
        0..100 => 500_000,
        100..1_000 => 5_000_000,
        1_000..10_000 => 50_000_000,
        _ => 500_000_000,
    }
}

fn remarks(
    columns: &StatsColumns,
    entries: &[(EndpointKey, EndpointTotals)],
    total: Option<&EndpointTotals>,
    text: &str,
) -> Vec<ImportRemark> {
    let failures: u64 = if entries.is_empty() {
        total.map_or(0, |total| total.failures)
    } else {
        entries.iter().map(|(_, entry)| entry.failures).sum()
    };
    let mut remarks = vec![ImportRemark::Format(FileFormat::LocustCsv)];
    remarks.extend(ImportRemark::failures_among(
        FileFormat::LocustCsv,
        failures,
    ));
    if columns.percentiles.is_empty() {
        remarks.push(ImportRemark::Unstated(UnstatedFact::WholeRun));
    }
    remarks.extend(ImportRemark::of_ending(ending_of(text)));
    remarks
}
