//! What a client over HTTP/2 may not do, the time that it has, and how its connection ends.

use std::time::{Duration, Instant};

use a7probe::reference::server::{Limits, ServerConfig, ServerMode};

use super::frame_client::{
    CANCEL, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, FrameClient, GOAWAY, HEADERS,
    INITIAL_WINDOW, NO_ERROR, PING, PREFACE, REFUSED_STREAM, RST_STREAM, WINDOW_UPDATE, frame, get,
    post, streams,
};
use crate::harness::{PATIENCE, eventually, temp_dir};
use crate::serve_client::Spoken;
use crate::serve_host::{HeldProvider, Served, config};

const SHORT: Duration = Duration::from_millis(100);
const JSON: (&str, &str) = ("content-type", "application/json");

fn served(limits: Limits) -> (tempfile::TempDir, Served) {
    let folder = temp_dir();
    let served = Served::start(ServerConfig {
        limits,
        ..config(ServerMode::Background, &folder)
    });
    (folder, served)
}

fn hurried() -> Limits {
    Limits {
        head_time: SHORT,
        body_time: SHORT,
        write_time: SHORT,
        ..Limits::default()
    }
}

fn request(stream: u32, flags: u8, head: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream, head)
}

#[test]
fn a_preface_or_a_head_that_does_not_come_ends_the_connection() {
    let (_folder, served) = served(hurried());
    for begun in [0, 1, 3, 23] {
        let mut client = FrameClient::silent(served.address);
        client.send(&PREFACE[..begun]);
        assert!(client.next().is_none(), "{begun} bytes of the preface");
    }
    let mut client = FrameClient::connect(served.address, &[]);
    assert_eq!(client.until_closed(), Some(NO_ERROR), "no request");
    for head in [
        frame(HEADERS, 0, 1, &get("/livez")),
        frame(HEADERS, END_HEADERS, 1, &get("/livez"))[..12].to_vec(),
    ] {
        let mut client = FrameClient::connect(served.address, &[]);
        // The settings are acknowledged: no frame may come between the parts of a head.
        client.send(&frame(PING, 0, 0, &[1; 8]));
        client.await_frame(PING, 0);
        client.send(&head);
        assert_eq!(client.until_closed(), Some(NO_ERROR), "a part of a head");
    }
    let mut client = FrameClient::connect(served.address, &[]);
    client.send(&request(1, END_STREAM, &get("/livez")));
    client.await_frame(HEADERS, 1);
    assert_eq!(client.until_closed(), Some(NO_ERROR), "no second request");
}

/// Pings are no requests.
#[test]
fn a_connection_that_is_only_kept_alive_ends() {
    let (_folder, served) = served(hurried());
    let mut client = FrameClient::connect(served.address, &[]);
    let deadline = Instant::now() + PATIENCE;
    while client.send(&frame(PING, 0, 0, &[1; 8])) {
        assert!(Instant::now() < deadline, "it lasts");
        if client.next().is_none() {
            return;
        }
    }
}

#[test]
fn an_answer_that_the_window_does_not_let_through_is_given_up_and_the_connection_continues() {
    let limits = Limits {
        write_time: SHORT,
        ..Limits::default()
    };
    let (_folder, served) = served(limits);
    for window in [0, 1] {
        let mut client = FrameClient::connect(served.address, &[(INITIAL_WINDOW, window)]);
        client.send(&request(1, END_STREAM, &get("/openapi.json")));
        client.await_frame(HEADERS, 1);
        assert_eq!(client.await_frame(RST_STREAM, 1).code(), CANCEL);
        client.send(&request(3, END_STREAM, &get("/livez")));
        client.send(&frame(WINDOW_UPDATE, 0, 3, &60_000_u32.to_be_bytes()));
        let mut body = Vec::new();
        loop {
            let frame = client.await_frame(DATA, 3);
            body.extend_from_slice(&frame.payload);
            if frame.ends(3) {
                break;
            }
        }
        assert!(body.starts_with(b"{"), "window {window}: {body:?}");
    }
}

#[test]
fn one_stream_more_than_allowed_is_refused_and_may_be_sent_again() {
    let limits = Limits {
        http2_streams: 2,
        ..Limits::default()
    };
    let (_folder, served) = served(limits);
    let mut client = FrameClient::connect(served.address, &[]);
    // Its settings are known when they are acknowledged, which `await_frame` does.
    client.send(&frame(PING, 0, 0, &[1; 8]));
    client.await_frame(PING, 0);
    for stream in streams(3) {
        client.send(&request(stream, 0, &post("/ingest")));
    }
    assert_eq!(client.await_frame(RST_STREAM, 5).code(), REFUSED_STREAM);
    for stream in [1, 3] {
        client.send(&frame(DATA, END_STREAM, stream, b"{}"));
        client.await_frame(HEADERS, stream);
    }
    client.send(&request(7, END_STREAM, &get("/livez")));
    client.await_frame(HEADERS, 7);
}

