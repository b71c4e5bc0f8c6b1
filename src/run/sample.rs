//! One request's record: when it was meant to start, when it did, how it ended.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Most times that a request is sent again over HTTP/2, because a GOAWAY left it unprocessed each time.
pub const MOST_MOVES: u64 = 10;

/// How a planned request ended. Every planned request has exactly one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Answered in full with an expected status.
    Ok,
    /// Not answered, or not as expected.
    Failed(FailureKind),
    /// No complete answer within the timeout.
    Timeout,
    /// The run was interrupted before it was sent.
    Unsent,
}

impl Outcome {
    /// Whether it failed for a cause on this side, not the server's.
    pub fn is_ours(self) -> bool {
        matches!(self, Outcome::Failed(FailureKind::Client) | Outcome::Unsent)
    }

    /// `ok`, `timeout`, `unsent`, or the kind of the failure, as outputs list them.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Failed(kind) => kind.as_str(),
            Outcome::Timeout => "timeout",
            Outcome::Unsent => "unsent",
        }
    }
}

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No connection: refused or unreachable.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// The connection was closed or reset before the answer was complete.
    Reset,
    /// The answer breaks the protocol, or exceeds a limit.
    Protocol,
    /// A complete answer with a status that the plan does not expect.
    Status,
    /// The body broke its own framing.
    Body,
    /// A complete answer with an expected status and a body that is not as expected.
    Content,
    /// A redirect that is not followed: it leads nowhere, to another origin with a method other than GET or HEAD, or too far.
    Redirect,
    /// A cause on this machine: out of file descriptors or local ports, or the name does not resolve. Not the
    /// server's fault.
    Client,
    /// HTTP/2: the server refused the stream (`REFUSED_STREAM`).
    RefusedStream,
    /// HTTP/2: the server reset the stream with another code.
    StreamReset,
    /// HTTP/2: the server ended the connection (`GOAWAY`) and left the request without an answer.
    GoAway,
}

impl FailureKind {
    /// Every kind, in the order outputs list them.
    pub const ALL: [FailureKind; 12] = [
        FailureKind::Connect,
        FailureKind::Tls,
        FailureKind::Reset,
        FailureKind::Protocol,
        FailureKind::Status,
        FailureKind::Body,
        FailureKind::Content,
        FailureKind::Redirect,
        FailureKind::Client,
        FailureKind::RefusedStream,
        FailureKind::StreamReset,
        FailureKind::GoAway,
    ];

    /// The word in outputs and files.
    pub fn as_str(self) -> &'static str {
        match self {
            FailureKind::Connect => "connect",
            FailureKind::Tls => "tls",
            FailureKind::Reset => "reset",
            FailureKind::RefusedStream => "refused_stream",
            FailureKind::StreamReset => "stream_reset",
            FailureKind::GoAway => "go_away",
            FailureKind::Protocol => "protocol",
            FailureKind::Status => "status",
            FailureKind::Body => "body",
            FailureKind::Content => "content",
            FailureKind::Redirect => "redirect",
            FailureKind::Client => "client",
        }
    }
}

/// Whether the request opened its connection or found one open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConnectionUse {
    /// The connection was opened for this request.
    New,
    /// The connection had carried a request before.
    Reused,
}

/// Where the time of one request went; a phase that did not happen is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Phases {
    /// From the dispatch until a connection was free because the in-flight cap was reached, in ns.
    pub wait_ns: Option<u64>,
    /// Name resolution, in ns.
    pub dns_ns: Option<u64>,
    /// TCP (or Unix socket) connect, in ns. For HTTP/2 with the wait for the server's SETTINGS, and also where another
    /// request opens the connection.
    pub connect_ns: Option<u64>,
    /// TLS handshake, in ns.
    pub tls_ns: Option<u64>,
    /// HTTP/2: waiting for a free stream where every connection is open and full, in ns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot_ns: Option<u64>,
    /// From the send to the request that was answered without a redirect: every hop with its connection, in ns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_ns: Option<u64>,
    /// From the send, or the last redirect, to the first byte of the answer, in ns.
    pub first_byte_ns: Option<u64>,
    /// From the first byte to the last byte of the answer, in ns.
    pub body_ns: Option<u64>,
}

/// The record of one request. Instants are nanoseconds since the start of the run, t0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Position in the plan of the endpoint; orders the exceedance bits.
    pub index: u64,
    /// When the plan wanted it sent; `None` in the closed model, which has no plan.
    pub intended_start_ns: Option<u64>,
    /// When the engine turned to it: sent it, began to connect, or queued it for a connection.
    pub dispatched_ns: u64,
    /// When its first byte was handed to the socket; `None` if it never was.
    pub sent_ns: Option<u64>,
    /// When its last byte arrived, or when it was given up.
    pub finished_ns: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// HTTP status, if an answer's head arrived.
    pub status: Option<u16>,
    /// Connection new or reused; `None` if there was none.
    pub connection: Option<ConnectionUse>,
    /// Where the time went.
    pub phases: Phases,
    /// Bytes of the answer's body.
    pub body_bytes: u64,
    /// `Server-Timing` metrics of the answer: name and duration.
    pub server_timing: Vec<(String, Duration)>,
}

impl Sample {
    /// Last byte − intended start, in ns: what gates judge. In the closed model, which has no
    /// intended start, the service time, or how long it took to fail before it was sent.
    pub fn response_ns(&self) -> u64 {
        let start_ns = self
            .intended_start_ns
            .or(self.sent_ns)
            .unwrap_or(self.dispatched_ns);
        self.finished_ns.saturating_sub(start_ns)
    }

    /// Last byte − actual send, in ns.
    pub fn service_ns(&self) -> Option<u64> {
        Some(self.finished_ns.saturating_sub(self.sent_ns?))
    }

    /// Dispatch − intended start, in ns: our own delay and nothing else. Waiting for a connection and
    /// opening one are phases, so response time = send lag + wait + dns + connect + tls + slot + redirect + first byte + body.
    pub fn send_lag_ns(&self) -> Option<u64> {
        Some(self.dispatched_ns.saturating_sub(self.intended_start_ns?))
    }
}
