//! Other programs as witnesses: nginx and nghttpd as services, h2load as another client.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::frames::{FrameServer, MAX_STREAMS};
use crate::harness::{code, eventually, free_port, json, run, stderr, stdout, temp_dir};
use crate::needs::{H2LOAD, NGHTTPD, NGINX, need};

/// A program that is ended with its test.
struct Witness(Child);

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Witness {
    fn start(command: &mut Command, port: u16) -> Witness {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(Stdio::null()).spawn();
        let witness = Witness(child.expect("the program starts"));
        eventually("the program listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        witness
    }
}

/// nginx with cleartext HTTP/2 and these directives.
fn nginx(program: &Path, folder: &Path, port: u16, directives: &str) -> Witness {
    let root = folder.display();
    let config = format!(
        "daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;\n\
         fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;\n\
         server {{ listen 127.0.0.1:{port} http2; {directives}\n\
         location / {{ return 200 'ok'; }} }} }}\n"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, config).unwrap();
    let mut command = Command::new(program);
    command.arg("-p").arg(folder).arg("-c").arg(file);
    Witness::start(&mut command, port)
}

fn measured(folder: &Path, port: u16, more: &[&str]) -> Value {
    let url = format!("http://127.0.0.1:{port}/x");
    let line = [
        "measure",
        &url,
        "--http2",
        "--iid",
        "--no-calibration",
        "--warmup",
        "0s",
        "--output",
        "json",
        "--gate",
        "p50 <= 9s",
    ];
    let output = run(folder, &[&line[..], more].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    json(&output)
}

/// nginx ends each connection after `keepalive_requests`; no client sees a failure.
#[test]
fn nginx_that_ends_connections_shows_no_failure_and_every_end_is_counted() {
    let name =
        "http2::witnesses::nginx_that_ends_connections_shows_no_failure_and_every_end_is_counted";
    let Some(program) = need(&NGINX, name) else {
        return;
    };
    let (folder, port) = (temp_dir(), free_port());
    let _nginx = nginx(&program, folder.path(), port, "keepalive_requests 10;");
    let report = measured(folder.path(), port, &["-n", "400", "-q", "400"]);
    let endpoint = &report["endpoints"][0];
    assert_eq!(endpoint["counts"]["ok"], 400, "{endpoint}");
    let used = &report["runs"][0]["streams"][0];
    assert!(used["goaways"].as_u64().unwrap() >= 39, "{used}");
    assert!(used["connections"].as_u64().unwrap() >= 40, "{used}");
}

#[test]
fn nginx_that_allows_one_stream_makes_a_burst_wait_for_it() {
    let name = "http2::witnesses::nginx_that_allows_one_stream_makes_a_burst_wait_for_it";
    let Some(program) = need(&NGINX, name) else {
        return;
    };
    let (folder, port) = (temp_dir(), free_port());
    let one = "http2_max_concurrent_streams 1;";
    let _nginx = nginx(&program, folder.path(), port, one);
    let burst = ["-c", "8", "--streams", "8", "-n", "400"];
    let report = measured(folder.path(), port, &burst);
    let endpoint = &report["endpoints"][0];
    assert_eq!(endpoint["counts"]["ok"], 400, "{endpoint}");
    let used = &report["runs"][0]["streams"][0];
    assert_eq!(
        (&used["connections"], &used["allowed"]),
        (&1.into(), &1.into())
    );
    let waited = endpoint["traffic"]["waited_for_stream"].as_u64().unwrap();
    assert!(waited > 300, "{waited}");
}

#[test]
fn nghttpd_answers_every_request_over_as_many_connections_as_the_depth_asks_for() {
    let name = "http2::witnesses::nghttpd_answers_every_request_over_as_many_connections_as_the_depth_asks_for";
    let Some(program) = need(&NGHTTPD, name) else {
        return;
    };
    let (folder, port) = (temp_dir(), free_port());
    fs::write(folder.path().join("x"), "x".repeat(100_000)).unwrap();
    let mut command = Command::new(program);
    command.args(["--no-tls", "-d"]).arg(folder.path());
    let _nghttpd = Witness::start(command.arg(port.to_string()), port);
    let closed = ["-c", "16", "--streams", "4", "-n", "400"];
    let report = measured(folder.path(), port, &closed);
    let endpoint = &report["endpoints"][0];
    assert_eq!(endpoint["counts"]["ok"], 400, "{endpoint}");
    assert_eq!(endpoint["traffic"]["body_bytes"], 40_000_000);
    assert_eq!(report["runs"][0]["streams"][0]["connections"], 4);
}

/// nghttpd closes a TLS connection that did not agree on `h2`, without an alert that would say so.
#[test]
fn nghttpd_over_tls_is_measured_over_http_2_without_a_flag() {
    let name = "http2::witnesses::nghttpd_over_tls_is_measured_over_http_2_without_a_flag";
    let Some(program) = need(&NGHTTPD, name) else {
        return;
    };
    let (folder, port) = (temp_dir(), free_port());
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = file("key.pem", &made.signing_key.serialize_pem());
    let certificate = file("certificate.pem", &made.cert.pem());
    file("x", "ok");
    let mut command = Command::new(program);
    command.arg("-d").arg(folder.path()).arg(port.to_string());
    let _nghttpd = Witness::start(command.arg(key).arg(certificate), port);
    let url = format!("https://localhost:{port}/x");
    let line = [
        "measure",
        &url,
        "-k",
        "-n",
        "20",
        "-q",
        "100",
        "--iid",
        "--no-calibration",
        "--warmup",
        "0s",
        "--output",
        "json",
        "--gate",
        "p50 <= 9s",
    ];
    let output = run(folder.path(), &line);
    let said = stderr(&output);
    assert_eq!(code(&output), 0, "{said}");
    assert!(said.contains("offers HTTP/2 only"), "{said}");
    let report = json(&output);
    assert_eq!(report["runs"][0]["protocol"], "HTTP/2");
    assert_eq!(report["endpoints"][0]["counts"]["ok"], 20, "{report:#}");
}

/// `time for request:  20.1ms  24.3ms  20.6ms  1.0ms 90.00%`: the mean.
fn mean_of_h2load(text: &str) -> Duration {
    let line = text
        .lines()
        .find(|line| line.starts_with("time for request"));
    let words = line.expect("times").split_whitespace();
    let mean = words.skip(3).nth(2).expect("a mean");
    a7probe::units::parse_duration(mean).expect("a duration")
}

#[test]
fn h2load_and_the_closed_model_see_the_same_mean() {
    let name = "http2::witnesses::h2load_and_the_closed_model_see_the_same_mean";
    let Some(h2load) = need(&H2LOAD, name) else {
        return;
    };
    let delay = Duration::from_millis(20);
    let server = FrameServer::start(&[(MAX_STREAMS, 100)], move |conversation| {
        while let Some(stream) = conversation.request() {
            std::thread::sleep(delay);
            conversation.ok(stream);
        }
    });
    let url = format!("http://127.0.0.1:{}/x", server.port());
    let theirs = Command::new(h2load)
        .args(["-n", "100", "-c", "1", "-m", "4", &url])
        .output()
        .unwrap();
    let theirs = mean_of_h2load(&stdout(&theirs));
    let closed = ["-c", "4", "--streams", "4", "-n", "100", "-X", "GET"];
    let report = measured(temp_dir().path(), server.port(), &closed);
    let mean_ms = report["endpoints"][0]["mean_ms"].as_f64().unwrap();
    let ours = Duration::from_secs_f64(mean_ms / 1e3);
    // One at a time at the server, four in flight: each waits for the three before it.
    assert!(
        ours.abs_diff(theirs) < Duration::from_millis(12),
        "a7probe {ours:?}, h2load {theirs:?}"
    );
}
