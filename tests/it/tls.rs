//! Certificates as people make them: the measurement and the audit accept those that curl accepts, and every refusal
//! names the fault and the fix.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, SanType};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::harness::{a7probe, temp_dir};
use crate::scripted::{Certificate, Conversation, OK, Server};

fn answer_all(conversation: &mut Conversation) {
    while conversation.request().is_some() && conversation.send(OK) {}
}

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/tls")).join(name)
}

/// A server with a certificate of the fixtures.
fn fixed(name: &str) -> Certificate {
    let pem = std::fs::read_to_string(fixture(name)).unwrap();
    let chain = CertificateDer::pem_slice_iter(pem.as_bytes());
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
    Certificate::of(chain, key, pem)
}

/// The fields of a generated certificate.
fn params(common_name: &str, names: &[&str]) -> CertificateParams {
    let names = names.iter().map(|&name| name.to_owned());
    let mut params = CertificateParams::new(names.collect::<Vec<_>>()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params
}

fn self_signed(params: &CertificateParams) -> Certificate {
    let key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap();
    Certificate::of(vec![cert.der().clone()], private(&key), cert.pem())
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::try_from(key.serialize_der()).unwrap()
}

/// Measures `https://HOST:PORT`, with these flags.
fn measure(server: &Server, host: &str, flags: &[&str]) -> Output {
    let url = format!("https://{host}:{}", server.port());
    let folder = temp_dir();
    a7probe(folder.path(), &["measure", &url, "-n", "60", "-q", "200"])
        .args(["--no-calibration", "--gate", "* p50 <= 5s", "--iid"])
        .args(flags)
        .output()
        .unwrap()
}

#[track_caller]
fn accepted(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[track_caller]
fn refused(output: &Output, error: &str, hint: &str) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.starts_with("error: ") && said.contains(error),
        "{said}"
    );
    assert!(said.contains("\nhint: ") && said.contains(hint), "{said}");
    for debug in [
        "InvalidCertificate",
        "CaUsed",
        "Other(",
        "Alert",
        "unreachable",
    ] {
        assert!(!said.contains(debug), "{said}");
    }
}

#[test]
fn a_certificate_as_openssl_makes_it_is_trusted_when_it_is_given_itself() {
    for name in ["req-x509.pem", "version-1.pem"] {
        let server = Server::tls(&fixed(name), answer_all);
        let file = fixture(name);
        let cacert = ["--cacert", file.to_str().unwrap()];
        accepted(&measure(&server, "localhost", &cacert));
        accepted(&measure(&server, "localhost", &["-k"]));
        // Its name is still checked: the certificate is for localhost.
        refused(
            &measure(&server, "127.0.0.1", &cacert),
            "error: 127.0.0.1: the certificate is for localhost\n",
            "check the host; test with -k only if you trust the network",
        );
        // And that it is this one.
        let other = fixture("ca.pem");
        refused(
            &measure(&server, "localhost", &["--cacert", other.to_str().unwrap()]),
            "error: localhost: unknown certificate issuer 'localhost' (self-signed)\n",
            "--cacert",
        );
    }
}

#[test]
fn a_certificate_as_openssl_issues_it_is_trusted_by_its_issuer() {
    for name in ["req-x509-by-ca.pem", "version-1-by-ca.pem"] {
        let server = Server::tls(&fixed(name), answer_all);
        let ca = fixture("ca.pem");
        let cacert = ["--cacert", ca.to_str().unwrap()];
        accepted(&measure(&server, "localhost", &cacert));
        refused(
            &measure(&server, "127.0.0.1", &cacert),
            "the certificate is for localhost",
            "check the host",
        );
        refused(
            &measure(&server, "localhost", &[]),
            "error: localhost: unknown certificate issuer 'a7probe test CA'\n",
            "trust it with --cacert FILE, or measure anyway with -k",
        );
    }
}

/// A file of one certificate after another.
fn file(certificates: &[&str]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), certificates.concat()).unwrap();
    file
}

