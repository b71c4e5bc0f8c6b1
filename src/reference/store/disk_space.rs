//! Whether there is room on the disk; checked after a failure, before the store counts as usable again.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::StoreError;

/// What the largest request body and its index entries take, and some more, in bytes.
const ROOM_BYTES: usize = 512 * 1024;

/// Writes this many bytes next to the store, syncs them and removes them again. A database that has pages to reuse
/// would take a small write on a full disk, and refuse the next event all the same.
pub(super) fn check(store: &Path) -> Result<(), StoreError> {
    let mut name = store.as_os_str().to_owned();
    name.push(format!(".room-{}", std::process::id()));
    let scratch = PathBuf::from(name);
    let written = File::create(&scratch).and_then(|mut file| {
        // Not zeros: a file system may keep those for nothing.
        file.write_all(&vec![0xa7; ROOM_BYTES])?;
        file.sync_data()
    });
    let _ = fs::remove_file(&scratch);
    written.map_err(|error| {
        let reason = format!("no room next to {}: {error}", store.display()).into();
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::NoRoom(reason),
            ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly(reason),
            _ => StoreError::Failed(reason),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn where_there_is_room_nothing_is_left_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(check(&folder.path().join("store.db")), Ok(()));
        let left = std::fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 0);
    }

    #[test]
    fn where_nothing_can_be_written_there_is_no_room() {
        assert!(check("/dev/null/store.db".as_ref()).is_err());
    }
}
