//! The addresses of a name that accept a connection before the run; connections use them in turn.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpStream;

use super::failure::words;
use crate::run::run_file::{NameAddresses, UnusedAddress, UsedAddress};

/// Longer than this no address is waited for.
const LIMIT: Duration = Duration::from_secs(1);

/// The addresses of a name of which at least one accepts connections.
#[derive(Debug)]
pub(super) struct Addresses {
    name: String,
    accepting: Vec<AcceptingAddress>,
    unused: Vec<UnusedAddress>,
    turn: AtomicUsize,
}

#[derive(Debug)]
struct AcceptingAddress {
    address: SocketAddr,
    connections: AtomicU64,
}

impl Addresses {
    /// Opens and closes a connection to each address. `None` if there is no choice: of a single address, and where none
    /// accepts, so that the run meets the failure itself.
    pub(super) async fn tried(
        name: &str,
        found: &[SocketAddr],
        timeout: Duration,
    ) -> Option<Addresses> {
        if found.len() < 2 {
            return None;
        }
        let limit = timeout.min(LIMIT);
        let tries = found.iter().map(|address| async move {
            match tokio::time::timeout(limit, TcpStream::connect(address)).await {
                Ok(Ok(_stream)) => Ok(*address),
                Ok(Err(error)) => Err((*address, words(&error))),
                Err(_elapsed) => Err((*address, "no answer".to_owned())),
            }
        });
        let (mut accepting, mut unused) = (Vec::new(), Vec::new());
        for tried in join_all(tries).await {
            match tried {
                Ok(address) => accepting.push(AcceptingAddress {
                    address,
                    connections: AtomicU64::new(0),
                }),
                Err((address, reason)) => unused.push(UnusedAddress {
                    address: address.ip().to_string(),
                    reason,
                }),
            }
        }
        (!accepting.is_empty()).then(|| Addresses {
            name: name.to_owned(),
            accepting,
            unused,
            turn: AtomicUsize::new(0),
        })
    }

    /// The next address of those that the name still has; `None` if it has none of them any more.
    pub(super) fn next(&self, found: &[SocketAddr]) -> Option<SocketAddr> {
        let known: Vec<SocketAddr> = self
            .accepting
            .iter()
            .map(|one| one.address)
            .filter(|address| found.contains(address))
            .collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        (!known.is_empty()).then(|| known[turn % known.len()])
    }

    /// Counts a connection.
    pub(super) fn opened(&self, address: SocketAddr) {
        let mut accepting = self.accepting.iter();
        if let Some(one) = accepting.find(|one| one.address == address) {
            one.connections.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What a run says of them.
    pub(super) fn record(&self) -> NameAddresses {
        let used = self.accepting.iter().map(|one| UsedAddress {
            address: one.address.ip().to_string(),
            connections: one.connections.load(Ordering::Relaxed),
        });
        NameAddresses {
            name: self.name.clone(),
            used: used.collect(),
            unused: self.unused.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, TcpListener};
    use std::time::Duration;

    use super::Addresses;

    const TIMEOUT: Duration = Duration::from_secs(20);

    /// An address of loopback: 127.0.0.`last`.
    fn loopback(last: u8, port: u16) -> SocketAddr {
        (Ipv4Addr::new(127, 0, 0, last), port).into()
    }

    fn tried(found: &[SocketAddr]) -> Option<Addresses> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(Addresses::tried("a.example", found, TIMEOUT))
    }

    #[test]
    fn addresses_that_accept_are_used_in_turn_and_the_others_are_named() {
        let one = TcpListener::bind(loopback(1, 0)).unwrap();
        let port = one.local_addr().unwrap().port();
        let _two = TcpListener::bind(loopback(2, port)).unwrap();
        let found = [3, 1, 2].map(|last| loopback(last, port));
        let addresses = tried(&found).unwrap();
        let turns: Vec<SocketAddr> = (0..4).filter_map(|_| addresses.next(&found)).collect();
        assert_eq!(turns, [1, 2, 1, 2].map(|last| loopback(last, port)));
        addresses.opened(loopback(2, port));
        let record = addresses.record();
        let used: Vec<_> = record
            .used
            .iter()
            .map(|u| (u.address.as_str(), u.connections))
            .collect();
        assert_eq!(used, [("127.0.0.1", 0), ("127.0.0.2", 1)]);
        assert_eq!(record.unused[0].address, "127.0.0.3");
        assert!(record.unused[0].reason.contains("refused"));
    }

    #[test]
    fn an_address_that_the_name_has_lost_is_not_used() {
        let one = TcpListener::bind(loopback(1, 0)).unwrap();
        let port = one.local_addr().unwrap().port();
        let addresses = tried(&[1, 2].map(|last| loopback(last, port))).unwrap();
        assert_eq!(addresses.next(&[loopback(2, port)]), None);
    }

    #[test]
    fn one_address_is_no_choice_and_neither_are_two_that_refuse() {
        let port = TcpListener::bind(loopback(1, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        assert!(tried(&[loopback(1, port)]).is_none());
        assert!(tried(&[1, 2].map(|last| loopback(last, port))).is_none());
    }
}