#[test]
fn a_chain_a_wildcard_and_an_address_are_checked_by_the_file_s_issuers() {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca_params = params("Acme Internal CA", &[]);
    ca_params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = ca_params.self_signed(&ca_key).unwrap();
    let ca_issuer = Issuer::from_params(&ca_params, &ca_key);
    let middle_key = KeyPair::generate().unwrap();
    let mut middle_params = params("Acme Servers", &[]);
    middle_params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let middle = middle_params.signed_by(&middle_key, &ca_issuer).unwrap();
    let middle_issuer = Issuer::from_params(&middle_params, &middle_key);
    let leaf = |leaf_params: &CertificateParams| {
        let key = KeyPair::generate().unwrap();
        let cert = leaf_params.signed_by(&key, &middle_issuer).unwrap();
        let chain = vec![cert.der().clone(), middle.der().clone()];
        Certificate::of(chain, private(&key), cert.pem())
    };
    let unrelated = Certificate::new().pem;
    let trusted = file(&[&unrelated, &ca.pem()]);
    let cacert = ["--cacert", trusted.path().to_str().unwrap()];

    let mut addressed = params("by address", &["a7.example"]);
    let local = SanType::IpAddress("127.0.0.1".parse().unwrap());
    addressed.subject_alt_names.push(local);
    let server = Server::tls(&leaf(&addressed), answer_all);
    accepted(&measure(&server, "127.0.0.1", &cacert));
    refused(
        &measure(&server, "localhost", &cacert),
        "the certificate is for a7.example and 127.0.0.1",
        "check the host",
    );

    let server = Server::tls(&leaf(&params("wild", &["*.a7.example"])), answer_all);
    let there = format!("127.0.0.1:{}", server.port());
    let to = |host: &str| {
        measure(
            &server,
            host,
            &[&cacert[..], &["--connect-to", &there]].concat(),
        )
    };
    accepted(&to("www.a7.example"));
    refused(
        &to("a7.example"),
        "error: a7.example: the certificate is for *.a7.example\n",
        "check the host",
    );

    // The common name counts where there is no other, and only there.
    let server = Server::tls(&leaf(&params("localhost", &[])), answer_all);
    accepted(&measure(&server, "localhost", &cacert));
    let server = Server::tls(&leaf(&params("localhost", &["a7.example"])), answer_all);
    refused(
        &measure(&server, "localhost", &cacert),
        "the certificate is for a7.example",
        "check the host",
    );

    // For a chain, the issuer at its end would have to be trusted.
    refused(
        &measure(&server, "localhost", &[]),
        "error: localhost: unknown certificate issuer 'Acme Internal CA'\n",
        "trust it with --cacert FILE",
    );

    // An issuer of the same name with another key has not signed it.
    let other = ca_params
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap();
    let renewed = file(&[&other.pem()]);
    refused(
        &measure(
            &server,
            "localhost",
            &["--cacert", renewed.path().to_str().unwrap()],
        ),
        "the certificate is not signed by the trusted issuer 'Acme Internal CA'",
        "--cacert",
    );
}

#[test]
fn dates_are_checked_also_of_a_certificate_that_is_given_itself() {
    let mut old = params("localhost", &["localhost"]);
    old.not_before = rcgen::date_time_ymd(2020, 1, 1);
    old.not_after = rcgen::date_time_ymd(2021, 3, 2);
    let mut new = params("localhost", &["localhost"]);
    new.not_before = rcgen::date_time_ymd(2120, 1, 1);
    new.not_after = rcgen::date_time_ymd(2121, 1, 1);
    for (mut params, error, hint) in [
        (
            old,
            "error: localhost: the certificate expired on 2021-03-02\n",
            "hint: renew it; to measure anyway: -k\n",
        ),
        (
            new,
            "error: localhost: the certificate is not valid before 2120-01-01\n",
            "check the clock",
        ),
    ] {
        for is_ca in [IsCa::NoCa, IsCa::Ca(rcgen::BasicConstraints::Unconstrained)] {
            params.is_ca = is_ca;
            let certificate = self_signed(&params);
            let trusted = file(&[&certificate.pem]);
            let server = Server::tls(&certificate, answer_all);
            let cacert = ["--cacert", trusted.path().to_str().unwrap()];
            refused(&measure(&server, "localhost", &cacert), error, hint);
        }
    }
}

