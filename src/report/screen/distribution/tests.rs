//! Charts of known values.

use std::time::Duration;

use super::{ChartLimit, ChartLine, DistributionChart, bar, borders};
use crate::report::figures::LatencyScale;
use crate::run::histogram::RankedValues;

const MS: u64 = 1_000_000;

fn chart(values_ms: &[u64], failed: u64, limit_ms: Option<u64>) -> Vec<String> {
    let values = RankedValues::from_values(values_ms.iter().map(|ms| ms * MS).collect());
    let limit = limit_ms.map(|ms| ChartLimit {
        limit: Duration::from_millis(ms),
        beyond: Some(values_ms.iter().filter(|&&v| v > ms).count() as u64),
    });
    let chart = DistributionChart::of(&values, failed, limit).expect("values");
    let text = |line| match line {
        ChartLine::Within(text) | ChartLine::Limit(text) => text,
        ChartLine::Beyond(before, bar, after) => format!("{before}{bar}{after}"),
    };
    chart
        .lines(LatencyScale::Millis)
        .into_iter()
        .map(text)
        .collect()
}

#[test]
fn the_limit_is_a_border_wherever_it_lies() {
    for limit in [11, 40, 99, 150, 5_000] {
        let borders = borders(10 * MS, 10_000 * MS, Some(limit * MS));
        assert!(borders.contains(&(limit * MS)), "{limit}: {borders:?}");
        assert!(borders.is_sorted_by(|a, b| a < b), "{borders:?}");
        assert!(borders.len() <= 10, "{borders:?}");
        assert_eq!(borders.last(), Some(&(10_000 * MS)));
    }
}

#[test]
fn every_value_is_in_one_row() {
    for (low, high) in [
        (1, 1),
        (1, 2),
        (999, 1001),
        (1, u64::from(u32::MAX)),
        (5, 60),
    ] {
        let values: Vec<u64> = (0..50).map(|i| low + (high - low) * i / 49).collect();
        let lines = chart(&values, 3, Some(150));
        let sum: u64 = lines
            .iter()
            .filter(|line| !line.contains("limit"))
            .filter_map(|line| {
                line.rsplit(' ')
                    .next()?
                    .replace(',', "")
                    .parse::<u64>()
                    .ok()
            })
            .sum();
        assert_eq!(sum, 53, "{lines:#?}");
    }
}

#[test]
fn rows_beyond_the_limit_stand_below_it() {
    let lines = chart(&[100, 100, 100, 100, 200, 1000], 2, Some(150));
    let limit = lines
        .iter()
        .position(|line| line.ends_with(" limit 150 ms"));
    let limit = limit.expect("a limit");
    assert!(lines[..limit].iter().all(|line| line.starts_with("  ≤ ")));
    let below: Vec<&str> = lines[limit + 1..]
        .iter()
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    let sum: u64 = below.iter().filter_map(|n| n.parse::<u64>().ok()).sum();
    assert_eq!(sum, 4, "two slow ones and two failures: {lines:#?}");
    assert!(lines.last().expect("rows").starts_with("  failed"));
}

#[test]
fn a_chart_without_slow_requests_says_so_at_the_limit() {
    let lines = chart(&[10, 20, 40], 0, Some(150));
    let last = lines.last().expect("rows");
    assert!(last.ends_with("─ limit 150 ms (nothing slower)"), "{last}");
    let all_beyond = chart(&[200, 300], 0, Some(150));
    assert!(all_beyond[0].ends_with("─ limit 150 ms"), "{all_beyond:#?}");
}

#[test]
fn a_bar_is_as_long_as_its_share_and_never_empty_for_a_request() {
    assert_eq!(bar(1, 1), "█".repeat(40));
    assert_eq!(bar(1, 2), "█".repeat(20));
    assert_eq!(bar(1, 1_000_000), "▏");
    assert_eq!(bar(0, 5), "");
}

#[test]
fn a_bucket_on_both_sides_of_the_limit_is_split_by_the_exact_count() {
    // The histogram knows both values as 150 ms; one of the requests took a little longer.
    let values = RankedValues::from_values(vec![100 * MS, 150 * MS, 150 * MS, 300 * MS]);
    let limit = ChartLimit {
        limit: Duration::from_millis(150),
        beyond: Some(2),
    };
    let chart = DistributionChart::of(&values, 0, Some(limit)).expect("values");
    let (within, _) = chart.within.expect("a limit");
    let beyond: u64 = chart.rows[within..].iter().map(|row| row.count).sum();
    assert_eq!(beyond, 2);
}
