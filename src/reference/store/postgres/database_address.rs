//! Where the database is and how it is reached: what the URL says, and what it leaves open.

use std::net::ToSocketAddrs;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode, SslNegotiation};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Error, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::answer::{ANSWER_TIME, chain};
use crate::tls_roots;

/// How long a connection to one address may take to be made.
const CONNECT_TIME: Duration = Duration::from_secs(2);

/// What encrypts a connection.
pub(super) type Tls = MakeRustlsConnect;
pub(super) type Drive = Connection<Socket, <Tls as MakeTlsConnect<Socket>>::Stream>;

/// A database, or several of which one is connected to.
#[derive(Clone)]
pub(super) struct DatabaseAddress {
    pub(super) config: Config,
    pub(super) tls: Tls,
    /// How long it may take to connect.
    pub(super) connect_time: Duration,
}

impl DatabaseAddress {
    pub(super) fn parse(url: &str) -> Result<DatabaseAddress, String> {
        let config = config(url)?;
        Ok(DatabaseAddress {
            tls: tls(config.get_ssl_mode())?,
            connect_time: connect_time(&config),
            config,
        })
    }

    /// Connects, in whatever time it takes.
    pub(super) async fn connect(&self) -> Result<(Client, Drive), Error> {
        self.config.connect(self.tls.clone()).await
    }
}

/// What the URL says, and what it leaves open: a server that has vanished without a word is noticed.
fn config(url: &str) -> Result<Config, String> {
    let mut config: Config = url.parse().map_err(|error: Error| chain(&error))?;
    // `prefer` is the default: a man in the middle can downgrade it, and a check would refuse servers without a valid
    // certificate that worked before. The driver refuses a direct handshake that is no more than preferred.
    if config.get_ssl_mode() == SslMode::Prefer
        && config.get_ssl_negotiation() == SslNegotiation::Postgres
    {
        config.ssl_mode(SslMode::Disable);
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIME);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(ANSWER_TIME);
    }
    if config.get_keepalives_idle() == Config::new().get_keepalives_idle() {
        config.keepalives_idle(Duration::from_secs(30));
    }
    if config.get_application_name().is_none() {
        config.application_name("a7probe");
    }
    Ok(config)
}

/// Trusts the system's roots if certificates are checked, and no certificate otherwise.
fn tls(mode: SslMode) -> Result<Tls, String> {
    let roots = match mode {
        SslMode::Require => tls_roots::system_roots(),
        _ => tls_roots::Roots::default(),
    };
    if mode == SslMode::Require && roots.is_empty() {
        return Err("no root certificate found to check the server's certificate".to_owned());
    }
    let mut client = tls_roots::client(roots).map_err(|error| error.to_string())?;
    // A direct handshake needs it, and psql names it in every one.
    client.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(Tls::new(client))
}

/// How long it may take to connect: every address is tried in its time, and the one that answers has a second to let us in.
fn connect_time(config: &Config) -> Duration {
    let each = config.get_connect_timeout().copied();
    let named = config.get_hosts().iter().map(|host| match host {
        // As many as it has at the start; one that has none now is tried once it has.
        Host::Tcp(name) => (name.as_str(), 0)
            .to_socket_addrs()
            .map_or(1, |found| found.len().max(1)),
        Host::Unix(_) => 1,
    });
    let addresses = named.sum::<usize>().max(config.get_hostaddrs().len());
    each.unwrap_or(CONNECT_TIME) * addresses.max(1) as u32 + Duration::from_secs(1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_postgres::config::SslMode;

    use super::{config, connect_time};

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn what_the_url_leaves_open_is_filled_in_and_what_it_says_is_kept() {
        let open = config("postgres://h/a7").unwrap();
        assert_eq!(open.get_tcp_user_timeout(), Some(&(10 * S)));
        assert_eq!(open.get_keepalives_idle(), 30 * S);
        assert_eq!(open.get_connect_timeout(), Some(&(2 * S)));
        let said = "postgres://h/a7?tcp_user_timeout=3&keepalives_idle=4&connect_timeout=5&application_name=me";
        let said = config(said).unwrap();
        assert_eq!(said.get_tcp_user_timeout(), Some(&(3 * S)));
        assert_eq!(said.get_keepalives_idle(), 4 * S);
        assert_eq!(said.get_connect_timeout(), Some(&(5 * S)));
        assert_eq!(said.get_application_name(), Some("me"));
    }

    #[test]
    fn encryption_is_there_when_it_is_asked_for() {
        for (parameters, mode) in [
            ("", SslMode::Disable),
            ("?sslmode=disable", SslMode::Disable),
            ("?sslmode=prefer", SslMode::Disable),
            ("?sslmode=require", SslMode::Require),
            ("?sslmode=require&sslnegotiation=direct", SslMode::Require),
            // For the driver to refuse.
            ("?sslnegotiation=direct", SslMode::Prefer),
        ] {
            let config = config(&format!("postgres://h/a7{parameters}")).unwrap();
            assert_eq!(config.get_ssl_mode(), mode, "{parameters}");
        }
    }

    #[test]
    fn each_address_has_its_time() {
        let time = |url: &str| connect_time(&config(url).unwrap());
        assert_eq!(time("postgres://127.0.0.1/a7"), 3 * S);
        assert_eq!(time("postgres://127.0.0.1,127.0.0.2,127.0.0.3/a7"), 7 * S);
        assert_eq!(
            time("postgres://127.0.0.1,127.0.0.2/a7?connect_timeout=10"),
            21 * S
        );
    }
}
