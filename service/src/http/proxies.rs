//! The client's address: that of the connection, or the one that a trusted proxy reports.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// The proxies whose forwarding headers are trusted.
#[derive(Clone, Debug)]
pub struct Proxies {
    /// Their networks.
    pub trusted: Vec<IpNet>,
    /// The header in which they name the client.
    pub header: HeaderName,
}

impl Proxies {
    /// The visitor's address. Of the hops in the header, the rightmost one that is not a trusted proxy counts. Everything
    /// to the left of it may have been written by the visitor.
    #[must_use]
    pub fn visitor(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = peer.to_canonical();
        let lines: Vec<_> = headers.get_all(&self.header).iter().collect();
        let hops = lines
            .iter()
            .rev()
            .flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
        for hop in hops {
            if !contains(&self.trusted, nearest) {
                return nearest;
            }
            match address(hop) {
                Some(hop) => nearest = hop,
                None => return nearest,
            }
        }
        nearest
    }
}

/// Whether the address is in one of the networks.
#[must_use]
pub fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// Reads a network such as `10.0.0.0/8`, or one address.
///
/// # Errors
/// Fails if it is neither.
pub fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse().or_else(|_| {
        let address = text.parse::<IpAddr>();
        address.map(|address| IpNet::from(address.to_canonical()))
    });
    network.map_err(|_| "must be a network such as 10.0.0.0/8, or an address".to_owned())
}

/// An address with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().ok();
    let address = address.or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor(trusted: &[&str], peer: &str, lines: &[&'static str]) -> String {
        let proxies = Proxies {
            trusted: trusted.iter().map(|text| network(text).unwrap()).collect(),
            header: HeaderName::from_static("x-forwarded-for"),
        };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        proxies.visitor(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn without_trusted_proxies_the_connection_counts() {
        assert_eq!(visitor(&[], "203.0.113.7", &["198.51.100.1"]), "203.0.113.7");
        assert_eq!(
            visitor(&["10.0.0.0/8"], "203.0.113.7", &["198.51.100.1"]),
            "203.0.113.7"
        );
        assert_eq!(visitor(&[], "::ffff:203.0.113.7", &[]), "203.0.113.7");
    }

    #[test]
    fn rightmost_untrusted_hop_counts() {
        let trusted = ["10.0.0.0/8", "127.0.0.1", "2001:db8::/32"];
        for (lines, expected) in [
            (&["198.51.100.1"][..], "198.51.100.1"),
            (&["192.0.2.66, 198.51.100.1, 10.1.2.3"], "198.51.100.1"),
            (&["192.0.2.66", "198.51.100.1:4711", "10.1.2.3"], "198.51.100.1"),
            (&["[2001:db9::7]:443"], "2001:db9::7"),
            (&["::ffff:198.51.100.1"], "198.51.100.1"),
            (&["10.9.9.9"], "10.9.9.9"),
            (&["198.51.100.1, unknown, 10.1.2.3"], "10.1.2.3"),
            (&["198.51.100.1, , 10.1.2.3"], "10.1.2.3"),
            (&[], "127.0.0.1"),
        ] {
            assert_eq!(visitor(&trusted, "127.0.0.1", lines), expected, "{lines:?}");
        }
    }
}
