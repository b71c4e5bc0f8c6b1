//! How often each client may post to `/ingest`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::auth::TokenIndex;
use super::config::RateLimit;

/// Most clients with an allowance of their own; the others share one. About 3 MB.
const CLIENTS: usize = 32_768;

/// Who is limited: the owner of a token, else an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum RateLimitKey {
    Token(TokenIndex),
    Peer(IpAddr),
    /// The shared allowance of the other clients.
    Overflow,
}

impl RateLimitKey {
    /// An IPv6 host has a network of 2^64 addresses to itself, and IPv4 comes in both forms.
    pub(super) fn new(token: Option<TokenIndex>, peer: IpAddr) -> RateLimitKey {
        match (token, peer.to_canonical()) {
            (Some(token), _) => RateLimitKey::Token(token),
            (None, IpAddr::V6(address)) => {
                let network = u128::from(address) >> 64 << 64;
                RateLimitKey::Peer(IpAddr::V6(network.into()))
            }
            (None, address) => RateLimitKey::Peer(address),
        }
    }
}

/// Generic cell rate algorithm (ITU-T I.371): a client is one instant, when its allowance will be whole again.
pub(super) struct RateLimiter {
    /// Between two requests in the long run.
    interval: Duration,
    /// How far ahead of time a client may be.
    tolerance: Duration,
    clients: Mutex<Clients>,
}

#[derive(Default)]
struct Clients {
    whole_at: HashMap<RateLimitKey, Instant>,
    /// Not to be swept again before.
    sweep_at: Option<Instant>,
}

impl RateLimiter {
    pub(super) fn new(limit: RateLimit) -> RateLimiter {
        let interval =
            Duration::from_secs_f64(1.0 / limit.rate.as_per_second()).max(Duration::from_nanos(1));
        RateLimiter {
            interval,
            tolerance: interval.saturating_mul(limit.burst.get() - 1),
            clients: Mutex::default(),
        }
    }

    /// Takes one request off the client's allowance; `Err` is how long until there is one.
    pub(super) fn take(&self, client: RateLimitKey, now: Instant) -> Result<(), Duration> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.place(client, now, self.interval + self.tolerance);
        let whole_at = clients.whole_at.entry(client).or_insert(now);
        let ahead = whole_at.saturating_duration_since(now);
        if ahead > self.tolerance {
            return Err(ahead - self.tolerance);
        }
        *whole_at = (*whole_at).max(now) + self.interval;
        Ok(())
    }

    /// Clients with an allowance of their own now.
    pub(super) fn clients(&self) -> usize {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.whole_at.len()
    }
}

impl Clients {
    /// Who it counts as: itself while there is room. A client with a whole allowance need not be remembered; looking for
    /// them costs a pass over all, so it is done at most once in the time that an allowance takes to be whole.
    fn place(&mut self, client: RateLimitKey, now: Instant, whole_after: Duration) -> RateLimitKey {
        if self.whole_at.len() < CLIENTS || self.whole_at.contains_key(&client) {
            return client;
        }
        if self.sweep_at.is_none_or(|at| at <= now) {
            self.whole_at.retain(|_, whole_at| *whole_at > now);
            self.sweep_at = now.checked_add(whole_after.min(Duration::from_secs(1)));
        }
        if self.whole_at.len() < CLIENTS {
            client
        } else {
            RateLimitKey::Overflow
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::num::NonZeroU32;
    use std::time::{Duration, Instant};

    use super::{CLIENTS, RateLimit, RateLimitKey, RateLimiter};
    use crate::units::Rate;

    fn limiter(per_second: f64, burst: u32) -> RateLimiter {
        RateLimiter::new(RateLimit {
            rate: Rate::per_second(per_second).expect("a rate"),
            burst: NonZeroU32::new(burst).expect("not zero"),
        })
    }

    fn peer(number: u32) -> RateLimitKey {
        RateLimitKey::new(None, IpAddr::V4(Ipv4Addr::from(number)))
    }

    #[test]
    fn a_burst_is_taken_at_once_and_then_the_rate_holds() {
        let limiter = limiter(10.0, 5);
        let start = Instant::now();
        let taken = |at_ms: u64| {
            let at = start + Duration::from_millis(at_ms);
            (0..100)
                .take_while(|_| limiter.take(peer(1), at).is_ok())
                .count()
        };
        assert_eq!(taken(0), 5);
        assert_eq!(taken(99), 0);
        assert_eq!(taken(100), 1);
        assert_eq!(taken(350), 2);
        assert_eq!(taken(10_000), 5, "never more than the burst");
    }

    #[test]
    fn whoever_comes_when_told_is_let_in() {
        let limiter = limiter(3.0, 1);
        let start = Instant::now();
        limiter.take(peer(1), start).expect("the first");
        let wait = limiter.take(peer(1), start).expect_err("too early");
        assert!(limiter.take(peer(1), start + wait).is_ok());
    }

    #[test]
    fn each_client_has_an_allowance_of_its_own() {
        let (limiter, now) = (limiter(1.0, 1), Instant::now());
        assert!(limiter.take(peer(1), now).is_ok());
        assert!(limiter.take(peer(1), now).is_err());
        assert!(limiter.take(peer(2), now).is_ok());
    }

    #[test]
    fn an_address_is_the_same_client_in_both_its_forms_and_a_network_is_one() {
        let client = |address: &str| RateLimitKey::new(None, address.parse().expect("an address"));
        assert_eq!(client("192.0.2.1"), client("::ffff:192.0.2.1"));
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:2"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
    }

    #[test]
    fn memory_is_bounded_and_the_crowd_is_limited_too() {
        let (limiter, now) = (limiter(1.0, 1), Instant::now());
        let count = CLIENTS as u32 + 100;
        let refused = (0..count)
            .filter(|number| limiter.take(peer(*number), now).is_err())
            .count();
        // The first of the crowd takes what the crowd has.
        assert_eq!((limiter.clients(), refused), (CLIENTS + 1, 99));
        let later = now + Duration::from_secs(2);
        assert!(limiter.take(peer(count), later).is_ok());
        assert_eq!(
            limiter.clients(),
            1,
            "a client that has paused is forgotten"
        );
    }
}
