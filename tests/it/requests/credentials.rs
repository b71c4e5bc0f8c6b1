//! `-X`, `-a` and `-b`: what is sent, and that no secret of it is shown.

use std::fs;

use super::{FEW, header, lines, measured, refusal};
use crate::harness::{a7probe, code, run, stderr, stdout, temp_dir};
use crate::scripted::{OK, Server};

#[test]
fn a_method_is_typed_as_in_curl_and_its_old_letter_stays() {
    for (flags, line) in [
        (&["-X", "put", "-d", "x"][..], "PUT /a HTTP/1.1"),
        (&["-XDELETE"], "DELETE /a HTTP/1.1"),
        (&["-m", "OPTIONS"], "OPTIONS /a HTTP/1.1"),
        (&["--method", "PATCH", "-d", "x"], "PATCH /a HTTP/1.1"),
    ] {
        let server = Server::answering(OK);
        measured(&format!("{}/a", server.url()), flags, 0);
        assert!(lines(&server).iter().all(|own| own == line), "{flags:?}");
    }
}

#[test]
fn credentials_and_cookies_are_sent_and_not_shown() {
    let server = Server::answering(OK);
    let folder = temp_dir();
    let url = format!("{}/a", server.url());
    let secret = ["-a", "me:hunter2:x", "-b", "sid=s3cret", "-b", "b=2; c=3"];
    let shown = ["--save", "run.json", "--report", "markdown=run.md", "-v"];
    let line = [&["measure", &url][..], &FEW, &secret, &shown].concat();
    let output = run(folder.path(), &line);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for request in server.received() {
        // printf me:hunter2:x | base64
        let pair = "Basic bWU6aHVudGVyMjp4";
        assert_eq!(header(&request, "authorization"), Some(pair));
        assert_eq!(header(&request, "cookie"), Some("sid=s3cret; b=2; c=3"));
    }
    let dry = run(folder.path(), &[&line[..], &["--dry-run"]].concat());
    let files =
        ["run.json", "run.md"].map(|name| fs::read_to_string(folder.path().join(name)).unwrap());
    let told = [&output, &dry].map(|output| stdout(output) + &stderr(output));
    for text in files.iter().chain(&told) {
        for secret in ["hunter2", "bWU6aHVudGVyMjp4", "s3cret"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[test]
fn credentials_come_from_variables_and_from_the_settings_as_well() {
    let server = Server::answering(OK);
    let folder = temp_dir();
    let file = format!(
        "url = '{}/a'\nauth = 'me:${{PASSWORD}}'\ncookie = 'sid=${{PASSWORD}}'\n",
        server.url()
    );
    fs::write(folder.path().join("a7probe.toml"), file).unwrap();
    let sent = |variable: Option<(&str, &str)>| {
        let output = a7probe(folder.path(), &["measure"])
            .args(FEW)
            .env("PASSWORD", "pw")
            .envs(variable)
            .output()
            .unwrap();
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let last = server.received().pop().unwrap();
        let own = |name| header(&last, name).unwrap().to_owned();
        (own("authorization"), own("cookie"))
    };
    // printf me:pw | base64
    let expected = ("Basic bWU6cHc=".to_owned(), "sid=pw".to_owned());
    assert_eq!(sent(None), expected);
    // printf u:v | base64
    let (authorization, _) = sent(Some(("A7PROBE_AUTH", "u:v")));
    assert_eq!(authorization, "Basic dTp2");
}

#[test]
fn a_flag_wins_over_the_url_and_a_header_of_the_same_kind_is_refused() {
    let server = Server::answering(OK);
    let url = format!("http://old:one@127.0.0.1:{}/a", server.port());
    measured(&url, &["-a", "u:v"], 0);
    let last = server.received().pop().unwrap();
    assert_eq!(header(&last, "authorization"), Some("Basic dTp2"));
    for (flags, told) in [
        (
            ["-a", "u:s3cret", "-H", "Authorization: x"],
            "keep one of them",
        ),
        (["-b", "u=s3cret", "-H", "Cookie: a=b"], "keep one of them"),
    ] {
        let said = refusal(&server.url(), &flags);
        assert!(said.contains(told) && !said.contains("s3cret"), "{said}");
    }
    for flags in [["-a", "s3cret"], ["-b", "s3cret"], ["-b", "a=1; s3cret"]] {
        let said = refusal(&server.url(), &flags);
        assert!(!said.contains("s3cret"), "{said}");
    }
}
