//! The flags about connections, and the policy that follows from them.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::defaults::DEFAULT_MAX_IN_FLIGHT;
use super::settings_file::SettingsLayers;
use crate::redact;
use crate::run::plan::{ClientIdentity, ConnectionPolicy, Keepalive, Trust};

/// How the service is reached and trusted.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// Accept any certificate.
    #[arg(short = 'k', long, conflicts_with = "cacert")]
    pub insecure: bool,

    /// Trust these CA certificates (PEM) instead of the system's.
    #[arg(long, env = "A7PROBE_CACERT", value_name = "FILE")]
    pub cacert: Option<PathBuf>,

    /// Client certificate chain (PEM).
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,

    /// Private key of the client certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,

    /// Connect here instead of to the URL's host and port.
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "unix_socket")]
    pub connect_to: Option<String>,

    /// Connect to this Unix socket.
    #[arg(long, value_name = "FILE")]
    pub unix_socket: Option<PathBuf>,
}

impl ConnectionArgs {
    /// The policy of these flags over the settings.
    ///
    /// # Errors
    /// A client certificate lacks its key, or the key its certificate; an address is not `HOST:PORT`.
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
                "a client certificate needs its key, and the key its certificate\nhint: give both --cert and --key"
            );
        }
        let connect_to = layers.first(self.connect_to.clone(), |s| s.connect_to.clone());
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
            connect_to: connect_to.map(|text| host_and_port(&text)).transpose()?,
            unix_socket: layers.first(self.unix_socket.clone(), |s| s.unix_socket.clone()),
        })
    }
}

/// Reads `HOST:PORT`, with brackets around an IPv6 address.
fn host_and_port(text: &str) -> anyhow::Result<(String, u16)> {
    let parts = text
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse().ok()?)));
    match parts {
        Some((host, port)) if !host.is_empty() && !host.contains(['@', '/']) && port != 0 => Ok((
            host.trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            port,
        )),
        _ => bail!(
            "'{}' is not a valid HOST:PORT, such as 127.0.0.1:8080",
            redact::typed_url(text)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::host_and_port;

    #[test]
    fn hosts_and_ports_are_read_or_refused() {
        assert_eq!(host_and_port("[::1]:80").unwrap(), ("::1".into(), 80));
        for bad in ["h", ":80", "h:0", "h:99999", "h:"] {
            assert!(host_and_port(bad).is_err(), "{bad}");
        }
    }
}
