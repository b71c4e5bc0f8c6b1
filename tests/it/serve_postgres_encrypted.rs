//! PostgreSQL is reached encrypted by whoever asks for it, and its certificate is checked.

use std::path::Path;

use a7probe::reference::store::{Store, StoreOptions};

use crate::certificate::Certificate;
use crate::harness::temp_dir;
use crate::postgres_host::Cluster;
use crate::serve_host::{Process, Worker, command_on};
use crate::serve_queue::until_empty;

/// Every connection must be encrypted, and the password's proof bound to the certificate.
const ENCRYPTED: &str = "&sslmode=require&channel_binding=require";

fn refused(url: &str) -> String {
    let refused = Store::open(&StoreOptions::at(url)).err().expect("refused");
    let said = refused.to_string();
    assert!(!said.contains("s3cret"), "{said}");
    said
}

/// What `serve` says that trusts this file's certificates, and does not start.
fn refused_trusting(chain: &str, url: &str) -> String {
    let mut command = command_on(url, &["--mode", "queue"]);
    command
        .env("SSL_CERT_FILE", chain)
        .env_remove("SSL_CERT_DIR");
    let output = command.output().expect("the binary starts");
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[test]
fn whoever_trusts_the_certificate_of_postgresql_works_encrypted() {
    let name = "serve_postgres_encrypted::whoever_trusts_…";
    let Some(cluster) = Cluster::start(name) else {
        return;
    };
    let certificate = Certificate::fresh();
    cluster.encrypt(&certificate);
    let (folder, chain) = (temp_dir(), certificate.chain());
    let url = cluster.guest("127.0.0.1", ENCRYPTED);
    let flags = ["--mode", "queue", "--log", "off"];
    let mut serve = command_on(&url, &flags);
    serve.env("SSL_CERT_FILE", &chain);
    let server = Process::spawn(serve, &folder.path().join("ready"));
    let flags = ["--sim-latency", "1ms", "--log", "off"];
    let variables = [("SSL_CERT_FILE", chain.as_str())];
    let _worker = Worker::start_with(&url, folder.path(), &flags, &variables);
    let mut client = server.client();
    let headers = [("idempotency-key", "a"), ("x-a7-run", "encrypted")];
    assert_eq!(client.ingest(&headers, "{}").status, 202);
    until_empty(&mut client);
    let listing = client.get("/runs/encrypted/events").lines();
    assert_eq!(listing.len(), 1);
    assert_eq!(listing[0]["state"], "processed");
}

#[test]
fn whoever_cannot_check_the_certificate_of_postgresql_hears_why() {
    let name = "serve_postgres_encrypted::whoever_cannot_check_…";
    let Some(cluster) = Cluster::start(name) else {
        return;
    };
    let certificate = Certificate::fresh();
    let url = cluster.guest("127.0.0.1", ENCRYPTED);
    let chain = certificate.chain();
    let plain = refused_trusting(&chain, &url);
    assert!(plain.contains("hint: enable TLS on the server"), "{plain}");

    cluster.encrypt(&certificate);
    let distrusted = refused_trusting(&Certificate::fresh().chain(), &url);
    let hint = "hint: the server's certificate must name the URL's host";
    for said in ["unknown certificate issuer 'rcgen self signed cert'", hint] {
        assert!(distrusted.contains(said), "{distrusted}");
    }
    let misnamed = refused_trusting(&chain, &cluster.guest("localhost", ENCRYPTED));
    for said in ["the certificate is for 127.0.0.1", hint] {
        assert!(misnamed.contains(said), "{misnamed}");
    }
    let nobody = Path::new(&chain).with_file_name("none.pem");
    let rootless = refused_trusting(nobody.to_str().expect("UTF-8"), &url);
    assert!(rootless.contains("no root certificate"), "{rootless}");
}

#[test]
fn whoever_asks_for_no_encryption_reaches_postgresql_in_plain_whatever_its_certificate() {
    let name = "serve_postgres_encrypted::whoever_asks_for_no_encryption_…";
    let Some(cluster) = Cluster::start(name) else {
        return;
    };
    let certificate = Certificate::fresh();
    cluster.encrypt(&certificate);
    for parameter in ["", "?sslmode=prefer", "?sslmode=disable"] {
        let url = format!("{}{parameter}", cluster.url);
        drop(Store::open(&StoreOptions::at(url.as_str())).expect("as before"));
    }
    let wanted = refused(&cluster.guest("127.0.0.1", ""));
    assert!(
        wanted.contains("hint: the server may require encryption: add `sslmode=require`"),
        "{wanted}"
    );
    let full = refused(&cluster.guest("127.0.0.1", "&sslmode=verify-full"));
    assert!(full.contains("hint: `sslmode=require` encrypts"), "{full}");
    let direct = refused(&cluster.guest("127.0.0.1", "&sslnegotiation=direct"));
    assert!(direct.contains("(use \"require\")"), "{direct}");
}
