//! Signatures that webpki does not check, because it reads no certificate of version 1: the server's in a handshake, and an
//! issuer's under a certificate.

use std::sync::Arc;

use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::{
    WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use tokio_rustls::rustls::{CertificateError, DigitallySignedStruct, Error, OtherError};
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{Decode as _, Reader as _, SliceReader};

use super::certificate::{LEAST_RSA_BITS, ParsedCertificate};
use super::failure::CertificateRefusal;

/// The signature in a handshake of TLS 1.2, by the key of any version of certificate.
pub(super) fn tls12(
    message: &[u8],
    der: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    match old(der) {
        Some(_) => tls12_by_key(message, der, signed, algorithms),
        None => verify_tls12_signature(message, der, signed, algorithms),
    }
}

/// The same without a look at the rest of the certificate.
pub(super) fn tls12_by_key(
    message: &[u8],
    der: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let certificate = ParsedCertificate::read(der).ok_or(CertificateError::BadEncoding)?;
    check_size(&certificate)?;
    let mut of_scheme = { algorithms.mapping.iter() }
        .filter(|(scheme, _)| *scheme == signed.scheme)
        .flat_map(|(_, algorithms)| algorithms.iter());
    let (algorithm, key) = certificate
        .public_key()
        .ok_or(CertificateError::BadEncoding)?;
    let valid = of_scheme.any(|candidate| {
        candidate.public_key_alg_id().as_ref() == algorithm && {
            candidate.verify_signature(key, message, signed.signature())
        }
        .is_ok()
    });
    if valid {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(CertificateError::BadSignature.into())
    }
}

/// The signature in a handshake of TLS 1.3, by the key of any version of certificate.
pub(super) fn tls13(
    message: &[u8],
    der: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    match old(der) {
        Some(_) => tls13_by_key(message, der, signed, algorithms),
        None => verify_tls13_signature(message, der, signed, algorithms),
    }
}

/// The same without a look at the rest of the certificate.
pub(super) fn tls13_by_key(
    message: &[u8],
    der: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let certificate = ParsedCertificate::read(der).ok_or(CertificateError::BadEncoding)?;
    check_size(&certificate)?;
    let info = certificate.public_key_info();
    let info = SubjectPublicKeyInfoDer::from(info.ok_or(CertificateError::BadEncoding)?);
    verify_tls13_signature_with_raw_key(message, &info, signed, algorithms)
}

fn check_size(certificate: &ParsedCertificate) -> Result<(), Error> {
    match certificate.rsa_bits() {
        Some(bits) if bits < LEAST_RSA_BITS => {
            let refusal = CertificateRefusal::KeyTooSmall { bits };
            Err(CertificateError::Other(OtherError(Arc::new(refusal))).into())
        }
        _ => Ok(()),
    }
}

/// Whether the issuer's key has signed the certificate.
pub(super) fn is_signed_by(
    certificate: &ParsedCertificate,
    der: &CertificateDer<'_>,
    issuer: &ParsedCertificate,
    algorithms: &WebPkiSupportedAlgorithms,
) -> bool {
    let (Some((algorithm, signature)), Some((key_algorithm, key)), Some(signed)) = (
        certificate.signature(),
        issuer.public_key(),
        signed_part(der),
    ) else {
        return false;
    };
    algorithms.all.iter().any(|candidate| {
        candidate.signature_alg_id().as_ref() == algorithm
            && candidate.public_key_alg_id().as_ref() == key_algorithm
            && candidate.verify_signature(key, signed, signature).is_ok()
    })
}

fn old(der: &CertificateDer<'_>) -> Option<ParsedCertificate> {
    ParsedCertificate::read(der).filter(ParsedCertificate::is_old_version)
}

/// The bytes that an issuer signs: the first element inside of the outer sequence, as it is on the wire.
fn signed_part<'a>(der: &'a CertificateDer<'_>) -> Option<&'a [u8]> {
    let outer = AnyRef::from_der(der).ok()?;
    SliceReader::new(outer.value()).ok()?.tlv_bytes().ok()
}
