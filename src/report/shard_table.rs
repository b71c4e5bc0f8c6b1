//! The percentiles of every shard next to those of all of them.

use std::time::Duration;

use super::endpoint_report::EndpointReport;
use super::figures::LatencyScale;
use super::model::Report;
use super::run_info::RunInfo;
use crate::run::run_file::{MergedEndpoint, MergedShard, RunEnd};
use crate::stats::rank::Quantile;
use crate::units::{grouped, trimmed};

/// The titles of the columns.
pub(super) const TITLES: [&str; 8] = [
    "Shard", "Endpoint", "Requests", "Not ok", "P50", "P95", "P99", "Overhead",
];

/// One row, a cell per column.
pub(super) struct ShardRow {
    pub(super) cells: [String; 8],
}

/// The rows of a merged run: of each endpoint all shards together, then each; empty for every other run.
pub(super) fn rows(report: &Report) -> Vec<ShardRow> {
    let Some((run, merged)) = report
        .runs
        .iter()
        .find_map(|run| Some((run, run.merged.as_ref()?)))
    else {
        return Vec::new();
    };
    let shards = merged.shards.iter();
    let own = shards.flat_map(|shard| &shard.endpoints);
    let values = own.flat_map(|own| [own.own.p50_ns, own.own.p95_ns, own.own.p99_ns]);
    let scale = LatencyScale::of(values.flatten().map(Duration::from_nanos));
    let mut rows = Vec::new();
    for (place, endpoint) in report.endpoints.iter().enumerate() {
        rows.push(whole(run, endpoint, scale));
        let own = merged.shards.iter();
        let own = own.filter_map(|shard| Some(row(shard, shard.endpoints.get(place)?, scale)));
        rows.extend(own);
    }
    rows
}

fn whole(run: &RunInfo, endpoint: &EndpointReport, scale: LatencyScale) -> ShardRow {
    let summary = &endpoint.summary;
    let at = |quantile: Quantile| {
        let rank = quantile.rank(summary.planned());
        shown(summary.ranked_values().at_rank(rank), scale)
    };
    ShardRow {
        cells: [
            "all".to_owned(),
            endpoint.name.clone(),
            grouped(summary.planned()),
            grouped(summary.counts.not_ok()),
            at(Quantile::P50),
            at(Quantile::P95),
            at(Quantile::P99),
            overhead(run.calibration.own_error().as_secs_f64()),
        ],
    }
}

fn row(shard: &MergedShard, own: &MergedEndpoint, scale: LatencyScale) -> ShardRow {
    let cut = if shard.ended == RunEnd::Complete {
        ""
    } else {
        " (cut)"
    };
    let own_error = shard.instrument.calibration.own_error();
    ShardRow {
        cells: [
            format!("{}{cut}", shard.index),
            own.name.clone(),
            grouped(own.requests),
            grouped(own.not_ok),
            shown(own.own.p50_ns, scale),
            shown(own.own.p95_ns, scale),
            shown(own.own.p99_ns, scale),
            overhead(own_error.as_secs_f64()),
        ],
    }
}

fn shown(ns: Option<u64>, scale: LatencyScale) -> String {
    let shown = |ns| scale.precise(Duration::from_nanos(ns));
    ns.map_or("failed".to_owned(), shown)
}

fn overhead(seconds: f64) -> String {
    if seconds > 0.0 {
        format!("{} ms", trimmed(seconds * 1e3, 2))
    } else {
        "not known".to_owned()
    }
}

/// The rows as lines of text, in columns.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let rows = rows(report);
    if rows.is_empty() {
        return Vec::new();
    }
    let titles = TITLES.map(str::to_lowercase);
    let all = || std::iter::once(&titles).chain(rows.iter().map(|row| &row.cells));
    let width = |column: usize| all().map(|cells| cells[column].chars().count()).max();
    let widths: [usize; 8] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let line = |cells: &[String; 8]| {
        let cells = cells.iter().zip(widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| {
            // Names to the left, numbers to the right.
            if column < 2 {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all().map(line).collect()
}
