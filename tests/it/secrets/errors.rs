//! No error message shows a secret.

use std::fs;

use super::Vault;

#[test]
fn no_error_shows_a_password_a_query_or_a_line_of_the_settings() {
    let vault = Vault::new();
    let s = || vault.secret();
    let mut lines: Vec<Vec<String>> = Vec::new();
    let mut line = |words: &[&str]| lines.push(words.iter().map(|&w| w.to_owned()).collect());
    for text in [
        format!("http://u:{}@h:99999/a", s()),
        format!("http://u:{} x@h", s()),
        format!("http://u:{}/y@h:x", s()),
        format!("ftp://u:{}@h/a?k={}", s(), s()),
        format!("u:{}@h:0", s()),
        format!("http://u:{}@127.0.0.1:1/a?k={}#{}", s(), s(), s()),
        format!("http://127.0.0.1:1/?{}", s()),
        format!("http://h/a?k={}", s()),
    ] {
        line(&["measure", &text, "-n", "60", "--iid"]);
        line(&["diagnose", &text, "--budget", "20s"]);
        line(&["ab", "--before", &text, "--after", "http://127.0.0.1:1"]);
    }
    let h = "http://127.0.0.1:1";
    line(&["measure", h, "-H", &s()]);
    line(&[
        "measure",
        h,
        "-H",
        &format!("Authorization Bearer {}: x", s()),
    ]);
    line(&["measure", h, "-H", &format!("X: {}\nY: {}", s(), s())]);
    line(&["measure", h, "-H", "Authorization:", "Bearer", &s()]);
    line(&["measure", h, "--get", &format!("/a?k={}", s())]);
    line(&["measure", h, "--get", &format!("a=b?k={}", s())]);
    line(&[
        "measure",
        h,
        "-d",
        &format!("nope={}", s()),
        "--get",
        "a=/b",
    ]);
    line(&["measure", h, "--connect-to", &format!("u:{}@h:1", s())]);
    line(&[
        "measure",
        h,
        "--audit-url",
        &format!("ftp://u:{}@h/{{id}}?k={}", s(), s()),
    ]);
    line(&["measure", h, "--audit-url", &format!("/s?k={}", s())]);
    line(&["measure", h, "--timeout", &format!("http://u:{}@h", s())]);
    line(&[
        "measure",
        h,
        "--cacert",
        &format!("https://u:{}@h/ca.pem", s()),
    ]);
    line(&[&s()]);
    for scheme in ["postgres", "postgresql", "POSTGRES"] {
        line(&[
            "serve",
            "--bind",
            "127.0.0.1:0",
            "--store",
            &format!("{scheme}://u:{}@127.0.0.1:1/d?x={}", s(), s()),
        ]);
        line(&["worker", "--store", &format!("{scheme}://u:{}@[bad/d", s())]);
    }
    for scheme in ["amqp", "redis", "nats", "rq+redis", "celery+amqp", "kafka"] {
        let url = format!("{scheme}://u:{}@127.0.0.1:99999/x?y={}", s(), s());
        line(&[
            "serve",
            "--bind",
            "127.0.0.1:0",
            "--mode",
            "queue",
            "--dispatch",
            &url,
        ]);
        line(&["worker", "--from", &url]);
    }
    line(&[
        "serve",
        "--bind",
        "127.0.0.1:0",
        "--provider",
        &format!("http://u:{}@h:x/y?z={}", s(), s()),
    ]);
    line(&["serve", "--bind", &format!("u:{}@h", s())]);
    for text in [
        format!("http:/u:{}@h", s()),
        format!("HTTPS:/u:{}@h/a", s()),
        format!("http:u:{}@h", s()),
        format!("ftp:/u:{}@h", s()),
        format!("//u:{}@h/a", s()),
    ] {
        line(&["measure", &text, "--dry-run"]);
        line(&["diagnose", &text, "--dry-run"]);
        line(&["serve", "--bind", "127.0.0.1:0", "--provider", &text[5..]]);
    }
    for flag in [
        "--out",
        "-o",
        "-out",
        "--db-url",
        "--summary-export",
        "--csv",
        "--cacert-x",
        "-D",
        "--body-file",
        "--output",
        "--unix-socket-x",
        "-T",
        "-p",
        "-i",
        "-e",
        "-g",
        "--root-certs",
        "-m",
        "-u",
        "-A",
        "-c",
        "-n",
        "-S",
        "--name",
        "-Z",
        "--url",
        "-f",
        "--cookie-jar",
        "-b",
        "--connect-to",
        "--rate",
        "-s",
        "--input",
        "-z",
    ] {
        for value in [
            format!("influxdb=http://me:{}@h/db", s()),
            format!("postgres://me:{}@h", s()),
            format!("me:{}@h", s()),
            format!("http://u:{}@h:1", s()),
        ] {
            line(&["measure", h, "-n", "60", "--iid", flag, &value]);
            line(&[
                "measure",
                h,
                "-n",
                "60",
                "--iid",
                &format!("{flag}={value}"),
            ]);
        }
        line(&["judge", "none.json", &format!("{flag}=http://u:{}@h", s())]);
        line(&["serve", flag, &format!("u:{}@h", s())]);
    }
    line(&[
        "serve",
        "--bind",
        "127.0.0.1:0",
        "--provider",
        &format!("me:{}@h", s()),
    ]);
    line(&[
        "serve",
        "--bind",
        "127.0.0.1:0",
        "--provider",
        &format!("//me:{}@h", s()),
    ]);
    line(&[
        "worker",
        "--store",
        "x.db",
        "--from",
        "redis://127.0.0.1:1",
        "--provider",
        &format!("me:{}@h", s()),
    ]);
    line(&[
        "measure",
        h,
        "-d",
        &format!("{{{{{}}}}}", s()),
        "--post",
        "a=/b",
    ]);
    line(&["measure", h, "-H", &format!("X-A: {{{{{}}}}}", s())]);
    line(&["measure", h, "--get", &format!("a=/{{{{{}}}}}", s())]);
    line(&["measure", h, "-H", &format!("X-{}: {{{{uid}}}}", "A")]);
    line(&["measure", h, &format!("-h{}@h", s())]);
    line(&["measure", h, &format!("-d{}", s())]);
    line(&["measure", h, &format!("-hhttp://u:{}@h", s())]);
    line(&[&format!("http://u:{}@h", s())]);
    line(&["-n", "100", &format!("http://u:{}@h", s())]);
    for words in &lines {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (exit, told) = vault.run(&words, &[]);
        assert!([2, 4].contains(&exit), "{words:?}: {exit} {told}");
    }
    for (name, value) in [
        ("A7PROBE_URL", format!("http://u:{}@h:x", s())),
        ("A7PROBE_TIMEOUT", format!("https://u:{}@h", s())),
    ] {
        let (exit, told) = vault.run(&["measure"], &[(name, &value)]);
        assert_eq!(exit, 2, "{name}: {told}");
    }
    // Dry runs show where requests would go.
    for more in [
        ["--audit-url".to_owned(), format!("//me:{}@h/{{id}}", s())],
        ["--audit-url".to_owned(), format!("/x//me:{}@h/{{id}}", s())],
        ["--get".to_owned(), format!("a=//u:{}@h/x", s())],
        ["--get".to_owned(), format!("a=/http:/u:{}@h/x", s())],
        ["--get".to_owned(), format!("a=/x?page=1%26token%3D{}", s())],
        [
            "--get".to_owned(),
            format!("a=/x?page=1,{}&sort=+{}", s(), s()),
        ],
        [
            "--get".to_owned(),
            format!("a=/x?page={}{}{}{}{}", s(), s(), s(), s(), s()),
        ],
    ] {
        let post = ["--post", "e=/e", "-d", "e={\"id\":\"{{uuid}}\"}"];
        let words = more.each_ref().map(String::as_str);
        for output in ["human", "json"] {
            let line = [
                &["measure", h, "--dry-run", "--output", output],
                &post[..],
                &words,
            ]
            .concat();
            let (exit, told) = vault.run(&line, &[]);
            assert!([0, 2].contains(&exit), "{line:?}: {told}");
        }
    }
    // Tokens that no header can carry, and addresses from variables.
    let serve = ["serve", "--bind", "127.0.0.1:0"];
    for (more, name, value) in [
        (
            &["--token-env", "TOKEN"][..],
            "TOKEN",
            format!("{} \u{1}", s()),
        ),
        (
            &[
                "--provider",
                "http://127.0.0.1:1",
                "--provider-key-env",
                "KEY",
            ],
            "KEY",
            format!("{}\u{e9}", s()),
        ),
        (
            &[],
            "A7PROBE_SERVE_STORE",
            format!("postgres://u:{}@[bad/d", s()),
        ),
        (&[], "A7PROBE_SERVE_PROVIDER", format!("me:{}@h", s())),
        (
            &["--mode", "queue"],
            "A7PROBE_SERVE_DISPATCH",
            format!("amqp://u:{}@h:x", s()),
        ),
        (
            &[],
            "A7PROBE_SERVE_PROVIDER",
            format!("http://u:{}@h:x/?k={}", s(), s()),
        ),
    ] {
        let (exit, told) = vault.run(&[&serve[..], more].concat(), &[(name, &value)]);
        assert_eq!(exit, 2, "{name}: {told}");
    }
    for text in [
        format!("[headers]\nAuthorization = \"Bearer {}\n", s()),
        format!("[headers]\nAuthorization = Bearer {}\n", s()),
        format!("url = \"http://u:{}@h:x\"\n", s()),
        format!("requests = \"{}\"\n", s()),
        format!("[endpoints.a]\npath = [\"{}\"]\n", s()),
    ] {
        fs::write(vault.path().join("a7probe.toml"), &text).expect("a file");
        let (exit, told) = vault.run(&["measure", "--dry-run"], &[]);
        assert_eq!(exit, 2, "{text}: {told}");
    }
    assert!(
        vault.planted.borrow().len() >= 60,
        "{}",
        vault.planted.borrow().len()
    );
}
