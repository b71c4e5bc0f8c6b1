//! Answers, byte by byte: framing, reuse, and what is wrong with the malformed ones.

use std::time::Duration;

use proptest::prelude::{ProptestConfig, any, proptest};

use super::{Expect, Keep, ParseProgress, ResponseError, ResponseOptions, ResponseParser};

fn parser(expect: Expect) -> ResponseParser<'static> {
    ResponseParser::new(ResponseOptions {
        expect,
        keep: Keep::Nothing,
        search: None,
    })
}

type Read = Result<(Option<u16>, u64, usize, bool), ResponseError>;

/// Status, body bytes, bytes used, reusable; the input given in pieces of this size.
fn read(expect: Expect, bytes: &[u8], piece: usize) -> Read {
    let mut parser = self::parser(expect);
    let mut used = 0;
    for part in bytes.chunks(piece) {
        match parser.feed(part)? {
            ParseProgress::More => used += part.len(),
            ParseProgress::Done(n) => {
                return Ok((
                    parser.status(),
                    parser.body_bytes(),
                    used + n,
                    parser.reusable(),
                ));
            }
        }
    }
    parser.end_of_stream()?;
    Ok((
        parser.status(),
        parser.body_bytes(),
        used,
        parser.reusable(),
    ))
}

/// The same answer however the bytes are split.
fn read_any(bytes: &[u8]) -> Read {
    let whole = read(Expect::Body, bytes, bytes.len().max(1));
    for piece in [1, 2, 3, 7, 64] {
        assert_eq!(read(Expect::Body, bytes, piece), whole, "pieces of {piece}");
    }
    whole
}

#[test]
fn a_content_length_ends_the_body_and_leaves_surplus_bytes() {
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1";
    assert_eq!(read_any(bytes), Ok((Some(200), 5, bytes.len() - 8, true)));
}

#[test]
fn chunks_with_extensions_and_trailers_are_read_to_their_end() {
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\nhello\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n";
    assert_eq!(read_any(bytes), Ok((Some(200), 15, bytes.len(), true)));
}

#[test]
fn closing_ends_a_body_without_length_and_the_connection() {
    assert_eq!(
        read_any(b"HTTP/1.1 200 OK\r\n\r\nabc"),
        Ok((Some(200), 3, 22, false))
    );
}

#[test]
fn interim_answers_are_passed_over() {
    let bytes = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(read_any(bytes), Ok((Some(202), 0, bytes.len(), true)));
}

#[test]
fn answers_without_a_body_end_with_their_head() {
    for status in ["204 No Content", "304 Not Modified"] {
        let bytes = format!("HTTP/1.1 {status}\r\nContent-Length: 9\r\n\r\n");
        assert!(matches!(read_any(bytes.as_bytes()), Ok((_, 0, _, true))));
    }
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    assert_eq!(
        read(Expect::HeadOnly, head, 50),
        Ok((Some(200), 0, head.len(), true))
    );
}

#[test]
fn connection_close_and_http_1_0_are_not_reused_unless_they_say_so() {
    let answer = |start: &str, connection: &str| {
        let text = format!("{start} 200 OK\r\nContent-Length: 0\r\n{connection}\r\n");
        read_any(text.as_bytes()).unwrap().3
    };
    assert!(!answer("HTTP/1.1", "Connection: Close\r\n"));
    assert!(!answer("HTTP/1.0", ""));
    assert!(answer("HTTP/1.0", "Connection: keep-alive\r\n"));
}

#[test]
fn broken_answers_are_named() {
    for (bytes, error) in [
        (&b"SSH-2.0-OpenSSH\r\n"[..], "not HTTP/1.1"),
        (b"\x15\x03\x03\0\x02\x02\x46", "looks like TLS"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "Content-Length",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
            "Content-Length",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: rot13\r\n\r\n",
            "'rot13' is not supported",
        ),
        (
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "switched protocols",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
            "inside the body, after 3 bytes",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-",
            "before the answer was complete",
        ),
        (b"", "closed without an answer"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "not a number",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
            "longer than its size",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
            "too large",
        ),
    ] {
        let message = read_any(bytes).unwrap_err().to_string();
        assert!(message.contains(error), "{message}");
    }
}

