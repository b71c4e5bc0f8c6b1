//! The simulated provider over HTTP, and what a caller makes of its answers.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use a7probe::reference::provider::{
    LatencyModel, Mail, Provider, SendError, Simulator, SimulatorOptions,
};
use a7probe::reference::server::serve_provider;
use uuid::Uuid;

use crate::serve_client::Client;
use crate::serve_host::read_request;

const TIMEOUT: Duration = Duration::from_secs(30);

fn options() -> SimulatorOptions {
    SimulatorOptions {
        latency: LatencyModel::Constant(Duration::ZERO),
        ..SimulatorOptions::default()
    }
}

fn mail(event: u128) -> Mail {
    Mail {
        event_id: Uuid::from_u128(event),
        attempt: 1,
    }
}

/// Serves on a thread that ends with the test.
fn serve(options: SimulatorOptions) -> (SocketAddr, Arc<Simulator>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let simulator = Arc::new(Simulator::new(options));
    let served = simulator.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(serve_provider(
            listener,
            served,
            Vec::new(),
            std::future::pending(),
        ))
    });
    (address, simulator)
}

fn post(address: SocketAddr, body: &str) -> crate::serve_client::Response {
    Client::connect(address).request(
        "POST",
        "/v3/mail/send",
        &[("content-type", "application/json")],
        body.as_bytes(),
    )
}

fn now_s() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("after 1970").as_secs()
}

#[test]
fn a_mail_that_is_taken_is_202_with_a_message_id() {
    let (address, simulator) = serve(options());
    let answer = post(address, &mail(1).to_json());
    assert_eq!((answer.status, answer.body.len()), (202, 0));
    assert!(
        answer
            .header("x-message-id")
            .is_some_and(|id| !id.is_empty())
    );
    assert_eq!(simulator.journal().sent, 1);
    let journal = Client::connect(address).get("/journal/counts").json();
    assert_eq!(
        journal,
        serde_json::json!({"calls": 1, "sent": 1, "events": 1, "duplicates": 0})
    );
}

