//! Whom we count as one when we limit how much somebody may do. Pure.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The network of an IPv6 address: whoever has one address of it has all 2^64.
const NETWORK: u128 = !0 << 64;

/// The address to count by.
pub fn counted_as(peer: SocketAddr) -> IpAddr {
    match peer.ip().to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & NETWORK).into(),
        ip @ IpAddr::V4(_) => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_or_a_network_of_them() {
        for (peer, counted) in [
            ("203.0.113.7:80", "203.0.113.7"),
            ("[::ffff:203.0.113.7]:80", "203.0.113.7"),
            ("[2001:db8:1:2:3:4:5:6]:80", "2001:db8:1:2::"),
            ("[2001:db8:1:2::1]:81", "2001:db8:1:2::"),
        ] {
            assert_eq!(
                counted_as(peer.parse().unwrap()),
                counted.parse::<IpAddr>().unwrap()
            );
        }
    }
}
