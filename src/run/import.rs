//! Reads what other tools measured, each as far as its file tells: [`read`] gives recordings to judge, and remarks
//! on what the format has lost.
//!
//! | format | kept | lost |
//! |---|---|---|
//! | list, CSV column | every latency, failures where they are written, the order | from where the latencies count |
//! | oha JSON | nine percentiles, a histogram of eleven steps, statuses, errors | the latencies between, the order, which request failed |
//! | oha CSV | every answered request with its start and status | requests without an answer |
//! | hey CSV | the same, rounded to 0.1 ms | requests without an answer |
//! | k6 NDJSON, CSV | every request with time, status and failure; dropped iterations | waiting for a connection, connecting, TLS |
//! | k6 summary | a few percentiles, failures | the latencies between, the order |
//! | vegeta JSON, CSV | every request with time, status and error | the lag of the send behind the schedule |
//! | percentile table (wrk2, `.hgrm`) | counts up to each line's value | the order; failures, but for wrk2's totals |
//! | `.hlog` | counts by bucket and interval | failures, the order within an interval |
//! | vegeta hdrplot | estimated percentiles | failures, the order |
//! | JMeter JTL (CSV, XML) | every sample with time, status and success | the fractions of milliseconds |
//! | Gatling text log | every request with start, end and status | the fractions of milliseconds |
//! | ghz JSON | every call with time, status and error | the lag of the send |
//! | hyperfine JSON | every run with its exit code | |
//! | autocannon, bombardier, Artillery JSON | a few percentiles, statuses, errors | the latencies between, the order |
//! | Fortio JSON | counts by fixed steps, statuses | the latencies within a step, the order |
//! | Locust stats | eleven percentiles of rounded values, failures | the latencies between, the order |

mod artillery;
mod autocannon;
mod bombardier;
mod column;
mod column_names;
mod column_profile;
mod column_title;
mod columns;
mod detect;
mod encoding;
mod ending;
mod endpoint_names;
mod format;
mod fortio;
mod gatling;
mod ghz;
mod hey;
mod hgrm;
mod hlog;
mod hyperfine;
mod import_error;
mod import_remark;
mod imported;
mod jmeter;
mod k6;
mod list;
mod list_error;
mod list_rows;
mod locust;
mod numbers;
mod oha;
mod options;
mod percentile_summary;
mod rank_bounds;
mod refused_files;
mod requests;
mod status_choice;
mod status_column;
mod status_meaning;
mod table_columns;
mod text_lines;
mod titled_rows;
mod top_level_keys;
mod unit;
mod unread_failures;
mod value;
mod value_error;
mod vegeta;
mod word_list;

pub use format::{FileFormat, UnknownFormat};
pub use hgrm::MILLISECONDS as HGRM_MILLISECONDS;
pub use import_error::ImportError;
pub use import_remark::{ImportRemark, ListRemark, MissingRequests, UnstatedFact};
pub use imported::{Imported, ImportedEndpoint};
pub use list_error::ListError;
pub use options::ImportOptions;
pub use unit::{TimeUnit, UnknownUnit};
pub use value_error::ValueError;

use std::borrow::Cow;
use std::io::Read;

/// What a file is, by its content; what is nothing else is a list.
pub fn detect(bytes: &[u8]) -> FileFormat {
    detect::format_of(&encoding::to_utf8(bytes))
}

/// The bytes of a text in UTF-8 without a byte order mark, also of one in UTF-16.
pub fn to_utf8(bytes: &[u8]) -> Cow<'_, [u8]> {
    encoding::to_utf8(bytes)
}

/// Whether a file that begins with these bytes is a list or CSV file that [`read_list`] can read as a stream.
pub fn is_list(head: &[u8], options: &ImportOptions) -> bool {
    if refused_files::of_binary(head).is_some() {
        return false;
    }
    let text = encoding::to_utf8(head);
    let json =
        text.trim_ascii_start().starts_with(b"{") || text.trim_ascii_start().starts_with(b"[");
    match options.format {
        Some(format) => format == FileFormat::List,
        None => !json && format_of(&text, options) == FileFormat::List,
    }
}

