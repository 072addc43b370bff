//! The emitter's faults, by name.

use std::{collections::BTreeSet, str::FromStr, time::Duration};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use strum::{Display, EnumString, VariantArray};

/// One way in which the emitter misbehaves. Its name is the variant's in kebab-case: `keep-alive-before-opening`.
#[derive(Clone, Copy, Debug, Display, EnumString, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Fault {
    /// Keep-alives come before the opening.
    KeepAliveBeforeOpening,
    /// A session opens twice.
    DoubleOpening,
    /// A session closes twice.
    DoubleClosing,
    /// A session falls silent and never closes.
    NoClosing,
    /// Keep-alives go on, for minutes, after the closing.
    KeepAliveAfterClosing,
    /// All connections are closed at once, with a close frame or without.
    CloseAll,
    /// All connections are closed and new ones refused for a while.
    Refuse,
    /// Connections stay open, but nothing is sent and pings go unanswered for a while.
    Silence,
    /// Text that is not JSON.
    NotJson,
    /// JSON that ends too early.
    TruncatedJson,
    /// A valid event in a binary frame.
    BinaryJson,
    /// A binary frame that does not hold text.
    BinaryGarbage,
    /// An unknown event type.
    UnknownEventType,
    /// An event that lacks a field.
    MissingFields,
    /// An event with a field of another type.
    WrongTypes,
    /// A frame of a megabyte.
    MegabyteFrame,
    /// An invalid timestamp.
    GarbageTimestamp,
    /// A timestamp that is hours old.
    OldTimestamp,
    /// A timestamp in the future.
    FutureTimestamp,
    /// Bytes that are not a WebSocket frame, of every [`ProtocolError`](crate::emitter::ProtocolError).
    ProtocolError,
    /// Visitors whose address looks like IPv4 but is not valid: `185.242.274.177`.
    InvalidIp,
    /// Events whose address is too long, or has invalid characters.
    OddIp,
    /// IPv6 visitors whose address has several spellings.
    Ipv6Spellings,
    /// Sessions whose GUID is sometimes in upper case.
    UpperCaseGuid,
    /// A few addresses come again and again.
    HotIps,
    /// Visitors that are unknown to the Deanonymizer.
    UnknownIps,
    /// Visitors from data centres.
    DataCentres,
    /// Visitors with personal email addresses.
    PersonalEmails,
}

/// When a fault of an emitter that simulates a site occurs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Occurrence {
    /// It affects a share of the sessions or of their events.
    Share(f64),
    /// The number of broken frames per event that is sent.
    Events(f64),
    /// It affects the whole site, at this mean interval.
    Site(Duration),
}

impl Fault {
    /// When the fault occurs if it is enabled.
    #[must_use]
    pub fn occurrence(self) -> Occurrence {
        match self {
            Self::KeepAliveBeforeOpening | Self::NoClosing => Occurrence::Share(0.08),
            Self::KeepAliveAfterClosing => Occurrence::Share(0.06),
            Self::DoubleOpening | Self::DoubleClosing | Self::UpperCaseGuid => Occurrence::Share(0.05),
            Self::GarbageTimestamp | Self::OldTimestamp | Self::FutureTimestamp => Occurrence::Share(0.02),
            Self::InvalidIp => Occurrence::Share(0.03),
            Self::Ipv6Spellings => Occurrence::Share(0.2),
            Self::HotIps | Self::UnknownIps => Occurrence::Share(0.11),
            Self::DataCentres => Occurrence::Share(0.26),
            Self::PersonalEmails => Occurrence::Share(0.1),
            Self::MegabyteFrame => Occurrence::Events(0.000_2),
            Self::NotJson
            | Self::TruncatedJson
            | Self::BinaryJson
            | Self::BinaryGarbage
            | Self::UnknownEventType
            | Self::MissingFields
            | Self::WrongTypes
            | Self::OddIp => Occurrence::Events(0.005),
            Self::CloseAll | Self::ProtocolError => Occurrence::Site(Duration::from_mins(3)),
            Self::Refuse | Self::Silence => Occurrence::Site(Duration::from_mins(10)),
        }
    }

