//! A self-test as JSON: the certificate, and what follows from it.

use std::io::{self, Write};

use serde::Serialize;

use crate::run::run_file::{SelftestCertificate, SelftestCheck};

#[derive(Serialize)]
struct JsonSelftest<'a> {
    passed: bool,
    #[serde(flatten)]
    certificate: &'a SelftestCertificate,
    /// In place of the certificate's own.
    results: Vec<JsonCheck<'a>>,
}

#[derive(Serialize)]
struct JsonCheck<'a> {
    #[serde(flatten)]
    check: &'a SelftestCheck,
    error: f64,
    within: bool,
}

/// Writes one JSON object and a newline.
pub(in crate::report) fn write(
    certificate: &SelftestCertificate,
    out: &mut dyn Write,
) -> io::Result<()> {
    let results = certificate.checks.iter().map(|check| JsonCheck {
        check,
        error: check.error(),
        within: check.is_within(),
    });
    let whole = JsonSelftest {
        passed: certificate.passes(),
        certificate,
        results: results.collect(),
    };
    let mut value = serde_json::to_value(&whole)?;
    if let Some(object) = value.as_object_mut() {
        // Each check stands once, with what follows from it.
        let results = object.remove("results").unwrap_or_default();
        object.insert("checks".to_owned(), results);
    }
    writeln!(out, "{value:#}")
}
