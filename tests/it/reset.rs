//! A server that answers and then resets the connection.

use std::io::Write as _;
use std::net::TcpListener;

use crate::harness::{code, run, stderr, temp_dir};

/// Sends the beginning of an answer and closes with the request unread, which resets the connection.
fn resetting(beginning: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.peek(&mut [0; 1]);
            let _ = stream.write_all(beginning.as_bytes());
        }
    });
    port
}

#[test]
fn an_answer_that_is_cut_inside_of_its_body_is_an_answer() {
    let port = resetting("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
    let url = format!("http://127.0.0.1:{port}");
    let output = run(temp_dir().path(), &["measure", &url, "-n", "400", "--iid"]);
    let said = stderr(&output);
    assert_eq!(code(&output), 2, "{said}");
    assert!(said.contains("inside the body, after 3 bytes"), "{said}");
    assert!(!said.contains("TLS"), "{said}");
}
