//! The task of the Python workers, called as Celery and RQ call it: what it reports, to whom, and how often.

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use a7probe::reference::server::ServerMode;

use crate::harness::temp_dir;
use crate::needs::{PYTHON, need};
use crate::proxy::{Break, Proxy};
use crate::serve_host::{HeldProvider, MoodyProvider, Served, config, read_request};

/// `process_event` for one event; what it returns is printed.
fn task(python: &PathBuf, server: SocketAddr, provider: &str, id: &str) -> Child {
    let script = "import sys, a7probe_tasks\nprint(a7probe_tasks.process_event(sys.argv[1]))";
    Command::new(python)
        .args(["-c", script, id])
        .current_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("A7PROBE_URL", format!("http://{server}"))
        .env("A7PROBE_PROVIDER", provider)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python starts")
}

fn said(child: Child) -> String {
    let output = child.wait_with_output().expect("Python ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout)
        .expect("UTF-8")
        .trim()
        .to_owned()
}

#[test]
fn a_report_that_is_lost_on_the_way_is_repeated_and_the_mail_is_sent_once() {
    let test = "serve_python_task::a_report_that_is_lost_…";
    let Some(python) = need(&PYTHON, test) else {
        return;
    };
    for how in [Break::Before, Break::AfterItIsDone] {
        let (folder, provider) = (temp_dir(), HeldProvider::start());
        let served = Served::start(config(ServerMode::Queue, &folder));
        let (mut client, way) = (served.client(), Proxy::to(served.address));
        let id = client.ingest(&[], "{}").event_id();
        way.break_at(b"/effects", how);
        let working = task(&python, way.address, &provider.url, &id);
        provider.next_call().answer(202);
        assert_eq!(said(working), "done", "{how:?}");
        assert!(way.is_broken());
        assert!(provider.is_idle(), "{how:?}: one mail");
        let event = client.get(&format!("/events/{id}")).json();
        assert_eq!(
            (&event["state"], &event["notifications"], &event["attempts"]),
            (&"processed".into(), &1.into(), &1.into()),
            "{how:?}"
        );
    }
}

#[test]
fn when_the_provider_wants_to_be_asked_again_is_passed_on() {
    let Some(python) = need(&PYTHON, "serve_python_task::when_the_provider_wants_…") else {
        return;
    };
    let (folder, provider) = (temp_dir(), MoodyProvider::start(429));
    provider.answer(429, Some(100));
    let served = Served::start(config(ServerMode::Queue, &folder));
    let mut client = served.client();
    let id = client.ingest(&[], "{}").event_id();
    assert_eq!(
        said(task(&python, served.address, &provider.url, &id)),
        "retry"
    );
    let later = client.request("POST", &format!("/events/{id}/lease"), &[], b"");
    let wait = later.header("retry-after").map(str::parse::<u64>);
    let wait = wait.expect("Retry-After").expect("seconds");
    assert!((90..=100).contains(&wait), "{wait}");
}

#[test]
fn at_most_once_gives_up_a_mail_that_may_be_out_and_none_that_met_nobody() {
    let Some(python) = need(&PYTHON, "serve_python_task::at_most_once_…") else {
        return;
    };
    let folder = temp_dir();
    let base = config(ServerMode::Queue, &folder);
    let store = a7probe::reference::store::StoreOptions {
        repeat: a7probe::reference::store::RepeatPolicy::AtMostOnce,
        ..base.store.clone()
    };
    let served = Served::start(a7probe::reference::server::ServerConfig { store, ..base });
    let mut client = served.client();
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let nobody = format!("http://{}", nobody.expect("an address"));
    let id = client.ingest(&[], "{}").event_id();
    assert_eq!(said(task(&python, served.address, &nobody, &id)), "retry");

    // Takes the mail and hangs up.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let rude = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            read_request(&mut BufReader::new(stream));
        }
    });
    let id = client.ingest(&[], "{}").event_id();
    assert_eq!(said(task(&python, served.address, &rude, &id)), "done");
    let event = client.get(&format!("/events/{id}")).json();
    assert_eq!(event["notifications"], 0, "nobody knows: {event}");
}

#[test]
fn a_redirect_of_the_provider_is_no_mail_sent() {
    let Some(python) = need(&PYTHON, "serve_python_task::a_redirect_…") else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = BufReader::new(stream);
            let post = read_request(&mut stream).is_some_and(|line| line.starts_with("POST"));
            let head = match post {
                true => format!("302 Found\r\nlocation: http://{address}/"),
                false => "200 OK".to_owned(),
            };
            let rest = "content-length: 0\r\nconnection: close\r\n\r\n";
            let _ = write!(stream.get_mut(), "HTTP/1.1 {head}\r\n{rest}");
        }
    });
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Queue, &folder));
    let mut client = served.client();
    let id = client.ingest(&[], "{}").event_id();
    let provider = format!("http://{address}");
    assert_eq!(said(task(&python, served.address, &provider, &id)), "retry");
    let event = client.get(&format!("/events/{id}")).json();
    assert_eq!(event["notifications"], 0, "{event}");
}

const WHO_GETS_THE_TOKEN: &str = "
import io, json, a7probe_tasks
class Answer(io.BytesIO):
    status = 200
def answer(request, timeout):
    print(request.full_url.split('/')[2], request.get_header('Authorization'))
    return Answer(json.dumps({'token': 1, 'lease_ms': 60000, 'notify': 'due', 'next': 'done'}).encode())
a7probe_tasks._OPENER.open = answer
print(a7probe_tasks.process_event('x'))
";

#[test]
fn the_servers_token_goes_to_the_server_alone() {
    let Some(python) = need(&PYTHON, "serve_python_task::the_servers_token_…") else {
        return;
    };
    let child = Command::new(python)
        .args(["-c", WHO_GETS_THE_TOKEN])
        .current_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("A7PROBE_URL", "http://a7.example:80")
        .env("A7PROBE_PROVIDER", "http://a7.example:8090")
        .env("A7PROBE_TOKEN", "s3cret")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python starts");
    assert_eq!(
        said(child),
        "a7.example:80 Bearer s3cret\na7.example:8090 None\na7.example:80 Bearer s3cret\ndone"
    );
}
