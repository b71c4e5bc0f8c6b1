//! `-x` and `--connect-to`: where connections go, and what a proxy is sent.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::{FEW, header, lines, measure, measured, refusal};
use crate::harness::{a7probe, code, run, stderr, stdout, temp_dir};
use crate::scripted::{Certificate, OK, Server};

/// A proxy that opens a tunnel to one port for every CONNECT, and keeps the heads that it was sent.
struct TunnelProxy {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl TunnelProxy {
    fn to(port: u16) -> TunnelProxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let proxy = TunnelProxy {
            port: listener.local_addr().expect("an address").port(),
            heads: Arc::default(),
        };
        let heads = Arc::clone(&proxy.heads);
        // It ends with the process; its listener has no one to wait for.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let heads = Arc::clone(&heads);
                std::thread::spawn(move || tunnel(client, port, &heads));
            }
        });
        proxy
    }
}

fn tunnel(mut client: TcpStream, port: u16, heads: &Mutex<Vec<String>>) -> io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    heads.lock().expect("no thread panics").push(head);
    // As old proxies answer.
    client.write_all(b"HTTP/1.0 200 Connection established\r\n\r\n")?;
    let mut service = TcpStream::connect(("127.0.0.1", port))?;
    let (mut from, mut to) = (client.try_clone()?, service.try_clone()?);
    let back = std::thread::spawn(move || {
        let _ = io::copy(&mut service, &mut client);
        client.shutdown(Shutdown::Both)
    });
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
    let _ = back.join();
    Ok(())
}

#[test]
fn a_proxy_is_asked_for_the_whole_url_with_its_credentials() {
    let proxy = Server::answering(OK);
    let at = format!("http://me:s3cret@127.0.0.1:{}", proxy.port());
    let folder = temp_dir();
    let url = "http://shop.example/a?page=1";
    let line = ["measure", url, "-x", &at, "--save", "run.json"];
    let output = run(folder.path(), &[&line[..], &FEW].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for request in proxy.received() {
        let first = "GET http://shop.example/a?page=1 HTTP/1.1\r\n";
        assert!(request.head.starts_with(first), "{}", request.head);
        assert_eq!(header(&request, "host"), Some("shop.example"));
        // printf me:s3cret | base64
        let value = Some("Basic bWU6czNjcmV0");
        assert_eq!(header(&request, "proxy-authorization"), value);
    }
    assert!(proxy.received().len() >= 20);
    let dry = run(folder.path(), &["measure", url, "-x", &at, "--dry-run"]);
    let shown = format!("proxy      http://127.0.0.1:{}\n", proxy.port());
    assert!(stdout(&dry).contains(&shown), "{}", stdout(&dry));
    let saved = std::fs::read_to_string(folder.path().join("run.json")).unwrap();
    for text in [saved, stdout(&output), stderr(&output), stdout(&dry)] {
        assert!(
            !text.contains("s3cret") && !text.contains("bWU6czNjcmV0"),
            "{text}"
        );
    }
}

#[test]
fn tls_goes_through_a_tunnel_and_the_service_sees_no_proxy_header() {
    let service = Server::tls(&Certificate::new(), |conversation| {
        while conversation.request().is_some() && conversation.send(OK) {}
    });
    let proxy = TunnelProxy::to(service.port());
    let at = format!("me:pw@127.0.0.1:{}", proxy.port);
    let json = measured("https://shop.example/a", &["-k", "-x", &at, "-c", "1"], 0);
    assert_eq!(json["endpoints"][0]["counts"]["ok"], 20);
    for head in proxy.heads.lock().unwrap().iter() {
        assert!(
            head.starts_with("CONNECT shop.example:443 HTTP/1.1\r\n"),
            "{head}"
        );
        assert!(head.contains("host: shop.example:443\r\n"), "{head}");
        // printf me:pw | base64
        assert!(
            head.contains("proxy-authorization: Basic bWU6cHc=\r\n"),
            "{head}"
        );
    }
    for request in service.received() {
        assert!(
            request.head.starts_with("GET /a HTTP/1.1\r\n"),
            "{}",
            request.head
        );
        assert!(header(&request, "proxy-authorization").is_none());
    }
    assert!(service.received().len() >= 20);
}

#[test]
fn redirects_go_through_the_proxy_as_well() {
    let hop = "HTTP/1.1 302 Found\r\nlocation: http://other.example/b\r\ncontent-length: 0\r\n\r\n";
    let proxy = Server::tcp(move |conversation| {
        while let Some(request) = conversation.request() {
            let is_first = request.head.starts_with("GET http://shop.example/a ");
            conversation.send(if is_first { hop } else { OK });
        }
    });
    let at = format!("127.0.0.1:{}", proxy.port());
    measured("http://shop.example/a", &["-L", "-x", &at], 0);
    let asked = lines(&proxy);
    let other = asked
        .iter()
        .filter(|line| *line == "GET http://other.example/b HTTP/1.1");
    assert!(other.count() >= 20, "{asked:?}");
}

#[test]
fn a_proxy_that_refuses_is_named_with_a_hint() {
    let asks = Server::answering(
        "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
    );
    let at = format!("127.0.0.1:{}", asks.port());
    for (url, told, exit) in [
        (
            "https://shop.example/a",
            "the proxy answered 407 to CONNECT shop.example:443",
            4,
        ),
        ("http://shop.example/a", "returned 407", 2),
    ] {
        let output = measure(url, &["-x", &at]);
        let said = stderr(&output);
        assert_eq!(code(&output), exit, "{said}");
        assert!(
            said.contains(told) && said.contains("before its host in -x"),
            "{said}"
        );
    }
}

#[test]
fn variables_of_the_environment_name_no_proxy_but_ours() {
    let service = Server::answering(OK);
    let folder = temp_dir();
    let url = format!("{}/a", service.url());
    let run = |name: &str| {
        let mut command = a7probe(folder.path(), &["measure", &url]);
        let output = command.args(FEW).env(name, "http://127.0.0.1:9").output();
        code(&output.unwrap())
    };
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        assert_eq!(run(name), 0, "{name}");
    }
    assert_eq!(run("A7PROBE_PROXY"), 4);
}

