//! Limits how many of something each client has at once. A client is an IPv4 address or an IPv6 /64, because an IPv6 host
//! usually has a whole /64 (RFC 6177, section 2).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The network part of an IPv6 address.
const NETWORK: u128 = !0 << 64;

/// Rate-limit key of a connection: an IPv4 address or an IPv6 /64.
#[must_use]
pub fn client_key(peer: SocketAddr) -> IpAddr {
    match peer.ip().to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & NETWORK).into(),
        ip @ IpAddr::V4(_) => ip,
    }
}

/// A limit per client. Clones share the counts.
#[derive(Clone, Debug)]
pub struct ClientLimit {
    limit: usize,
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A permit of a client; returned when dropped.
#[derive(Debug)]
pub struct ClientPermit {
    client: IpAddr,
    limit: ClientLimit,
}

impl ClientLimit {
    /// Allows each client `limit` permits.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            held: Arc::default(),
        }
    }

    /// A permit, unless the client has reached the limit.
    #[must_use]
    pub fn acquire(&self, peer: SocketAddr) -> Option<ClientPermit> {
        let client = client_key(peer);
        let mut held = self.held();
        let held_by_client = held.get(&client).copied().unwrap_or_default();
        if held_by_client >= self.limit {
            return None;
        }
        held.insert(client, held_by_client + 1);
        Some(ClientPermit {
            client,
            limit: self.clone(),
        })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ClientPermit {
    fn drop(&mut self) {
        let mut held = self.limit.held();
        match held.get_mut(&self.client) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                held.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_address_or_a_network_of_them() {
        for (peer, client) in [
            ("203.0.113.7:80", "203.0.113.7"),
            ("[::ffff:203.0.113.7]:80", "203.0.113.7"),
            ("[2001:db8:1:2:3:4:5:6]:80", "2001:db8:1:2::"),
            ("[2001:db8:1:2::1]:81", "2001:db8:1:2::"),
        ] {
            assert_eq!(
                client_key(peer.parse().unwrap()),
                client.parse::<IpAddr>().unwrap()
            );
        }
    }

    #[test]
    fn limit_is_per_client() {
        let limit = ClientLimit::new(2);
        let [one, same, other] =
            ["[2001:db8::1]:1", "[2001:db8::2]:1", "203.0.113.7:1"].map(|peer| peer.parse().unwrap());
        let first = limit.acquire(one);
        let second = limit.acquire(same);
        assert!(first.is_some() && second.is_some());
        assert!(limit.acquire(one).is_none());
        assert!(limit.acquire(other).is_some());
        drop(first);
        assert!(limit.acquire(one).is_some());
        drop(second);
        assert!(limit.held().is_empty(), "clients without permits are forgotten");
    }
}
