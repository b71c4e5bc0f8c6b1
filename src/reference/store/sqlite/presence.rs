//! Which processes have the file open: distinguished from dead processes by locks that the system frees.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::files::{behind_links, id, names, sibling_file};
use super::note;
use crate::reference::store::OpenError;

/// A lock on `FILE.lock`: exclusive while a process opens the store that no other has open, shared from then on. A
/// process that gets it exclusively knows that every lease in the store belongs to a dead process.
pub(super) struct Presence {
    file: File,
    path: PathBuf,
    alone: bool,
    /// The file was created for a store that is not opened yet. It is removed if the store is never opened.
    is_temporary: bool,
}

impl Presence {
    /// Waits while another process is opening the store.
    pub(super) fn enter(named: &Path) -> Result<Presence, OpenError> {
        let unusable = |error: io::Error| OpenError::unusable(named, error);
        // Every name of the store has the same lock.
        let path = &behind_links(named);
        let metadata = fs::metadata(path);
        if metadata.as_ref().is_ok_and(|file| file.is_dir()) {
            return Err(unusable(ErrorKind::IsADirectory.into()));
        }
        let count = metadata.map_or(1, |file| names(&file));
        if count > 1 {
            return Err(OpenError::Incomplete {
                store: named.into(),
                missing: format!(
                    "it has {count} names (hard links), and each has a log of its own"
                ),
                hint: format!(
                    "keep one name: `find -samefile {}` shows them; copy the file instead of linking it",
                    path.display()
                ),
            });
        }
        loop {
            let (file, is_temporary) = open(&sibling_file(path, ".lock")).map_err(unusable)?;
            let alone = match file.try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock) => {
                    file.lock_shared().map_err(unusable)?;
                    false
                }
                Err(TryLockError::Error(error)) => return Err(unusable(error)),
            };
            let presence = Presence {
                file,
                path: path.to_owned(),
                alone,
                is_temporary: is_temporary && alone,
            };
            // A process whose store was refused may have removed the file before it was locked here.
            if presence.is_in_its_place().map_err(unusable)? {
                return Ok(presence);
            }
        }
    }

    fn is_in_its_place(&self) -> io::Result<bool> {
        match fs::metadata(sibling_file(&self.path, ".lock")) {
            Ok(now) => Ok(id(&now) == id(&self.file.metadata()?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Refuses a store that has lost commits since a process last noted how many there are.
    pub(super) fn check_note(&mut self) -> Result<(), OpenError> {
        note::check(&mut self.file, &self.path)
    }

    /// Notes how many commits there are. Without the note only a lost log goes undetected.
    pub(super) fn note(&mut self, commits: u64, file: u64) {
        if let Err(error) = note::write(&mut self.file, commits, file) {
            tracing::debug!(%error, "the commits could not be noted");
        }
    }

    /// The file found is not a store, so the lock file is removed.
    pub(super) fn disown(&mut self) {
        self.is_temporary = self.alone;
    }

    /// Everything is in the database: it may be copied, and replaced by an earlier copy.
    pub(super) fn forget_note(&self) {
        let _ = self.file.set_len(0);
    }

    /// Whether no other process had the store open at the start of this one.
    pub(super) fn is_alone(&self) -> bool {
        self.alone
    }

    /// From now on others may open the store. Between the two locks one of them may find itself alone: this process
    /// holds no lease yet, so nothing of it is taken over.
    pub(super) fn admit_others(&mut self) -> Result<(), OpenError> {
        self.is_temporary = false;
        if self.alone {
            self.alone = false;
            let unusable = |error: std::io::Error| OpenError::unusable(&self.path, error);
            self.file.unlock().map_err(unusable)?;
            self.file.lock_shared().map_err(unusable)?;
        }
        Ok(())
    }

    /// Whether no other process has the store open now; a process that opens it at the same time waits.
    pub(super) fn is_last(&self) -> bool {
        self.file.unlock().is_ok() && self.file.try_lock().is_ok()
    }
}

/// Opens the lock file; returns whether it was created for that.
fn open(path: &Path) -> io::Result<(File, bool)> {
    let mut options = File::options();
    options.read(true).write(true);
    match options.clone().create_new(true).open(path) {
        Ok(file) => Ok((file, true)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let file = options.create(true).truncate(false).open(path)?;
            Ok((file, false))
        }
        Err(error) => Err(error),
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if self.is_temporary {
            let _ = fs::remove_file(sibling_file(&self.path, ".lock"));
        }
    }
}
