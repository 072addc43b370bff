//! The verdict on an address: what may be shown of who is behind it. Pure.

use protocol::Profile;

/// What the lookup of an address came to.
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
    /// The profile to show; `None` where nothing may be.
    #[must_use]
    pub fn profile(&self) -> Option<Profile> {
        match self {
            Self::Shown(profile) => Some(profile.clone()),
            Self::Unknown => Some(Profile::default()),
            Self::Hidden => None,
        }
    }
}
