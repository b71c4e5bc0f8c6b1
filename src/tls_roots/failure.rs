//! Why a TLS connection failed, in words, with a hint.

use std::error::Error as StdError;
use std::io;
use std::net::IpAddr;

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

/// Most names of a certificate that are shown.
const SHOWN_NAMES: usize = 3;

/// Why a server's certificate is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CertificateRefusal {
    #[error("the certificate {}", for_whom(.names))]
    WrongName { names: Vec<String> },
    #[error("the certificate has the address {ip} as a DNS name, not as an IP address")]
    AddressAsDnsName { ip: IpAddr },
    #[error("the RSA key of the certificate has {bits} bits; fewer than 2048 are not supported")]
    KeyTooSmall { bits: usize },
    #[error("the trusted certificate '{issuer}' is not a CA certificate")]
    NotAnIssuer { issuer: String },
    #[error("the certificate expired on {on}")]
    Expired { on: String },
    #[error("the certificate is not valid before {from}")]
    NotYetValid { from: String },
    #[error("the certificate of the issuer '{issuer}' expired on {on}")]
    IssuerExpired { issuer: String, on: String },
    #[error("an intermediate certificate has expired")]
    IntermediateExpired,
    #[error("unknown certificate issuer '{issuer}'{}", if *.self_signed { " (self-signed)" } else { "" })]
    UnknownIssuer {
        issuer: String,
        self_signed: bool,
        /// Whether `--cacert` was given.
        file_given: bool,
    },
    #[error("the certificate is not signed by the trusted issuer '{issuer}'")]
    WrongSignature { issuer: String },
    #[error("the certificate is not for a server (key usage)")]
    Purpose,
    #[error("the certificate is revoked")]
    Revoked,
    #[error("the certificate has a critical extension that is not supported")]
    CriticalExtension,
    #[error("the certificate is signed with {}, which is not supported", algorithm(.name))]
    Algorithm { name: String },
    #[error("the certificate cannot be read")]
    Malformed,
    #[error("the certificate was rejected: {text}")]
    Other { text: String },
}

/// The subject of a TLS failure; which hint fits depends on where it is shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct TlsFailure {
    text: String,
    kind: TlsFailureKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TlsFailureKind {
    Name,
    Address,
    Dates,
    Clock,
    /// A key that cannot be used with any trust setting.
    Key,
    NotAnIssuer,
    Issuer {
        self_signed: bool,
        file_given: bool,
    },
    WrongSignature,
    Certificate,
    ClientCertificate,
    OldProtocol,
    NoCommonCipher,
    ServerName,
    NotTls,
    Http2Only,
    Other,
}

/// The TLS failure behind an error, wherever in its chain it is.
pub fn tls_failure(error: &(dyn StdError + 'static)) -> Option<TlsFailure> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<Error>() {
            return Some(TlsFailure::of(found));
        }
        // An I/O error returns the source of the wrapped error, not that error itself.
        let wrapped = error.downcast_ref::<io::Error>().and_then(|e| e.get_ref());
        if let Some(wrapped) = wrapped
            && let Some(found) = tls_failure(wrapped)
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}

impl TlsFailure {
    fn new(text: impl Into<String>, kind: TlsFailureKind) -> TlsFailure {
        TlsFailure {
            text: text.into(),
            kind,
        }
    }

