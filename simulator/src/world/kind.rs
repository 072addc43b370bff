//! The kinds of addresses, and the slots of each kind.

use strum::VariantArray;

use super::address::SLOTS;

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
    /// Unknown: 404.
    Unknown,
}

impl Kind {
    /// Whether the address belongs to a data centre.
    #[must_use]
    pub fn is_data_centre(self) -> bool {
        matches!(self, Self::NexaCore | Self::VertexCloud)
    }

    /// The percentage of addresses of this kind.
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

    pub(super) fn first_slot(self) -> u32 {
        Self::VARIANTS
            .iter()
            .take_while(|kind| **kind != self)
            .map(|kind| kind.slots())
            .sum()
    }

    pub(super) fn slots(self) -> u32 {
        self.percent() * (SLOTS / 100)
    }

    pub(super) fn of_slot(slot: u32) -> Self {
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