/// What intermediaries disagree about is refused, or at least nothing follows it on the connection.
#[test]
fn ambiguous_framing_is_refused_or_ends_the_connection() {
    for (bytes, error) in [
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
            "Transfer-Encoding 'chunked, gzip' is not supported",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n",
            "Transfer-Encoding 'xchunked' is not supported",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n",
            "Content-Length",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
            "Content-Length",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n",
            "Content-Length",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
            "Content-Length",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            "longer than 1024 MiB",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r0\r\n",
            "stray return",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\n",
            "not a number",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\r\n",
            "stray return",
        ),
    ] {
        let message = read_any(bytes.as_bytes()).unwrap_err().to_string();
        assert!(message.contains(error), "{bytes:?}: {message}");
    }
    for (version, content_length) in [("1.1", "Content-Length: 3\r\n"), ("1.0", "")] {
        let bytes = format!(
            "HTTP/{version} 200 OK\r\nConnection: keep-alive\r\n{content_length}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
        );
        let read = read_any(bytes.as_bytes());
        assert_eq!(read, Ok((Some(200), 2, bytes.len(), false)), "{bytes:?}");
    }
}

#[test]
fn folded_lines_are_one_value() {
    for fold in ["\r\n ", "\n\t", " \r\n   \r\n "] {
        let bytes = format!(
            "HTTP/1.1 200 OK\r\nX: a{fold}b\r\nContent-Length:{fold}2\r\nConnection: x,{fold}close\r\n\r\nok"
        );
        let read = read_any(bytes.as_bytes());
        assert_eq!(read, Ok((Some(200), 2, bytes.len(), false)), "{bytes:?}");
    }
}

#[test]
fn transfer_codings_are_read_as_far_as_they_frame() {
    let answer = |headers: &str, body: &str| {
        let bytes = format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}");
        (read_any(bytes.as_bytes()), bytes.len())
    };
    let chunked = "2\r\nok\r\n0\r\n\r\n";
    for (headers, body, reusable) in [
        (
            "Transfer-Encoding: identity\r\nContent-Length: 2\r\n",
            "ok",
            true,
        ),
        ("Transfer-Encoding: Identity\r\n", "ok", false),
        ("Transfer-Encoding: gzip\r\n", "ok", false),
        (
            "Transfer-Encoding: gzip\r\nContent-Length: 9\r\n",
            "ok",
            false,
        ),
        ("Transfer-Encoding: gzip, chunked\r\n", chunked, true),
        ("Transfer-Encoding: identity, Chunked\r\n", chunked, true),
        (
            "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
            chunked,
            true,
        ),
        ("Transfer-Encoding: \r\n chunked\r\n", chunked, true),
    ] {
        let (read, length) = answer(headers, body);
        assert_eq!(read, Ok((Some(200), 2, length, reusable)), "{headers:?}");
    }
}

#[test]
fn odd_header_lines_are_passed_over_and_malformed_ones_are_shown() {
    let head = |line: &str| format!("HTTP/1.1 200 OK\r\n{line}\r\nContent-Length: 2\r\n\r\nok");
    for line in [
        "X(y): z",
        "X Y: z",
        "X[0]: 1",
        "Content-Length : 2",
        "X: \u{e9}",
        ": empty",
    ] {
        let bytes = head(line);
        let read = read_any(bytes.as_bytes());
        assert_eq!(read, Ok((Some(200), 2, bytes.len(), true)), "{line}");
    }
    for (line, shown) in [
        ("no colon", "malformed header line 'no colon'"),
        ("X: a\0b", "malformed header line 'X: a\\0b'"),
        ("Content-Length\u{b}: 9", "malformed header line"),
    ] {
        let message = read_any(head(line).as_bytes()).unwrap_err().to_string();
        assert!(message.contains(shown), "{message}");
    }
}

