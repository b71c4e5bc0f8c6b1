//! Checks a server's certificate as curl does: webpki, plus certificates that people make with `openssl` and that
//! webpki refuses.

use std::sync::Arc;

use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme,
};

use super::certificate::{HostName, LEAST_RSA_BITS, ParsedCertificate, Validity};
use super::failure::CertificateRefusal;
use super::roots::Roots;
use super::signature;

/// Most intermediates of a chain that are looked at beyond webpki.
const LONGEST_CHAIN: usize = 6;

/// Checks the certificate of a server against trusted ones.
///
/// Beyond webpki it accepts three kinds of certificate. The first is one of the trusted certificates itself, even if it
/// belongs to a certificate authority or is of version 1. The second is such a certificate that leads to a
/// trusted one. The third is one without subject alternative names, by its common name. Name, dates and the
/// handshake's signature are always checked.
#[derive(Debug)]
pub(super) struct Verifier {
    /// `None` where there is no root for it.
    webpki: Option<Arc<WebPkiServerVerifier>>,
    trusted: Vec<(CertificateDer<'static>, ParsedCertificate)>,
    from_file: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

/// A certificate whose issuer is looked for, with the bytes that the issuer has signed.
#[derive(Clone, Copy)]
struct CheckedCertificate<'a> {
    der: &'a CertificateDer<'a>,
    read: &'a ParsedCertificate,
}

impl Verifier {
    pub(super) fn new(roots: Roots, provider: &Arc<CryptoProvider>) -> Verifier {
        let anchors = Arc::new(roots.anchors);
        let webpki = WebPkiServerVerifier::builder_with_provider(anchors, Arc::clone(provider));
        let certificates = roots.certificates.into_iter();
        Verifier {
            webpki: webpki.build().ok(),
            trusted: certificates
                .filter_map(|der| ParsedCertificate::read(&der).map(|read| (der, read)))
                .collect(),
            from_file: roots.from_file,
            algorithms: provider.signature_verification_algorithms,
        }
    }

