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
mod column_names;
mod columns;
mod detect;
mod distribution;
mod encoding;
mod format;
mod fortio;
mod gatling;
mod ghz;
mod hey;
mod hgrm;
mod hlog;
mod hyperfine;
mod imported;
mod jmeter;
mod k6;
mod knots;
mod known;
mod latencies;
mod lines;
mod list_error;
mod locust;
mod marks;
mod names;
mod numbers;
mod oha;
mod profile;
mod records;
mod requests;
mod rows;
mod status;
mod status_column;
mod success;
mod telltale;
mod title;
mod unit;
mod value;
mod vegeta;

pub use format::{Format, UnknownFormat};
pub use hgrm::MILLISECONDS as HGRM_MILLISECONDS;
pub use imported::{Endpoint, Imported, Remark};
pub use list_error::ListError;
pub use unit::{Unit, UnknownUnit};
pub use value::ValueError;

use std::borrow::Cow;
use std::io::{self, Read};

use latencies::{Ending, content_lines, ending_of};

/// How a file is to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Unit of numbers that have none; a unit on the value goes first.
    pub unit: Option<Unit>,
    /// The column of a CSV file, by name or by number from 1.
    pub column: Option<String>,
    /// The column that tells success, by name or by number from 1; `none` counts every row as ok. By default the titles
    /// decide.
    pub status_column: Option<String>,
    /// What the file is; its content tells unless it is said.
    pub format: Option<Format>,
}

/// A file from which nothing can be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// No bytes, or nothing but comments and a heading.
    #[error("there is no latency in it; write one a line, such as 163.2ms, or 'failed'")]
    Empty,
    /// Not UTF-8.
    #[error("it is not UTF-8 text{}\nhint: iconv -f WINDOWS-1252 -t UTF-8 FILE > OUT, or save it as \"CSV UTF-8\"", .0.map_or(String::new(), |line| format!(" (line {line})")))]
    NotText(Option<usize>),
    /// UTF-32, which is not read.
    #[error("it is UTF-32 text\nhint: iconv -f UTF-32 -t UTF-8 FILE > OUT")]
    Utf32,
    /// gzip.
    #[error("it is compressed; unpack it first: gunzip FILE")]
    Compressed,
    /// JSON, but not a run (that begins with a brace and is not read here).
    #[error(
        "it is JSON, but not an a7probe run; give one latency a line, such as 163.2ms, or a CSV file"
    )]
    Json,
    /// A list or a CSV file that cannot be read.
    #[error(transparent)]
    List(ListError),
    /// The file cannot be read to its end.
    #[error("cannot read the file: {0}")]
    Unreadable(String),
    /// A file of a known tool that is damaged, or that has lost what a verdict needs.
    #[error("{}: {what}\nhint: {hint}", .format.title())]
    Foreign {
        /// The tool's format.
        format: Format,
        /// What is the matter.
        what: String,
        /// How to mend it.
        hint: String,
    },
    /// A file that cannot be judged, and the file to give instead.
    #[error("{file}: {what}\nhint: {hint}")]
    Known {
        /// The kind of file.
        file: &'static str,
        /// The missing data.
        what: String,
        /// The file to give instead.
        hint: String,
    },
}

impl ImportError {
    fn unreadable(error: &io::Error) -> ImportError {
        ImportError::Unreadable(error.to_string())
    }
}

/// What a file is, by its content; what is nothing else is a list.
pub fn detect(bytes: &[u8]) -> Format {
    detect::format_of(&encoding::to_utf8(bytes))
}

/// The bytes of a text in UTF-8 without a byte order mark, also of one in UTF-16.
pub fn to_utf8(bytes: &[u8]) -> Cow<'_, [u8]> {
    encoding::to_utf8(bytes)
}

/// Whether a file that begins with these bytes is a list or CSV file that [`read_list`] can read as a stream.
pub fn is_list(head: &[u8], options: &Options) -> bool {
    if known::of_binary(head).is_some() {
        return false;
    }
    let text = encoding::to_utf8(head);
    let json =
        text.trim_ascii_start().starts_with(b"{") || text.trim_ascii_start().starts_with(b"[");
    match options.format {
        Some(format) => format == Format::List,
        None => !json && format_of(&text, options) == Format::List,
    }
}

