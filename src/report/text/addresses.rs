//! The addresses of a name in words: those that were used, and those that were not.

use crate::run::run_file::NameAddresses;
use crate::units::grouped;

/// Most addresses that a short note names.
const FEW: usize = 3;

/// `localhost: 127.0.0.1, not ::1`.
pub(super) fn short(addresses: &NameAddresses) -> String {
    let name = &addresses.name;
    let listed = |all: Vec<&str>| match all.as_slice() {
        few if few.len() <= FEW => few.join(", "),
        many => format!("{} addresses", many.len()),
    };
    let used = listed(addresses.used.iter().map(|u| u.address.as_str()).collect());
    let unused = listed(
        addresses
            .unused
            .iter()
            .map(|u| u.address.as_str())
            .collect(),
    );
    if unused.is_empty() {
        format!("{name}: {used}")
    } else {
        format!("{name}: {used}, not {unused}")
    }
}

/// `localhost has 2 addresses: 12 connections to 127.0.0.1; ::1 was not used (connection refused)`.
pub(super) fn long(addresses: &NameAddresses) -> String {
    let NameAddresses { name, used, unused } = addresses;
    let used = used.iter().map(|one| {
        let noun = if one.connections == 1 {
            "connection"
        } else {
            "connections"
        };
        format!("{} {noun} to {}", grouped(one.connections), one.address)
    });
    let unused = unused
        .iter()
        .map(|one| format!("{} was not used ({})", one.address, one.reason));
    let parts: Vec<String> = used.chain(unused).collect();
    format!("{name} has {} addresses: {}", parts.len(), parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::{long, short};
    use crate::run::run_file::{NameAddresses, UnusedAddress, UsedAddress};

    #[test]
    fn used_and_unused_addresses_are_named() {
        let mut addresses = NameAddresses {
            name: "localhost".to_owned(),
            used: vec![UsedAddress {
                address: "127.0.0.1".to_owned(),
                connections: 1,
            }],
            unused: vec![UnusedAddress {
                address: "::1".to_owned(),
                reason: "connection refused".to_owned(),
            }],
        };
        assert_eq!(short(&addresses), "localhost: 127.0.0.1, not ::1");
        assert_eq!(
            long(&addresses),
            "localhost has 2 addresses: 1 connection to 127.0.0.1; ::1 was not used (connection refused)"
        );
        addresses.used = vec![addresses.used[0].clone(); 5];
        addresses.unused.clear();
        assert_eq!(short(&addresses), "localhost: 5 addresses");
    }
}