    /// The issuer's part of the check; name and dates come after it.
    fn check_issuer(
        &self,
        leaf: &ParsedCertificate,
        der: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), CertificateRefusal> {
        let is_itself_trusted = self.trusted.iter().any(|(trusted, _)| trusted == der);
        if is_itself_trusted {
            return Ok(());
        }
        let chain: Vec<(&CertificateDer<'_>, ParsedCertificate)> = { intermediates.iter() }
            .filter_map(|der| ParsedCertificate::read(der).map(|read| (der, read)))
            .filter(|(_, read)| read.may_be_an_intermediate() && !read.is_self_issued())
            .take(LONGEST_CHAIN)
            .collect();
        let end = CheckedCertificate { der, read: leaf };
        if leaf.may_be_a_server() && self.leads_to_a_root(end, &chain, 0, now) {
            return Ok(());
        }
        let mut named = { self.trusted.iter() }
            .map(|(_, issuer)| issuer)
            .filter(|issuer| leaf.names_as_issuer(issuer))
            .peekable();
        // A name alone is not enough: many self-signed certificates name `localhost` as their issuer.
        let is_unknown = named.peek().is_none() || leaf.is_self_issued();
        let issuer =
            named.find(|issuer| signature::is_signed_by(leaf, der, issuer, &self.algorithms));
        let Some(issuer) = issuer else {
            let read: Vec<ParsedCertificate> = chain.into_iter().map(|(_, read)| read).collect();
            return Err(if is_unknown {
                self.unknown_end(leaf, &read)
            } else {
                CertificateRefusal::WrongSignature {
                    issuer: leaf.issuer(),
                }
            });
        };
        if let Validity::Expired(on) = issuer.validity_at(now) {
            return Err(CertificateRefusal::IssuerExpired {
                issuer: leaf.issuer(),
                on,
            });
        }
        if issuer.may_issue_for_any_name() && leaf.may_be_a_server() {
            Ok(())
        } else {
            Err(CertificateRefusal::Purpose)
        }
    }

    /// Whether a trusted certificate has issued this one, directly or through the intermediates that the server sent;
    /// `below` is the number of intermediates under the issuer that is looked for.
    fn leads_to_a_root(
        &self,
        CheckedCertificate { der, read }: CheckedCertificate<'_>,
        chain: &[(&CertificateDer<'_>, ParsedCertificate)],
        below: usize,
        now: UnixTime,
    ) -> bool {
        let is_issued_by = |issuer: &ParsedCertificate| {
            read.names_as_issuer(issuer)
                && issuer.validity_at(now) == Validity::Valid
                && issuer.may_be_above(below)
                && signature::is_signed_by(read, der, issuer, &self.algorithms)
        };
        self.trusted.iter().any(|(_, root)| is_issued_by(root))
            || (below < LONGEST_CHAIN
                && chain.iter().any(|(der, read)| {
                    let next = CheckedCertificate { der, read };
                    is_issued_by(read) && self.leads_to_a_root(next, chain, below + 1, now)
                }))
    }

    /// A trusted certificate at the end of the chain that has expired.
    fn expired_root(
        &self,
        leaf: &ParsedCertificate,
        intermediates: &[ParsedCertificate],
        now: UnixTime,
    ) -> Option<CertificateRefusal> {
        let mut chain = [leaf].into_iter().chain(intermediates);
        chain.find_map(|below| {
            let mut trusted = self.trusted.iter();
            trusted.find_map(|(_, root)| match root.validity_at(now) {
                Validity::Expired(on) if below.names_as_issuer(root) => {
                    Some(CertificateRefusal::IssuerExpired {
                        issuer: below.issuer(),
                        on,
                    })
                }
                _ => None,
            })
        })
    }

    /// A trusted certificate has issued this one, and is none that may.
    fn not_an_issuer(
        &self,
        leaf: &ParsedCertificate,
        intermediates: &[ParsedCertificate],
    ) -> Option<CertificateRefusal> {
        let mut chain = [leaf].into_iter().chain(intermediates);
        let is_named = |below: &&ParsedCertificate| {
            let mut trusted = self.trusted.iter();
            !below.is_self_issued()
                && trusted.any(|(_, root)| below.names_as_issuer(root) && !root.may_be_an_issuer())
        };
        chain
            .find(is_named)
            .map(|below| CertificateRefusal::NotAnIssuer {
                issuer: below.issuer(),
            })
    }

    /// The issuer that would have to be trusted: the one at the end of the chain that the server sent.
    fn unknown_end(
        &self,
        leaf: &ParsedCertificate,
        intermediates: &[ParsedCertificate],
    ) -> CertificateRefusal {
        let mut end = leaf;
        for _ in intermediates {
            match intermediates.iter().find(|next| end.names_as_issuer(next)) {
                Some(next) if !end.is_self_issued() => end = next,
                _ => break,
            }
        }
        CertificateRefusal::UnknownIssuer {
            issuer: end.issuer(),
            self_signed: leaf.is_self_issued(),
            file_given: self.from_file,
        }
    }

    /// A trusted certificate has the name of an issuer in the chain, and another key.
    fn wrong_signature(
        &self,
        leaf: &ParsedCertificate,
        intermediates: &[ParsedCertificate],
    ) -> CertificateRefusal {
        let is_named = |certificate: &&ParsedCertificate| {
            let mut trusted = self.trusted.iter();
            trusted.any(|(_, issuer)| certificate.names_as_issuer(issuer))
        };
        let mut chain = [leaf].into_iter().chain(intermediates);
        match chain.find(is_named) {
            Some(below) if !leaf.is_self_issued() => CertificateRefusal::WrongSignature {
                issuer: below.issuer(),
            },
            _ => self.unknown_end(leaf, intermediates),
        }
    }

    /// The failures that webpki reports, by their reason.
    fn refused(
        &self,
        error: &Error,
        leaf: &ParsedCertificate,
        intermediates: &[ParsedCertificate],
        now: UnixTime,
    ) -> CertificateRefusal {
        let Error::InvalidCertificate(error) = error else {
            return CertificateRefusal::Malformed;
        };
        match (error, leaf.validity_at(now)) {
            (_, Validity::Expired(on)) => CertificateRefusal::Expired { on },
            (_, Validity::NotYet(from)) => CertificateRefusal::NotYetValid { from },
            (CertificateError::Expired | CertificateError::ExpiredContext { .. }, _) => {
                CertificateRefusal::IntermediateExpired
            }
            (CertificateError::UnknownIssuer, _) => {
                let of_root = self.expired_root(leaf, intermediates, now);
                of_root
                    .or_else(|| self.not_an_issuer(leaf, intermediates))
                    .unwrap_or_else(|| self.unknown_end(leaf, intermediates))
            }
            (CertificateError::BadSignature, _) => self.wrong_signature(leaf, intermediates),
            (
                CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. },
                _,
            ) => CertificateRefusal::Purpose,
            (CertificateError::BadEncoding, _) => CertificateRefusal::Malformed,
            (CertificateError::Revoked, _) => CertificateRefusal::Revoked,
            (CertificateError::UnhandledCriticalExtension, _) => {
                CertificateRefusal::CriticalExtension
            }
            (
                CertificateError::UnsupportedSignatureAlgorithmContext { .. }
                | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
                _,
            ) => CertificateRefusal::Algorithm {
                name: leaf.signature_oid(),
            },
            (error, _) => CertificateRefusal::Other {
                // The text behind the debug form: `CaUsedAsEndEntity` is one of a chain's intermediate.
                text: super::failure::spaced(&format!("{error:?}")),
            },
        }
    }

    fn check(
        &self,
        der: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<(), CertificateRefusal> {
        let leaf = ParsedCertificate::read(der);
        let is_itself_trusted = self.trusted.iter().any(|(trusted, _)| trusted == der);
        if let Some(bits) = leaf.as_ref().and_then(ParsedCertificate::rsa_bits)
            && bits < LEAST_RSA_BITS
        {
            return Err(CertificateRefusal::KeyTooSmall { bits });
        }
        let beyond_webpki = |leaf: &ParsedCertificate| leaf.is_old_version() || leaf.is_ca();
        match (&self.webpki, leaf) {
            (_, Some(leaf)) if is_itself_trusted || beyond_webpki(&leaf) => {
                check_dates(&leaf, now)?;
                self.check_issuer(&leaf, der, intermediates, now)?;
                check_name(&leaf, host)
            }
            (None, Some(leaf)) => {
                let read: Vec<ParsedCertificate> = intermediates
                    .iter()
                    .filter_map(ParsedCertificate::read)
                    .collect();
                let unknown = CertificateError::UnknownIssuer.into();
                Err(self.refused(&unknown, &leaf, &read, now))
            }
            (None, None) => Err(CertificateRefusal::Malformed),
            (Some(webpki), leaf) => {
                let checked = webpki.verify_server_cert(der, intermediates, host, ocsp, now);
                match (checked, leaf) {
                    (Ok(_), _) => Ok(()),
                    // The name is checked last, so the rest is valid.
                    (Err(error), Some(leaf)) if is_about_the_name(&error) => {
                        if leaf.is_named_by_common_name() {
                            check_name(&leaf, host)
                        } else {
                            Err(wrong_name(&leaf, host))
                        }
                    }
                    (Err(error), Some(leaf)) => {
                        let read: Vec<ParsedCertificate> = intermediates
                            .iter()
                            .filter_map(ParsedCertificate::read)
                            .collect();
                        Err(self.refused(&error, &leaf, &read, now))
                    }
                    (Err(_), None) => Err(CertificateRefusal::Malformed),
                }
            }
        }
    }
}

fn check_dates(leaf: &ParsedCertificate, now: UnixTime) -> Result<(), CertificateRefusal> {
    match leaf.validity_at(now) {
        Validity::Valid => Ok(()),
        Validity::Expired(on) => Err(CertificateRefusal::Expired { on }),
        Validity::NotYet(from) => Err(CertificateRefusal::NotYetValid { from }),
    }
}

fn check_name(leaf: &ParsedCertificate, host: &ServerName<'_>) -> Result<(), CertificateRefusal> {
    if leaf.is_for(host) {
        Ok(())
    } else {
        Err(wrong_name(leaf, host))
    }
}

fn wrong_name(leaf: &ParsedCertificate, host: &ServerName<'_>) -> CertificateRefusal {
    if let ServerName::IpAddress(ip) = host {
        let ip = std::net::IpAddr::from(*ip);
        let is_it = |name: &HostName| matches!(name, HostName::Dns(name) if name.parse() == Ok(ip));
        if leaf.hosts().iter().any(is_it) {
            return CertificateRefusal::AddressAsDnsName { ip };
        }
    }
    let names = leaf.hosts().iter().map(ToString::to_string).collect();
    CertificateRefusal::WrongName { names }
}

fn is_about_the_name(error: &Error) -> bool {
    use CertificateError::{NotValidForName, NotValidForNameContext};
    matches!(
        error,
        Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })
    )
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity, intermediates, server_name, ocsp_response, now)
            .map(|()| ServerCertVerified::assertion())
            .map_err(|refusal| CertificateError::Other(OtherError(Arc::new(refusal))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature::tls12(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature::tls13(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// `--insecure`: accepts any certificate; the handshake's signature is still checked against it.
#[derive(Debug)]
pub(super) struct AcceptAnything(WebPkiSupportedAlgorithms);

impl AcceptAnything {
    pub(super) fn new(provider: &CryptoProvider) -> AcceptAnything {
        AcceptAnything(provider.signature_verification_algorithms)
    }
}

impl ServerCertVerifier for AcceptAnything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature::tls12_by_key(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature::tls13_by_key(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
