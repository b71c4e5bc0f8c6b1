//! In which form a report is written, and how tables look.

/// In which form a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportFormat {
    /// Tables for a terminal.
    #[default]
    Human,
    /// One JSON object, `JsonReport`.
    Json,
    /// GitHub tables, for a comment on a pull request.
    Markdown,
    /// One row per endpoint and percentile.
    Csv,
    /// One page with charts, without script or other files.
    Html,
    /// The charts over time and the percentile curve as one picture.
    Svg,
    /// HdrHistogram's interval log: one line per endpoint and second, the endpoint as the tag.
    Hlog,
    /// HdrHistogram's percentile distribution: one table per endpoint.
    Hgrm,
    /// Test cases in JUnit's XML, one a gate.
    Junit,
    /// Markdown for the summary of a step of GitHub Actions, at most 60 KiB.
    Github,
    /// Markdown for a comment on a pull request that is replaced at every push.
    Comment,
    /// OpenMetrics text.
    Openmetrics,
    /// Bencher Metric Format.
    Bmf,
    /// What `github-action-benchmark` reads as `customSmallerIsBetter`.
    Gab,
}

impl ReportFormat {
    /// Whether it is a page or a picture, which a terminal cannot show.
    pub fn is_drawn(self) -> bool {
        matches!(self, ReportFormat::Html | ReportFormat::Svg)
    }

    /// Whether it holds latencies for HdrHistogram's own tools, rather than the result.
    pub fn is_of_hdrhistogram(self) -> bool {
        matches!(self, ReportFormat::Hlog | ReportFormat::Hgrm)
    }

    /// Whether it is about the latencies of one run, and so has nothing to say of a comparison.
    pub fn is_of_one_run(self) -> bool {
        self.is_of_hdrhistogram() || matches!(self, ReportFormat::Bmf | ReportFormat::Gab)
    }
}

/// How tables for a terminal look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether verdicts are coloured.
    pub colour: Colour,
    /// Columns of the terminal; `None` for as many as needed, and no pictures.
    pub width: Option<u16>,
    /// The characters that it can show.
    pub glyphs: Glyphs,
    /// How much is printed.
    pub verbosity: Verbosity,
}

/// Whether verdicts are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    #[default]
    Never,
    /// ANSI escapes.
    Always,
}

/// The characters that a terminal can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    /// `≤`, `·`, bars in eighths.
    #[default]
    Unicode,
    /// `<=`, `|`, bars of `#`.
    Ascii,
}

/// How much a report for people tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// The verdict line alone (`--quiet`).
    Brief,
    /// Tables, reasons of what did not pass, verdict.
    #[default]
    Normal,
    /// Reasons and p-values of every gate too (`-v`).
    Full,
}