    /// The TLS library's message, in words.
    pub(super) fn of(error: &Error) -> TlsFailure {
        match error {
            Error::InvalidCertificate(CertificateError::Other(other)) => {
                match other.0.downcast_ref::<CertificateRefusal>() {
                    Some(refusal) => TlsFailure::refused(refusal),
                    None => {
                        TlsFailure::new("the certificate was rejected", TlsFailureKind::Certificate)
                    }
                }
            }
            Error::InvalidCertificate(CertificateError::BadSignature) => TlsFailure::new(
                "the server does not hold the key of its certificate",
                TlsFailureKind::Key,
            ),
            Error::InvalidCertificate(error) => TlsFailure::new(
                format!(
                    "the certificate was rejected: {}",
                    spaced(&format!("{error:?}"))
                ),
                TlsFailureKind::Certificate,
            ),
            Error::AlertReceived(alert) => of_alert(*alert),
            Error::NoApplicationProtocol => of_alert(AlertDescription::NoApplicationProtocol),
            Error::InvalidMessage(_) => {
                TlsFailure::new("the server does not speak TLS", TlsFailureKind::NotTls)
            }
            Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ) => of_alert(AlertDescription::ProtocolVersion),
            Error::PeerIncompatible(why) => TlsFailure::new(
                format!(
                    "the server's TLS is incompatible: {}",
                    spaced(&format!("{why:?}"))
                ),
                TlsFailureKind::NoCommonCipher,
            ),
            Error::NoCertificatesPresented => TlsFailure::new(
                "the server sent no certificate",
                TlsFailureKind::Certificate,
            ),
            Error::DecryptError => {
                TlsFailure::new("a TLS record cannot be decrypted", TlsFailureKind::Other)
            }
            Error::PeerMisbehaved(why) => TlsFailure::new(
                format!(
                    "the server broke the TLS protocol: {}",
                    spaced(&format!("{why:?}"))
                ),
                TlsFailureKind::Other,
            ),
            other => TlsFailure::new(
                format!(
                    "the TLS connection failed: {}",
                    spaced(&format!("{other:?}"))
                ),
                TlsFailureKind::Other,
            ),
        }
    }

    fn refused(refusal: &CertificateRefusal) -> TlsFailure {
        let kind = match refusal {
            CertificateRefusal::WrongName { .. } => TlsFailureKind::Name,
            CertificateRefusal::AddressAsDnsName { .. } => TlsFailureKind::Address,
            CertificateRefusal::KeyTooSmall { .. } => TlsFailureKind::Key,
            CertificateRefusal::NotAnIssuer { .. } => TlsFailureKind::NotAnIssuer,
            CertificateRefusal::Expired { .. }
            | CertificateRefusal::IssuerExpired { .. }
            | CertificateRefusal::IntermediateExpired => TlsFailureKind::Dates,
            CertificateRefusal::NotYetValid { .. } => TlsFailureKind::Clock,
            CertificateRefusal::UnknownIssuer {
                self_signed,
                file_given,
                ..
            } => TlsFailureKind::Issuer {
                self_signed: *self_signed,
                file_given: *file_given,
            },
            CertificateRefusal::WrongSignature { .. } => TlsFailureKind::WrongSignature,
            _ => TlsFailureKind::Certificate,
        };
        TlsFailure::new(refusal.to_string(), kind)
    }

    /// Whether the server answered with something other than TLS.
    pub fn is_not_tls(&self) -> bool {
        self.kind == TlsFailureKind::NotTls
    }

    /// Whether the server refused HTTP/1.1.
    pub fn is_http2_only(&self) -> bool {
        self.kind == TlsFailureKind::Http2Only
    }

    /// Whether the server's certificate is at fault: the host is named without a port.
    pub fn is_about_the_certificate(&self) -> bool {
        matches!(
            self.kind,
            TlsFailureKind::Name
                | TlsFailureKind::Address
                | TlsFailureKind::Key
                | TlsFailureKind::NotAnIssuer
                | TlsFailureKind::Dates
                | TlsFailureKind::Clock
                | TlsFailureKind::Issuer { .. }
                | TlsFailureKind::WrongSignature
                | TlsFailureKind::Certificate
        )
    }

    /// The hint, in terms of the flags of a measurement of this host and port.
    pub fn hint(&self, authority: &str) -> String {
        match self.kind {
            TlsFailureKind::Name => "check the host; test with -k only if you trust the network",
            TlsFailureKind::Address => {
                "issue it with the address as an IP address (IP:127.0.0.1 in subjectAltName); to measure anyway: -k"
            }
            TlsFailureKind::Key => {
                "give the server a key of RSA with 2048 bits or more, or ECDSA P-256; -k does not help"
            }
            TlsFailureKind::NotAnIssuer => {
                "give --cacert the CA certificate (CA:TRUE), or the server's own certificate; to measure anyway: -k"
            }
            TlsFailureKind::Dates => "renew it; to measure anyway: -k",
            TlsFailureKind::Clock => "check the clock of this machine; to measure anyway: -k",
            TlsFailureKind::Issuer {
                file_given: true, ..
            } => "give the file of this issuer to --cacert, or measure anyway with -k",
            TlsFailureKind::Issuer {
                self_signed: true, ..
            } => "trust it with --cacert FILE, the server's own certificate, or measure anyway with -k",
            TlsFailureKind::Issuer { .. } => "trust it with --cacert FILE, or measure anyway with -k",
            TlsFailureKind::WrongSignature => {
                "the issuer has a new key; give its present certificate to --cacert"
            }
            TlsFailureKind::Certificate => "issue another certificate; to measure anyway: -k",
            TlsFailureKind::ClientCertificate => {
                "give a client certificate that the server accepts: --cert FILE --key FILE"
            }
            TlsFailureKind::OldProtocol => "enable TLS 1.2 or 1.3 on the server",
            TlsFailureKind::NoCommonCipher => {
                "if it requires a client certificate, give --cert FILE --key FILE; else enable on the server an ECDHE cipher suite, a key of RSA, P-256, P-384 or Ed25519 (not P-521 or Ed448), and the curve X25519, P-256 or P-384 (not X448)"
            }
            TlsFailureKind::ServerName => "check the host; --connect-to HOST:PORT connects elsewhere under its name",
            TlsFailureKind::NotTls => return format!("use http://{authority}"),
            TlsFailureKind::Http2Only => HTTP2_HINT,
            TlsFailureKind::Other => "check the handshake with: openssl s_client -connect HOST:PORT",
        }
        .to_owned()
    }
}

