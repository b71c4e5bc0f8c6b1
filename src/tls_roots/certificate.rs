//! The fields of a certificate that webpki does not give: version, names, dates, issuer and key.

use std::net::IpAddr;

use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use x509_cert::Version;
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::oid::{AssociatedOid as _, ObjectIdentifier};
use x509_cert::der::{Any, Decode as _, Encode as _, Reader as _, SliceReader, Tag, Tagged as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, NameConstraints, SubjectAltName,
};
use x509_cert::name::Name;
use x509_cert::time::Time;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ANY_PURPOSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// Smaller RSA keys cannot be checked.
pub(super) const LEAST_RSA_BITS: usize = 2048;

/// Critical extensions that are understood here; another one refuses a certificate.
const UNDERSTOOD: [ObjectIdentifier; 4] = [
    BasicConstraints::OID,
    KeyUsage::OID,
    ExtendedKeyUsage::OID,
    SubjectAltName::OID,
];

#[derive(Clone, Debug)]
pub(super) struct ParsedCertificate(x509_cert::Certificate);

/// A name that a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HostName {
    Dns(String),
    Ip(IpAddr),
}

/// The relation between the time of a check and a certificate's dates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    Valid,
    /// Since this day, as `2026-03-02`.
    Expired(String),
    /// Until this day.
    NotYet(String),
}

impl ParsedCertificate {
    /// `None` for bytes that are not an X.509 certificate.
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<ParsedCertificate> {
        x509_cert::Certificate::from_der(der)
            .ok()
            .map(ParsedCertificate)
    }

    /// webpki reads version 3 only.
    pub(super) fn is_old_version(&self) -> bool {
        self.0.tbs_certificate.version != Version::V3
    }

    /// Whether it says that it may issue others.
    pub(super) fn is_ca(&self) -> bool {
        self.extension::<BasicConstraints>()
            .is_some_and(|constraints| constraints.ca)
    }

    pub(super) fn is_self_issued(&self) -> bool {
        self.0.tbs_certificate.issuer == self.0.tbs_certificate.subject
    }

    /// Whether the other certificate bears the name of this one's issuer.
    pub(super) fn names_as_issuer(&self, other: &ParsedCertificate) -> bool {
        self.0.tbs_certificate.issuer == other.0.tbs_certificate.subject
    }

    /// Common name of the issuer, else its organization, else all of its name.
    pub(super) fn issuer(&self) -> String {
        let issuer = &self.0.tbs_certificate.issuer;
        [COMMON_NAME, ORGANIZATION]
            .iter()
            .find_map(|&attribute| last_text(issuer, attribute))
            .unwrap_or_else(|| issuer.to_string())
    }

    pub(super) fn validity_at(&self, now: UnixTime) -> Validity {
        let validity = &self.0.tbs_certificate.validity;
        let now = now.as_secs();
        match (&validity.not_before, &validity.not_after) {
            (from, _) if seconds(from) > now => Validity::NotYet(day(from)),
            (_, to) if seconds(to) < now => Validity::Expired(day(to)),
            _ => Validity::Valid,
        }
    }

    /// Host names and addresses of its subject alternative names; its common name where there are none.
    pub(super) fn hosts(&self) -> Vec<HostName> {
        let alternatives = self.alternative_names();
        if alternatives.is_empty() {
            let name = self.common_name().into_iter();
            name.map(|name| match name.parse() {
                Ok(ip) => HostName::Ip(ip),
                Err(_) => HostName::Dns(name),
            })
            .collect()
        } else {
            alternatives
        }
    }

    /// Whether only its common name says what host it is for.
    pub(super) fn is_named_by_common_name(&self) -> bool {
        self.alternative_names().is_empty()
    }

    /// Whether it is for this host.
    pub(super) fn is_for(&self, host: &ServerName<'_>) -> bool {
        self.hosts().iter().any(|name| name.matches(host))
    }

    /// The DER of its public key info.
    pub(super) fn public_key_info(&self) -> Option<Vec<u8>> {
        { &self.0.tbs_certificate.subject_public_key_info }
            .to_der()
            .ok()
    }

