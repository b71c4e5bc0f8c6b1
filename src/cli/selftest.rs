//! The arguments of `a7probe selftest`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStr, Resettable};

use super::output::{FormatArgs, ScreenArgs};
use super::report_file::parse_format;
use crate::report::ReportFormat;

/// Check this machine's measurement error, with known delays, stalls and slow spells
#[derive(Args, Debug, Clone, Default)]
#[command(
    mut_arg("output", |arg| {
        let arg = arg.env(Resettable::<OsStr>::Reset).value_parser(parse_output);
        arg.help("Format of the result on stdout: human or json")
    }),
    after_help = "Exit codes: 0 every check is within tolerance, 1 a check is not.
Examples:
  a7probe selftest                          about 55 s
  a7probe selftest --quick --output json    about 20 s
  a7probe selftest --save certificate.json, then  a7probe measure URL --certificate certificate.json"
)]
pub struct SelftestArgs {
    /// Fewer requests: about 20 s instead of 55 s.
    #[arg(long)]
    pub quick: bool,

    /// Save the result, for `measure --certificate`.
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,

    #[command(flatten)]
    pub format: FormatArgs,

    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// A certificate has no other form.
fn parse_output(text: &str) -> Result<ReportFormat, String> {
    match parse_format(text) {
        Ok(format @ (ReportFormat::Human | ReportFormat::Json)) => Ok(format),
        _ => Err("a self-test has no such format\nhint: use human or json".to_owned()),
    }
}