/// What to do about a server that speaks HTTP/2 only.
pub const HTTP2_HINT: &str = "add --http2";

fn of_alert(alert: AlertDescription) -> TlsFailure {
    use AlertDescription as A;
    let (text, kind) = match alert {
        A::CertificateRequired | A::NoCertificate => (
            "the server requires a client certificate",
            TlsFailureKind::ClientCertificate,
        ),
        A::BadCertificate | A::UnsupportedCertificate | A::CertificateUnknown | A::UnknownCA => (
            "the server does not accept the client certificate, or requires one",
            TlsFailureKind::ClientCertificate,
        ),
        A::CertificateExpired => (
            "the client certificate has expired",
            TlsFailureKind::ClientCertificate,
        ),
        A::CertificateRevoked => (
            "the client certificate is revoked",
            TlsFailureKind::ClientCertificate,
        ),
        A::AccessDenied => (
            "the server denies access to this client",
            TlsFailureKind::ClientCertificate,
        ),
        A::ProtocolVersion => (
            "the server speaks neither TLS 1.2 nor TLS 1.3",
            TlsFailureKind::OldProtocol,
        ),
        A::HandshakeFailure | A::InsufficientSecurity => (
            "the server has no cipher suite, key type or curve in common with a7probe, or requires a client certificate",
            TlsFailureKind::NoCommonCipher,
        ),
        A::UnrecognisedName => (
            "the server does not know this host name",
            TlsFailureKind::ServerName,
        ),
        A::NoApplicationProtocol => (
            "the server does not offer HTTP/1.1; it may speak HTTP/2 only",
            TlsFailureKind::Http2Only,
        ),
        A::InternalError => (
            "the server reports an internal error in its TLS",
            TlsFailureKind::Other,
        ),
        other => {
            let text = format!(
                "the server ended the TLS connection with the alert '{}'",
                spaced(&format!("{other:?}"))
            );
            return TlsFailure::new(text, TlsFailureKind::Other);
        }
    };
    TlsFailure::new(text, kind)
}

fn for_whom(names: &[String]) -> String {
    match names {
        [] => "names no host".to_owned(),
        [one] => format!("is for {one}"),
        [shown @ .., last] if names.len() <= SHOWN_NAMES => {
            format!("is for {} and {last}", shown.join(", "))
        }
        many => format!(
            "is for {} and {} more",
            many[..SHOWN_NAMES].join(", "),
            many.len() - SHOWN_NAMES
        ),
    }
}

fn algorithm(oid: &str) -> String {
    match oid {
        "1.2.840.113549.1.1.4" => "MD5".to_owned(),
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" => "SHA-1".to_owned(),
        other => format!("the algorithm {other}"),
    }
}