/// Reads a list of latencies or a CSV file as a stream.
///
/// # Errors
/// As [`read`].
pub fn read_list(input: impl Read, options: &ImportOptions) -> Result<Imported, ImportError> {
    let mut input = input;
    let mut head = Vec::new();
    let magic = input.by_ref().take(2).read_to_end(&mut head);
    magic.map_err(|e| ImportError::unreadable(&e))?;
    if head == [0x1f, 0x8b] {
        return Err(ImportError::Compressed);
    }
    let rest = input.by_ref().take(2).read_to_end(&mut head);
    rest.map_err(|e| ImportError::unreadable(&e))?;
    if encoding::is_utf32(&head) {
        return Err(ImportError::Utf32);
    }
    list::read(head.chain(input), options).and_then(Imported::unless_empty)
}

/// Reads the bytes of a file of another tool.
///
/// # Errors
/// If it is not what it seems or was said to be, is cut or damaged, or has lost what a verdict needs.
pub fn read(bytes: &[u8], options: &ImportOptions) -> Result<Imported, ImportError> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Err(ImportError::Compressed);
    }
    if encoding::is_utf32(bytes) {
        return Err(ImportError::Utf32);
    }
    if let Some(known) = refused_files::of_binary(bytes) {
        return Err(known.error());
    }
    let bytes = encoding::to_utf8(bytes);
    let format = format_of(&bytes, options);
    check_options(format, options)?;
    if matches!(format, FileFormat::Run | FileFormat::List) {
        return read_list(&*bytes, options);
    }
    let text = decode(&bytes)?;
    read_as(format, text, options)
        .map_err(|error| error.of_ending(text))
        .and_then(Imported::unless_empty)
}

fn read_as(
    format: FileFormat,
    text: &str,
    options: &ImportOptions,
) -> Result<Imported, ImportError> {
    match format {
        FileFormat::Run | FileFormat::List => list::read(text.as_bytes(), options),
        FileFormat::OhaJson => oha::read_json(text),
        FileFormat::OhaCsv => oha::read_csv(text),
        FileFormat::HeyCsv => hey::read(text),
        FileFormat::K6Json => k6::read(text),
        FileFormat::K6Summary => k6::read_summary(text),
        FileFormat::VegetaJson => vegeta::read_json(text),
        FileFormat::VegetaCsv => vegeta::read_csv(text),
        FileFormat::Hgrm => hgrm::read(text, options.unit),
        FileFormat::Hlog => hlog::read(text, options.unit),
        FileFormat::LocustCsv => locust::read(text),
        FileFormat::K6Csv => k6::read_csv(text),
        FileFormat::VegetaHdrplot => vegeta::read_hdrplot(text),
        FileFormat::JmeterCsv => jmeter::read_csv(text),
        FileFormat::JmeterXml => jmeter::read_xml(text),
        FileFormat::AutocannonJson => autocannon::read(text),
        FileFormat::BombardierJson => bombardier::read(text),
        FileFormat::ArtilleryJson => artillery::read(text),
        FileFormat::FortioJson => fortio::read(text),
        FileFormat::GhzJson => ghz::read(text),
        FileFormat::HyperfineJson => hyperfine::read(text),
        FileFormat::GatlingLog => gatling::read(text),
        FileFormat::Refused => Err(detect::refusal(text)),
    }
}

/// `--column` means a list, even if the file looks like another format.
fn format_of(bytes: &[u8], options: &ImportOptions) -> FileFormat {
    match (options.format, &options.column) {
        (Some(format), _) => format,
        // A column of k6's CSV output holds several metrics.
        (None, Some(_)) => match detect::format_of(bytes) {
            FileFormat::K6Csv => FileFormat::K6Csv,
            _ => FileFormat::List,
        },
        (None, None) => detect::format_of(bytes),
    }
}

fn check_options(format: FileFormat, options: &ImportOptions) -> Result<(), ImportError> {
    let refused = |what: String, hint: &str| Err(format.error(what, hint));
    match (options.unit, &options.column) {
        (_, Some(column)) if format != FileFormat::List => refused(
            format!("--column {column} needs a list, and this file is not one"),
            "leave --column out, or add --format list",
        ),
        _ if format != FileFormat::List && options.status_column.is_some() => refused(
            "--status-column needs a list, and this format has its own status".to_owned(),
            "leave --status-column out, or add --format list",
        ),
        (Some(unit), _) if !format.takes_unit() => refused(
            format!("--unit {unit} does not apply: the format has its own units"),
            "leave --unit out, or add --format list",
        ),
        _ => Ok(()),
    }
}

/// A text of UTF-8.
fn decode(bytes: &[u8]) -> Result<&str, ImportError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        ImportError::NotText(Some(line))
    })?;
    if text.contains('\0') {
        Err(ImportError::NotText(None))
    } else {
        Ok(text)
    }
}