    /// Algorithm (without its outer tag, as webpki compares it) and bits of its public key.
    pub(super) fn public_key(&self) -> Option<(Vec<u8>, &[u8])> {
        let info = &self.0.tbs_certificate.subject_public_key_info;
        let key = info.subject_public_key.as_bytes()?;
        Some((contents(&info.algorithm.to_der().ok()?)?, key))
    }

    /// Algorithm (without its outer tag) and bits of the issuer's signature.
    pub(super) fn signature(&self) -> Option<(Vec<u8>, &[u8])> {
        let bits = self.0.signature.as_bytes()?;
        let algorithm = self.0.signature_algorithm.to_der().ok()?;
        Some((contents(&algorithm)?, bits))
    }

    /// The object identifier of the signature's algorithm.
    pub(super) fn signature_oid(&self) -> String {
        self.0.signature_algorithm.oid.to_string()
    }

    /// Whether its extensions allow it for a server, although it belongs to a certificate authority or is an old one.
    pub(super) fn may_be_a_server(&self) -> bool {
        self.has_server_purpose() && self.may_use_its_key() && self.has_only_understood_extensions()
    }

    /// Without extended key usage, any purpose is allowed.
    pub(super) fn has_server_purpose(&self) -> bool {
        self.extension::<ExtendedKeyUsage>().is_none_or(|usage| {
            { usage.0.iter() }.any(|oid| [SERVER_AUTH, ANY_PURPOSE].contains(oid))
        })
    }

    fn may_use_its_key(&self) -> bool {
        self.extension::<KeyUsage>().is_none_or(|usage| {
            usage.digital_signature() || usage.key_encipherment() || usage.key_agreement()
        })
    }

    fn has_only_understood_extensions(&self) -> bool {
        let extensions = self.0.tbs_certificate.extensions.as_deref();
        { extensions.unwrap_or_default().iter() }
            .all(|extension| !extension.critical || UNDERSTOOD.contains(&extension.extn_id))
    }

    /// Whether it may sign other certificates. Version 1 knows no extensions, and where one of them is trusted, it is as
    /// an issuer, too. Without basic constraints a key usage can say it, as in OpenSSL.
    pub(super) fn may_be_an_issuer(&self) -> bool {
        let usage = self.extension::<KeyUsage>();
        let may_sign = usage.as_ref().is_none_or(KeyUsage::key_cert_sign);
        let constraints = self.extension::<BasicConstraints>();
        match constraints {
            Some(constraints) => constraints.ca && may_sign,
            None => may_sign && (self.is_old_version() || usage.is_some()),
        }
    }

    /// Whether it may sign certificates for any name.
    pub(super) fn may_issue_for_any_name(&self) -> bool {
        self.may_be_an_issuer() && self.extension::<NameConstraints>().is_none()
    }

    /// Whether it may be an intermediate of a chain; the number is that of the others below it.
    pub(super) fn may_be_above(&self, others: usize) -> bool {
        let constraints = self.extension::<BasicConstraints>();
        let most = constraints.and_then(|constraints| constraints.path_len_constraint);
        self.may_issue_for_any_name() && most.is_none_or(|most| others <= usize::from(most))
    }

    /// Whether it may be an intermediate that a server sends.
    pub(super) fn may_be_an_intermediate(&self) -> bool {
        !self.is_old_version()
            && self.is_ca()
            && self.has_server_purpose()
            && self.has_only_understood_extensions()
    }

    /// The size of its key, if that is an RSA key.
    pub(super) fn rsa_bits(&self) -> Option<usize> {
        let info = &self.0.tbs_certificate.subject_public_key_info;
        if info.algorithm.oid != RSA {
            return None;
        }
        let key = AnyRef::from_der(info.subject_public_key.as_bytes()?).ok()?;
        let modulus = SliceReader::new(key.value()).ok()?.tlv_bytes().ok()?;
        let modulus = AnyRef::from_der(modulus).ok()?.value();
        let start = modulus.iter().position(|&byte| byte != 0)?;
        let zeros = modulus[start].leading_zeros() as usize;
        Some((modulus.len() - start) * 8 - zeros)
    }

