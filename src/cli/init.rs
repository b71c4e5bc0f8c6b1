//! Arguments of `init`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::settings_file;

/// Arguments of `init`.
#[derive(Args, Debug, Clone)]
pub struct InitArgs {
    /// File to write.
    #[arg(default_value = settings_file::DEFAULT_FILE, value_name = "FILE", conflicts_with = "ci")]
    pub file: PathBuf,

    /// Write the files of a pipeline instead: github or gitlab.
    #[arg(long, value_name = "SERVICE", value_enum)]
    pub ci: Option<CiService>,

    /// Replace an existing file.
    #[arg(long)]
    pub force: bool,
}

/// A CI service whose files `init` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CiService {
    /// A workflow that measures, and one that comments on pull requests
    Github,
    /// A job with JUnit and metrics reports
    Gitlab,
}