#[test]
fn a_mail_that_is_malformed_is_400_in_the_shape_of_the_original() {
    let (address, _) = serve(options());
    let answer = post(address, r#"{"personalizations":[]}"#);
    assert_eq!(answer.status, 400);
    let error = answer.json()["errors"][0].clone();
    assert!(
        error["message"].is_string() && error.get("field").is_some() && error.get("help").is_some(),
        "{error}"
    );
}

#[test]
fn beyond_the_rate_limit_it_is_429_with_the_time_to_come_again() {
    let (address, simulator) = serve(SimulatorOptions {
        rate_limit: Some(1),
        ..options()
    });
    // Two in the same second; a window may end between any two requests, but not between all of them.
    let refused = (0..20)
        .map(|event| post(address, &mail(event).to_json()))
        .find(|answer| answer.status == 429);
    let refused = refused.expect("a refusal");
    assert_eq!(refused.header("x-ratelimit-limit"), Some("1"));
    assert_eq!(refused.header("x-ratelimit-remaining"), Some("0"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    let reset = refused.header("x-ratelimit-reset").map(str::parse::<u64>);
    let reset = reset.expect("a reset").expect("a Unix time in seconds");
    assert!(now_s().abs_diff(reset) <= 60, "{reset}");
    assert_eq!(refused.json()["errors"][0]["message"], "too many requests");
    let journal = simulator.journal();
    assert!(journal.sent < journal.calls);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn over_http_and_in_process_a_caller_sees_the_same() {
    let failing = SimulatorOptions {
        error_share: 0.5,
        ..options()
    };
    let (address, served) = serve(failing);
    let over_http = Provider::at(&format!("http://{address}"), None, TIMEOUT).expect("a URL");
    let in_process = Provider::simulated(Arc::new(Simulator::new(failing)), TIMEOUT);
    let mut refused = 0;
    for event in 0..50 {
        let (one, other) = (
            over_http.send(mail(event), None).await,
            in_process.send(mail(event), None).await,
        );
        assert_eq!(one, other, "event {event}");
        refused += u64::from(one.is_err());
    }
    assert!((1..50).contains(&refused));
    assert_eq!(served.journal().sent, 50 - refused);
}

#[tokio::test]
async fn no_answer_in_time_may_have_been_sent_and_no_connection_was_not() {
    let slow = SimulatorOptions {
        latency: LatencyModel::Constant(TIMEOUT),
        ..options()
    };
    let simulator = Arc::new(Simulator::new(slow));
    let limit = Duration::from_millis(20);
    let error = Provider::simulated(simulator.clone(), limit)
        .send(mail(1), None)
        .await
        .expect_err("too slow");
    assert_eq!(error, SendError::Timeout(limit));
    assert!(error.may_have_been_sent() && !error.is_permanent());
    assert_eq!(
        simulator.journal().sent,
        1,
        "a caller that does not wait does not call it back"
    );

    // Nobody listens on a port that was just free.
    let nobody = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("an address");
    let error = Provider::at(&format!("http://{nobody}"), None, TIMEOUT)
        .expect("a URL")
        .send(mail(1), None)
        .await;
    let error = error.expect_err("nobody is there");
    assert!(matches!(error, SendError::Unreachable(_)), "{error:?}");
    assert!(!error.may_have_been_sent());
}

/// A provider of few words: answers every request with this head and no body, and tells the first line of each.
fn terse(head: &'static str) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (asked, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = BufReader::new(stream);
            if let Some(line) = read_request(&mut stream) {
                let _ = asked.send(line);
                let answer = format!("{head}content-length: 0\r\nconnection: close\r\n\r\n");
                let _ = stream.get_mut().write_all(answer.as_bytes());
            }
        }
    });
    (address, requests)
}

#[tokio::test]
async fn a_redirect_is_a_refusal_and_is_not_followed() {
    let (elsewhere, followed) = terse("HTTP/1.1 200 OK\r\n");
    for status in [301, 302, 303, 307, 308] {
        let head = format!("HTTP/1.1 {status} Moved\r\nlocation: http://{elsewhere}/\r\n");
        let (address, _requests) = terse(head.leak());
        let provider = Provider::at(&format!("http://{address}"), None, TIMEOUT).expect("a URL");
        let error = provider.send(mail(1), None).await.expect_err("not sent");
        assert!(
            matches!(&error, SendError::Refused { status: found, .. } if *found == status),
            "{error:?}"
        );
        assert!(!error.is_permanent(), "{status}");
        assert!(
            error.to_string().contains(&elsewhere.to_string()),
            "{error}"
        );
    }
    assert!(followed.try_recv().is_err(), "nobody went there");
}

#[tokio::test]
async fn the_api_is_below_the_base_url_with_the_path_that_it_has() {
    for (base, path) in [
        ("", "/v3/mail/send"),
        ("/", "/v3/mail/send"),
        ("/gateway", "/gateway/v3/mail/send"),
        ("/gateway/mail/", "/gateway/mail/v3/mail/send"),
    ] {
        let (address, requests) = terse("HTTP/1.1 202 Accepted\r\n");
        let url = format!("http://{address}{base}");
        let provider = Provider::at(&url, None, TIMEOUT).expect("a URL");
        provider.send(mail(1), None).await.expect("it is taken");
        let asked = requests.recv().expect("it was asked");
        assert_eq!(asked, format!("POST {path} HTTP/1.1"), "{base}");
    }
}

#[test]
fn what_is_no_url_is_refused_with_the_hint() {
    for url in ["sendgrid", "ftp://127.0.0.1", "http://"] {
        let error = Provider::at(url, None, TIMEOUT)
            .err()
            .expect(url)
            .to_string();
        assert!(
            error.contains(url) && error.contains("hint: give `sim`, or a base URL"),
            "{error}"
        );
    }
}
