//! `--skip-networks`: networks whose visitors are not looked up. Pure.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::database::{Network, number};

/// Networks by address range, number or name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkipNetworks {
    ranges: Vec<IpNet>,
    numbers: BTreeSet<u32>,
    names: BTreeSet<String>,
    /// The first line, counted from 1, that needs the network of an address.
    first_by_network: Option<usize>,
}

/// An invalid line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {text:?} looks like an address range but is not one")]
pub struct InvalidLine {
    line: usize,
    text: String,
}

impl SkipNetworks {
    /// Parses one network per line: `AS64500`, an address range such as `192.0.2.0/24` or an organisation's name.
    /// Ignores blank lines and lines that begin with `#`.
    ///
    /// # Errors
    /// Fails if a line is an invalid address range.
    pub fn parse(text: &str) -> Result<Self, InvalidLine> {
        let mut networks = Self::default();
        for (line, text) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if let Ok(range) = text.parse::<IpNet>() {
                networks.ranges.push(range.trunc());
            } else if let Ok(address) = text.parse::<IpAddr>() {
                networks.ranges.push(address.into());
            } else if looks_like_range(text) {
                return Err(InvalidLine {
                    line,
                    text: text.to_owned(),
                });
            } else {
                networks.first_by_network.get_or_insert(line);
                match number(text) {
                    Some(number) => drop(networks.numbers.insert(number)),
                    None => drop(networks.names.insert(folded(text))),
                }
            }
        }
        Ok(networks)
    }

    /// The first line, counted from 1, that needs a network database.
    pub fn needs_network_db(&self) -> Option<usize> {
        self.first_by_network
    }

    /// Whether visitors from this address in this network are not looked up.
    pub fn skips(&self, address: Option<IpAddr>, network: Option<&Network>) -> bool {
        address.is_some_and(|address| self.ranges.iter().any(|range| range.contains(&address)))
            || network.is_some_and(|network| {
                network
                    .number
                    .is_some_and(|number| self.numbers.contains(&number))
                    || network
                        .organisation
                        .as_deref()
                        .is_some_and(|name| self.names.contains(&folded(name)))
            })
    }
}

/// An organisation's name never consists only of characters that occur in addresses.
fn looks_like_range(text: &str) -> bool {
    let is_of_address = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '/');
    text.contains(['.', ':', '/'])
        && text.chars().all(is_of_address)
        && text.starts_with(|c: char| c.is_ascii_digit() || c == ':')
}

/// Names are compared case-insensitively, with runs of white space as one space.
fn folded(name: &str) -> String {
    let words: Vec<_> = name.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u32, organisation: &str) -> Network {
        Network {
            number: Some(number),
            organisation: Some(organisation.into()),
        }
    }

    #[test]
    fn skips_by_range_number_and_name() {
        let text =
            "# hosting\n192.0.2.0/24\n2001:db8::/32\n198.51.100.7\n\nAS64500\n  Example  Cable, Inc. \n";
        let networks = SkipNetworks::parse(text).unwrap();
        assert_eq!(networks.needs_network_db(), Some(6));
        for ip in ["192.0.2.9", "2001:db8::9", "198.51.100.7"] {
            assert!(networks.skips(Some(ip.parse().unwrap()), None), "{ip}");
        }
        assert!(!networks.skips(Some("198.51.100.8".parse().unwrap()), None));
        assert!(networks.skips(None, Some(&network(64500, "Other"))));
        assert!(networks.skips(None, Some(&network(1, "EXAMPLE CABLE, INC."))));
        assert!(!networks.skips(None, Some(&network(1, "Example Cable"))));
    }

    #[test]
    fn rejects_an_invalid_range_with_its_line() {
        for text in ["192.0.2.0/33", "192.0.2/24", "2001:db8::/200", "300.1.1.1"] {
            let error = SkipNetworks::parse(&format!("# a\n{text}\n")).unwrap_err();
            assert!(error.to_string().starts_with("line 2"), "{error}");
        }
        assert!(SkipNetworks::parse("Face/Book\nA.B.C. Ltd\nAS-Example").is_ok());
    }

    #[test]
    fn host_bits_of_a_range_do_not_matter() {
        let networks = SkipNetworks::parse("192.0.2.7/24").unwrap();
        assert!(networks.skips(Some("192.0.2.200".parse().unwrap()), None));
        assert_eq!(networks.needs_network_db(), None);
    }
}
