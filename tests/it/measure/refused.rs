//! Input, services and files that stop a measurement before it begins.

use super::{measure, run};

use crate::harness::{a7probe, code, stderr, temp_dir};
use crate::scripted::{Certificate, OK, Server, refusing_port};

#[test]
fn what_cannot_be_reached_is_exit_4_with_one_message_and_a_hint() {
    let silent = Server::tcp(|conversation| conversation.ignore());
    let closing = Server::tcp(|conversation| drop(conversation.request()));
    let plain = Server::answering(OK);
    let dead = format!("http://127.0.0.1:{}", refusing_port());
    let lax = ["--gate", "* p95 <= 5s"];
    let timeout = ["-t", "1s", "--gate", "* p95 <= 500ms"];
    fails_with_a_hint(
        4,
        &[
            (dead.clone(), &lax, "refused the connection", "--wait-ready"),
            (
                dead,
                &["--wait-ready", "300ms", "--gate", "* p95 <= 5s"],
                "(waited 300 ms)",
                "start the service",
            ),
            (
                silent.url(),
                &timeout,
                "did not answer within 1 s (answer)",
                "--timeout",
            ),
            (closing.url(), &lax, "closed without an answer", "https://"),
            (
                format!("https://127.0.0.1:{}", plain.port()),
                &timeout,
                "did not answer within 1 s (TLS handshake)",
                "use http://",
            ),
            (
                "http://no-such-host.invalid".to_owned(),
                &lax,
                "no-such-host.invalid does not resolve: no",
                "--connect-to",
            ),
        ],
    );
}

