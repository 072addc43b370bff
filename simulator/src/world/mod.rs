//! The company and contact behind each IP address: a pure function of the seed and the address.
//!
//! Every address has a slot (see [`address`]), every [`Kind`] a range of slots. So the kind of any address can be
//! computed, and so can, the other way round, the n-th address of a kind.

pub mod address;
mod kind;
mod mix;
mod names;
pub mod profile;

pub use kind::{Kind, NEXACORE, VERTEXCLOUD};
pub use profile::{Answer, Company, Contact};

/// One invented internet. Two worlds of the same seed are the same.
#[derive(Clone, Copy, Debug)]
pub struct World {
    seed: u64,
    hostile_names: bool,
}

impl World {
    /// The world of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            hostile_names: false,
        }
    }

    /// The same world, in which many names and titles hold what a careless page would not escape. Nothing else differs.
    #[must_use]
    pub fn with_hostile_names(self, hostile_names: bool) -> Self {
        Self {
            hostile_names,
            ..self
        }
    }

    /// The n-th IPv4 address of a kind. Different numbers give different addresses, up to tens of millions.
    #[must_use]
    pub fn ip(&self, kind: Kind, n: u32) -> String {
        address::ipv4(self.seed, kind.first_slot() + n % kind.slots()).to_string()
    }

    /// The n-th IPv6 address of a kind, in its canonical spelling. The same visitor as the n-th IPv4 address.
    #[must_use]
    pub fn ipv6(&self, kind: Kind, n: u32) -> String {
        address::ipv6(self.seed, kind.first_slot() + n % kind.slots()).to_string()
    }

    /// The n-th address that looks like IPv4 but is not valid, such as `185.242.274.177`. It is of any kind.
    #[must_use]
    pub fn invalid_ip(&self, n: u32) -> String {
        format!("185.242.{}.{}", 256 + n / 256 % 744, n % 256)
    }

    /// The n-th of the 20 addresses that visit repeatedly, of the given kinds in turn. Without kinds, they are ordinary
    /// addresses.
    #[must_use]
    pub fn hot_ip(&self, kinds: &[Kind], n: u32) -> String {
        const HOT: u32 = 20;
        let nth = n % HOT;
        let kind = kinds
            .iter()
            .cycle()
            .nth(nth as usize)
            .copied()
            .unwrap_or(Kind::Full);
        // From the end of the range, because other addresses are numbered from its start.
        self.ip(kind, kind.slots() - 1 - nth)
    }

    /// The kind of an address, in any spelling, valid or not.
    #[must_use]
    pub fn kind_of(&self, ip: &str) -> Kind {
        Kind::of_slot(address::slot(self.seed, ip))
    }

    /// The answer of the Deanonymizer for an address, in any spelling, valid or not.
    #[must_use]
    pub fn answer(&self, ip: &str) -> Answer {
        let slot = address::slot(self.seed, ip);
        profile::answer(self.seed, slot, Kind::of_slot(slot), self.hostile_names)
    }
}

#[cfg(test)]
mod tests;
