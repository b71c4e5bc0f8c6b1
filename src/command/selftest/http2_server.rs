//! The scripted server over HTTP/2: frames by the library, everything else its own, as over HTTP/1.1.

use std::net::TcpStream;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use h2::RecvStream;
use h2::server::{self, SendResponse};
use http::{Request, Response};

use super::script::Script;
use super::server_account::{Handled, ServerAccount};

const BODY: &[u8] = b"ok";

/// Answers what arrives on one connection until the client hangs up.
pub(super) fn converse(stream: TcpStream, account: &ServerAccount) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a connection's runtime")?;
    runtime.block_on(answer(stream, account))
}

async fn answer(stream: TcpStream, account: &ServerAccount) -> anyhow::Result<()> {
    let mut settings = server::Builder::new();
    let is_one = matches!(account.script, Script::OneStream { .. });
    if is_one {
        settings.max_concurrent_streams(1);
    }
    let stream = tokio::net::TcpStream::from_std(stream)?;
    let mut connection = settings.handshake(stream).await?;
    let mut held = FuturesUnordered::new();
    loop {
        let accepted = tokio::select! {
            accepted = connection.accept() => accepted,
            Some(()) = held.next() => continue,
        };
        let Some(accepted) = accepted else { break };
        let (request, respond) = accepted?;
        let read_at = account.began.elapsed();
        let due = account.script.due(read_at, number(&request));
        let stream = AcceptedStream {
            request,
            respond,
            read_at,
            due,
        };
        let left = due.saturating_sub(account.began.elapsed());
        if is_one {
            // To the point: nothing else happens on this thread.
            std::thread::sleep(left);
            stream.answer(account);
        } else {
            held.push(async move {
                tokio::time::sleep(left).await;
                stream.answer(account);
            });
        }
    }
    Ok(())
}

/// A request that was read, and when it is due.
struct AcceptedStream {
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
    read_at: Duration,
    due: Duration,
}

impl AcceptedStream {
    fn answer(mut self, account: &ServerAccount) {
        let answered_at = account.began.elapsed();
        // A stream that the client has given up is counted as failed there.
        if let Ok(mut body) = self.respond.send_response(Response::new(()), false) {
            let _ = body.send_data(Bytes::from_static(BODY), true);
        }
        let run = self.request.headers().get("x-a7-run");
        if run.is_some_and(|run| run.as_bytes() == account.run.as_bytes()) {
            account.keep(Handled {
                read_at: self.read_at,
                held: answered_at - self.read_at,
                late: answered_at.saturating_sub(self.due),
            });
        }
    }
}

/// The number of a request, which is its path.
fn number(request: &Request<RecvStream>) -> u64 {
    let path = request.uri().path();
    path.trim_start_matches('/').parse().unwrap_or(0)
}
