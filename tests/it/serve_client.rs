//! A small HTTP client of its own for the server's tests: what is sent and received is under the test's control. It
//! speaks HTTP/1.1 or HTTP/2.

mod http2_wire;

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::harness::PATIENCE;
use crate::ops::check_described;
use http2_wire::Http2Wire;

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Spoken {
    Http1,
    /// With prior knowledge.
    Http2,
}

impl Spoken {
    pub(crate) const BOTH: [Spoken; 2] = [Spoken::Http1, Spoken::Http2];
}

/// One keep-alive connection.
pub(crate) struct Client {
    wire: ClientWire,
    /// Method and path of what was sent and not yet answered.
    asked: VecDeque<(String, String)>,
}

enum ClientWire {
    Http1(BufReader<TcpStream>),
    Http2(Http2Wire),
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Client {
        Client::try_connect(address).expect("the server accepts connections")
    }

    pub(crate) fn try_connect(address: SocketAddr) -> io::Result<Client> {
        Client::try_connect_over(Spoken::Http1, address)
    }

    pub(crate) fn connect_over(spoken: Spoken, address: SocketAddr) -> Client {
        Client::try_connect_over(spoken, address).expect("the server accepts connections")
    }

    fn try_connect_over(spoken: Spoken, address: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let wire = match spoken {
            Spoken::Http1 => {
                stream.set_read_timeout(Some(PATIENCE))?;
                ClientWire::Http1(BufReader::new(stream))
            }
            Spoken::Http2 => ClientWire::Http2(Http2Wire::connect(stream)?),
        };
        Ok(Client {
            wire,
            asked: VecDeque::new(),
        })
    }

    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.send("GET", path, &[], b"");
        self.receive().expect("an answer")
    }

    /// Posts JSON to `/ingest`.
    pub(crate) fn ingest(&mut self, headers: &[(&str, &str)], body: &str) -> Response {
        self.try_ingest(headers, body).expect("an answer")
    }

    pub(crate) fn try_ingest(
        &mut self,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Response> {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        self.try_send("POST", "/ingest", &all, body.as_bytes())?;
        self.receive()
    }

    pub(crate) fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        self.send(method, path, headers, body);
        self.receive().expect("an answer")
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        self.try_send(method, path, headers, body)
            .expect("the request is sent");
    }

    fn try_send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<()> {
        self.asked.push_back((method.to_owned(), path.to_owned()));
        if let ClientWire::Http2(wire) = &mut self.wire {
            return wire.send(method, path, headers, Some(body));
        }
        let mut request = head(method, path, headers);
        if !body.is_empty() || method == "POST" {
            request += &format!("content-length: {}\r\n", body.len());
        }
        let request = [request.as_bytes(), b"\r\n", body].concat();
        self.send_raw(&request)
    }

    /// The head of a request, whose body is up to the test.
    pub(crate) fn send_head(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) {
        self.asked.push_back((method.to_owned(), path.to_owned()));
        if let ClientWire::Http2(wire) = &mut self.wire {
            wire.send(method, path, headers, None)
                .expect("the head is sent");
            return;
        }
        let head = head(method, path, headers) + "\r\n";
        self.send_raw(head.as_bytes()).expect("the head is sent");
    }

    pub(crate) fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.http1().get_mut().write_all(bytes)
    }

    /// The bytes of HTTP/1.1.
    fn http1(&mut self) -> &mut BufReader<TcpStream> {
        match &mut self.wire {
            ClientWire::Http1(stream) => stream,
            ClientWire::Http2(_) => panic!("bytes of HTTP/1.1 on a connection over HTTP/2"),
        }
    }

    /// Does nothing arrive for so long?
    pub(crate) fn is_silent_for(&mut self, time: Duration) -> bool {
        let stream = self.http1();
        stream
            .get_ref()
            .set_read_timeout(Some(time))
            .expect("a timeout");
        let silent = stream
            .fill_buf()
            .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        stream
            .get_ref()
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout");
        silent
    }

    pub(crate) fn receive(&mut self) -> io::Result<Response> {
        let response = match &mut self.wire {
            ClientWire::Http1(_) => self.receive_http1()?,
            ClientWire::Http2(wire) => wire.receive()?,
        };
        // The provider has no such header and is described elsewhere.
        if let Some((method, path)) = self.asked.pop_front()
            && response.header("server-timing").is_some()
        {
            check_described(&method, &path, &response);
        }
        Ok(response)
    }

    fn receive_http1(&mut self) -> io::Result<Response> {
        let status_line = self.line()?;
        let status = status_line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status =
            status.ok_or_else(|| io::Error::other(format!("no status in '{status_line}'")))?;
        let mut headers = BTreeMap::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let mut body = Vec::new();
        if let Some(length) = headers.get("content-length") {
            body.resize(length.parse().map_err(io::Error::other)?, 0);
            self.http1().read_exact(&mut body)?;
        } else if headers
            .get("transfer-encoding")
            .is_some_and(|coding| coding == "chunked")
        {
            self.chunks(&mut body)?;
        }
        Ok(Response {
            status,
            headers,
            body,
        })
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let size = usize::from_str_radix(&self.line()?, 16).map_err(io::Error::other)?;
            let start = body.len();
            body.resize(start + size, 0);
            self.http1().read_exact(&mut body[start..])?;
            self.line()?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.http1().read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

/// A request's line and headers, without the empty line after them.
fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: a7\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    pub(crate) fn event_id(&self) -> String {
        self.json()["event_id"]
            .as_str()
            .expect("an event id")
            .to_owned()
    }

    /// The lines of an NDJSON body.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = std::str::from_utf8(&self.body).expect("UTF-8");
        text.lines()
            .map(|line| serde_json::from_str(line).expect("each line is JSON"))
            .collect()
    }
}
