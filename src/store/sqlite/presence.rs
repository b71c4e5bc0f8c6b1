//! Which processes have the file open: told apart from the dead by locks that the system frees.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::store::OpenError;

/// A lock on `FILE.lock`: exclusive while the store is opened by a process that found nobody else, shared from then on.
/// So whoever gets it exclusively knows that every lease in the store belongs to a dead process.
pub(super) struct Presence {
    file: File,
    path: PathBuf,
    alone: bool,
}

impl Presence {
    /// Waits while another process is opening the store.
    pub(super) fn enter(path: &Path) -> Result<Presence, OpenError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let unusable = |error: std::io::Error| OpenError::unusable(path, error);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(PathBuf::from(&name))
            .map_err(unusable)?;
        let alone = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => {
                file.lock_shared().map_err(unusable)?;
                false
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        };
        Ok(Presence {
            file,
            path: path.to_owned(),
            alone,
        })
    }

    /// Had nobody else the store open when this process came?
    pub(super) fn is_alone(&self) -> bool {
        self.alone
    }

    /// From now on others may open the store. Between the two locks one of them may find itself alone: this process
    /// holds no lease yet, so nothing of it is taken over.
    pub(super) fn admit_others(&mut self) -> Result<(), OpenError> {
        if self.alone {
            self.alone = false;
            let unusable = |error: std::io::Error| OpenError::unusable(&self.path, error);
            self.file.unlock().map_err(unusable)?;
            self.file.lock_shared().map_err(unusable)?;
        }
        Ok(())
    }

    /// Has nobody else the store open now? Whoever opens it meanwhile waits.
    pub(super) fn is_last(&self) -> bool {
        self.file.unlock().is_ok() && self.file.try_lock().is_ok()
    }
}
