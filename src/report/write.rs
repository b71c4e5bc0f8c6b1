//! Writes a report in the form that was asked for.

use std::io::{self, Write};

use super::model::{Report, ReportKind};
use super::style::{ReportFormat, Style};
use super::{csv, hdrlog, json, markdown, screen, table, text};
use crate::run::run_file::SelftestCertificate;

impl Report {
    /// Writes the report in a form.
    pub fn write(
        &self,
        format: ReportFormat,
        style: &Style,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match format {
            ReportFormat::Human => match self.kind {
                ReportKind::Measure | ReportKind::Judge => screen::write(self, style, out),
                ReportKind::Compare | ReportKind::Ab | ReportKind::Diagnose => {
                    table::write(self, style, out)
                }
            },
            ReportFormat::Json => json::write(self, out),
            ReportFormat::Markdown => markdown::write(self, out),
            ReportFormat::Csv => csv::write(self, out),
            ReportFormat::Hlog => hdrlog::write(self, out),
            ReportFormat::Hgrm => self.endpoints.iter().try_for_each(|e| e.write_hgrm(out)),
        }
    }

    /// Writes the warnings as stderr shows them, each with its hint.
    pub fn write_warnings(&self, out: &mut dyn Write) -> io::Result<()> {
        self.warnings.iter().try_for_each(|warning| {
            let words = text::warnings::warning(warning);
            writeln!(out, "warning: {}\nhint: {}", words.text, words.hint)
        })
    }
}

/// Writes the table of a self-test for people.
pub fn write_certificate(
    certificate: &SelftestCertificate,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    screen::selftest::write(certificate, style, out)
}

/// Writes a self-test as one JSON object.
pub fn write_certificate_json(
    certificate: &SelftestCertificate,
    out: &mut dyn Write,
) -> io::Result<()> {
    json::selftest::write(certificate, out)
}
