//! A certificate for tests, in the files that the servers which show it read.

use tempfile::TempDir;

use crate::harness::temp_dir;

/// A certificate for this machine, its own root, and its key.
pub(crate) struct Certificate {
    folder: TempDir,
}

impl Certificate {
    pub(crate) fn fresh() -> Certificate {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]);
        let made = made.expect("a certificate");
        let certificate = Certificate { folder: temp_dir() };
        std::fs::write(certificate.chain(), made.cert.pem()).expect("a file");
        std::fs::write(certificate.key(), made.signing_key.serialize_pem()).expect("a file");
        certificate
    }

    pub(crate) fn chain(&self) -> String {
        self.folder.path().join("chain.pem").display().to_string()
    }

    pub(crate) fn key(&self) -> String {
        self.folder.path().join("key.pem").display().to_string()
    }
}
