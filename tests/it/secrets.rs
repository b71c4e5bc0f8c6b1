//! Plants secrets wherever one can stand, and searches every output for them: files, reports, dry runs, errors.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{a7probe, temp_dir};
use crate::scripted::Server;

/// A folder to work in, and every secret that was planted so far.
struct Vault {
    folder: tempfile::TempDir,
    planted: RefCell<Vec<String>>,
}

impl Vault {
    fn new() -> Vault {
        Vault {
            folder: temp_dir(),
            planted: RefCell::default(),
        }
    }

    /// A new one, in letters and digits, so that no encoding hides it from the search.
    fn secret(&self) -> String {
        let mut planted = self.planted.borrow_mut();
        let secret = format!("Zq{:03}sEcReTvAlUe", planted.len());
        planted.push(secret.clone());
        secret
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the program, searches its output, and gives the exit code and the text.
    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
        let output = a7probe(self.path(), arguments)
            .envs(variables.iter().copied())
            .env("RUST_BACKTRACE", "0")
            .output()
            .expect("the program starts");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        self.search(&format!("{arguments:?}"), &text);
        (output.status.code().unwrap_or(-1), text)
    }

    fn search(&self, place: &str, text: &str) {
        for secret in self.planted.borrow().iter() {
            assert!(
                !text.contains(secret),
                "{secret} is shown by {place}:\n{text}"
            );
        }
    }

    fn search_file(&self, name: &str) {
        let text = fs::read_to_string(self.path().join(name)).expect(name);
        self.search(name, &text);
    }
}

