//! Writes a report in the form that was asked for.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use super::capacity_change::CapacityChangeReport;
use super::capacity_report::{AskedCapacity, CapacityReport};
use super::model::{Report, ReportKind};
use super::style::{ReportFormat, Style};
use super::{ci, csv, hdrlog, html, json, markdown, screen, text};
use crate::judge::capacity::CapacityOptions;
use crate::run::run_file::SelftestCertificate;

impl Report {
    /// Writes the report in a form.
    ///
    /// # Errors
    /// `out` cannot be written to.
    pub fn write(
        &self,
        format: ReportFormat,
        style: &Style,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match format {
            ReportFormat::Human => match self.kind {
                ReportKind::Measure | ReportKind::Judge | ReportKind::Merge => {
                    screen::write(self, style, out)
                }
                ReportKind::Compare | ReportKind::Ab => match &self.comparison {
                    Some(whole) => screen::comparison::write(self, whole, style, out),
                    None => Ok(()),
                },
                ReportKind::Diagnose => match &self.diagnosis {
                    Some(diagnosis) => screen::diagnosis::write(self, diagnosis, style, out),
                    None => Ok(()),
                },
            },
            ReportFormat::Json => json::write(self, out),
            ReportFormat::Markdown => markdown::write(self, out),
            ReportFormat::Csv => csv::write(self, out),
            ReportFormat::Html => html::write(self, Path::new(""), out),
            ReportFormat::Svg => html::write_picture(self, out),
            ReportFormat::Junit => ci::write_junit(self, out),
            ReportFormat::Github => ci::write_summary(self, out),
            ReportFormat::Comment => ci::write_comment(self, out),
            ReportFormat::Openmetrics => ci::write_metrics(self, out),
            ReportFormat::Bmf => ci::write_bmf(self, out),
            ReportFormat::Gab => ci::write_gab(self, out),
            ReportFormat::Hlog => hdrlog::write(self, out),
            ReportFormat::Hgrm => self.endpoints.iter().try_for_each(|e| e.write_hgrm(out)),
        }
    }

    /// Writes the page with charts; its links to saved runs lead there from this folder.
    ///
    /// # Errors
    /// `out` cannot be written to.
    pub fn write_page(&self, folder: &Path, out: &mut dyn Write) -> io::Result<()> {
        html::write(self, folder, out)
    }

    /// Writes the warnings as stderr shows them, each with its hint.
    ///
    /// # Errors
    /// `out` cannot be written to.
    pub fn write_warnings(&self, out: &mut dyn Write) -> io::Result<()> {
        self.warnings.iter().try_for_each(|warning| {
            let words = text::warnings::warning(warning);
            writeln!(out, "warning: {}\nhint: {}", words.text, words.hint)
        })
    }
}

/// Writes the table of a self-test for people.
///
/// # Errors
/// `out` cannot be written to.
pub fn write_certificate(
    certificate: &SelftestCertificate,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    screen::selftest::write(certificate, style, out)
}

/// Writes a self-test as one JSON object.
///
/// # Errors
/// `out` cannot be written to.
pub fn write_certificate_json(
    certificate: &SelftestCertificate,
    out: &mut dyn Write,
) -> io::Result<()> {
    json::selftest::write(certificate, out)
}

/// What to expect of a capacity search, before anything is sent; `tested` is the gate that names one rate, `work`
/// the longest wait for the work of a trial.
pub fn capacity_expectation(
    options: &CapacityOptions,
    tested: Option<AskedCapacity>,
    work: Option<Duration>,
) -> Vec<String> {
    text::capacity::expectation(options, tested, work)
}

/// Writes both searches of the demo on one axis; `file` is where their page is.
///
/// # Errors
/// `out` cannot be written to.
pub fn write_capacities(
    report: &CapacityChangeReport,
    file: &str,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    screen::demo_capacity::write(report, file, style, out)
}

/// The text of the file of a capacity search.
///
/// # Errors
/// A number is not finite.
pub fn capacity_json(report: &CapacityReport) -> serde_json::Result<String> {
    json::capacity::text_of(report)
}