/// A server that has the trusted certificate but not its key is refused.
#[test]
fn the_signature_of_the_handshake_is_checked_of_every_kind_of_certificate() {
    for name in ["req-x509.pem", "version-1.pem"] {
        let path = fixture(name);
        let pem = std::fs::read_to_string(&path).unwrap();
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let impostor = Certificate::of(vec![der], private(&KeyPair::generate().unwrap()), pem);
        let old = [
            &tokio_rustls::rustls::version::TLS12,
            &tokio_rustls::rustls::version::TLS13,
        ];
        for version in old {
            let server = impostor.speaking(version);
            let server = Server::tls(&server, answer_all);
            for flags in [&["--cacert", path.to_str().unwrap()][..], &["-k"]] {
                refused(
                    &measure(&server, "localhost", flags),
                    "the server does not hold the key of its certificate",
                    "-k",
                );
            }
        }
    }
}

#[test]
fn a_server_without_http_1_or_without_tls_is_named_as_such() {
    let certificate = Certificate::new();
    let trusted = file(&[&certificate.pem]);
    let cacert = ["--cacert", trusted.path().to_str().unwrap()];
    // It agrees on HTTP/2 and answers in HTTP/1.1.
    let http_2 = certificate.with(|server| server.alpn_protocols = vec![b"h2".to_vec()]);
    let server = Server::tls(&http_2, answer_all);
    let output = measure(&server, "localhost", &cacert);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let error = format!(
        "error: localhost:{} does not speak HTTP/2: the server answers in HTTP/1.1\nhint: leave out --http2",
        server.port()
    );
    assert!(said.contains(&error), "{said}");
    assert_eq!(output.status.code(), Some(2), "{said}");
    let plain = Server::tcp(|conversation| {
        conversation.answer_early("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    });
    refused(
        &measure(&plain, "localhost", &cacert),
        &format!("error: localhost:{} does not speak TLS\n", plain.port()),
        &format!("hint: use http://localhost:{}", plain.port()),
    );
}

/// The audit asks over a client of its own.
#[test]
fn the_audit_trusts_what_the_measurement_trusts() {
    for (certificate, cacert) in [
        ("req-x509.pem", "req-x509.pem"),
        ("version-1.pem", "version-1.pem"),
        ("version-1-by-ca.pem", "ca.pem"),
    ] {
        let taken = AtomicUsize::new(0);
        let server = Server::tls(&fixed(certificate), move |conversation| {
            while let Some(request) = conversation.request() {
                let (status, body) = match request.head.starts_with("POST") {
                    true => {
                        let number = taken.fetch_add(1, Ordering::SeqCst);
                        ("202 Accepted", format!("{{\"event_id\":\"{number}\"}}"))
                    }
                    false => ("200 OK", "{\"state\":\"processed\"}".to_owned()),
                };
                let length = body.len();
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n");
                if !conversation.send(head + &body) {
                    return;
                }
            }
        });
        let cacert = fixture(cacert);
        let url = format!("https://localhost:{}", server.port());
        let folder = temp_dir();
        let output = a7probe(folder.path(), &["measure", &url, "-n", "60", "-q", "200"])
            .args(["--post", "ingest=/ingest", "--no-calibration", "--iid"])
            .args(["--gate", "ingest lost <= 0", "--audit-url", "/status/{id}"])
            .args(["--cacert", cacert.to_str().unwrap()])
            .output()
            .unwrap();
        accepted(&output);
    }
}

/// A certificate in --cacert that is no CA certificate is trusted as itself and as nothing else.
#[test]
fn a_server_s_certificate_issues_no_others() {
    let key = KeyPair::generate().unwrap();
    let mut leaf = params("first", &["localhost"]);
    leaf.use_authority_key_identifier_extension = false;
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa] {
        leaf.is_ca = is_ca;
        let cert = leaf.self_signed(&key).unwrap();
        let trusted = file(&[&cert.pem()]);
        let cacert = ["--cacert", trusted.path().to_str().unwrap()];
        let own = Certificate::of(vec![cert.der().clone()], private(&key), cert.pem());
        accepted(&measure(
            &Server::tls(&own, answer_all),
            "localhost",
            &cacert,
        ));
        let other_key = KeyPair::generate().unwrap();
        let mut rogue = params("second", &["localhost"]);
        for is_ca in [IsCa::NoCa, IsCa::Ca(rcgen::BasicConstraints::Unconstrained)] {
            rogue.is_ca = is_ca;
            let issuer = Issuer::from_params(&leaf, &key);
            let rogue_cert = rogue.signed_by(&other_key, &issuer).unwrap();
            let chain = vec![rogue_cert.der().clone(), cert.der().clone()];
            let rogue = Certificate::of(chain, private(&other_key), rogue_cert.pem());
            let output = measure(&Server::tls(&rogue, answer_all), "localhost", &cacert);
            assert_eq!(output.status.code(), Some(2));
        }
    }
}

#[test]
fn an_expired_root_is_refused_whatever_it_has_issued() {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca_params = params("Acme Old CA", &[]);
    ca_params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    ca_params.not_before = rcgen::date_time_ymd(2019, 1, 1);
    ca_params.not_after = rcgen::date_time_ymd(2021, 3, 2);
    let ca = ca_params.self_signed(&ca_key).unwrap();
    let trusted = file(&[&ca.pem()]);
    let cacert = ["--cacert", trusted.path().to_str().unwrap()];
    for is_ca in [IsCa::NoCa, IsCa::Ca(rcgen::BasicConstraints::Unconstrained)] {
        let mut leaf = params("localhost", &["localhost"]);
        leaf.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&ca_params, &ca_key);
        let cert = leaf.signed_by(&key, &issuer).unwrap();
        let server = Certificate::of(vec![cert.der().clone()], private(&key), cert.pem());
        refused(
            &measure(&Server::tls(&server, answer_all), "localhost", &cacert),
            "the certificate of the issuer 'Acme Old CA' expired on 2021-03-02",
            "renew it",
        );
    }
}

#[test]
fn a_ca_certificate_as_a_server_s_is_accepted_below_an_intermediate_too() {
    let (ca_key, middle_key, key) = (
        KeyPair::generate().unwrap(),
        KeyPair::generate().unwrap(),
        KeyPair::generate().unwrap(),
    );
    let with = |name: &str, names: &[&str], is_ca: IsCa| {
        let mut params = params(name, names);
        params.is_ca = is_ca;
        params
    };
    let any = || IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_params = with("Acme Root", &[], any());
    let ca = ca_params.self_signed(&ca_key).unwrap();
    let trusted = file(&[&ca.pem()]);
    let cacert = ["--cacert", trusted.path().to_str().unwrap()];
    for (middle_is_ca, is_accepted) in [(any(), true), (IsCa::NoCa, false)] {
        let middle_params = with("Acme Middle", &[], middle_is_ca);
        let root = Issuer::from_params(&ca_params, &ca_key);
        let middle = middle_params.signed_by(&middle_key, &root).unwrap();
        let issuer = Issuer::from_params(&middle_params, &middle_key);
        let leaf = with("localhost", &["localhost"], any());
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let chain = vec![leaf.der().clone(), middle.der().clone()];
        let server = Certificate::of(chain, private(&key), leaf.pem());
        let output = measure(&Server::tls(&server, answer_all), "localhost", &cacert);
        match is_accepted {
            true => accepted(&output),
            false => assert_eq!(output.status.code(), Some(2)),
        }
    }
}

#[test]
fn an_unknown_critical_extension_is_refused_and_accepted_with_k() {
    let mut strange = params("localhost", &["localhost"]);
    let mut extension =
        rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 9, 9], vec![5, 0]);
    extension.set_criticality(true);
    strange.custom_extensions.push(extension);
    let certificate = self_signed(&strange);
    let server = Server::tls(&certificate, answer_all);
    let trusted = file(&[&Certificate::new().pem]);
    let cacert = ["--cacert", trusted.path().to_str().unwrap()];
    let output = measure(&server, "localhost", &cacert);
    assert_eq!(output.status.code(), Some(2));
    accepted(&measure(&server, "localhost", &["-k"]));
}

#[test]
fn an_address_as_a_dns_name_is_named() {
    let mut of_address = params("server", &[]);
    let name = "127.0.0.1".to_owned().try_into().unwrap();
    of_address.subject_alt_names = vec![SanType::DnsName(name)];
    let certificate = self_signed(&of_address);
    let trusted = file(&[&certificate.pem]);
    let cacert = ["--cacert", trusted.path().to_str().unwrap()];
    refused(
        &measure(&Server::tls(&certificate, answer_all), "127.0.0.1", &cacert),
        "has the address 127.0.0.1 as a DNS name",
        "IP:127.0.0.1",
    );
}
