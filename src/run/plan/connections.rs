//! How connections are opened and kept, and the way that they take to the service.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ClientIdentity, Target, Trust};

/// How connections are opened and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionPolicy {
    /// Most requests in flight at once, over all threads and endpoints; waiting for a free one counts in
    /// response time.
    pub max_in_flight: usize,
    /// Whether a connection carries more than one request.
    pub keepalive: Keepalive,
    /// Whose certificates are accepted.
    pub trust: Trust,
    /// The client certificate, if the service asks for one.
    pub identity: Option<ClientIdentity>,
    /// Connect elsewhere than the URL says; the first that fits decides.
    pub connect_to: Vec<ConnectTo>,
    /// Connect to this Unix socket instead.
    pub unix_socket: Option<PathBuf>,
    /// Connect through this proxy.
    pub proxy: Option<Proxy>,
    /// Whether the redirects of an answer are part of its request.
    pub redirects: RedirectPolicy,
    /// Whether requests carry a trace of their own.
    pub tracing: Tracing,
    /// Which HTTP the service is spoken to in.
    pub version: HttpVersion,
}

/// The version of HTTP, and how its connections are shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "version")]
pub enum HttpVersion {
    /// A connection carries one request at a time.
    #[default]
    #[serde(rename = "1.1")]
    Http1,
    /// A connection carries several requests at a time, each on a stream of its own.
    #[serde(rename = "2")]
    Http2 {
        /// Most streams that are open on a connection at the same time; the service may allow fewer.
        streams: usize,
    },
}

impl HttpVersion {
    /// `HTTP/1.1` or `HTTP/2`.
    pub fn as_str(self) -> &'static str {
        match self {
            HttpVersion::Http1 => "HTTP/1.1",
            HttpVersion::Http2 { .. } => "HTTP/2",
        }
    }

    /// Most requests of one connection at the same time.
    pub fn depth(self) -> usize {
        match self {
            HttpVersion::Http1 => 1,
            HttpVersion::Http2 { streams } => streams.max(1),
        }
    }

    /// Connections that this many requests in flight need.
    pub fn connections(self, in_flight: usize) -> usize {
        in_flight.div_ceil(self.depth())
    }
}

/// Whose URL a place to connect to is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlOwner {
    /// The plan.
    Plan,
    /// A redirect to another origin.
    Redirect,
}

impl ConnectionPolicy {
    /// Host and port to connect to in place of those of a URL; `None` if nothing stands in their place.
    pub fn replaced(&self, target: &Target, owner: UrlOwner) -> Option<(String, u16)> {
        let mut rules = self.connect_to.iter();
        let rule = rules.find(|rule| rule.is_for(target, owner))?;
        Some((
            rule.host.clone().unwrap_or_else(|| target.host.clone()),
            rule.port.unwrap_or(target.port),
        ))
    }

    /// Host and port that a connection to the plan's target is opened to: its own, those in its place, or the proxy's.
    pub fn address(&self, target: &Target) -> (String, u16) {
        match &self.proxy {
            Some(proxy) => (proxy.host.clone(), proxy.port),
            None => self
                .replaced(target, UrlOwner::Plan)
                .unwrap_or_else(|| (target.host.clone(), target.port)),
        }
    }
}

/// A place to connect to, of `--connect-to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectTo {
    /// What it stands for.
    pub instead_of: Replaced,
    /// Host; `None` for that of the URL.
    pub host: Option<String>,
    /// Port; `None` for that of the URL.
    pub port: Option<u16>,
}

/// The URLs that a [`ConnectTo`] is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// Those of the plan: `HOST:PORT`.
    Plan,
    /// Those of this host and this port, each `None` for any: `HOST1:PORT1:HOST2:PORT2`.
    Only {
        /// Host of the URL.
        host: Option<String>,
        /// Port of the URL.
        port: Option<u16>,
    },
}

impl ConnectTo {
    /// A place for the plan's own URLs.
    pub fn of_plan(host: &str, port: u16) -> ConnectTo {
        ConnectTo {
            instead_of: Replaced::Plan,
            host: Some(host.to_owned()),
            port: Some(port),
        }
    }

    fn is_for(&self, target: &Target, owner: UrlOwner) -> bool {
        match &self.instead_of {
            Replaced::Plan => owner == UrlOwner::Plan,
            Replaced::Only { host, port } => {
                let is_host = |host: &String| host.eq_ignore_ascii_case(&target.host);
                host.as_ref().is_none_or(is_host) && port.is_none_or(|port| port == target.port)
            }
        }
    }
}

impl fmt::Display for ConnectTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |host: &Option<String>| match host {
            Some(host) => bracketed(host),
            None => String::new(),
        };
        let port = |port: Option<u16>| port.map_or(String::new(), |port| port.to_string());
        if let Replaced::Only {
            host: from,
            port: at,
        } = &self.instead_of
        {
            write!(f, "{}:{}:", host(from), port(*at))?;
        }
        write!(f, "{}:{}", host(&self.host), port(self.port))
    }
}

/// An HTTP proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Value of `Proxy-Authorization`: a secret.
    pub authorization: Option<String>,
}

/// Without credentials.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", bracketed(&self.host), self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A host as it stands before a port.
fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

/// What is done about an answer that points elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RedirectPolicy {
    /// It is the answer.
    #[default]
    Answer,
    /// It is followed within the request.
    Follow,
}

/// Whether each request begins a trace of its own (W3C Trace Context), which the service is asked to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Tracing {
    /// It does not.
    #[default]
    Off,
    /// Its header `traceparent` names one.
    On,
}

/// Whether connections are reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Keepalive {
    /// A connection carries request after request.
    Reuse,
    /// Every request opens its own.
    PerRequest,
}
