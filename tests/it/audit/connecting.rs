//! The audit reaches the service as the requests do, with the credentials that are theirs, and nobody else with them.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::audit::service::{
    LISTED, POLLED, all_done, done, finding, gates, listing, measure_exactly, named, run_exactly,
    script, service, state, status,
};
use crate::audit::{answer, completion, header, result, verdict};
use crate::harness::{a7probe, temp_dir};
use crate::scripted::{Certificate, Server};

/// Knows events and runs under one name of its own only.
fn virtual_host(name: &'static str) -> Server {
    service(named, move |asked| {
        let host = header(&asked.request.head, "host");
        match (host == name, asked.path.starts_with("/runs/")) {
            (false, _) => status("421 Misdirected Request"),
            (true, true) => listing(&all_done(asked.taken)),
            (true, false) => state(&done()),
        }
    })
}

#[test]
fn questions_are_for_the_host_that_the_requests_are_for() {
    let folder = temp_dir();
    for how in [&LISTED[..], &POLLED[..]] {
        let server = virtual_host("a7.example");
        let more = [how, &["-H", "Host: a7.example"], &gates(&["lost <= 0"])].concat();
        let (code, report) = run_exactly(folder.path(), &server, &more);
        assert_eq!((code, verdict(&report, "lost")), (0, "PASS"), "{report:#}");
    }
}

#[test]
fn questions_go_where_the_requests_are_sent_to() {
    let folder = temp_dir();
    // By name and by address, with a port of its own that nobody listens on.
    for host in ["a7.invalid:9", "192.0.2.1:9", "a7.invalid"] {
        for how in [&LISTED[..], &POLLED[..]] {
            let server = virtual_host(host);
            let there = format!("127.0.0.1:{}", server.port());
            let more = [how, &["--connect-to", &there], &gates(&["lost <= 0"])].concat();
            let target = format!("http://{host}");
            let output = measure_exactly(folder.path(), &target, &more)
                .output()
                .unwrap();
            let (code, report) = result(&output);
            assert_eq!((code, verdict(&report, "lost")), (0, "PASS"), "{report:#}");
        }
    }
}

#[test]
fn over_tls_the_certificate_is_that_of_the_target() {
    let (folder, certificate) = (temp_dir(), Certificate::new());
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &certificate.pem).unwrap();
    let server = Server::tls(&certificate, script(named, |_| state(&done())));
    let (there, by_name) = (
        format!("127.0.0.1:{}", server.port()),
        format!("localhost:{}", server.port()),
    );
    let cacert = ["--cacert", ca.to_str().unwrap()];
    let key = ["--audit-url", "/status/{{uuid}}", "--audit-timeout", "1s"];
    for (target, connect_to, code) in [
        ("https://localhost:9", &there, 0),
        // Whether an address is the certificate's cannot be checked on the way to another.
        ("https://127.0.0.1:9", &by_name, 3),
    ] {
        let way = ["--connect-to", connect_to];
        let more = [&key[..], &way, &cacert, &gates(&["lost <= 0"])].concat();
        let output = measure_exactly(folder.path(), target, &more)
            .output()
            .unwrap();
        let (exit, report) = result(&output);
        assert_eq!(exit, code, "{target}: {report:#}");
        assert_eq!(report["endpoints"][0]["counts"]["ok"], 100);
    }
}

#[test]
fn over_a_unix_socket_questions_go_as_the_requests_do() {
    let folder = temp_dir();
    let path = folder.path().join("service.sock");
    let _server = Server::unix(
        &path,
        script(named, |asked| match header(&asked.request.head, "host") {
            host if host == "a7.example" => listing(&all_done(asked.taken)),
            _ => status("421 Misdirected Request"),
        }),
    );
    for target in ["http://a7.example", "https://a7.example"] {
        let socket = ["--unix-socket", path.to_str().unwrap()];
        let more = [&LISTED[..], &socket, &gates(&["lost <= 0"])].concat();
        let output = measure_exactly(folder.path(), target, &more)
            .output()
            .unwrap();
        let (code, report) = result(&output);
        assert_eq!((code, verdict(&report, "lost")), (0, "PASS"), "{report:#}");
    }
}