    /// Whether it affects the whole site, and may lose events in transit.
    #[must_use]
    pub fn is_of_site(self) -> bool {
        matches!(self.occurrence(), Occurrence::Site(_))
    }

    /// The share of the sessions, or of their events, that have the fault; 0 for other faults.
    #[must_use]
    pub fn share(self) -> f64 {
        match self.occurrence() {
            Occurrence::Share(share) => share,
            Occurrence::Events(_) | Occurrence::Site(_) => 0.0,
        }
    }
}

/// The faults that are enabled by default.
const DEFAULT_FAULTS: [Fault; 10] = [
    Fault::KeepAliveBeforeOpening,
    Fault::DoubleOpening,
    Fault::DoubleClosing,
    Fault::NoClosing,
    Fault::KeepAliveAfterClosing,
    Fault::CloseAll,
    Fault::HotIps,
    Fault::UnknownIps,
    Fault::DataCentres,
    Fault::PersonalEmails,
];

/// A set of faults. As text: comma-separated names of faults, or `all`, `default` or `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(BTreeSet<Fault>);

/// An unknown fault name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown fault `{0}`; the faults are all, default, none, {known}", known = known_names())]
pub struct UnknownFault(String);

impl Faults {
    /// No fault at all.
    #[must_use]
    pub fn none() -> Self {
        Self(BTreeSet::new())
    }

    /// Every fault there is.
    #[must_use]
    pub fn all() -> Self {
        Fault::VARIANTS.iter().copied().collect()
    }

    /// Whether a fault is enabled.
    #[must_use]
    pub fn contains(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }

    /// Whether a fault affects this session, or this event of it.
    pub(crate) fn hit(&self, fault: Fault, rng: &mut ChaCha8Rng) -> bool {
        self.contains(fault) && rng.random_bool(fault.share())
    }

    /// The enabled faults.
    pub fn iter(&self) -> impl Iterator<Item = Fault> + '_ {
        self.0.iter().copied()
    }
}

/// The faults that are enabled by default.
impl Default for Faults {
    fn default() -> Self {
        DEFAULT_FAULTS.into_iter().collect()
    }
}

impl FromIterator<Fault> for Faults {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        Self(faults.into_iter().collect())
    }
}

impl FromStr for Faults {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut faults = BTreeSet::new();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name {
                "all" => faults.extend(Self::all().0),
                "default" => faults.extend(DEFAULT_FAULTS),
                "none" => {}
                _ => {
                    let _ = faults.insert(name.parse().map_err(|_| UnknownFault(name.to_owned()))?);
                }
            }
        }
        Ok(Self(faults))
    }
}

fn known_names() -> String {
    Fault::VARIANTS
        .iter()
        .map(Fault::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for fault in Faults::all().iter() {
            assert_eq!(fault.to_string().parse(), Ok(fault));
        }
        assert_eq!(
            Fault::KeepAliveBeforeOpening.to_string(),
            "keep-alive-before-opening"
        );
        assert_eq!(Fault::Ipv6Spellings.to_string(), "ipv6-spellings");
    }

    #[test]
    fn parses_lists() {
        assert_eq!("none".parse(), Ok(Faults::none()));
        assert_eq!("".parse(), Ok(Faults::none()));
        assert_eq!("all".parse(), Ok(Faults::all()));
        assert_eq!("default".parse(), Ok(Faults::default()));
        let two: Faults = [Fault::Silence, Fault::NotJson].into_iter().collect();
        assert_eq!("silence, not-json".parse(), Ok(two));
        assert_eq!(
            "default,refuse"
                .parse::<Faults>()
                .map(|faults| faults.iter().count()),
            Ok(DEFAULT_FAULTS.len() + 1)
        );
    }

    #[test]
    fn unknown_fault_is_named_in_the_error() {
        let error = "default,silense".parse::<Faults>().unwrap_err().to_string();
        assert!(
            error.contains("`silense`") && error.contains("silence"),
            "{error}"
        );
    }
}
