//! The Prometheus text format, version 0.0.4: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::{Display, Write};

use crate::reference::counters::HistogramSnapshot;

/// A page of metrics under construction. Samples belong to the family that was begun last.
pub(super) struct Exposition {
    text: String,
    family: &'static str,
}

#[derive(Clone, Copy)]
pub(super) enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

/// What a histogram's values are, and so what its bounds are divided by.
#[derive(Clone, Copy)]
pub(super) enum Scale {
    /// Nanoseconds, shown in seconds.
    Time,
    /// Numbers as they are.
    Count,
}

type Labels<'a> = &'a [(&'a str, &'a str)];

impl Exposition {
    pub(super) fn new() -> Exposition {
        Exposition {
            text: String::with_capacity(16 * 1024),
            family: "",
        }
    }

    pub(super) fn family(
        &mut self,
        name: &'static str,
        kind: MetricKind,
        help: &str,
    ) -> &mut Exposition {
        let kind = match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let help = help.replace('\\', r"\\").replace('\n', r"\n");
        self.family = name;
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
        self
    }

    /// A gauge that is one number.
    pub(super) fn gauge(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.family(name, MetricKind::Gauge, help)
            .sample(&[], value);
    }

    /// A counter that is one number.
    pub(super) fn counter(&mut self, name: &'static str, help: &str, count: u64) {
        self.family(name, MetricKind::Counter, help)
            .sample(&[], count);
    }

    pub(super) fn sample(&mut self, labels: Labels<'_>, value: impl Display) -> &mut Exposition {
        self.named_sample("", labels, value)
    }

    /// The samples of one histogram.
    pub(super) fn histogram(
        &mut self,
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
            self.named_sample("_bucket", &labels, count);
        }
        self.named_sample("_sum", labels, scale.show(snapshot.sum));
        self.named_sample("_count", labels, snapshot.count());
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn named_sample(
        &mut self,
        suffix: &str,
        labels: Labels<'_>,
        value: impl Display,
    ) -> &mut Exposition {
        let mut shown = String::new();
        for (name, value) in labels {
            let comma = if shown.is_empty() { "" } else { "," };
            let _ = write!(shown, "{comma}{name}=\"{}\"", escaped(value));
        }
        let family = self.family;
        if shown.is_empty() {
            self.line(format_args!("{family}{suffix} {value}"));
        } else {
            self.line(format_args!("{family}{suffix}{{{shown}}} {value}"));
        }
        self
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // A String takes everything.
        let _ = writeln!(self.text, "{line}");
    }
}

impl Scale {
    fn show(self, value: u64) -> String {
        match self {
            Scale::Time => (value as f64 / 1e9).to_string(),
            Scale::Count => value.to_string(),
        }
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::{Exposition, MetricKind, Scale};
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
        page.histogram(&[("route", "/x")], &times.read(), Scale::Time);
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
