//! Whose certificates are trusted: those that a root of this system has signed, or one in the file that `SSL_CERT_FILE`
//! names.

use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore};

/// The roots of this system, or those in the file that `SSL_CERT_FILE` names. Empty where there is none, as in a bare
/// container.
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// A client that takes a certificate only if one of these roots has signed it, for the name that was asked for.
///
/// Fails if the TLS library cannot be set up.
pub fn client(roots: RootCertStore) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