#[test]
fn a_request_that_its_client_gives_up_makes_room_for_another() {
    let limits = Limits {
        http2_streams: 1,
        ..Limits::default()
    };
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let served = Served::start(ServerConfig {
        provider: provider.choice(),
        limits,
        ..config(ServerMode::Background, &folder)
    });
    let id = served.client().ingest(&[], "{}").event_id();
    let call = provider.next_call();
    let mut client = FrameClient::connect(served.address, &[]);
    let wait = get(&format!("/events/{id}?wait=30s"));
    client.send(&request(1, END_STREAM, &wait));
    client.send(&frame(RST_STREAM, 0, 1, &CANCEL.to_be_bytes()));
    client.send(&request(3, END_STREAM, &get("/livez")));
    client.await_frame(HEADERS, 3);
    call.answer(202);
}

#[test]
fn heads_have_the_limits_of_http1() {
    let (_folder, served) = served(Limits::default());
    let many = |count: usize| -> Vec<(String, String)> {
        (0..count)
            .map(|n| (format!("x-{n}"), "v".to_owned()))
            .collect()
    };
    let large = |bytes: usize| vec![("x-large".to_owned(), "v".repeat(bytes))];
    for (headers, expected) in [
        (many(90), 200),
        (many(110), 431),
        (large(20_000), 200),
        (large(40_000), 431),
    ] {
        let headers: Vec<(&str, &str)> = (headers.iter())
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        for spoken in Spoken::BOTH {
            let mut client = served.client_over(spoken);
            let answer = client.request("GET", "/livez", &headers, b"");
            assert_eq!(
                answer.status,
                expected,
                "{spoken:?}, {} fields",
                headers.len()
            );
        }
        // The connection over HTTP/2 continues.
        let mut client = served.client_over(Spoken::Http2);
        client.request("GET", "/livez", &headers, b"");
        assert_eq!(client.get("/livez").status, 200);
    }
}

#[test]
fn requests_beyond_the_memory_limit_are_503_and_one_after_them_is_not() {
    let limits = Limits {
        http2_memory_bytes: 64 * 1024,
        ..Limits::default()
    };
    let (_folder, served) = served(limits);
    // A body that is larger than what is left.
    let body = format!(r#"{{"a":"{}"}}"#, "x".repeat(100_000));
    let mut client = served.client_over(Spoken::Http2);
    let refused = client.ingest(&[], &body);
    let told = (refused.status, refused.header("retry-after"));
    assert_eq!(told, (503, Some("1")));
    assert_eq!(refused.json()["type"], "urn:a7probe:problem:overloaded");
    // Streams that are left open take the rest. One that comes while the other client is served may be refused, so
    // another one follows.
    let mut held = FrameClient::connect(served.address, &[]);
    let mut next_streams = streams(u32::from(u16::MAX));
    eventually("the memory is held", || {
        let stream = next_streams.next().expect("enough of them");
        held.send(&request(stream, 0, &post("/ingest")));
        client.get("/queue").status == 503
    });
    let refused = client.get("/queue");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.json()["type"], "urn:a7probe:problem:overloaded");
    // A refusal is not kept until a window opens, and the state of the server is no request like others.
    let mut closed = FrameClient::connect(served.address, &[(INITIAL_WINDOW, 0)]);
    closed.send(&request(1, END_STREAM, &get("/queue")));
    assert_eq!(closed.await_frame(RST_STREAM, 1).code(), CANCEL);
    assert_eq!(client.get("/livez").status, 200);
    assert_eq!(served.client().get("/queue").status, 200, "over HTTP/1.1");
    drop(held);
    eventually("it is given back", || client.get("/queue").status == 200);
    assert_eq!(client.ingest(&[], "{}").status, 202);
}

#[test]
fn one_connection_more_than_allowed_is_ended() {
    let limits = Limits {
        http2_connections: 1,
        ..Limits::default()
    };
    let (_folder, served) = served(limits);
    let mut client = served.client_over(Spoken::Http2);
    assert_eq!(client.get("/livez").status, 200);
    let mut second = FrameClient::connect(served.address, &[]);
    assert_eq!(second.until_closed(), Some(ENHANCE_YOUR_CALM));
    assert_eq!(client.get("/livez").status, 200);
    assert_eq!(served.client().get("/livez").status, 200, "over HTTP/1.1");
    drop(client);
    eventually("there is a place again", || {
        let mut next = FrameClient::connect(served.address, &[]);
        next.send(&request(1, END_STREAM, &get("/livez")));
        std::iter::from_fn(|| next.next()).any(|frame| frame.ends(1))
    });
}

