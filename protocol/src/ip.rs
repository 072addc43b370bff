//! A visitor's address: the emitter's spelling, and the key under which caches store it.

use std::net::IpAddr;

/// The longest spelling of an address, in bytes.
pub const MAX_LEN: usize = 45;

/// Whether the text consists of characters that occur in addresses. It need not be a valid address: the Deanonymizer knows some
/// that are not.
#[must_use]
pub fn is_plausible(text: &str) -> bool {
    // Without an early exit, the compiler can compare many characters at once.
    let plain = text.bytes().fold(true, |plain, byte| {
        plain & (matches!(byte, b'.' | b':') | byte.is_ascii_hexdigit())
    });
    (1..=MAX_LEN).contains(&text.len()) && plain
}

/// The key by which addresses are compared and cached. All spellings of an address have the same key, including an IPv4
/// address written as IPv6 (`::ffff:1.2.3.4`, RFC 4291 section 2.5.5.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IpKey(Box<str>);

impl IpKey {
    /// The key of an address in any spelling, valid or not.
    #[must_use]
    pub fn new(ip: &str) -> Self {
        let ip = ip.trim();
        match address(ip) {
            Some(address) => Self(address.to_string().into_boxed_str()),
            None => Self(ip.to_ascii_lowercase().into_boxed_str()),
        }
    }

    /// The key's text: the canonical spelling of a valid address, or the text in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Parses the address; `None` if it is not valid. An IPv4 address written as IPv6 becomes IPv4.
#[must_use]
pub fn address(ip: &str) -> Option<IpAddr> {
    ip.trim()
        .parse::<IpAddr>()
        .ok()
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn plausible_addresses() {
        for ip in [
            "203.0.113.7",
            "185.242.274.177",
            "8eb:c453:a25e:f5ea:3859:d938:4ffa:d528",
            "::1",
            "::ffff:1.2.3.4",
        ] {
            assert!(is_plausible(ip), "{ip}");
        }
    }

    #[test]
    fn implausible_addresses() {
        for ip in [
            "",
            "localhost",
            "1.2.3.4\n",
            "1.2.3.4 ",
            "fe80::1%eth0",
            "<b>",
            &"1".repeat(46),
        ] {
            assert!(!is_plausible(ip), "{ip:?}");
        }
    }

    #[test]
    fn invalid_addresses_keep_their_own_key() {
        assert_eq!(IpKey::new("185.242.274.177").as_str(), "185.242.274.177");
        assert_ne!(IpKey::new("185.242.274.177"), IpKey::new("185.242.274.178"));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_is_the_ipv4_address() {
        for ip in [
            "::ffff:1.2.3.4",
            "::FFFF:102:304",
            "0:0:0:0:0:ffff:0102:0304",
            " 1.2.3.4 ",
        ] {
            assert_eq!(IpKey::new(ip).as_str(), "1.2.3.4", "{ip}");
        }
        assert_ne!(IpKey::new("::1.2.3.4"), IpKey::new("1.2.3.4"));
    }

    proptest! {
        #[test]
        fn spellings_of_one_ipv4_share_a_key(octets: [u8; 4]) {
            let address = Ipv4Addr::from(octets);
            let mapped = address.to_ipv6_mapped();
            let key = IpKey::new(&address.to_string());
            prop_assert_eq!(&IpKey::new(&mapped.to_string()), &key);
            prop_assert_eq!(&IpKey::new(&mapped.segments().map(|segment| format!("{segment:04X}")).join(":")), &key);
        }

        #[test]
        fn spellings_of_one_ipv6_share_a_key(segments: [u16; 8]) {
            let address = Ipv6Addr::from(segments);
            let long = segments.map(|segment| format!("{segment:04X}")).join(":");
            prop_assert_eq!(IpKey::new(&address.to_string()), IpKey::new(&long));
        }

        #[test]
        fn different_addresses_have_different_keys(a: [u16; 8], b: [u16; 8]) {
            prop_assume!(a != b);
            prop_assert_ne!(IpKey::new(&Ipv6Addr::from(a).to_string()), IpKey::new(&Ipv6Addr::from(b).to_string()));
        }
    }
}
