//! The verdict on an address: what may be shown. Pure.

use protocol::Profile;

/// The result of the lookup of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its sessions are shown, with this profile.
    Shown(Profile),
    /// The Deanonymizer does not know it; its sessions are shown without a profile.
    Unknown,
    /// It belongs to a company whose sessions are never shown.
    Hidden,
}

impl Verdict {
    /// The profile to show. `None` if nothing may be shown.
    #[must_use]
    pub fn profile(&self) -> Option<Profile> {
        match self {
            Self::Shown(profile) => Some(profile.clone()),
            Self::Unknown => Some(Profile::default()),
            Self::Hidden => None,
        }
    }
}