/// The library's names in words: `NoCipherSuitesInCommon` → `no cipher suites in common`. Names alone are kept, without
/// their values.
pub(super) fn spaced(name: &str) -> String {
    let name = name.split(['(', '{', ' ']).next().unwrap_or_default();
    let mut words = String::with_capacity(name.len() + 8);
    for (place, letter) in name.char_indices() {
        if letter.is_uppercase() && place > 0 {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use tokio_rustls::rustls::{
        AlertDescription, CertificateError, Error, OtherError, PeerIncompatible,
    };

    use super::{CertificateRefusal, TlsFailure, tls_failure};

    fn said(error: Error) -> (String, String) {
        let failure = TlsFailure::of(&error);
        (failure.to_string(), failure.hint("h:8443"))
    }

    fn refused(refusal: CertificateRefusal) -> Error {
        CertificateError::Other(OtherError(Arc::new(refusal))).into()
    }

    #[test]
    fn every_refusal_has_its_words_and_its_hint() {
        let names = |names: &[&str]| CertificateRefusal::WrongName {
            names: names.iter().map(|&name| name.to_owned()).collect(),
        };
        let unknown = |self_signed, file_given| CertificateRefusal::UnknownIssuer {
            issuer: "Acme Internal CA".to_owned(),
            self_signed,
            file_given,
        };
        let on = "2026-03-02".to_owned();
        for (refusal, text, hint) in [
            (
                names(&["*.example.org"]),
                "the certificate is for *.example.org",
                "check the host; test with -k only if you trust the network",
            ),
            (
                names(&["a", "b"]),
                "the certificate is for a and b",
                "check the host",
            ),
            (
                names(&["a", "b", "c", "d", "e"]),
                "the certificate is for a, b, c and 2 more",
                "check the host",
            ),
            (
                names(&[]),
                "the certificate names no host",
                "check the host",
            ),
            (
                CertificateRefusal::Expired { on },
                "the certificate expired on 2026-03-02",
                "renew it; to measure anyway: -k",
            ),
            (
                unknown(false, false),
                "unknown certificate issuer 'Acme Internal CA'",
                "trust it with --cacert FILE, or measure anyway with -k",
            ),
            (
                unknown(true, false),
                "unknown certificate issuer 'Acme Internal CA' (self-signed)",
                "the server's own certificate",
            ),
            (
                unknown(false, true),
                "unknown certificate issuer 'Acme Internal CA'",
                "give the file of this issuer to --cacert",
            ),
        ] {
            let (said, hinted) = said(refused(refusal));
            assert_eq!(said, text);
            assert!(
                hinted.starts_with(hint) || hinted.contains(hint),
                "{hinted}"
            );
        }
    }

    #[test]
    fn no_name_of_the_library_is_shown() {
        for error in [
            Error::AlertReceived(AlertDescription::UserCanceled),
            Error::AlertReceived(AlertDescription::CertificateRequired),
            Error::AlertReceived(AlertDescription::from(200)),
            Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
            Error::InvalidCertificate(CertificateError::BadSignature),
            Error::InvalidCertificate(CertificateError::UnhandledCriticalExtension),
            Error::General("reason".to_owned()),
            Error::HandshakeNotComplete,
        ] {
            let text = TlsFailure::of(&error).to_string();
            let camel = |word: &str| word.chars().skip(1).any(char::is_uppercase);
            let known = ["TLS", "HTTP/2"];
            let strange = text
                .split_whitespace()
                .find(|word| camel(word) && !known.contains(word));
            assert_eq!(strange, None, "{text}");
            assert!(!text.contains(['(', '{', '"']), "{text}");
        }
    }

    #[test]
    fn a_failure_is_found_inside_of_other_errors() {
        let inner = io::Error::new(
            io::ErrorKind::InvalidData,
            Error::AlertReceived(AlertDescription::NoApplicationProtocol),
        );
        let outer = io::Error::other(inner);
        let found = tls_failure(&outer).unwrap();
        assert!(found.is_http2_only());
        assert_eq!(tls_failure(&io::Error::other("another")), None);
    }
}
