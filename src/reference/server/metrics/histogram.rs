//! The samples of a histogram on a page of metrics.

use crate::exposition::{Exposition, Labels};
use crate::reference::counters::HistogramSnapshot;

/// What a histogram's values are, and so what its bounds are divided by.
#[derive(Clone, Copy)]
pub(super) enum Scale {
    /// Nanoseconds, shown in seconds.
    Time,
    /// Numbers as they are.
    Count,
}

/// Writes the buckets, the sum and the count of one histogram.
pub(super) fn histogram(
    page: &mut Exposition,
    labels: Labels<'_>,
    snapshot: &HistogramSnapshot,
    scale: Scale,
) {
    let bounds = snapshot.bounds.iter().map(|bound| scale.show(*bound));
    let bounds = bounds.chain(["+Inf".to_owned()]);
    for (bound, count) in bounds.zip(&snapshot.cumulative) {
        let labels: Vec<_> = labels
            .iter()
            .copied()
            .chain([("le", bound.as_str())])
            .collect();
        page.named_sample("_bucket", &labels, count);
    }
    page.named_sample("_sum", labels, scale.show(snapshot.sum));
    page.named_sample("_count", labels, snapshot.count());
}

impl Scale {
    fn show(self, value: u64) -> String {
        match self {
            Scale::Time => (value as f64 / 1e9).to_string(),
            Scale::Count => value.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Scale, histogram};
    use crate::exposition::{Exposition, MetricKind};
    use crate::reference::counters::AtomicHistogram;

    #[test]
    fn a_page_reads_as_the_format_says() {
        let times = AtomicHistogram::new(&[500_000, 150_000_000]);
        times.observe(150_000_000);
        times.observe(2_000_000_000);
        let mut page = Exposition::new();
        page.family("a_total", MetricKind::Counter, "What\\is\ncounted.")
            .sample(&[("path", "a\"b\\c\nd")], 3)
            .sample(&[], 0.5);
        page.family("b_seconds", MetricKind::Histogram, "How long.");
        histogram(&mut page, &[("route", "/x")], &times.read(), Scale::Time);
        assert_eq!(
            page.finish(),
            "# HELP a_total What\\\\is\\ncounted.\n\
             # TYPE a_total counter\n\
             a_total{path=\"a\\\"b\\\\c\\nd\"} 3\n\
             a_total 0.5\n\
             # HELP b_seconds How long.\n\
             # TYPE b_seconds histogram\n\
             b_seconds_bucket{route=\"/x\",le=\"0.0005\"} 0\n\
             b_seconds_bucket{route=\"/x\",le=\"0.15\"} 1\n\
             b_seconds_bucket{route=\"/x\",le=\"+Inf\"} 2\n\
             b_seconds_sum{route=\"/x\"} 2.15\n\
             b_seconds_count{route=\"/x\"} 2\n"
        );
    }
}