/// Bodies of every kind that hold a secret.
fn bodies(vault: &Vault) -> Vec<String> {
    let s = || vault.secret();
    vec![
        format!(
            r#"{{"id":"{{{{uuid}}}}","password":"{}","note":"{}"}}"#,
            s(),
            s()
        ),
        format!(
            r#"{{"auth":["{}",{{"token":{{"value":"{}"}}}}]}}"#,
            s(),
            s()
        ),
        format!(r#"{{"inner":"{{\"secret\":\"{}\"}}"}}"#, s()),
        format!("user={}&pass%77ord={}&quote=\"{}\"", s(), s(), s()),
        format!("<login><password>{}</password></login>", s()),
        format!(
            "--b\r\ncontent-disposition: form-data; name=\"key\"\r\n\r\n{}\r\n--b--",
            s()
        ),
        format!("just text {} and {{{{n}}}}", s()),
    ]
}

/// A settings file with a secret in every endpoint's path, headers and body.
fn settings(vault: &Vault, url: &str) -> String {
    let s = || vault.secret();
    let mut text = format!(
        "url = \"{url}\"\n[headers]\nAuthorization = \"Bearer {}\"\nCookie = \"sid={}; theme={}\"\n\
         X-Api-Key = \"{}\"\nX-Innocent = \"{}\"\nAWS = \"AWS4-HMAC-SHA256 Credential={} Signature={}\"\n\
         Forwarded = \"for={}\"\nReferer = \"https://me:{}@h/a?x={}\"\n",
        s(),
        s(),
        s(),
        s(),
        s(),
        s(),
        s(),
        s(),
        s(),
        s()
    );
    for (number, body) in bodies(vault).iter().enumerate() {
        let path = match number {
            0 => format!("/a?token={}&page=2", s()),
            1 => format!("/a;jsessionid={}/b?{}", s(), s()),
            2 => format!("/a?%74oken={}&q={}", s(), s()),
            3 => format!("/a?x[]={}&x[]={}", s(), s()),
            4 => format!("/a?sig={};v={}", s(), s()),
            5 => format!("/hook?page={}/{}", s(), s()),
            _ => format!("/a?{}=", "k".repeat(30) + &s()),
        };
        text.push_str(&format!(
            "[endpoints.e{number}]\nmethod = \"POST\"\npath = \"{path}\"\nbody = '''{body}'''\n\
             headers = {{ \"X-Own\" = \"ApiKey {}\", \"Authorization\" = \"Token token={}\" }}\n",
            s(),
            s()
        ));
    }
    text
}

const LOAD: [&str; 8] = [
    "-n",
    "60",
    "-q",
    "300",
    "--iid",
    "--no-calibration",
    "--warmup",
    "0s",
];

#[test]
fn no_secret_of_a_plan_is_in_a_file_a_report_or_a_dry_run() {
    let vault = Vault::new();
    let server = Server::answering("HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok");
    let user = format!(
        "http://{}:{}@127.0.0.1:{}",
        vault.secret(),
        vault.secret(),
        server.port()
    );
    let text = settings(&vault, &user);
    fs::write(vault.path().join("a7probe.toml"), text).expect("a file");
    let audit = format!(
        "https://{}:{}@127.0.0.1:9/s/{{id}}?key={}",
        vault.secret(),
        vault.secret(),
        vault.secret()
    );
    let gate = ["--gate", "* p50 <= 5s"];
    for output in ["human", "json", "markdown", "csv"] {
        let line = [
            &[
                "measure",
                "--dry-run",
                "--audit-url",
                &audit,
                "--output",
                output,
            ],
            &LOAD[..],
            &gate,
        ]
        .concat();
        let (exit, told) = vault.run(&line, &[]);
        assert_eq!(exit, 0, "{told}");
    }
    let files = ["json=r.json", "markdown=r.md", "csv=r.csv", "hlog=r.hlog"];
    let reports: Vec<&str> = files.iter().flat_map(|file| ["--report", *file]).collect();
    for saved in ["one.json", "two.json"] {
        let line = [&["measure", "--save", saved], &LOAD[..], &gate, &reports].concat();
        let (exit, told) = vault.run(&line, &[]);
        assert_eq!(exit, 0, "{told}");
        vault.search_file(saved);
    }
    for file in ["r.json", "r.md", "r.csv", "r.hlog"] {
        vault.search_file(file);
    }
    for line in [
        &["judge", "one.json", "-v"][..],
        &["judge", "one.json", "--output", "json"],
        &["compare", "one.json", "two.json", "--output", "json"],
        &[
            "compare",
            "one.json",
            "two.json",
            "--gate",
            "p50 <= baseline + 900%",
        ],
        &["diagnose", &user, "--dry-run"],
        &[
            "ab",
            "--before",
            &user,
            "--after",
            &user,
            "--dry-run",
            "--before-header",
            "X-A: b",
        ],
    ] {
        vault.run(line, &[]);
    }
    assert!(
        vault.planted.borrow().len() >= 45,
        "{}",
        vault.planted.borrow().len()
    );
    let saved: Value =
        serde_json::from_str(&fs::read_to_string(vault.path().join("one.json")).unwrap()).unwrap();
    let plan = &saved["plan"]["endpoints"][0];
    assert_eq!(plan["body"]["placeholders"][0], "{{uuid}}");
    assert_eq!(plan["body"]["sha256"].as_str().map(str::len), Some(4));
    assert!(
        plan["path"].as_str().unwrap().ends_with("&page=2"),
        "{plan}"
    );
}

#[test]
fn two_plans_with_other_values_still_differ_and_bodies_are_kept_when_asked_for() {
    let vault = Vault::new();
    let server = Server::answering("HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok");
    let url = server.url();
    for (file, path, body) in [
        ("a.json", "e=/a?token=one", "{\"k\":1}"),
        ("b.json", "e=/a?token=two", "{\"k\":1}"),
        ("c.json", "e=/a?token=one", "{\"k\":2}"),
    ] {
        let line = [
            &[
                "measure",
                &url,
                "--post",
                path,
                "-d",
                body,
                "--save",
                file,
                "--save-bodies",
            ],
            &LOAD[..],
        ]
        .concat();
        let (exit, told) = vault.run(&[&line[..], &["--gate", "p50 <= 5s"]].concat(), &[]);
        assert_eq!(exit, 0, "{told}");
        let text = fs::read_to_string(vault.path().join(file)).unwrap();
        assert!(text.contains(r#"{\"k\":"#), "{text}");
    }
    for (other, what) in [("b.json", "path of e: "), ("c.json", "body of e: ")] {
        let (exit, told) = vault.run(&["compare", "a.json", other], &[]);
        assert_eq!(exit, 2, "{told}");
        assert!(
            told.contains("different plans") && told.contains(what),
            "{told}"
        );
    }
}

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
