//! The addresses of a name: those that connections went to, and those that accepted none before the run.

use serde::{Deserialize, Serialize};

/// The addresses of a name that has several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NameAddresses {
    /// The name.
    pub name: String,
    /// Addresses that accepted a connection before the run. Connections used them in rotation.
    pub used: Vec<UsedAddress>,
    /// Addresses that accepted none.
    pub unused: Vec<UnusedAddress>,
}

/// An address that connections went to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UsedAddress {
    /// IPv4 or IPv6, without a port.
    pub address: String,
    /// Connections that were opened to it.
    pub connections: u64,
}

/// An address that accepted no connection before the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UnusedAddress {
    /// IPv4 or IPv6, without a port.
    pub address: String,
    /// Why it accepted none.
    pub reason: String,
}

impl NameAddresses {
    /// Adds the connections of a later part of the run.
    pub fn add(&mut self, later: &NameAddresses) {
        for used in &later.used {
            let mut own = self.used.iter_mut();
            match own.find(|own| own.address == used.address) {
                Some(own) => own.connections = own.connections.saturating_add(used.connections),
                None => self.used.push(used.clone()),
            }
        }
        let used: Vec<&str> = self.used.iter().map(|used| used.address.as_str()).collect();
        self.unused
            .retain(|one| !used.contains(&one.address.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use super::{NameAddresses, UnusedAddress, UsedAddress};

    fn addresses(used: &[(&str, u64)], unused: &[&str]) -> NameAddresses {
        NameAddresses {
            name: "a".to_owned(),
            used: used
                .iter()
                .map(|&(address, connections)| UsedAddress {
                    address: address.to_owned(),
                    connections,
                })
                .collect(),
            unused: unused
                .iter()
                .map(|&address| UnusedAddress {
                    address: address.to_owned(),
                    reason: "connection refused".to_owned(),
                })
                .collect(),
        }
    }

    #[test]
    fn parts_of_a_run_add_their_connections() {
        let mut whole = addresses(&[("127.0.0.1", 2)], &["::1", "127.0.0.2"]);
        whole.add(&addresses(&[("127.0.0.1", 3), ("::1", 1)], &["127.0.0.2"]));
        let expected = addresses(&[("127.0.0.1", 5), ("::1", 1)], &["127.0.0.2"]);
        assert_eq!(whole, expected);
    }
}