#[test]
fn status_lines_are_read_or_shown() {
    for start in [
        "HTTP/1.1 200",
        "HTTP/1.1 200 ",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 200 \u{e9}t\u{e9}",
    ] {
        let bytes = format!("{start}\r\nContent-Length: 2\r\n\r\nok");
        let read = read_any(bytes.as_bytes());
        assert_eq!(read, Ok((Some(200), 2, bytes.len(), true)), "{start}");
    }
    for start in [
        "http/1.1 200 OK",
        "HTTP/2.0 200 OK",
        "HTTP/1.1 2000 OK",
        "ICY 200 OK",
    ] {
        let bytes = format!("{start}\r\n\r\n");
        let message = read_any(bytes.as_bytes()).unwrap_err().to_string();
        assert!(
            message.contains(&format!("not HTTP/1.1: '{start}'")),
            "{message}"
        );
    }
    let frames = b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80";
    assert_eq!(read_any(frames), Err(ResponseError::Http2));
}

#[test]
fn bare_line_feeds_end_lines() {
    let bytes = b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n";
    assert_eq!(read_any(bytes), Ok((Some(200), 2, bytes.len(), true)));
}

#[test]
fn a_reset_is_named_by_where_the_answer_was() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    for (bytes, expected) in [
        (String::new(), None),
        ("HTTP/1.1 2".to_owned(), Some(ResponseError::ResetInHead)),
        (head.to_owned(), Some(ResponseError::ResetInBody(0))),
        (format!("{head}abc"), Some(ResponseError::ResetInBody(3))),
        (format!("{head}abcde"), None),
    ] {
        let mut parser = self::parser(Expect::Body);
        if !bytes.is_empty() {
            parser.feed(bytes.as_bytes()).unwrap();
        }
        assert_eq!(parser.reset(), expected, "{bytes}");
    }
}

#[test]
fn endless_heads_are_cut() {
    let mut long = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
    long.resize(1_000_000, b'x');
    assert_eq!(
        read(Expect::Body, &long, 4096),
        Err(ResponseError::HeadTooLong)
    );
    let mut many = b"HTTP/1.1 200 OK\r\n".to_vec();
    (0..200).for_each(|i| many.extend_from_slice(format!("X{i}: y\r\n").as_bytes()));
    assert_eq!(
        read(Expect::Body, &many, 4096),
        Err(ResponseError::TooManyHeaders)
    );
}

#[test]
fn server_timing_durations_are_read() {
    let mut parser = self::parser(Expect::Body);
    parser
        .feed(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nServer-Timing: commit;dur=1.5, cache;desc=\"hit\", total;desc=x;dur=20\r\n\r\n")
        .unwrap();
    let expected = [
        ("commit".to_owned(), Duration::from_micros(1500)),
        ("total".to_owned(), Duration::from_millis(20)),
    ];
    assert_eq!(parser.take_server_timing(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn no_bytes_make_it_panic_and_splitting_never_matters(
        head in 0..4usize,
        tail in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let heads: [&[u8]; 4] = [
            b"",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n",
        ];
        let bytes = [heads[head], &tail].concat();
        let _ = read_any(&bytes);
    }

    #[test]
    fn chunked_bodies_of_any_cut_have_their_length(sizes in proptest::collection::vec(1..400usize, 0..20), piece in 1..500usize) {
        let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for &size in &sizes {
            bytes.extend_from_slice(format!("{size:x}\r\n{}\r\n", "z".repeat(size)).as_bytes());
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        let total: usize = sizes.iter().sum();
        assert_eq!(read(Expect::Body, &bytes, piece), Ok((Some(200), total as u64, bytes.len(), true)));
    }
}
