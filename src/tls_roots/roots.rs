//! Trusted certificates: the system's, Mozilla's, or those of a file.

use std::path::Path;

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};

use super::certificate::{ParsedCertificate, Validity};
use super::files::certificates;

/// Certificates that are trusted, as issuers and as themselves.
#[derive(Clone, Debug)]
pub struct Roots {
    /// The certificates that webpki can use as issuers: those that are issuers, and valid now.
    pub(super) anchors: RootCertStore,
    /// All of them, as they are in the file.
    pub(super) certificates: Vec<CertificateDer<'static>>,
    /// Whether they are the `--cacert` file's.
    pub(super) from_file: bool,
}

impl Default for Roots {
    fn default() -> Roots {
        Roots {
            anchors: RootCertStore::empty(),
            certificates: Vec::new(),
            from_file: false,
        }
    }
}

impl Roots {
    fn add(&mut self, certificates: Vec<CertificateDer<'static>>) {
        let now = UnixTime::now();
        // webpki checks neither the dates of an anchor nor whether it is an issuer at all.
        let issuers = certificates.iter().filter(|der| {
            ParsedCertificate::read(der).is_some_and(|read| {
                read.may_be_an_issuer() && read.validity_at(now) == Validity::Valid
            })
        });
        self.anchors.add_parsable_certificates(issuers.cloned());
        self.certificates.extend(certificates);
    }

    /// Whether nothing is trusted.
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty() && self.certificates.is_empty()
    }
}

/// The roots of this system, or those in the file that `SSL_CERT_FILE` names. Empty where there is none, as in a bare
/// container.
pub fn system_roots() -> Roots {
    let mut roots = Roots::default();
    roots.add(rustls_native_certs::load_native_certs().certs);
    roots
}

/// The system's roots; Mozilla's where the system has none.
pub(super) fn system_or_mozilla_roots() -> Roots {
    let mut roots = system_roots();
    if roots.is_empty() {
        let mozilla = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
        roots.anchors.extend(mozilla);
    }
    roots
}

/// The roots in the file of `--cacert`.
pub(super) fn file_roots(path: &Path) -> anyhow::Result<Roots> {
    let mut roots = Roots {
        from_file: true,
        ..Roots::default()
    };
    roots.add(certificates("--cacert", path)?);
    Ok(roots)
}
