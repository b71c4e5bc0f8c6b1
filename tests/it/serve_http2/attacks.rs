//! The attacks of HTTP/2, each by a client of raw frames against a server process of its own. Under each, the server's
//! memory stays below 100 MB, `/health` answers, and other clients are served.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::frame_client::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, FrameClient, GOAWAY, HEADERS, INITIAL_WINDOW,
    PING, PREFACE, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE, field, frame, get, post, streams,
};
use super::siege::{Attack, amount, besiege};

/// A server that takes nothing for this time has stopped reading.
const STUCK: Duration = Duration::from_secs(5);
/// Streams that the server allows on a connection.
const STREAMS: u32 = 100;
/// Largest window (RFC 9113 §6.9.1).
const LARGEST: u32 = (1 << 31) - 1;

/// Sends pieces over new connections, each until the server ends it, until this many were sent. The connections that
/// were needed, and how many of the pieces each took.
fn flood(
    address: SocketAddr,
    total: usize,
    begin: &[u8],
    piece: impl Fn(u32) -> Vec<u8>,
) -> Attack {
    let (mut sent, mut connections) = (0, 0);
    let mut codes = BTreeMap::new();
    while sent < total {
        let mut client = FrameClient::connect(address, &[]);
        connections += 1;
        let mut open = client.send(begin);
        for stream in streams(u32::try_from(total - sent).unwrap_or(u32::MAX)) {
            open = open && client.send_within(&piece(stream), STUCK);
            if !open {
                break;
            }
            sent += 1;
        }
        if !open {
            let code = client.until_closed();
            *codes.entry(code).or_insert(0) += 1;
        }
    }
    let ended: usize = codes.values().sum();
    assert!(ended > 0, "no connection was ended in {sent} pieces");
    Attack {
        got: format!(
            "{sent} in {connections} connections, {ended} ended by the server; GOAWAY {codes:?}"
        ),
        held: Vec::new(),
    }
}

/// Opens the same streams on each of some connections and leaves them; what the server says in return, by kind.
fn opened(
    address: SocketAddr,
    connections: usize,
    settings: &[(u16, u32)],
    begin: &[u8],
    request: impl Fn(u32) -> Vec<u8>,
) -> Attack {
    let mut held = Vec::new();
    for _ in 0..connections {
        let mut client = FrameClient::connect(address, settings);
        let requests: Vec<u8> = streams(STREAMS).flat_map(&request).collect();
        // A server that ends the connection may do so before it has read everything.
        client.send(&[begin, &requests].concat());
        held.push(client);
    }
    // An answer to a ping comes when everything before it was read.
    let mut seen = BTreeMap::new();
    for client in &mut held {
        client.send(&frame(PING, 0, 0, &[7; 8]));
        while let Some(frame) = client.next() {
            let name = match frame.kind {
                HEADERS => "answers",
                RST_STREAM => "resets",
                GOAWAY => "GOAWAY",
                PING => break,
                _ => continue,
            };
            *seen.entry(name).or_insert(0) += 1;
        }
    }
    Attack {
        got: format!(
            "{} streams opened; {seen:?}",
            connections * STREAMS as usize
        ),
        held,
    }
}

fn request(stream: u32, flags: u8, head: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream, head)
}

#[test]
fn rapid_resets() {
    let head = get("/openapi.json");
    besiege("rapid reset", |address| {
        flood(address, amount(10_000, 1_000_000), &[], |stream| {
            let reset = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
            [request(stream, END_STREAM, &head), reset].concat()
        })
    });
}

#[test]
fn continuation_floods() {
    let (head, more) = (post("/ingest"), field(0, b"x", &[b'a'; 1000]));
    for (name, piece) in [
        ("CONTINUATION flood", frame(CONTINUATION, 0, 1, &more)),
        ("CONTINUATION flood, empty", frame(CONTINUATION, 0, 1, &[])),
    ] {
        let begin = frame(HEADERS, 0, 1, &head);
        besiege(name, |address| {
            flood(address, amount(20_000, 1_000_000), &begin, |_| {
                piece.clone()
            })
        });
    }
}

#[test]
fn floods_of_frames_that_carry_nothing() {
    let total = amount(20_000, 1_000_000);
    let window = frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes());
    for (name, piece) in [
        ("PING flood", frame(PING, 0, 0, &[1; 8])),
        (
            "SETTINGS flood",
            frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255]),
        ),
        ("PRIORITY flood", frame(PRIORITY, 0, 9, &[0, 0, 0, 0, 1])),
        ("WINDOW_UPDATE flood", window),
        ("flood of unknown frames", frame(0x77, 0, 0, &[])),
    ] {
        besiege(name, |address| {
            flood(address, total, &[], |_| piece.clone())
        });
    }
    let begin = request(1, 0, &post("/ingest"));
    for (name, payload) in [
        ("empty DATA frames", &b""[..]),
        ("DATA frames of a byte", b"x"),
    ] {
        let piece = frame(DATA, 0, 1, payload);
        besiege(name, |address| {
            flood(address, total, &begin, |_| piece.clone())
        });
    }
}

/// Streams beyond the limit are refused, and a client that does not listen is ended.
#[test]
fn streams_beyond_the_limit() {
    let head = post("/ingest");
    besiege("streams beyond the limit", |address| {
        flood(address, amount(20_000, 1_000_000), &[], |stream| {
            request(stream, 0, &head)
        })
    });
}

