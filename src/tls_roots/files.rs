//! Certificates and keys from PEM files, and hints for files that hold something else.

use crate::printable::Shown as _;
use std::path::Path;

use anyhow::{anyhow, bail};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::certificate::ParsedCertificate;

/// Every certificate of a PEM file, in its order; `flag` is the one that named the file.
///
/// # Errors
/// The file cannot be read, or one of its certificates cannot; with the way out.
pub(super) fn certificates(
    flag: &str,
    path: &Path,
) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let bytes = read(flag, path)?;
    let at = format!("{flag} {}", path.shown());
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| malformed(&at, &error))?;
        if ParsedCertificate::read(&certificate).is_none() {
            bail!(
                "{at}: certificate {} in the file cannot be read\nhint: check it with: openssl x509 -in {} -noout -text",
                found.len() + 1,
                path.shown()
            );
        }
        found.push(certificate);
    }
    if found.is_empty() {
        bail!(
            "{at}: no PEM certificate in the file\nhint: {}",
            instead(&bytes)
        );
    }
    Ok(found)
}

/// The first private key of a PEM file.
///
/// # Errors
/// The file cannot be read, or has no key that can be used; with the way out.
pub(super) fn private_key(path: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
    let bytes = read("--key", path)?;
    let at = format!("--key {}", path.shown());
    let encrypted = ["ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED"];
    if encrypted.iter().any(|mark| has(&bytes, mark)) {
        bail!(
            "{at}: the private key is encrypted\nhint: decrypt it with: openssl pkey -in FILE -out FILE.plain"
        );
    }
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) => bail!(
            "{at}: no PEM private key in the file\nhint: {}",
            if has(&bytes, "-----BEGIN CERTIFICATE-----") {
                "the file holds a certificate; give it as --cert, and its key as --key"
            } else {
                "convert DER with: openssl pkey -inform der -in FILE"
            }
        ),
        Err(error) => Err(malformed(&at, &error)),
    }
}

fn read(flag: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = std::fs::read(path).map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "no such file".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            std::io::ErrorKind::IsADirectory => "a folder, not a file".to_owned(),
            _ => error.to_string(),
        };
        anyhow!(
            "{flag} {}: {why}\nhint: name a PEM file that can be read",
            path.shown()
        )
    })?;
    // An editor's byte order mark hides the first line from the reader of PEM.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec);
    Ok(text.unwrap_or(bytes))
}

/// The hint for a file that has no PEM certificate.
fn instead(bytes: &[u8]) -> &'static str {
    if bytes.is_empty() {
        "the file is empty; export the certificate again"
    } else if has(bytes, "PRIVATE KEY-----") {
        "the file holds a private key; give the certificate that belongs to it"
    } else if has(bytes, "-----BEGIN CERTIFICATE REQUEST-----") {
        "the file holds a signing request; give the certificate that was issued for it"
    } else if has(bytes, "-----BEGIN TRUSTED CERTIFICATE-----") {
        "convert it with: openssl x509 -in FILE -out FILE.pem"
    } else if has(bytes, "-----BEGIN PKCS7-----") {
        "convert PKCS #7 with: openssl pkcs7 -print_certs -in FILE"
    } else if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        "save the file as ASCII; it is UTF-16"
    } else {
        "convert DER with: openssl x509 -inform der -in FILE"
    }
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

fn malformed(at: &str, error: &pem::Error) -> anyhow::Error {
    let what = match error {
        pem::Error::MissingSectionEnd { .. } => "a PEM section has no end line".to_owned(),
        pem::Error::IllegalSectionStart { .. } => {
            "a PEM section begins with a malformed line".to_owned()
        }
        pem::Error::Base64Decode(_) => "a PEM section is not valid base64".to_owned(),
        other => other.to_string(),
    };
    anyhow!("{at}: {what}\nhint: the copy was cut short or changed; copy the file again")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use rcgen::generate_simple_self_signed;

    use super::{certificates, private_key};

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn certificates_are_found_among_other_text_with_any_line_ends() {
        let made = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let der = made.cert.der().as_ref();
        for (text, count) in [
            (pem.clone(), 1),
            (pem.replace('\n', "\r\n"), 1),
            (format!("\u{feff}{pem}"), 1),
            (
                format!("Subject: CN = localhost\n    Version: 3\n{pem}trailing"),
                1,
            ),
            (format!("{key}{pem}"), 1),
            (format!("{pem}\n# the next\n{pem}"), 2),
        ] {
            let found = certificates("--cacert", file(text.as_bytes()).path()).unwrap();
            assert_eq!(found.len(), count, "{text}");
            assert!(found.iter().all(|found| found.as_ref() == der));
        }
    }

    #[test]
    fn a_file_without_a_certificate_is_refused_with_what_to_do() {
        let made = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let pem = made.cert.pem();
        let key = made.signing_key.serialize_pem();
        let utf16: Vec<u8> = "\u{feff}text"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for (bytes, what, hint) in [
            (b"".to_vec(), "no PEM certificate", "empty"),
            (
                b"hello".to_vec(),
                "no PEM certificate",
                "openssl x509 -inform der",
            ),
            (
                made.cert.der().to_vec(),
                "no PEM certificate",
                "openssl x509 -inform der",
            ),
            (
                key.into_bytes(),
                "no PEM certificate",
                "holds a private key",
            ),
            (utf16, "no PEM certificate", "UTF-16"),
            (pem[..pem.len() / 2].into(), "no end line", "cut short"),
            (
                pem.replace("MII", "M!I").into_bytes(),
                "base64",
                "cut short",
            ),
            (
                b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec(),
                "certificate 1 in the file cannot be read",
                "openssl x509 -in",
            ),
        ] {
            let file = file(&bytes);
            let said = certificates("--cacert", file.path())
                .unwrap_err()
                .to_string();
            assert!(
                said.starts_with(&format!("--cacert {}: ", file.path().display())),
                "{said}"
            );
            assert!(said.contains(what), "{said}");
            assert!(said.contains("\nhint: ") && said.contains(hint), "{said}");
        }
    }

    #[test]
    fn a_file_without_a_key_is_refused_with_what_to_do() {
        let made = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let both = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
        private_key(file(both.as_bytes()).path()).unwrap();
        let encrypted =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        for (text, what) in [
            (made.cert.pem(), "give it as --cert"),
            (encrypted.to_owned(), "the private key is encrypted"),
            ("text".to_owned(), "no PEM private key"),
        ] {
            let said = private_key(file(text.as_bytes()).path())
                .unwrap_err()
                .to_string();
            assert!(said.contains(what) && said.contains("\nhint: "), "{said}");
        }
    }
}