/// Exit code 4 is for an unreachable service.
#[test]
fn a_server_that_answers_otherwise_is_exit_2_and_named_for_what_it_is() {
    let garbage = Server::answering("SSH-2.0-OpenSSH_9.2\r\n");
    let endless = Server::answering(format!(
        "HTTP/1.1 200 OK\r\nx: {}\r\n\r\n",
        "y".repeat(1_000_000)
    ));
    let tls = Server::tls(&Certificate::new(), |conversation| {
        while conversation.request().is_some() {
            conversation.send(OK);
        }
    });
    let frames = Server::answering(b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x80");
    let ready = Server::answering("HTTP/1.1 304 Not Modified\r\n\r\n");
    let lax = ["--gate", "* p95 <= 5s"];
    let http_2 = format!("127.0.0.1:{} speaks HTTP/2 only\n", frames.port());
    let use_https = format!("use https://127.0.0.1:{}", tls.port());
    fails_with_a_hint(
        2,
        &[
            (
                garbage.url(),
                &lax,
                "not HTTP/1.1: 'SSH-2.0-OpenSSH_9.2' (SSH)",
                "an HTTP/1.1 server",
            ),
            (endless.url(), &lax, "longer than 64 KiB", "curl -v"),
            (frames.url(), &lax, &http_2, "add --http2"),
            (tls.url(), &lax, "speaks TLS", &use_https),
            (
                format!("https://127.0.0.1:{}", tls.port()),
                &lax,
                "certificate",
                "--cacert",
            ),
            (ready.url(), &lax, "returned 304", "cache"),
        ],
    );
}

fn fails_with_a_hint(exit: i32, cases: &[(String, &[&str], &str, &str)]) {
    for (address, more, message, hint) in cases {
        let output = measure(address, more);
        let said = stderr(&output);
        assert_eq!(code(&output), exit, "{address}: {said}");
        assert!(
            said.starts_with("error: ") && said.contains(message),
            "{address}: {said}"
        );
        assert!(
            said.contains("\nhint: ") && said.contains(hint),
            "{address}: {said}"
        );
        assert!(!said.contains("unreachable"), "{address}: {said}");
        assert!(
            !said.contains("panicked") && output.stdout.is_empty(),
            "{said}"
        );
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named_before_anything_is_sent() {
    let server = Server::answering(OK);
    for flag in [
        ["--save", "nowhere/run.json"],
        ["--report", "json=nowhere/report.json"],
    ] {
        let output = measure(
            &server.url(),
            &[&flag[..], &["--gate", "* p95 <= 5s"]].concat(),
        );
        assert_eq!(code(&output), 2);
        assert!(
            stderr(&output).contains("cannot write nowhere/"),
            "{}",
            stderr(&output)
        );
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_path_that_the_service_does_not_know_is_a_mistake_in_the_plan() {
    let server = Server::answering("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    let named = ["--get", "health=/health", "--gate", "* p95 <= 5s"];
    let output = measure(&server.url(), &named);
    assert_eq!(code(&output), 2);
    let said = stderr(&output);
    assert!(
        said.contains("/health returned 404 (expected 2xx)"),
        "{said}"
    );
    assert!(
        said.contains("hint: check the path; if 404 is the right answer, add --expect 404"),
        "{said}"
    );
    // Whoever insists measures it: every answer is a failure, and that is not a pass.
    let insisted = measure(&server.url(), &["--no-preflight", "--gate", "* p95 <= 5s"]);
    assert_eq!(code(&insisted), 1, "{}", stderr(&insisted));
}

#[test]
fn absurd_input_is_exit_2_with_the_hint() {
    for (line, message) in [
        ("measure", "no URL"),
        ("measure http://127.0.0.1:1 -q 0", "out of range"),
        (
            "measure http://127.0.0.1:1 -q -5",
            "-q -5: negative values are not possible",
        ),
        ("measure http://127.0.0.1:1 -z 99999h", "at most 7 days"),
        ("measure http://127.0.0.1:1 -n 0", "-n 0 is out of range"),
        (
            "measure http://127.0.0.1:1 -t 100ms --gate p95<=150ms",
            "the timeout of 100 ms is shorter than the limit of 150 ms",
        ),
        (
            "measure http://127.0.0.1:1 --gate health_p95<=150",
            "health_p95",
        ),
        ("measure http://127.0.0.1:1 --gate p95<=150", "150ms"),
        ("measure http://127.0.0.1:1 --gate helth:p95<=1ms", "helth"),
        (
            "measure http://127.0.0.1:1 --report pdf=x",
            "unknown format 'pdf'",
        ),
        (
            "measure http://127.0.0.1:1 --config nowhere.toml",
            "cannot read --config nowhere.toml",
        ),
        ("measure http://127.0.0.1:1 --profile ci", "no a7probe.toml"),
        (
            "measure http://127.0.0.1:1 -D nowhere.json",
            "cannot read the body from nowhere.json",
        ),
        (
            "measure https://127.0.0.1:1 --cacert nowhere.pem",
            "--cacert nowhere.pem: no such file",
        ),
        ("mesure http://127.0.0.1:1", "did you mean a7probe measure?"),
        ("judge nowhere.txt", "nowhere.txt"),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let output = run(&words);
        let said = stderr(&output);
        assert_eq!(code(&output), 2, "{line}: {said}");
        assert!(said.contains(message), "{line}: {said}");
        assert!(!said.contains("panicked"), "{line}: {said}");
    }
}

#[test]
fn a_flag_overrules_a_variable_and_a_wrong_variable_is_named() {
    let measure = |variables: &[(&str, &str)], flags: &[&str]| {
        let url = "http://127.0.0.1:1/search";
        let arguments = [&["measure", url, "--dry-run"], flags].concat();
        let folder = temp_dir();
        let mut command = a7probe(folder.path(), &arguments);
        command.envs(variables.iter().copied());
        command.output().unwrap()
    };
    for (variables, flags) in [
        (&[("A7PROBE_DURATION", "10s")][..], &["-n", "700"][..]),
        (&[("A7PROBE_REQUESTS", "700")], &["-z", "40s"]),
        (&[("A7PROBE_BUDGET", "60s")], &["-n", "700"]),
        (&[("A7PROBE_GATE", "p95 <= 1s")], &["--quick"]),
        (&[("A7PROBE_SPELL", "50ms")], &["--iid"]),
        (&[("A7PROBE_TIMEOUT", "")], &[]),
    ] {
        let output = measure(variables, flags);
        assert_eq!(code(&output), 0, "{variables:?}: {}", stderr(&output));
    }
    for (variables, flags, expected) in [
        (
            &[("A7PROBE_TIMEOUT", "5")][..],
            &[][..],
            "error: A7PROBE_TIMEOUT=5 has no unit\nhint: write 5s or 5ms\n",
        ),
        (
            &[("A7PROBE_RATE", "fast")],
            &[],
            "error: A7PROBE_RATE=fast is not a rate\nhint: write it as 20/s or 1200/m\n",
        ),
        (
            &[("A7PROBE_RATE", "fast")],
            &["-q", "slow"],
            "error: -q slow is not a rate\nhint: write it as 20/s or 1200/m\n",
        ),
        (
            &[("A7PROBE_AUTH", "me")],
            &[],
            "error: A7PROBE_AUTH needs USER:PASS\nhint: write USER: for a user without a password\n",
        ),
        (
            &[("A7PROBE_REQUESTS", "700"), ("A7PROBE_DURATION", "40s")],
            &[],
            "error: A7PROBE_REQUESTS cannot be combined with A7PROBE_DURATION\nhint: unset one of them\n",
        ),
    ] {
        let output = measure(variables, flags);
        assert_eq!((code(&output), stderr(&output).as_str()), (2, expected));
    }
}