#[test]
fn a_way_that_cannot_be_taken_is_refused() {
    for flags in [
        &["-x", "https://me:s3cret@h:1"][..],
        &["-x", "socks5://h:1"],
        &["-x", "http://me:s3cret@h"],
        &["-x", "h:1", "--connect-to", "h:2"],
        &["--connect-to", "a:b:c"],
        &["--connect-to", "u:s3cret@h:1"],
    ] {
        let said = refusal("http://127.0.0.1:1/a", flags);
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[test]
fn four_parts_connect_elsewhere_for_the_host_and_port_that_they_name() {
    let (one, two) = (Server::answering(OK), Server::answering(OK));
    let rule = |from: &str, server: &Server| format!("{from}:127.0.0.1:{}", server.port());
    let rules = [
        rule("other.example:80", &one),
        rule("shop.example:80", &two),
        rule(":", &one),
    ];
    let flags = rules.iter().flat_map(|rule| ["--connect-to", rule]);
    let flags: Vec<&str> = flags.collect();
    measured("http://shop.example/a", &flags, 0);
    assert_eq!(one.connections(), 0);
    for request in two.received() {
        assert_eq!(header(&request, "host"), Some("shop.example"));
    }
    measured("http://third.example/a", &flags, 0);
    assert!(one.connections() > 0);
}

#[test]
fn a_rule_of_two_parts_is_for_the_url_and_one_of_four_for_redirects_as_well() {
    let end = Server::answering(OK);
    let hop = "HTTP/1.1 302 Found\r\nlocation: http://b.example/x\r\ncontent-length: 0\r\n\r\n";
    let start = Server::answering(hop);
    let here = format!("127.0.0.1:{}", start.port());
    let there = format!("b.example:80:127.0.0.1:{}", end.port());
    let flags = ["-L", "--connect-to", &here, "--connect-to", &there];
    measured("http://a.example/a", &flags, 0);
    for request in end.received() {
        assert!(request.head.starts_with("GET /x "), "{}", request.head);
        assert_eq!(header(&request, "host"), Some("b.example"));
    }
    assert!(end.received().len() >= 20);
}
