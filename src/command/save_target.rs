//! Where a run is saved: a file, stdout, or a URL that takes a PUT, such as a presigned one.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{anyhow, bail};

use super::saved::hinted;
use super::writable::check_writable;
use crate::printable::{Shown as _, causes};
use crate::probe::audit::http_client;
use crate::redact;
use crate::run::run_file::Run;

/// How long a PUT may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A PUT that may pass the next time is tried again after these.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// Where a run goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SaveTarget {
    File(PathBuf),
    Stdout,
    Url(String),
}

impl SaveTarget {
    /// What `--save` means.
    pub(super) fn of(typed: &Path) -> SaveTarget {
        let text = typed.to_string_lossy();
        if text == "-" {
            SaveTarget::Stdout
        } else if ["http://", "https://"]
            .iter()
            .any(|start| text.starts_with(start))
        {
            SaveTarget::Url(text.into_owned())
        } else {
            SaveTarget::File(typed.to_owned())
        }
    }

    /// The file, if it is one.
    pub(super) fn file(&self) -> Option<&PathBuf> {
        match self {
            SaveTarget::File(path) => Some(path),
            SaveTarget::Stdout | SaveTarget::Url(_) => None,
        }
    }

    /// Tries the folder of a file before anything is measured.
    ///
    /// # Errors
    /// A file cannot be made there.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        self.file().map_or(Ok(()), |path| check_writable(path))
    }

    /// What messages call it, without its secrets.
    pub(super) fn shown(&self) -> String {
        match self {
            SaveTarget::File(path) => path.shown().to_string(),
            SaveTarget::Stdout => "stdout".to_owned(),
            SaveTarget::Url(url) => {
                let without_query = url.split(['?', '#']).next().unwrap_or(url);
                redact::url(without_query)
            }
        }
    }

    /// Writes the run.
    ///
    /// # Errors
    /// It cannot be written; the message names the place and the reason.
    pub(super) fn save(&self, run: &Run, stdout: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            SaveTarget::File(path) => run.save(path).map_err(|error| hinted(&error)),
            SaveTarget::Stdout => Ok(stdout.write_all(run.to_json().as_bytes())?),
            SaveTarget::Url(url) => self.put(url, &run.to_json()),
        }
    }

    fn put(&self, url: &str, text: &str) -> anyhow::Result<()> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let failure = match put_once(url, text) {
                Ok(status) if (200..300).contains(&status) => return Ok(()),
                Ok(status) => PutFailure {
                    is_final: (400..500).contains(&status),
                    reason: format!("the server answered {status}"),
                },
                Err(error) => PutFailure {
                    is_final: false,
                    reason: error.to_string(),
                },
            };
            match pauses.next().filter(|_| !failure.is_final) {
                Some(pause) => std::thread::sleep(pause),
                None => bail!(
                    "cannot save to {}: {}\nhint: check that the URL takes a PUT and has not expired",
                    self.shown(),
                    failure.reason
                ),
            }
        }
    }
}

/// Why a PUT did not save.
struct PutFailure {
    /// It would not pass the next time either.
    is_final: bool,
    reason: String,
}

/// The status of the answer. The error does not show the URL, which may be a secret.
fn put_once(url: &str, text: &str) -> anyhow::Result<u16> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let client = http_client(TIMEOUT)?;
    runtime.block_on(async {
        let request = client.put(url).header("content-type", "application/json");
        let answer = request.body(text.to_owned()).send().await;
        Ok(answer
            .map_err(|error| cause(error.without_url().into()))?
            .status()
            .as_u16())
    })
}

/// Reads a run from a URL, as `merge` does.
///
/// # Errors
/// There is no answer, or it is not a 2xx.
pub(super) fn get(url: &str) -> anyhow::Result<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let client = http_client(TIMEOUT)?;
    let fetched: anyhow::Result<Vec<u8>> = runtime.block_on(async {
        let answer = client.get(url).send().await;
        let answer = answer.map_err(|error| cause(error.without_url().into()))?;
        let status = answer.status();
        if !status.is_success() {
            bail!("the server answered {}", status.as_u16());
        }
        let body = answer.bytes().await;
        Ok(body
            .map_err(|error| cause(error.without_url().into()))?
            .to_vec())
    });
    fetched.map_err(|error| {
        anyhow!("{error}\nhint: check that the URL can be read from here and has not expired")
    })
}

/// Why a transfer failed, from an error without the URL, whose query may be secret.
fn cause(error: anyhow::Error) -> anyhow::Error {
    anyhow!("{}", causes::joined(&error))
}

/// Whether a text is a URL.
pub(super) fn is_url(text: &Path) -> bool {
    matches!(SaveTarget::of(text), SaveTarget::Url(_))
}

/// Says where the run was saved.
///
/// # Errors
/// It cannot be written.
pub(super) fn say_saved(target: &SaveTarget, stderr: &mut dyn Write) -> io::Result<()> {
    writeln!(stderr, "saved {}", target.shown())
}
