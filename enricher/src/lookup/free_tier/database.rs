//! Reads network and country of an address from a database in `MaxMind`'s format, of any vendor. Pure.

use std::net::IpAddr;
use std::sync::Arc;

use maxminddb::{MaxMindDbError, Reader};
use serde_json::Value;

/// An autonomous system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    pub number: Option<u32>,
    pub organisation: Option<Arc<str>>,
}

impl Network {
    /// As it is shown: `Example Cable (AS64500)`.
    #[must_use]
    pub fn shown(&self) -> Option<Arc<str>> {
        match (&self.organisation, self.number) {
            (Some(name), Some(number)) => Some(format!("{name} (AS{number})").into()),
            (Some(name), None) => Some(Arc::clone(name)),
            (None, Some(number)) => Some(format!("AS{number}").into()),
            (None, None) => None,
        }
    }
}

/// A database in memory.
pub struct Database(Reader<Vec<u8>>);

/// Where vendors put the number of a network.
const NUMBERS: [&str; 4] = [
    "/autonomous_system_number",
    "/asn",
    "/as_number",
    "/traits/autonomous_system_number",
];

/// Where vendors put the name of its operator.
const ORGANISATIONS: [&str; 6] = [
    "/autonomous_system_organization",
    "/as_name",
    "/as_organization",
    "/organization",
    "/name",
    "/traits/autonomous_system_organization",
];

/// Where vendors put the code of a country (ISO 3166-1 alpha-2).
const COUNTRIES: [&str; 4] = [
    "/country/iso_code",
    "/country_code",
    "/country",
    "/registered_country/iso_code",
];

impl Database {
    /// Reads a database.
    ///
    /// # Errors
    /// Fails if the bytes are not a database.
    pub fn new(bytes: Vec<u8>) -> Result<Self, MaxMindDbError> {
        Reader::from_source(bytes).map(Self)
    }

    /// The network of an address.
    pub fn network(&self, address: IpAddr) -> Option<Network> {
        let entry = self.entry(address)?;
        let number = NUMBERS.iter().find_map(|pointer| match entry.pointer(pointer)? {
            Value::Number(number) => number.as_u64().and_then(|number| number.try_into().ok()),
            Value::String(text) => number(text).or_else(|| text.parse().ok()),
            _ => None,
        });
        let organisation = text(&entry, &ORGANISATIONS).map(Arc::from);
        (number.is_some() || organisation.is_some()).then_some(Network { number, organisation })
    }

    /// The code of the country of an address.
    pub fn country(&self, address: IpAddr) -> Option<Arc<str>> {
        let entry = self.entry(address)?;
        let code = text(&entry, &COUNTRIES)?;
        let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
        is_code.then(|| code.to_ascii_uppercase().into())
    }

    fn entry(&self, address: IpAddr) -> Option<Value> {
        // A database of IPv4 only fails for IPv6 addresses.
        self.0.lookup(address).ok()?.decode().ok()?
    }
}

fn text<'a>(entry: &'a Value, pointers: &[&str]) -> Option<&'a str> {
    let texts = pointers
        .iter()
        .filter_map(|pointer| entry.pointer(pointer)?.as_str());
    texts.map(str::trim).find(|text| !text.is_empty())
}

/// The number of an autonomous system: `AS64500`.
pub(super) fn number(text: &str) -> Option<u32> {
    let (prefix, digits) = text.split_at_checked(2)?;
    prefix
        .eq_ignore_ascii_case("as")
        .then(|| digits.trim().parse().ok())?
}

#[cfg(test)]
pub(super) mod tests {
    use maxminddb_writer::Database as Writer;
    use maxminddb_writer::paths::IpAddrWithMask;
    use serde_json::json;

    use super::*;

    /// A database with these entries.
    pub fn written(entries: &[(&str, Value)]) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.metadata.binary_format_major_version = 2;
        "Test".clone_into(&mut writer.metadata.database_type);
        for (range, value) in entries {
            let data = writer.insert_value(value).unwrap();
            writer.insert_node(range.parse::<IpAddrWithMask>().unwrap(), data);
        }
        writer.write_to(Vec::new()).unwrap()
    }

    fn database(value: Value) -> Database {
        Database::new(written(&[("11.0.0.0/8", value)])).unwrap()
    }

    const IP: &str = "11.2.3.4";

    #[test]
    fn networks_of_several_vendors() {
        for (value, shown) in [
            (
                json!({"autonomous_system_number": 64500, "autonomous_system_organization": "Example Cable"}),
                "Example Cable (AS64500)",
            ),
            (
                json!({"asn": "AS64500", "as_name": "Example Cable"}),
                "Example Cable (AS64500)",
            ),
            (json!({"asn": "64500"}), "AS64500"),
            (json!({"organization": "Example Cable"}), "Example Cable"),
        ] {
            let network = database(value).network(IP.parse().unwrap()).unwrap();
            assert_eq!(network.shown().as_deref(), Some(shown));
        }
        assert_eq!(
            database(json!({"as_name": " "})).network(IP.parse().unwrap()),
            None
        );
        assert_eq!(
            database(json!({"asn": 1})).network("12.0.0.1".parse().unwrap()),
            None
        );
    }

    #[test]
    fn countries_of_several_vendors() {
        for value in [
            json!({"country": {"iso_code": "DE"}}),
            json!({"country_code": "de", "country": "Germany"}),
            json!({"country": "DE"}),
            json!({"registered_country": {"iso_code": "DE"}}),
        ] {
            assert_eq!(
                database(value).country(IP.parse().unwrap()).as_deref(),
                Some("DE")
            );
        }
        assert_eq!(
            database(json!({"country": "Germany"})).country(IP.parse().unwrap()),
            None
        );
    }

    #[test]
    fn rejects_other_files() {
        assert!(Database::new(b"none".to_vec()).is_err());
        assert!(Database::new(Vec::new()).is_err());
    }
}
