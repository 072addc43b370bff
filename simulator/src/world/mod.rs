//! Who is behind which IP: a pure function of the seed and the address.
//!
//! Every address has a slot (see [`address`]), every [`Kind`] a range of slots. So the kind of any address can be
//! computed, and so can, the other way round, the n-th address of a kind.

pub mod address;
mod mix;
mod names;
pub mod profile;

use strum::VariantArray;

use address::SLOTS;
pub use profile::{Answer, Company, Contact};

/// GUID of the data centre "`NexaCore` Data Systems".
pub const NEXACORE: &str = "b8e8879e-3382-4908-8f1e-7638473d0913";
/// GUID of the data centre "`VertexCloud`".
pub const VERTEXCLOUD: &str = "830886a1-728e-4d94-a808-44a92841154b";

/// What the Deanonymizer knows about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray)]
pub enum Kind {
    /// A company and a contact with business addresses.
    Full,
    /// A company, no contact.
    CompanyOnly,
    /// A contact with business addresses, no company.
    ContactOnly,
    /// A company and a contact with business and personal addresses, and sometimes one that is no address at all.
    MixedEmails,
    /// A company and a contact with personal addresses only.
    PersonalEmails,
    /// A company and a contact without any address.
    NoEmails,
    /// The data centre of [`NEXACORE`], with a contact half of the time.
    NexaCore,
    /// The data centre of [`VERTEXCLOUD`], with a contact half of the time.
    VertexCloud,
    /// A right answer with neither company nor contact.
    Empty,
    /// Not known: 404.
    Unknown,
}

impl Kind {
    /// Whether the address belongs to a data centre.
    #[must_use]
    pub fn is_data_centre(self) -> bool {
        matches!(self, Self::NexaCore | Self::VertexCloud)
    }

    /// How many of a hundred addresses are of this kind.
    fn percent(self) -> u32 {
        match self {
            Self::Full => 22,
            Self::CompanyOnly => 26,
            Self::ContactOnly => 2,
            Self::MixedEmails => 6,
            Self::PersonalEmails => 5,
            Self::NoEmails | Self::Empty => 3,
            Self::NexaCore => 13,
            Self::VertexCloud | Self::Unknown => 10,
        }
    }

    fn first_slot(self) -> u32 {
        Self::VARIANTS
            .iter()
            .take_while(|kind| **kind != self)
            .map(|kind| kind.slots())
            .sum()
    }

    fn slots(self) -> u32 {
        self.percent() * (SLOTS / 100)
    }

    fn of_slot(slot: u32) -> Self {
        // The last few slots, left over by rounding, are unknown addresses.
        let starts_before = |kind: &&Self| kind.first_slot() <= slot;
        Self::VARIANTS
            .iter()
            .rev()
            .find(starts_before)
            .copied()
            .unwrap_or(Self::Unknown)
    }
}

/// One invented internet. Two worlds of the same seed are the same.
#[derive(Clone, Copy, Debug)]
pub struct World {
    seed: u64,
}

impl World {
    /// The world of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed }
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

    /// The n-th of the few addresses that come again and again: 20 of them, of the given kinds in turn. Of no kinds
    /// there are ordinary ones.
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
        // From the far end of the range, away from the addresses that others number from the start.
        self.ip(kind, kind.slots() - 1 - nth)
    }

    /// What is known about an address, in any spelling, valid or not.
    #[must_use]
    pub fn kind_of(&self, ip: &str) -> Kind {
        Kind::of_slot(address::slot(self.seed, ip))
    }

    /// What the Deanonymizer answers for an address, in any spelling, valid or not.
    #[must_use]
    pub fn answer(&self, ip: &str) -> Answer {
        let slot = address::slot(self.seed, ip);
        profile::answer(self.seed, slot, Kind::of_slot(slot))
    }
}

#[cfg(test)]
mod tests;
