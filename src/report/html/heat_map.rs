//! Requests by time and latency: at most 120 columns of 40 cells, one path a level.

use super::axis::LatencyAxis;
use super::chapter::ChartedRun;
use super::colour::HEAT;
use super::course;
use super::markup::{Markup, Px, attrs};

/// Cells of a column.
pub(super) const ROWS: usize = 40;

/// Columns at most.
const COLUMNS: usize = 120;

/// A column of fewer requests shows nothing.
const FEWEST_A_COLUMN: f64 = 8.0;

/// Counts of requests that ended ok by time and latency.
pub(super) struct HeatMap {
    pub(super) columns: usize,
    /// How long a column is.
    pub(super) column_s: f64,
    /// The largest count of a cell.
    pub(super) most: u64,
    /// From the lowest row, from the left.
    counts: Vec<u64>,
    height: f64,
}

/// The row of a latency, the lowest first.
pub(super) fn row_of(axis: &LatencyAxis, ns: u64) -> usize {
    let part = 1.0 - axis.y(ns as f64) / axis.height;
    ((part * ROWS as f64) as usize).min(ROWS - 1)
}

impl HeatMap {
    /// `None` where it is not known when requests were sent.
    pub(super) fn of(run: &ChartedRun<'_>, axis: &LatencyAxis) -> Option<HeatMap> {
        let seconds = &run.endpoint.distribution.seconds;
        let due: u64 = seconds
            .values()
            .map(|second| second.ok + second.not_ok)
            .sum();
        if due == 0 || run.length_s <= 0.0 {
            return None;
        }
        let placed = course::placed(run.endpoint);
        let wanted = (due as f64 / FEWEST_A_COLUMN).floor().max(1.0);
        let finest_s = if placed.is_some() {
            0.0
        } else {
            seconds.width_s() as f64
        };
        let column_s = column_s(run.length_s, wanted, finest_s);
        let columns = ((run.length_s / column_s - 1e-6).ceil() as usize).max(1);
        let mut map = HeatMap {
            columns,
            column_s,
            most: 0,
            counts: vec![0; columns * ROWS],
            height: axis.height,
        };
        match placed {
            Some(requests) => {
                for request in requests {
                    if let Some(ns) = request.ns {
                        map.add(request.start_s, row_of(axis, ns), 1);
                    }
                }
            }
            None => {
                for (second, requests) in seconds.iter() {
                    for &(ns, count) in requests.buckets() {
                        map.add(second as f64, row_of(axis, ns), count);
                    }
                }
            }
        }
        map.most = map.counts.iter().copied().max().unwrap_or(0);
        (map.most > 0).then_some(map)
    }

    fn add(&mut self, time_s: f64, row: usize, count: u64) {
        let column = ((time_s / self.column_s) as usize).min(self.columns - 1);
        self.counts[row * self.columns + column] += count;
    }

    /// From the brightest to the darkest: 8 · ln count / ln most.
    fn level(&self, count: u64) -> usize {
        let part = (count as f64).ln() / (self.most.max(2) as f64).ln();
        ((part * HEAT.len() as f64) as usize).min(HEAT.len() - 1)
    }

    /// Cells of one level as one path, neighbours merged; a column is one unit wide.
    pub(super) fn cells(&self, m: &mut Markup) {
        let mut paths = vec![String::new(); HEAT.len()];
        let row_height = self.height / ROWS as f64;
        for (row, counts) in self.counts.chunks(self.columns).enumerate() {
            let y = self.height - (row + 1) as f64 * row_height;
            let level = |count: u64| (count > 0).then(|| self.level(count));
            let mut column = 0;
            for run in counts.chunk_by(|&a, &b| level(a) == level(b)) {
                if let Some(level) = run.first().and_then(|&count| level(count)) {
                    paths[level].push_str(&format!(
                        "M{column} {}h{}v{}h-{}z",
                        Px(y),
                        run.len(),
                        Px(row_height),
                        run.len()
                    ));
                }
                column += run.len();
            }
        }
        for (path, colour) in paths.iter().zip(HEAT).filter(|(path, _)| !path.is_empty()) {
            m.leaf(
                "path",
                attrs!["d" => path, "fill" => colour, "shape-rendering" => "crispEdges"],
            );
        }
    }
}

/// The length of a column: a nice number of seconds that leaves at most this many columns.
fn column_s(length_s: f64, wanted: f64, finest_s: f64) -> f64 {
    const NICE: [f64; 16] = [
        0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0,
    ];
    let most = wanted.min(COLUMNS as f64);
    let is_whole = |width: &f64| finest_s == 0.0 || (width / finest_s).fract() == 0.0;
    let fits =
        |width: &f64| *width >= finest_s && is_whole(width) && length_s / width <= most + 1e-6;
    let longer = (1..).map(|n| f64::from(n) * 600.0);
    NICE.into_iter()
        .chain(longer)
        .find(fits)
        .unwrap_or(length_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_nice_and_at_most_120() {
        for (length_s, wanted, finest_s, expected) in [
            (120.0, 1e9, 0.0, 1.0),
            (30.0, 120.0, 0.0, 0.25),
            (2.0, 80.0, 0.0, 0.05),
            (30.0, 30.0, 0.0, 1.0),
            (1_200.0, 1e9, 1.0, 10.0),
            (5.0, 1e9, 1.0, 1.0),
            (1_100.0, 500.0, 5.0, 10.0),
            (3_600.0, 1e9, 60.0, 60.0),
        ] {
            assert_eq!(column_s(length_s, wanted, finest_s), expected);
        }
    }

    #[test]
    fn rows_ascend_with_latency_and_the_ends_are_inside() {
        let axis = LatencyAxis::holding([1e6, 1e9], 250.0);
        assert_eq!(row_of(&axis, 1_000_000), 0);
        assert_eq!(row_of(&axis, 1_000_000_000), ROWS - 1);
        assert_eq!(row_of(&axis, 1), 0);
        assert_eq!(row_of(&axis, u64::MAX), ROWS - 1);
        // 10^7.5 ns is the middle of three decades.
        assert_eq!(row_of(&axis, 31_700_000), ROWS / 2);
    }

    #[test]
    fn equal_neighbours_are_one_cell() {
        let map = HeatMap {
            columns: 4,
            column_s: 1.0,
            most: 100,
            counts: [vec![1, 1, 0, 100], vec![0; 4 * (ROWS - 1)]].concat(),
            height: 40.0,
        };
        let mut m = Markup::new();
        map.cells(&mut m);
        assert_eq!(m.as_str().matches("<path").count(), 2);
        assert!(m.as_str().contains("M0 39h2v1h-2z"), "{}", m.as_str());
        assert!(m.as_str().contains("M3 39h1v1h-1z"), "{}", m.as_str());
    }
}