/// Reads a list of latencies or a CSV file as a stream.
///
/// # Errors
/// As [`read`].
pub fn read_list(input: impl Read, options: &Options) -> Result<Imported, ImportError> {
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
    let imported = latencies::read(head.chain(input), options)?;
    match imported.endpoints.iter().any(|e| e.recording.planned() > 0) {
        true => Ok(imported),
        false => Err(ImportError::Empty),
    }
}

/// Reads the bytes of a file of another tool.
///
/// # Errors
/// If it is not what it seems or was said to be, is cut or damaged, or has lost what a verdict needs.
pub fn read(bytes: &[u8], options: &Options) -> Result<Imported, ImportError> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Err(ImportError::Compressed);
    }
    if encoding::is_utf32(bytes) {
        return Err(ImportError::Utf32);
    }
    if let Some(known) = known::of_binary(bytes) {
        return Err(known.error());
    }
    let bytes = encoding::to_utf8(bytes);
    let format = format_of(&bytes, options);
    check_options(format, options)?;
    if matches!(format, Format::Run | Format::List) {
        return read_list(&*bytes, options);
    }
    let text = decode(&bytes)?;
    let imported = read_as(format, text, options).map_err(|error| error.of_ending(text))?;
    match imported.endpoints.iter().any(|e| e.recording.planned() > 0) {
        true => Ok(imported),
        false => Err(ImportError::Empty),
    }
}

fn read_as(format: Format, text: &str, options: &Options) -> Result<Imported, ImportError> {
    match format {
        Format::Run | Format::List => latencies::read(text.as_bytes(), options),
        Format::OhaJson => oha::read_json(text),
        Format::OhaCsv => oha::read_csv(text),
        Format::HeyCsv => hey::read(text),
        Format::K6Json => k6::read(text),
        Format::K6Summary => k6::read_summary(text),
        Format::VegetaJson => vegeta::read_json(text),
        Format::VegetaCsv => vegeta::read_csv(text),
        Format::Hgrm => hgrm::read(text, options.unit),
        Format::Hlog => hlog::read(text, options.unit),
        Format::LocustCsv => locust::read(text),
        Format::K6Csv => k6::read_csv(text),
        Format::VegetaHdrplot => vegeta::read_hdrplot(text),
        Format::JmeterCsv => jmeter::read_csv(text),
        Format::JmeterXml => jmeter::read_xml(text),
        Format::AutocannonJson => autocannon::read(text),
        Format::BombardierJson => bombardier::read(text),
        Format::ArtilleryJson => artillery::read(text),
        Format::FortioJson => fortio::read(text),
        Format::GhzJson => ghz::read(text),
        Format::HyperfineJson => hyperfine::read(text),
        Format::GatlingLog => gatling::read(text),
        Format::Known => Err(detect::refusal(text)),
    }
}

impl ImportError {
    /// A damaged file that ends in the middle of a line may be cut. Of any other file nothing is reported.
    fn of_ending(self, text: &str) -> ImportError {
        match self {
            ImportError::Foreign { format, what, hint }
                if hint == format::DAMAGED
                    && !format.is_document()
                    && ending_of(text) == Ending::MidLine =>
            {
                format.cut(format!("{what}; the file may be cut"))
            }
            error => error,
        }
    }
}

/// `--column` asks for a column, whatever else the file may be.
fn format_of(bytes: &[u8], options: &Options) -> Format {
    match (options.format, &options.column) {
        (Some(format), _) => format,
        // A column of k6's CSV output holds several metrics.
        (None, Some(_)) => match detect::format_of(bytes) {
            Format::K6Csv => Format::K6Csv,
            _ => Format::List,
        },
        (None, None) => detect::format_of(bytes),
    }
}

fn check_options(format: Format, options: &Options) -> Result<(), ImportError> {
    let refused = |what: String, hint: &str| Err(format.error(what, hint));
    match (options.unit, &options.column) {
        (_, Some(column)) if format != Format::List => refused(
            format!("--column {column} names a column of a list, and this is none"),
            "leave --column out, or say --format list",
        ),
        _ if format != Format::List && options.status_column.is_some() => refused(
            "--status-column names a column of a list, and the format tells success itself"
                .to_owned(),
            "leave --status-column out, or say --format list",
        ),
        (Some(unit), _) if !format.takes_unit() => refused(
            format!("--unit {unit} is given, but the format has units of its own"),
            "leave --unit out, or say --format list",
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
    match text.contains('\0') {
        true => Err(ImportError::NotText(None)),
        false => Ok(text),
    }
}