#[test]
fn ten_thousand_streams_opened_and_left() {
    let head = post("/ingest");
    besiege("10,000 streams opened and left", |address| {
        opened(address, 100, &[], &[], |stream| request(stream, 0, &head))
    });
}

#[test]
fn windows_of_zero() {
    for (name, path) in [
        ("window of 0, /metrics", "/metrics"),
        ("window of 0, /openapi.json", "/openapi.json"),
    ] {
        let head = get(path);
        besiege(name, |address| {
            let settings = [(INITIAL_WINDOW, 0)];
            opened(address, amount(20, 100), &settings, &[], |stream| {
                request(stream, END_STREAM, &head)
            })
        });
    }
}

/// Each window lets one byte of each answer through.
#[test]
fn windows_of_one_byte() {
    let head = get("/openapi.json");
    besiege("window of 1", |address| {
        let settings = [(INITIAL_WINDOW, 1)];
        opened(address, amount(20, 100), &settings, &[], |stream| {
            request(stream, END_STREAM, &head)
        })
    });
}

/// A field of 4,000 bytes is sent once, and named in a byte thousands of times (HPACK); and as many fields as a request
/// may have, of which each costs a byte.
#[test]
fn header_bombs() {
    let bomb = |size: usize, count: usize| {
        let first = [get("/livez"), field(0x40, b"x", &vec![b'a'; size])].concat();
        let head = [post("/ingest"), vec![0xbe; count]].concat();
        (request(1, END_STREAM, &first), head)
    };
    for (name, size, count) in [
        ("HPACK bomb, 32 MB a head", 4_000, 8_000),
        ("HPACK bomb, 1,000 fields", 1, 1_000),
        ("HPACK bomb, 90 fields", 1, 90),
        ("HPACK bomb, seven large fields", 4_000, 7),
    ] {
        let (begin, head) = bomb(size, count);
        besiege(name, |address| {
            opened(address, amount(20, 100), &[], &begin, |stream| {
                request(stream + 2, 0, &head)
            })
        });
    }
}

#[test]
fn large_heads_opened_and_left() {
    let large = field(0, b"x", &[b'a'; 15_000]);
    let head = [post("/ingest"), large.clone()].concat();
    besiege("heads of 30 kB opened and left", |address| {
        opened(address, amount(10, 50), &[], &[], |stream| {
            let first = frame(HEADERS, 0, stream, &head);
            [first, frame(CONTINUATION, END_HEADERS, stream, &large)].concat()
        })
    });
}

#[test]
fn prefaces_that_do_not_end() {
    besiege("slow preface", |address| {
        let connections = amount(300, 2_000);
        let begin = |number: usize| {
            let mut client = FrameClient::silent(address);
            client.send(&PREFACE[..number % PREFACE.len()]);
            client
        };
        Attack {
            held: (0..connections).map(begin).collect(),
            got: format!("{connections} connections held until their time is over"),
        }
    });
}

#[test]
fn connections_without_a_request() {
    besiege("connections without a request", |address| {
        // All connections would leave no place for the other client's next one.
        let connections = amount(300, 900);
        Attack {
            held: (0..connections)
                .map(|_| FrameClient::connect(address, &[]))
                .collect(),
            got: format!("{connections} connections; more than 1,000 are ended"),
        }
    });
}

/// Every stream sends most of a body, within its windows, and leaves it.
#[test]
fn bodies_that_do_not_end() {
    let (head, piece) = (post("/ingest"), [b' '; 10_000]);
    besiege("60 kB of a body sent and left", |address| {
        let (mut held, mut seen) = (Vec::new(), BTreeMap::new());
        let connections = amount(8, 50);
        for _ in 0..connections {
            let mut client = FrameClient::connect(address, &[]);
            for stream in streams(STREAMS) {
                client.send(&request(stream, 0, &head));
                for _ in 0..6 {
                    while client.window < piece.len() as i64 {
                        let frame = client.next().expect("another frame");
                        if matches!(frame.kind, HEADERS | RST_STREAM) {
                            *seen.entry(frame.kind).or_insert(0) += 1;
                        }
                    }
                    client.window -= piece.len() as i64;
                    client.send(&frame(DATA, 0, stream, &piece));
                }
            }
            held.push(client);
        }
        Attack {
            got: format!(
                "{} bodies; answers and resets while they were sent {seen:?}",
                connections * 100
            ),
            held,
        }
    });
}

#[test]
fn clients_that_never_read() {
    let head = get("/openapi.json");
    besiege("never reads", |address| {
        let connections = amount(20, 100);
        let mut held = Vec::new();
        for _ in 0..connections {
            let settings = [(INITIAL_WINDOW, LARGEST)];
            let mut client = FrameClient::connect(address, &settings);
            let more = (LARGEST - 65_535).to_be_bytes();
            let mut bytes = frame(WINDOW_UPDATE, 0, 0, &more);
            for stream in streams(10 * STREAMS) {
                bytes.extend(request(stream, END_STREAM, &head));
            }
            client.send_within(&bytes, STUCK);
            held.push(client);
        }
        Attack {
            got: format!(
                "{} requests over {connections} connections",
                connections * 1_000
            ),
            held,
        }
    });
}
