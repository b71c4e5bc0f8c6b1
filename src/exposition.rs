//! The text format of metrics: <https://prometheus.io/docs/instrumenting/exposition_formats/>, of which gauges read the
//! same in OpenMetrics.

use std::fmt::{Display, Write};

/// A page of metrics under construction. Samples belong to the family that was begun last.
pub(crate) struct Exposition {
    text: String,
    family: &'static str,
}

#[derive(Clone, Copy)]
pub(crate) enum MetricKind {
    #[cfg(feature = "reference")]
    Counter,
    Gauge,
    #[cfg(feature = "reference")]
    Histogram,
}

/// Names and values.
pub(crate) type Labels<'a> = &'a [(&'a str, &'a str)];

impl Exposition {
    pub(crate) fn new() -> Exposition {
        Exposition {
            text: String::with_capacity(16 * 1024),
            family: "",
        }
    }

    pub(crate) fn family(
        &mut self,
        name: &'static str,
        kind: MetricKind,
        help: &str,
    ) -> &mut Exposition {
        let kind = match kind {
            #[cfg(feature = "reference")]
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            #[cfg(feature = "reference")]
            MetricKind::Histogram => "histogram",
        };
        let help = help.replace('\\', r"\\").replace('\n', r"\n");
        self.family = name;
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
        self
    }

    /// A gauge that is one number.
    pub(crate) fn gauge(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.family(name, MetricKind::Gauge, help)
            .sample(&[], value);
    }

    /// A counter that is one number.
    #[cfg(feature = "reference")]
    pub(crate) fn counter(&mut self, name: &'static str, help: &str, count: u64) {
        self.family(name, MetricKind::Counter, help)
            .sample(&[], count);
    }

    pub(crate) fn sample(&mut self, labels: Labels<'_>, value: impl Display) -> &mut Exposition {
        self.named_sample("", labels, value)
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// A sample of the family whose name has a suffix, such as `_bucket`.
    pub(crate) fn named_sample(
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

fn escaped(value: &str) -> String {
    value
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n")
}
