//! What is known about an address without a paid call: its network and country, and whether to look it up at all.

mod database;
mod reserved;
mod skip;
mod watched;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use protocol::{Profile, ip};

use self::database::{Database, Network};
use self::skip::SkipNetworks;
use self::watched::Watched;
use crate::filter::email;
use crate::lookup::provider::Family;
use crate::lookup::provider::deanonymizer::Service;

/// The files of the command line.
#[derive(Clone, Debug, Default)]
pub struct Files {
    pub network_db: Option<PathBuf>,
    pub country_db: Option<PathBuf>,
    pub skip_networks: Option<PathBuf>,
}

/// Why an address is not looked up. It then counts as unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCall {
    /// No provider is configured.
    NoProvider,
    /// It is reserved for this purpose, so no visitor of a public website has it.
    Reserved(&'static str),
    /// It is not an IP address, or the provider does not support its family.
    Family,
    /// Its network is one of `--skip-networks`.
    SkippedNetwork,
}

impl NoCall {
    /// The labels, by [`NoCall::index`].
    pub const TOKENS: [&'static str; 4] = ["no-provider", "reserved", "family", "network"];

    /// The index of the reason.
    pub fn index(self) -> usize {
        match self {
            Self::NoProvider => 0,
            Self::Reserved(_) => 1,
            Self::Family => 2,
            Self::SkippedNetwork => 3,
        }
    }
}

/// The databases and the networks to skip. Clones share them.
#[derive(Clone)]
pub struct FreeTier {
    networks: Option<Watched<Database>>,
    countries: Option<Watched<Database>>,
    skipped: Option<Watched<SkipNetworks>>,
    service: Service,
    skip_reserved: bool,
}

impl FreeTier {
    /// Reads the files. With a provider, reserved addresses are never looked up; without one, unless `skip_reserved`.
    ///
    /// # Errors
    /// Fails if a file cannot be used; the error names the flag.
    pub fn open(files: Files, service: Service, skip_reserved: bool) -> anyhow::Result<Self> {
        let database = |flag, file: Option<PathBuf>| {
            let watched = file.map(|file| Watched::open(flag, file, read_database));
            watched.transpose()
        };
        let networks = database("--network-db", files.network_db)?;
        let skipped = files
            .skip_networks
            .map(|file| Watched::open("--skip-networks", file, read_skipped))
            .transpose()?;
        if networks.is_none()
            && let Some(line) = skipped
                .as_ref()
                .and_then(|skipped| skipped.get().needs_network_db())
        {
            anyhow::bail!(
                "--skip-networks, line {line} names a network by its number or name, which only --network-db knows"
            );
        }
        Ok(Self {
            networks,
            countries: database("--country-db", files.country_db)?,
            skipped,
            skip_reserved: skip_reserved || matches!(service, Service::Provider(_)),
            service,
        })
    }

    /// Reads the files again whenever they change, in tasks of their own.
    pub fn follow(&self) {
        for database in [&self.networks, &self.countries].into_iter().flatten() {
            tokio::spawn(database.clone().follow());
        }
        if let Some(skipped) = &self.skipped {
            tokio::spawn(skipped.clone().follow());
        }
    }

    /// Why the address is not looked up; `None` if it is.
    pub fn no_call(&self, ip: &str) -> Option<NoCall> {
        let address = ip::address(ip);
        match &self.service {
            Service::None => return Some(NoCall::NoProvider),
            Service::Native(_) => {}
            Service::Provider(provider) => {
                let family = address.map(|address| match address {
                    IpAddr::V4(_) => Family::Ipv4,
                    IpAddr::V6(_) => Family::Ipv6,
                });
                if !family.is_some_and(|family| provider.supports(family)) {
                    return Some(NoCall::Family);
                }
            }
        }
        if self.skip_reserved
            && let Some(purpose) = address.and_then(reserved::purpose)
        {
            return Some(NoCall::Reserved(purpose));
        }
        let skipped = self.skipped.as_ref()?.get();
        let network = address.and_then(|address| self.network(address));
        skipped
            .skips(address, network.as_ref())
            .then_some(NoCall::SkippedNetwork)
    }

    /// Adds network and country to a profile.
    pub fn complete(&self, ip: &str, profile: &mut Profile) {
        if self.networks.is_none() && self.countries.is_none() {
            return;
        }
        let Some(address) = ip::address(ip) else {
            return;
        };
        let network = self.network(address).and_then(|network| network.shown());
        profile.network = network.filter(|network| !email::mentions_personal(network));
        let countries = self.countries.as_ref();
        profile.country = countries.and_then(|countries| countries.get().country(address));
    }

