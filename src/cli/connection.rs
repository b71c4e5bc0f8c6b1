//! The flags about connections, and the policy that follows from them.

mod route;

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::defaults::{DEFAULT_MAX_IN_FLIGHT, DEFAULT_STREAMS};
use super::settings_file::SettingsLayers;
use crate::run::plan::{
    ClientIdentity, ConnectionPolicy, HttpVersion, Keepalive, RedirectPolicy, Tracing, Trust,
};

/// How the service is reached and trusted.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Connection and TLS")]
pub struct ConnectionArgs {
    /// Accept any certificate.
    #[arg(short = 'k', long, conflicts_with = "cacert")]
    pub insecure: bool,

    /// Trust these CA certificates (PEM) instead of the system's.
    #[arg(long, env = "A7PROBE_CACERT", value_name = "FILE")]
    pub cacert: Option<PathBuf>,

    /// Client certificate chain (PEM).
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// Private key of the client certificate (PEM).
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Follow redirects within the request, at most 10; another origin gets neither credentials nor cookies.
    #[arg(short = 'L', long)]
    pub location: bool,

    /// Send a W3C traceparent with every request; the slowest and the failed requests are shown with their trace ids.
    #[arg(long, help_heading = "Endpoints")]
    pub trace: bool,

    /// Connect here instead of to the URL's host and port; HOST1:PORT1:HOST2:PORT2 as in curl (repeatable).
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "unix_socket")]
    pub connect_to: Vec<String>,

    /// Send requests through this HTTP proxy; HTTP_PROXY and the like are not read.
    #[arg(
        short = 'x',
        long,
        env = "A7PROBE_PROXY",
        hide_env_values = true,
        value_name = "[http://][USER:PASS@]HOST:PORT"
    )]
    pub proxy: Option<String>,

    /// Connect to this Unix socket.
    #[arg(long, value_name = "FILE")]
    pub unix_socket: Option<PathBuf>,

    /// Speak HTTP/2: agreed by ALPN for https, with prior knowledge for http.
    #[arg(long)]
    pub http2: bool,

    /// With --http2, most requests in flight on one connection; -c 512 --streams 8 uses 64 connections [default: 100].
    #[arg(long, env = "A7PROBE_STREAMS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_535))]
    pub streams: Option<u32>,
}

impl ConnectionArgs {
    /// The policy of these flags over the settings.
    ///
    /// # Errors
    /// A client certificate lacks its key, or the key its certificate; an address or the proxy cannot be read.
    pub(super) fn policy(&self, layers: &SettingsLayers) -> anyhow::Result<ConnectionPolicy> {
        let insecure = self.insecure || layers.first(None, |s| s.insecure).unwrap_or(false);
        let trust = match layers.first(self.cacert.clone(), |s| s.cacert.clone()) {
            _ if insecure => Trust::Anything,
            Some(file) => Trust::File(file),
            None => Trust::System,
        };
        let cert = layers.first(self.cert.clone(), |s| s.cert.clone());
        let key = layers.first(self.key.clone(), |s| s.key.clone());
        if cert.is_some() != key.is_some() {
            bail!(
                "{} is given without {}\nhint: give both: --cert FILE --key FILE",
                if cert.is_some() { "--cert" } else { "--key" },
                if cert.is_some() { "--key" } else { "--cert" }
            );
        }
        let connect_to = match self.connect_to.as_slice() {
            [] => Vec::from_iter(layers.first(None, |s| s.connect_to.clone())),
            typed => typed.to_vec(),
        };
        let proxy = layers.first(self.proxy.clone(), |s| s.proxy.clone());
        let unix_socket = layers.first(self.unix_socket.clone(), |s| s.unix_socket.clone());
        if proxy.is_some() && (unix_socket.is_some() || !connect_to.is_empty()) {
            bail!(
                "a proxy connects to the host of the URL, not to another place\nhint: leave out -x, or --connect-to and --unix-socket"
            );
        }
        if cfg!(not(unix)) && unix_socket.is_some() {
            bail!("--unix-socket needs Unix\nhint: measure over TCP, without --unix-socket");
        }
        let follows = self.location || layers.first(None, |s| s.location).unwrap_or(false);
        let traces = self.trace || layers.first(None, |s| s.trace).unwrap_or(false);
        let cap = layers.first(None, |s| s.concurrency);
        let per_request = layers.first(None, |s| s.disable_keepalive).unwrap_or(false);
        Ok(ConnectionPolicy {
            max_in_flight: cap.map_or(DEFAULT_MAX_IN_FLIGHT, |cap| cap as usize),
            keepalive: if per_request {
                Keepalive::PerRequest
            } else {
                Keepalive::Reuse
            },
            trust,
            identity: cert
                .zip(key)
                .map(|(chain, key)| ClientIdentity { chain, key }),
            connect_to: connect_to
                .iter()
                .map(|text| route::connect_to(text))
                .collect::<Result<_, _>>()?,
            unix_socket,
            proxy: match proxy {
                Some(text) => Some(route::proxy(&text)?),
                None => None,
            },
            redirects: if follows {
                RedirectPolicy::Follow
            } else {
                RedirectPolicy::Answer
            },
            tracing: if traces { Tracing::On } else { Tracing::Off },
            version: self.version(layers)?,
        })
    }

    fn version(&self, layers: &SettingsLayers) -> anyhow::Result<HttpVersion> {
        let http2 = self.http2 || layers.first(None, |s| s.http2).unwrap_or(false);
        let streams = layers.first(self.streams, |s| s.streams);
        match streams {
            Some(0) => bail!("streams = 0 sends nothing\nhint: use streams = 1 or more"),
            Some(_) if !http2 => bail!(
                "--streams is for HTTP/2, where a connection carries several requests at a time\nhint: add --http2, or leave it out"
            ),
            _ if !http2 => Ok(HttpVersion::Http1),
            streams => Ok(HttpVersion::Http2 {
                streams: streams.map_or(DEFAULT_STREAMS, |streams| streams as usize),
            }),
        }
    }
}
