//! Writing a run so that a crash leaves the old file or the new one, and reading it back.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::bounded::read_bounded;
use super::document::RunDocument;
use super::{Run, RunFileError, restore};

impl Run {
    /// Writes the run as JSON, atomically: a temporary file in the same directory, synced, renamed, and the directory
    /// synced. A link is followed; a file that is not regular, such as a pipe, is written to directly.
    ///
    /// # Errors
    /// [`RunFileError::Write`].
    pub fn save(&self, path: &Path) -> Result<(), RunFileError> {
        write_atomically(path, &self.to_json())
    }

    /// Reads a run that [`Run::save`] wrote.
    ///
    /// # Errors
    /// [`RunFileError`] for everything that is not a whole and consistent run of this major version.
    pub fn load(path: &Path) -> Result<Run, RunFileError> {
        let file = File::open(path).map_err(RunFileError::Read)?;
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        Run::from_json(&read_bounded(file, length)?)
    }

    /// The text of a run file, one line a field.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(&RunDocument::from(self))
            .expect("the document has string keys and finite numbers only");
        text.push('\n');
        text
    }

    /// Reads the text of a run file.
    ///
    /// # Errors
    /// As [`Run::load`].
    pub fn from_json(bytes: &[u8]) -> Result<Run, RunFileError> {
        restore::run(bytes)
    }
}

/// Writes a text atomically, as [`Run::save`] does.
///
/// # Errors
/// [`RunFileError::Write`].
pub fn write_atomically(path: &Path, text: &str) -> Result<(), RunFileError> {
    let result = match fs::canonicalize(path) {
        Ok(existing) if existing.is_file() => replace(&existing, text),
        Ok(special) => File::options()
            .write(true)
            .open(&special)
            .and_then(|mut file| file.write_all(text.as_bytes())),
        Err(_) => replace(path, text),
    };
    result.map_err(|source| RunFileError::Write {
        path: path.to_owned(),
        source,
    })
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let directory = directory_of(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".a7probe-");
    // As any other program would create it; tempfile's own files are private.
    #[cfg(unix)]
    builder.permissions(permissions_of(path));
    let mut file = builder.tempfile_in(&directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // Only then does the new name survive a power cut.
    #[cfg(unix)]
    File::open(&directory)?.sync_all()?;
    Ok(())
}

/// Those of the file that is replaced, else what the process's mask leaves of read and write for all.
#[cfg(unix)]
fn permissions_of(path: &Path) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).map_or(fs::Permissions::from_mode(0o666), |existing| {
        existing.permissions()
    })
}

fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