#[test]
fn a_flood_is_ended_and_counted() {
    let (_folder, served) = served(Limits::default());
    let mut client = FrameClient::connect(served.address, &[]);
    let pings = frame(PING, 0, 0, &[1; 8]).repeat(10_000);
    client.send(&pings);
    // What was not read resets the connection, so its last words may be lost.
    let code = client.until_closed();
    assert!(matches!(code, None | Some(ENHANCE_YOUR_CALM)), "{code:?}");
    let page = String::from_utf8(served.client().get("/metrics").body).expect("UTF-8");
    let ended = "\na7probe_http2_ended_connections_total{reason=\"flood\"} 1\n";
    assert!(page.contains(ended), "{page}");
}

#[test]
fn rapid_resets_are_ended_and_counted() {
    let (_folder, served) = served(Limits::default());
    let mut client = FrameClient::connect(served.address, &[]);
    let reset = |stream| frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
    let resets = streams(2_000)
        .flat_map(|stream| [request(stream, END_STREAM, &get("/queue")), reset(stream)].concat());
    client.send(&resets.collect::<Vec<u8>>());
    let code = client.until_closed();
    assert!(matches!(code, None | Some(ENHANCE_YOUR_CALM)), "{code:?}");
    let ended = "\na7probe_http2_ended_connections_total{reason=\"protocol\"} 1\n";
    eventually("it is counted", || {
        let page = served.client().get("/metrics").body;
        String::from_utf8(page).expect("UTF-8").contains(ended)
    });
}

/// GOAWAY; the request that is in flight has its answer; then the connection is closed.
#[test]
fn a_server_that_stops_says_so_and_answers_what_is_in_flight() {
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let mut served = Served::start(ServerConfig {
        provider: provider.choice(),
        ..config(ServerMode::Sync, &folder)
    });
    let mut waiting = served.client_over(Spoken::Http2);
    waiting.send("POST", "/ingest", &[JSON], b"{}");
    let call = provider.next_call();
    let mut idle = FrameClient::connect(served.address, &[]);
    idle.send(&request(1, END_STREAM, &get("/livez")));
    idle.await_frame(HEADERS, 1);
    served.begin_stop();
    let mut other = served.client_over(Spoken::Http2);
    eventually("the drain is seen", || other.get("/readyz").status == 503);
    let refused = other.ingest(&[], "{}");
    let told = (refused.status, refused.header("retry-after"));
    assert_eq!(told, (503, Some("1")));
    call.answer(202);
    assert_eq!(waiting.receive().expect("an answer").status, 200);
    assert_eq!(idle.await_frame(GOAWAY, 0).code(), NO_ERROR);
    assert_eq!(served.stop().processed, 1);
}

#[test]
fn a_client_that_shuts_down_its_sending_side_has_its_answers() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    let mut client = FrameClient::connect(served.address, &[]);
    for stream in streams(5) {
        client.send(&request(stream, 0, &post("/ingest")));
        client.send(&frame(DATA, END_STREAM, stream, b"{}"));
    }
    // One whose body is cut off; it is not accepted.
    client.send(&request(11, 0, &post("/ingest")));
    client.send(&frame(DATA, 0, 11, b"{"));
    client.half_close();
    let frames: Vec<_> = std::iter::from_fn(|| client.next()).collect();
    for stream in streams(6) {
        assert!(frames.iter().any(|frame| frame.ends(stream)), "{stream}");
    }
    let mut client = served.client();
    eventually("all are processed", || {
        let queue = client.get("/queue").json();
        (&queue["processed"], &queue["depth"]) == (&5.into(), &0.into())
    });
}

#[test]
fn a_client_that_vanishes_holds_no_connection() {
    let limits = Limits {
        connections: 4,
        ..Limits::default()
    };
    let (_folder, served) = served(limits);
    for number in 0..40 {
        let mut client = FrameClient::connect(served.address, &[]);
        let sent = request(1, 0, &post("/ingest"));
        client.send(&sent[..sent.len() - number % 20]);
    }
    let mut client = served.client_over(Spoken::Http2);
    assert_eq!(client.ingest(&[], "{}").status, 202);
}

/// A body that the server does not want is not waited for, and the connection continues.
#[test]
fn a_refusal_does_not_wait_for_the_body() {
    let (_folder, served) = served(Limits::default());
    let mut client = FrameClient::connect(served.address, &[]);
    client.send(&request(1, 0, &post("/nothing")));
    client.await_frame(HEADERS, 1);
    assert_eq!(client.await_frame(RST_STREAM, 1).code(), NO_ERROR);
    client.send(&request(3, END_STREAM, &get("/livez")));
    client.await_frame(HEADERS, 3);
}
