//! HdrHistogram's percentile distribution, as its own tools print and plot it.
//!
//! Values are ms, at the upper bound of their bucket. The format has no place for failures: a comment counts them.

use std::io::{self, Write};

use super::endpoint_report::EndpointReport;
use crate::run::histogram::RankedValues;
use crate::run::import::HGRM_MILLISECONDS;

/// Lines for each halving of the distance to 100 %, HdrHistogram's own choice.
const TICKS_PER_HALF: f64 = 5.0;

impl EndpointReport {
    /// Writes its latencies as HdrHistogram's percentile distribution, in ms; the format has one table a file.
    ///
    /// # Errors
    /// `out` cannot be written to.
    pub fn write_hgrm(&self, out: &mut dyn Write) -> io::Result<()> {
        write(self, out)
    }
}

/// Writes one endpoint's table.
fn write(endpoint: &EndpointReport, out: &mut dyn Write) -> io::Result<()> {
    let (levels, counts) = (&endpoint.distribution.highest, &endpoint.summary.counts);
    writeln!(
        out,
        "{:>12} {:>14} {:>10} {:>14}\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    )?;
    for line in lines(levels) {
        line.write(out)?;
    }
    let (mean, deviation) = moments(levels);
    writeln!(
        out,
        "#[Mean    = {mean:>12.6}, StdDeviation   = {deviation:>12.6}]"
    )?;
    let max_ns = levels.at_rank(levels.count()).unwrap_or(0);
    writeln!(
        out,
        "#[Max     = {:>12.6}, Total count    = {:>12}]",
        milliseconds(max_ns),
        levels.count()
    )?;
    writeln!(out, "{HGRM_MILLISECONDS}")?;
    writeln!(
        out,
        "#[Endpoint {}: {} of {} requests ended ok and are in this table; {} did not and are not]",
        endpoint.name,
        counts.ok,
        counts.total(),
        counts.not_ok()
    )
}

/// One line of the table.
struct PercentileLine {
    value_ns: u64,
    /// From 0 to 1.
    percentile: f64,
    total: u64,
}

impl PercentileLine {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let (value, percentile) = (milliseconds(self.value_ns), self.percentile);
        write!(out, "{value:>12.6} {percentile:.12} {:>10}", self.total)?;
        if percentile < 1.0 {
            writeln!(out, " {:>14.2}", 1.0 / (1.0 - percentile))
        } else {
            writeln!(out)
        }
    }
}

/// Ever finer steps towards 100 %, until every value is counted, and then 100 %.
fn lines(levels: &RankedValues) -> Vec<PercentileLine> {
    let n = levels.count();
    let mut lines = Vec::new();
    if n == 0 {
        return lines;
    }
    let mut total = 0;
    let mut steps = levels.counts().peekable();
    let (mut percentile, mut value_ns) = (0.0f64, 0);
    while total < n {
        let rank = ((percentile * n as f64).ceil() as u64).clamp(1, n);
        while let Some((value, count)) = steps.next_if(|_| total < rank) {
            (value_ns, total) = (value, total + count);
        }
        lines.push(PercentileLine {
            value_ns,
            percentile,
            total,
        });
        let halvings = (1.0 / (1.0 - percentile)).log2().floor() + 1.0;
        percentile += 1.0 / (TICKS_PER_HALF * halvings.exp2());
    }
    lines.push(PercentileLine {
        value_ns,
        percentile: 1.0,
        total,
    });
    lines
}

/// Mean and standard deviation in ms.
fn moments(levels: &RankedValues) -> (f64, f64) {
    let n = levels.count().max(1) as f64;
    let sum = |of: &dyn Fn(f64) -> f64| -> f64 {
        let terms = levels
            .counts()
            .map(|(ns, count)| of(milliseconds(ns)) * count as f64);
        terms.sum()
    };
    let mean = sum(&|ms| ms) / n;
    (mean, (sum(&|ms| (ms - mean).powi(2)) / n).sqrt())
}

fn milliseconds(ns: u64) -> f64 {
    ns as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::lines;
    use crate::run::histogram::RankedValues;

    #[test]
    fn the_steps_halve_towards_the_last_value() {
        // The ticks of HdrHistogram for ten values: 0, 10, … 50 %, then 55, … 75 %, then 77.5 % …
        let levels = RankedValues::from_values((1..=10).map(|v| v * 1_000_000).collect());
        let lines = lines(&levels);
        let percentiles: Vec<f64> = lines.iter().map(|line| line.percentile).collect();
        let expected = [
            0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.775, 0.8,
        ];
        for (read, truth) in percentiles.iter().zip(expected) {
            assert!((read - truth).abs() < 1e-9, "{read} for {truth}");
        }
        let last = lines.last().expect("a line");
        assert_eq!(
            (last.percentile, last.total, last.value_ns),
            (1.0, 10, 10_000_000)
        );
    }
}