    fn alternative_names(&self) -> Vec<HostName> {
        let names = self.extension::<SubjectAltName>();
        { names.into_iter() }
            .flat_map(|names| names.0)
            .filter_map(|name| match name {
                GeneralName::DnsName(name) => Some(HostName::Dns(name.to_string())),
                GeneralName::IpAddress(octets) => address(octets.as_bytes()).map(HostName::Ip),
                _ => None,
            })
            .collect()
    }

    fn common_name(&self) -> Option<String> {
        last_text(&self.0.tbs_certificate.subject, COMMON_NAME)
    }

    fn extension<'a, T: x509_cert::der::Decode<'a> + x509_cert::der::oid::AssociatedOid>(
        &'a self,
    ) -> Option<T> {
        let found = self.0.tbs_certificate.get::<T>().ok()?;
        found.map(|(_, extension)| extension)
    }
}

impl HostName {
    /// A wildcard stands for one whole label, the first of at least three, as in curl.
    fn matches(&self, host: &ServerName<'_>) -> bool {
        match (self, host) {
            (HostName::Ip(own), ServerName::IpAddress(ip)) => *own == IpAddr::from(*ip),
            (HostName::Dns(own), ServerName::DnsName(name)) => {
                let own = own.trim_end_matches('.').to_ascii_lowercase();
                let name = name.as_ref().trim_end_matches('.').to_ascii_lowercase();
                let below = |name: &str| name.split_once('.').map(|(_, rest)| rest.to_owned());
                match own.strip_prefix("*.") {
                    Some(domain) => domain.contains('.') && below(&name).as_deref() == Some(domain),
                    None => own == name,
                }
            }
            _ => false,
        }
    }
}

impl std::fmt::Display for HostName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HostName::Dns(name) => f.write_str(name),
            HostName::Ip(ip) => ip.fmt(f),
        }
    }
}

/// The last attribute of this type in a name, as curl has it.
fn last_text(name: &Name, attribute: ObjectIdentifier) -> Option<String> {
    let attributes = name.0.iter().flat_map(|rdn| rdn.0.iter());
    { attributes }
        .filter(|own| own.oid == attribute)
        .filter_map(|own| text(&own.value))
        .next_back()
}

fn text(value: &Any) -> Option<String> {
    let bytes = value.value();
    match value.tag() {
        Tag::BmpString => {
            let units = bytes
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            String::from_utf16(&units.collect::<Vec<_>>()).ok()
        }
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => {
            String::from_utf8(bytes.to_vec()).ok()
        }
        // In practice it is Latin-1.
        Tag::TeletexString => Some(bytes.iter().map(|&byte| char::from(byte)).collect()),
        _ => None,
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
    }
}

/// The content of a DER sequence.
fn contents(der: &[u8]) -> Option<Vec<u8>> {
    Any::from_der(der).ok().map(|any| any.value().to_vec())
}

fn seconds(time: &Time) -> u64 {
    time.to_unix_duration().as_secs()
}

fn day(time: &Time) -> String {
    let date = time.to_date_time();
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::pki_types::ServerName;

    use super::HostName;

    #[test]
    fn a_wildcard_stands_for_one_label() {
        for (pattern, host, matches) in [
            ("a.example", "A.Example", true),
            ("a.example", "a.example.", true),
            ("*.a.example", "www.a.example", true),
            ("*.a.example", "a.example", false),
            ("*.a.example", "x.www.a.example", false),
            ("*.example", "a.example", false),
            ("w*.a.example", "www.a.example", false),
            ("*", "localhost", false),
            ("10.0.0.1", "10.0.0.1", false),
        ] {
            let own = HostName::Dns(pattern.to_owned());
            let host_name = ServerName::try_from(host).unwrap();
            assert_eq!(own.matches(&host_name), matches, "{pattern} for {host}");
        }
        let ip = HostName::Ip("::1".parse().unwrap());
        assert!(ip.matches(&ServerName::try_from("0:0:0:0:0:0:0:1").unwrap()));
        assert!(!ip.matches(&ServerName::try_from("127.0.0.1").unwrap()));
    }
}
