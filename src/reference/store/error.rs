//! Why a store says no.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::Location;

/// Why the store did not do what it was asked for. Nothing was promised.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Too many requests wait for a commit.
    #[error("{waiting} requests already wait for a commit")]
    Full {
        /// The limit that is reached.
        waiting: usize,
    },
    /// Too many accepted events wait to be processed.
    #[error("{waiting} accepted events already wait to be processed")]
    Backlog {
        /// How many wait.
        waiting: u64,
    },
    /// The transaction was rolled back: I/O error, or another error of the database.
    #[error("the store failed: {0}")]
    Failed(Arc<str>),
    /// The connection broke during the commit: it may have succeeded. Only a repetition with the same key tells.
    #[error(
        "the commit was interrupted and may have succeeded ({0}); repeat the request with the same key"
    )]
    Unsure(Arc<str>),
    /// The store's files are not in their place. A restart would not find events committed to them.
    #[error("the store's file is missing or was replaced: {0}")]
    Lost(Arc<str>),
    /// The transaction was rolled back: the disk is full.
    #[error("the store has no room left: {0}")]
    NoRoom(Arc<str>),
    /// The transaction was rolled back: the store cannot be written.
    #[error("the store is read-only: {0}")]
    ReadOnly(Arc<str>),
    /// The store is being closed.
    #[error("the store is closed")]
    Closed,
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A database, but not one of ours, or of a later version.
    #[error(
        "this version cannot use the store {store}: {found}\nhint: name another one with `--store`"
    )]
    Foreign {
        /// Where it was looked for.
        store: Location,
        /// What it is.
        found: String,
    },
    /// A part of the store is missing: it would start in an earlier state, or empty.
    #[error("cannot open the store {store}: {missing}\nhint: {hint}")]
    Incomplete {
        /// The path that was searched.
        store: Location,
        /// The missing part.
        missing: String,
        /// The hint.
        hint: String,
    },
    /// A build without the feature.
    #[error("{store} needs a build with --features postgres")]
    LacksPostgres {
        /// Where it was looked for.
        store: Location,
    },
    /// The file cannot be created, read or written; the database cannot be reached or used.
    #[error("cannot open the store {store}: {}\nhint: {}", lowercase_start(.reason), open_hint(.store, .reason))]
    Unusable {
        /// Where it was looked for.
        store: Location,
        /// What the system or the database said.
        reason: String,
    },
}

impl OpenError {
    /// A file that the system refuses.
    pub(super) fn unusable(path: &Path, reason: impl fmt::Display) -> OpenError {
        let reason = reason.to_string();
        // The number of the system's error adds nothing to its words.
        let words = reason
            .split_once(" (os error ")
            .map_or(&*reason, |(words, _)| words);
        OpenError::Unusable {
            store: path.into(),
            reason: words.to_owned(),
        }
    }

    /// Whether the file is not a store, or is one no longer.
    pub(super) fn is_of_the_content(&self) -> bool {
        match self {
            OpenError::Foreign { .. } => true,
            OpenError::Unusable { reason, .. } => reason.contains(MALFORMED),
            OpenError::Incomplete { .. } | OpenError::LacksPostgres { .. } => false,
        }
    }
}

/// `no such file or directory`; names such as `SQLite` keep their capitals.
fn lowercase_start(words: &str) -> String {
    let (first, rest) = words.split_at(words.chars().next().map_or(0, char::len_utf8));
    if rest.starts_with(char::is_lowercase) {
        first.to_lowercase() + rest
    } else {
        words.to_owned()
    }
}

/// In SQLite's words.
pub(super) const MALFORMED: &str = "malformed";

/// The message about encryption or about the tables, and the hint.
const KNOWN: [(&str, &str); 9] = [
    (
        "SET LOGGED",
        "run that statement in psql as the owner of the tables, then start again",
    ),
    (
        "no TLS with the server: the certificate",
        "the server's certificate must name the URL's host and be signed by a root of this system, or by one in the file that `SSL_CERT_FILE` names",
    ),
    (
        "no TLS with the server: unknown certificate issuer",
        "the server's certificate must name the URL's host and be signed by a root of this system, or by one in the file that `SSL_CERT_FILE` names",
    ),
    (
        "no root certificate",
        "install the system's (ca-certificates), or name a file of them in `SSL_CERT_FILE`",
    ),
    (
        "server does not support TLS",
        "enable TLS on the server (`ssl = on`), or leave out `sslmode=require` (no encryption)",
    ),
    (
        "no hostname provided",
        "the URL must name the host that the server's certificate is for",
    ),
    (
        "no encryption",
        "the server may require encryption: add `sslmode=require` to the URL",
    ),
    (
        "sslrootcert",
        "name the file in the variable `SSL_CERT_FILE`, and leave `sslrootcert` out of the URL",
    ),
    (
        "sslmode",
        "`sslmode=require` encrypts and checks the server's certificate and the name in it, as psql's `verify-full` does; nothing is encrypted with `disable` and `prefer`",
    ),
];

/// The message of SQLite or of the system about a file, and the hint.
const FILE: [(&str, &str); 9] = [
    (
        MALFORMED,
        "restore the file from a backup; `sqlite3 FILE .recover | sqlite3 NEW` may recover some events; check that NEW has events before you serve it",
    ),
    (
        "KiB free",
        "free space on the volume, or move the file and its -wal to a larger one; accepted events are kept",
    ),
    (
        "no inodes",
        "delete files (`df -i` counts them); accepted events are kept",
    ),
    (
        "disk is full",
        "free space on the volume, or move the file and its -wal to a larger one; accepted events are kept",
    ),
    (
        "No space left",
        "free space on the volume (check with `df` and `df -i`); accepted events are kept",
    ),
    (
        "disk I/O error",
        "check the disk, its quota and the limits of the process; accepted events are kept",
    ),
    (
        "locked",
        "another program is writing to the file: stop it, then start again",
    ),
    (
        "Read-only file system",
        "mount the file system writable, or name a file elsewhere with `--store`",
    ),
    (
        "readonly database",
        "give this user write permission for the file, its -wal and its -shm",
    ),
];

/// How to fix it, by the place and by what of the reason says that it is about encryption.
fn open_hint(store: &Location, reason: &str) -> &'static str {
    let (known, other) = match store {
        Location::File(_) => (FILE, "choose a file in a writable folder with `--store`"),
        Location::Postgres(_) => (
            KNOWN,
            "check with psql and the same URL that the server runs, the database exists and this user may create tables",
        ),
    };
    let known = known.iter().find(|(said, _)| reason.contains(said));
    known.map_or(other, |(_, hint)| hint)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::reference::store::{OpenError, Store, StoreOptions};

    #[test]
    fn a_message_begins_in_lowercase_and_keeps_names() {
        let shown = |reason: &str| OpenError::unusable(Path::new("s.db"), reason).to_string();
        assert!(
            shown("No space left on device (os error 28)").starts_with(
                "cannot open the store s.db: no space left on device\nhint: free space"
            )
        );
        assert!(shown("SQLite is locked").contains(": SQLite is locked\n"));
        assert!(shown("").contains(": \n"));
    }

    #[test]
    fn a_folder_is_no_store() {
        let folder = tempfile::tempdir().unwrap();
        let refused = Store::open(&StoreOptions::at(folder.path())).err().unwrap();
        assert!(
            refused.to_string().contains(": is a directory\n"),
            "{refused}"
        );
    }
}
