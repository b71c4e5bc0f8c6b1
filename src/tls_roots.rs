//! Whose certificates are trusted: those that a root of this system has signed, those in the file that `SSL_CERT_FILE`
//! names, or those in the file of `--cacert`.

mod certificate;
mod failure;
mod files;
mod roots;
mod signature;
mod verifier;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tokio_rustls::rustls::client::WantsClientCert;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, ConfigBuilder, Error, InconsistentKeys};

use crate::printable::Shown as _;
pub use failure::{HTTP2_HINT, TlsFailure, tls_failure};
pub use roots::{Roots, system_roots};
use roots::{file_roots, system_or_mozilla_roots};
use verifier::{AcceptAnything, Verifier};

/// Whose certificates are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The system's roots (Mozilla's where there are none).
    System,
    /// Those of this PEM file.
    File(PathBuf),
    /// Any certificate (`--insecure`).
    Anything,
}

/// The certificate by which a client shows who it is. Both files are PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The certificate, and those of its issuers.
    pub chain: PathBuf,
    /// The private key of the first certificate.
    pub key: PathBuf,
}

/// A client that trusts these roots, and accepts a certificate only for the requested name.
///
/// # Errors
/// If the TLS library cannot be set up.
pub fn client(roots: Roots) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(Verifier::new(roots, &provider));
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// A client for other HTTPS services than the measured one: the system's roots, HTTP/1.1.
///
/// # Errors
/// If the TLS library cannot be set up.
pub fn https_client() -> Result<ClientConfig, Error> {
    let mut config = client(system_or_mozilla_roots())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The version of HTTP that a client asks for in the TLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpn {
    /// HTTP/1.1 and nothing else.
    Http1,
    /// HTTP/2; a service without it may say that it has HTTP/1.1.
    Http2,
}

/// A client for the measured service. Measured requests and the audit share it.
///
/// # Errors
/// A file cannot be read, or does not hold what its flag needs; with the way out.
pub fn service_client(
    trust: &Trust,
    identity: Option<&ClientIdentity>,
    alpn: Alpn,
) -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous();
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Anything => Arc::new(AcceptAnything::new(&provider)),
        Trust::System => Arc::new(Verifier::new(system_or_mozilla_roots(), &provider)),
        Trust::File(path) => Arc::new(Verifier::new(file_roots(path)?, &provider)),
    };
    let builder = builder.with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => identified(builder, identity)?,
    };
    config.alpn_protocols = match alpn {
        Alpn::Http1 => vec![b"http/1.1".to_vec()],
        Alpn::Http2 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    Ok(config)
}

fn identified(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    ClientIdentity { chain, key }: &ClientIdentity,
) -> anyhow::Result<ClientConfig> {
    let certificates = files::certificates("--cert", chain)?;
    let private = files::private_key(key)?;
    match builder.with_client_auth_cert(certificates, private) {
        Ok(config) => Ok(config),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => bail!(
            "--key {} does not match the certificate {}\nhint: give the key of the first certificate in --cert",
            key.shown(),
            chain.shown()
        ),
        Err(error) => Err(TlsFailure::of(&error))
            .with_context(|| format!("--cert {} cannot be used", chain.shown())),
    }
}