    fn network(&self, address: IpAddr) -> Option<Network> {
        self.networks.as_ref()?.get().network(address)
    }
}

fn read_database(path: &Path) -> anyhow::Result<Database> {
    Ok(Database::new(std::fs::read(path)?)?)
}

fn read_skipped(path: &Path) -> anyhow::Result<SkipNetworks> {
    Ok(SkipNetworks::parse(&std::fs::read_to_string(path)?)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::lookup::provider::Provider;

    fn file(name: &str, bytes: &[u8]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("free-tier-{name}-{}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn provider(families: &str) -> Service {
        let text = format!(
            "name = \"a\"\nurl = \"https://a.example/{{ip}}\"\nfamilies = {families}\n[company]\nname = \"/n\""
        );
        Service::Provider(Arc::new(Provider::parse(&text).unwrap()))
    }

    fn native() -> Service {
        Service::Native("http://127.0.0.1/".parse().unwrap())
    }

    fn tier(service: Service, skip_reserved: bool) -> FreeTier {
        FreeTier::open(Files::default(), service, skip_reserved).unwrap()
    }

    #[test]
    fn provider_is_asked_about_public_addresses_only() {
        let tier = tier(provider("[\"ipv4\"]"), false);
        assert_eq!(tier.no_call("11.2.3.4"), None);
        assert_eq!(tier.no_call("::ffff:11.2.3.4"), None);
        assert_eq!(tier.no_call("192.168.1.1"), Some(NoCall::Reserved("private")));
        assert_eq!(tier.no_call("2a00::1"), Some(NoCall::Family));
        assert_eq!(tier.no_call("185.242.274.177"), Some(NoCall::Family));
    }

    #[test]
    fn native_protocol_looks_up_every_address_by_default() {
        for ip in ["192.168.1.1", "185.242.274.177", "2001:db8::1", "fe80::1"] {
            assert_eq!(tier(native(), false).no_call(ip), None, "{ip}");
        }
        assert_eq!(
            tier(native(), true).no_call("127.0.0.1"),
            Some(NoCall::Reserved("loopback"))
        );
        assert_eq!(tier(native(), true).no_call("185.242.274.177"), None);
        assert_eq!(
            tier(Service::None, false).no_call("11.2.3.4"),
            Some(NoCall::NoProvider)
        );
    }

    #[test]
    fn skips_networks_and_adds_network_and_country() {
        let networks = database::tests::written(&[
            (
                "11.0.0.0/8",
                json!({"autonomous_system_number": 64500, "autonomous_system_organization": "Example Cable"}),
            ),
            (
                "12.0.0.0/8",
                json!({"autonomous_system_number": 64501, "autonomous_system_organization": "ada@gmail.com"}),
            ),
        ]);
        let countries = database::tests::written(&[("11.0.0.0/8", json!({"country": {"iso_code": "DE"}}))]);
        let files = Files {
            network_db: Some(file("networks", &networks)),
            country_db: Some(file("countries", &countries)),
            skip_networks: Some(file("skip", b"AS64500\n")),
        };
        let tier = FreeTier::open(files.clone(), native(), false).unwrap();
        assert_eq!(tier.no_call("11.2.3.4"), Some(NoCall::SkippedNetwork));
        assert_eq!(tier.no_call("12.2.3.4"), None);
        let mut profile = Profile::default();
        tier.complete("::ffff:11.2.3.4", &mut profile);
        assert_eq!(profile.network.as_deref(), Some("Example Cable (AS64500)"));
        assert_eq!(profile.country.as_deref(), Some("DE"));
        tier.complete("12.2.3.4", &mut profile);
        assert_eq!(
            (profile.network, profile.country),
            (None, None),
            "a personal address is shown nowhere"
        );

        let without_db = Files {
            network_db: None,
            ..files.clone()
        };
        let error = FreeTier::open(without_db, native(), false).err().unwrap();
        assert!(error.to_string().contains("--network-db"), "{error}");
        let swapped = Files {
            country_db: files.skip_networks,
            ..Files::default()
        };
        let error = FreeTier::open(swapped, native(), false).err().unwrap();
        assert!(error.to_string().contains("--country-db"), "{error}");
    }
}