#[test]
fn each_endpoint_is_asked_about_with_its_own_credentials() {
    let settings = r#"
        [endpoints.a]
        method = "POST"
        path = "/a"
        body = '{"id":"{{uuid}}"}'
        headers = { Authorization = "Bearer of-a" }
        [endpoints.b]
        method = "POST"
        path = "/b"
        body = '{"id":"{{uuid}}"}'
        headers = { Authorization = "Bearer of-b" }
    "#;
    let folder = temp_dir();
    std::fs::write(folder.path().join("a7probe.toml"), settings).unwrap();
    // Whoever accepted it tells of it, and to nobody else.
    let server = service(
        |number, request| {
            let whose = header(&request.head, "authorization");
            let whose = whose.rsplit('-').next().unwrap();
            crate::audit::service::accepted(&json!({"event_id": format!("{whose}-{number}")}))
        },
        |asked| {
            let whose = header(&asked.request.head, "authorization");
            let whose = whose.rsplit('-').next().unwrap().to_owned();
            if asked.path.starts_with(&format!("/status/{whose}-")) {
                return state(&done());
            }
            if asked.path.starts_with("/status/") {
                return status("404 Not Found");
            }
            let mut events = all_done(asked.taken);
            for (number, event) in events.iter_mut().enumerate() {
                event["event_id"] = json!(format!("{whose}-{number}"));
            }
            // Half of them are the other's.
            listing(&events)
        },
    );
    for how in [&LISTED[..], &POLLED[..]] {
        let target = server.url();
        let line = [
            "measure", &target, "-q", "100", "-n", "20", "--warmup", "0s",
        ];
        let quick = [
            "--no-preflight",
            "--no-calibration",
            "--iid",
            "--output=json",
        ];
        let more = [&line[..], &quick, how, &gates(&["* lost <= 0"])].concat();
        let (code, report) = result(&a7probe(folder.path(), &more).output().unwrap());
        assert_eq!(code, 0, "{report:#}");
        for endpoint in [0, 1] {
            let audit = &report["endpoints"][endpoint]["audit"]["completion"];
            assert_eq!(
                (&audit["processed"], &audit["lost"]),
                (&json!(20), &json!(0))
            );
        }
    }
}

#[test]
fn credentials_stay_with_the_service_that_they_are_for() {
    let other = service(named, |_| state(&done()));
    let server = service(named, |_| status("404 Not Found"));
    let folder = temp_dir();
    let elsewhere = format!("{}/status/{{id}}", other.url());
    let secret = [
        "-H",
        "Authorization: Bearer s3cr3t",
        "-H",
        "Cookie: s=s3cr3t",
    ];
    let how = ["--audit-url", &elsewhere, "--audit-timeout", "1s"];
    let more = [&how[..], &secret, &gates(&["lost <= 0"])].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!(code, 0, "{report:#}");
    let asked = other.received();
    assert!(asked.len() >= 100);
    assert!(asked.iter().all(|request| !request.head.contains("s3cr3t")));
}

#[test]
fn a_redirect_is_not_followed_and_a_proxy_is_not_asked() {
    let other = service(named, |_| state(&done()));
    let place = other.url();
    let server = service(named, move |_| {
        let answer = answer("302 Found", "text/plain", "");
        answer.replacen("\r\n", &format!("\r\nlocation: {place}/there\r\n"), 1)
    });
    let folder = temp_dir();
    let more = [&POLLED[..], &gates(&["lost <= 0"])].concat();
    let mut measuring = measure_exactly(folder.path(), &server.url(), &more);
    measuring
        .env("HTTP_PROXY", other.url())
        .env("http_proxy", other.url());
    let (code, report) = result(&measuring.output().unwrap());
    assert_eq!(
        (code, verdict(&report, "lost")),
        (3, "INCONCLUSIVE"),
        "{report:#}"
    );
    let reason = finding(&report, "lost")["reason"].as_str().unwrap();
    assert!(
        reason.contains("answered 302, and redirects are not followed"),
        "{reason}"
    );
    assert!(other.received().is_empty());
}

#[test]
fn a_service_that_asks_for_time_is_given_it() {
    for how in [&["--audit"][..], &["--audit-url", "/status/{id}"]] {
        let server = service(named, |asked| {
            // The first listing of all is asked for before the run.
            let first = usize::from(asked.path.starts_with("/runs/"));
            if asked.before == first {
                let busy = answer("503 Service Unavailable", "text/plain", "");
                return busy.replacen("\r\n", "\r\nretry-after: 1\r\n", 1);
            }
            match first {
                1 => listing(&all_done(asked.taken)),
                _ => state(&done()),
            }
        });
        let folder = temp_dir();
        let more = [how, &["--audit-quiet", "0s"], &gates(&["lost <= 0"])].concat();
        let (code, report) = run_exactly(folder.path(), &server, &more);
        assert_eq!(code, 0, "{report:#}");
        assert_eq!(completion(&report)["processed"], 100);
        let asked = server.received();
        let about = |request: &&crate::scripted::Received| {
            let path = request.head.split(' ').nth(1).unwrap();
            path.starts_with("/runs/") || path == "/status/event-0"
        };
        let times: Vec<Instant> = asked.iter().filter(about).map(|r| r.at).collect();
        let [.., refused, again] = times[..] else {
            panic!("asked twice")
        };
        assert!(again - refused >= Duration::from_millis(990));
    }
}
