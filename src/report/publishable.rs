//! A result that the flags about output can write: a report, a capacity search, two of them.

use std::io::{self, Write};
use std::path::Path;

use super::capacity_change::{CapacityChangeReport, LabelledSearch};
use super::capacity_report::CapacityReport;
use super::ci::{self, Written};
use super::endpoint_report::EndpointReport;
use super::model::Report;
use super::style::{ReportFormat, Style};
use super::{csv, html, json, markdown, screen, text};

/// A result in every format.
pub trait Publishable {
    /// Writes the result in a form.
    ///
    /// # Errors
    /// `out` cannot be written to.
    fn write_as(&self, format: ReportFormat, style: &Style, out: &mut dyn Write) -> io::Result<()>;

    /// Writes the page with charts; its links to saved runs lead there from this folder.
    ///
    /// # Errors
    /// `out` cannot be written to.
    fn write_page_in(&self, folder: &Path, out: &mut dyn Write) -> io::Result<()>;

    /// Writes the warnings as stderr shows them, each with its hint.
    ///
    /// # Errors
    /// `out` cannot be written to.
    fn write_all_warnings(&self, out: &mut dyn Write) -> io::Result<()>;

    /// What did not pass, as workflow commands of GitHub Actions.
    ///
    /// # Errors
    /// `out` cannot be written to.
    fn write_all_annotations(&self, out: &mut dyn Write) -> io::Result<()>;

    /// The outputs of a step of GitHub Actions.
    ///
    /// # Errors
    /// `out` cannot be written to.
    fn write_all_outputs(&self, written: Written<'_>, out: &mut dyn Write) -> io::Result<()>;

    /// Endpoints whose latencies may be written as tables of their own.
    fn distributions(&self) -> &[EndpointReport] {
        &[]
    }
}

impl Publishable for Report {
    fn write_as(&self, format: ReportFormat, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        self.write(format, style, out)
    }

    fn write_page_in(&self, folder: &Path, out: &mut dyn Write) -> io::Result<()> {
        self.write_page(folder, out)
    }

    fn write_all_warnings(&self, out: &mut dyn Write) -> io::Result<()> {
        self.write_warnings(out)
    }

    fn write_all_annotations(&self, out: &mut dyn Write) -> io::Result<()> {
        ci::write_annotations(self, out)
    }

    fn write_all_outputs(&self, written: Written<'_>, out: &mut dyn Write) -> io::Result<()> {
        ci::write_outputs(self, written, out)
    }

    fn distributions(&self) -> &[EndpointReport] {
        &self.endpoints
    }
}

impl Publishable for CapacityReport {
    fn write_as(&self, format: ReportFormat, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let search = LabelledSearch {
            label: "",
            report: self,
        };
        match format {
            ReportFormat::Human => screen::capacity::write(self, style, out),
            ReportFormat::Json => json::capacity::write(self, out),
            ReportFormat::Markdown => markdown::capacity::write(self, out),
            ReportFormat::Csv => csv::capacity::write(&[search], out),
            ReportFormat::Html => html::capacity::write(&[search], &page_head(self), out),
            ReportFormat::Svg => html::capacity::write_picture(&[search], &page_head(self), out),
            ReportFormat::Junit => ci::junit::capacity::write(self, out),
            ReportFormat::Openmetrics => ci::capacity::write_metrics(&[search], self.exit(), out),
            ReportFormat::Github | ReportFormat::Comment => {
                let mut whole = Vec::new();
                markdown::capacity::write(self, &mut whole)?;
                ci::capacity::write_bounded(mark(format), &whole, out)
            }
            ReportFormat::Hlog | ReportFormat::Hgrm | ReportFormat::Bmf | ReportFormat::Gab => {
                Err(of_one_run())
            }
        }
    }

    fn write_page_in(&self, _folder: &Path, out: &mut dyn Write) -> io::Result<()> {
        self.write_as(ReportFormat::Html, &Style::default(), out)
    }

    fn write_all_warnings(&self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn write_all_annotations(&self, out: &mut dyn Write) -> io::Result<()> {
        ci::capacity::write_annotation(self, out)
    }

    fn write_all_outputs(&self, written: Written<'_>, out: &mut dyn Write) -> io::Result<()> {
        ci::capacity::write_outputs(self, written, out)
    }
}

impl Publishable for CapacityChangeReport {
    fn write_as(&self, format: ReportFormat, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let head = html::capacity::PageHead {
            verdict: self.verdict(),
            text: text::capacity::capacity_change_headline(self),
            lede: text::capacity::capacity_change_notes(self).join(" "),
        };
        match format {
            ReportFormat::Human => screen::capacity::write_change(self, style, out),
            ReportFormat::Json => json::capacity::change::write(self, out),
            ReportFormat::Markdown => markdown::capacity::write_change(self, out),
            ReportFormat::Csv => csv::capacity::write(&self.sides(), out),
            ReportFormat::Html => html::capacity::write(&self.sides(), &head, out),
            ReportFormat::Svg => html::capacity::write_picture(&self.sides(), &head, out),
            ReportFormat::Junit => ci::junit::capacity::write(&self.after, out),
            ReportFormat::Openmetrics => {
                ci::capacity::write_metrics(&self.sides(), self.exit(), out)
            }
            ReportFormat::Github | ReportFormat::Comment => {
                let mut whole = Vec::new();
                markdown::capacity::write_change(self, &mut whole)?;
                ci::capacity::write_bounded(mark(format), &whole, out)
            }
            ReportFormat::Hlog | ReportFormat::Hgrm | ReportFormat::Bmf | ReportFormat::Gab => {
                Err(of_one_run())
            }
        }
    }

    fn write_page_in(&self, _folder: &Path, out: &mut dyn Write) -> io::Result<()> {
        self.write_as(ReportFormat::Html, &Style::default(), out)
    }

    fn write_all_warnings(&self, out: &mut dyn Write) -> io::Result<()> {
        self.warnings.iter().try_for_each(|warning| {
            let words = text::warnings::warning(warning);
            writeln!(out, "warning: {}\nhint: {}", words.text, words.hint)
        })
    }

    fn write_all_annotations(&self, out: &mut dyn Write) -> io::Result<()> {
        match self.after.asked {
            Some(_) => ci::capacity::write_annotation(&self.after, out),
            None => Ok(()),
        }
    }

    fn write_all_outputs(&self, written: Written<'_>, out: &mut dyn Write) -> io::Result<()> {
        ci::capacity::write_outputs(&self.after, written, out)
    }
}

fn page_head(report: &CapacityReport) -> html::capacity::PageHead {
    let headline = text::capacity::capacity_headline(report);
    html::capacity::PageHead {
        verdict: headline.verdict,
        text: headline.text,
        lede: text::capacity::capacity_lede(report),
    }
}

/// The first line of a comment, by which it is found again.
fn mark(format: ReportFormat) -> &'static str {
    if format == ReportFormat::Comment {
        ci::MARK
    } else {
        ""
    }
}

/// Formats that are refused before anything is sent.
fn of_one_run() -> io::Error {
    io::Error::other("the format has the latencies of one run")
}
