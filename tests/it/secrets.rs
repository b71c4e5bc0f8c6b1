//! Plants secrets wherever one can stand, and searches every output for them: files, reports, dry runs, errors.

mod errors;

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
fn no_value_of_a_row_or_a_variable_is_in_a_file_a_report_or_an_error() {
    let vault = Vault::new();
    let server = Server::answering("HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok");
    let s = || vault.secret();
    let rows: String = (0..9).map(|_| format!("{},{}\n", s(), s())).collect();
    fs::write(vault.path().join("rows.csv"), format!("id,token\n{rows}")).expect("a file");
    let broken = format!("id,token\n{},{},{}\n", s(), s(), s());
    fs::write(vault.path().join("broken.csv"), broken).expect("a file");
    let line_break = format!("{{\"id\":\"{}\\n{}\",\"token\":1}}\n", s(), s());
    fs::write(vault.path().join("break.ndjson"), line_break).expect("a file");
    let damaged = format!("{{\"id\":\"{}\",\"token\":{}}}\n", s(), s());
    fs::write(vault.path().join("damaged.ndjson"), damaged).expect("a file");
    let url = format!(
        "{}/a/{{{{row.id}}}}/{{{{env.PLACE}}}}?t={{{{row.token}}}}",
        server.url()
    );
    let (place, key) = (s(), s());
    let variables = [("PLACE", place.as_str()), ("KEY", key.as_str())];
    let request = [
        "measure",
        &url,
        "-H",
        "X-Key: {{env.KEY}}",
        "-H",
        "X-Id: id={{row.id}}",
        "-d",
        "{\"t\":\"{{row.token}} {{env.KEY}}\"}",
        "--gate",
        "p50 <= 5s",
    ];
    let good = [
        "--data",
        "rows.csv",
        "--save",
        "run.json",
        "--report",
        "json=r.json",
    ];
    for (more, expected) in [
        (&["--dry-run"][..], 0),
        (&["--dry-run", "--output", "json"], 0),
        (&["--output", "json"], 0),
        (&["-v"], 0),
        (&["--data-once"], 2),
        (&["-H", "X: {{row.no}}"], 2),
    ] {
        let line = [&request[..], &LOAD, &good, more].concat();
        let (exit, text) = vault.run(&line, &variables);
        assert_eq!(exit, expected, "{text}");
    }
    vault.search_file("run.json");
    vault.search_file("r.json");
    for file in ["broken.csv", "break.ndjson", "damaged.ndjson"] {
        let line = [&request[..], &LOAD, &["--data", file]].concat();
        let (exit, text) = vault.run(&line, &variables);
        assert_eq!(exit, 2, "{text}");
    }
    // Of values of the settings, too.
    for settings in [
        "url = \"http://127.0.0.1:9\"\ngates = [\"${KEY}\"]\n",
        "url = \"http://127.0.0.1:9\"\nrate = \"${KEY}\"\n",
        "url = \"http://127.0.0.1:9\"\ntimeout = \"5 ${KEY}\"\n",
        "url = \"${KEY}://127.0.0.1:9\"\n",
        "[endpoints.a]\npath = \"${KEY}\"\n",
        "url = \"http://127.0.0.1:9\"\n[endpoints.a]\npath = \"/\"\nexpect = \"${KEY}\"\nmethod = \"GET\"\n",
    ] {
        fs::write(vault.path().join("a7probe.toml"), settings).expect("a file");
        let (exit, text) = vault.run(&["measure", "--dry-run"], &variables);
        assert_eq!(exit, 2, "{settings}: {text}");
    }
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
