//! What must be seen, from the events that were sent. Pure, and written apart from the gateway's code: where
//! the two disagree, one of them is wrong.

mod hidden;
mod in_transit;
mod late;
mod load_end;
mod span;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

pub use self::span::Span;

use protocol::Millis;
use protocol::frame::VisibleSession;
use protocol::time::millis;
use simulator::emitter::SentEvent;
use simulator::event::EventKind;
use simulator::world::{Answer, World};

pub use hidden::{GRACE, HiddenCompanies, Visibility, company_of};
pub use in_transit::differences_in_transit;
pub use late::LateReading;
pub use load_end::ExpectedView;

/// How far before its receipt an event may claim to have happened, in ms.
const OLDEST_BELIEVED: Millis = 10 * 60 * 1000;

/// The circumstances under which the events were sent.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// Who is behind the addresses.
    pub world: World,
    /// Which companies are hidden besides the data centres.
    pub hidden: &'a HiddenCompanies,
    /// When ingestors read late what was sent.
    pub late: &'a [LateReading],
    /// After how much silence a session is stale.
    pub stale_after: Duration,
    /// The longest that an event may be on its way. What depends on more precision is not judged.
    pub slack: Duration,
    /// When the view was looked at.
    pub now: Millis,
}

/// A session that is to be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedSession {
    /// Whether it may be missing, because it is about to go stale.
    pub may_be_missing: bool,
    /// The spellings of its address.
    pub ips: BTreeSet<String>,
    /// When it opened.
    pub opened_at: Span,
    /// When it last gave a sign of life.
    pub last_activity_at: Span,
}

/// A way in which a view is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A session is not shown.
    Missing(String),
    /// A session is shown that should not be.
    Ghost(String),
    /// Something is wrong about a session that is rightly shown.
    Wrong {
        /// The session.
        guid: String,
        /// What is wrong about it.
        what: &'static str,
        /// What is shown, and what should be.
        detail: String,
    },
}

impl Difference {
    /// The session that is wrong.
    #[must_use]
    pub fn guid(&self) -> &str {
        match self {
            Self::Missing(guid) | Self::Ghost(guid) | Self::Wrong { guid, .. } => guid,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(guid) => write!(f, "{guid} is missing"),
            Self::Ghost(guid) => write!(f, "{guid} is a ghost"),
            Self::Wrong { guid, what, detail } => write!(f, "{guid} has a wrong {what}: {detail}"),
        }
    }
}

/// The sessions that are to be seen, by guid.
#[must_use]
pub fn view(events: &[SentEvent], circumstances: Circumstances<'_>) -> BTreeMap<String, ExpectedSession> {
    let mut sessions: BTreeMap<String, Vec<&SentEvent>> = BTreeMap::new();
    // What was sent to nobody is lost, and nobody can know of it.
    for event in events.iter().filter(|event| event.clients > 0) {
        sessions.entry(event.guid.to_lowercase()).or_default().push(event);
    }
    sessions
        .into_iter()
        .filter_map(|(guid, events)| Some((guid, expected(&events, circumstances)?)))
        .collect()
}

/// How what is shown differs from what is expected; nothing where it is right.
#[must_use]
pub fn differences(
    expected: &BTreeMap<String, ExpectedSession>,
    shown: &BTreeMap<String, VisibleSession>,
    circumstances: Circumstances<'_>,
) -> Vec<Difference> {
    let ghosts = shown.keys().filter(|guid| !expected.contains_key(*guid));
    let mut differences: Vec<_> = ghosts.cloned().map(Difference::Ghost).collect();
    for (guid, expected) in expected {
        match shown.get(guid) {
            None if expected.may_be_missing => {}
            None => differences.push(Difference::Missing(guid.clone())),
            Some(session) => differences.extend(wrong(expected, session, circumstances.world)),
        }
    }
    differences
}

fn expected(events: &[&SentEvent], circumstances: Circumstances<'_>) -> Option<ExpectedSession> {
    let stale_after = millis(circumstances.stale_after);
    let slack = millis(circumstances.slack);
    let received = |event: &SentEvent| late::received(event.sent_at_ms, slack, circumstances.late);
    let closed = events.iter().any(|event| event.kind == EventKind::SessionClosed);
    let heard = events.iter().map(|event| received(event)).reduce(Span::latest)?;
    let visibility = visibility(events, circumstances);
    if closed || visibility == Visibility::Hidden || circumstances.now - heard.to > stale_after {
        return None;
    }
    let times = |kind: EventKind| {
        events
            .iter()
            .filter(move |event| event.kind == kind)
            .map(move |event| happened(event, received(event)))
    };
    let all = || events.iter().map(|event| happened(event, received(event)));
    let opened = times(EventKind::SessionOpened).reduce(Span::earliest);
    let kept_alive = times(EventKind::KeepAlive).reduce(Span::earliest);
    let shown_again = visibility == Visibility::Either;
    Some(ExpectedSession {
        may_be_missing: shown_again || circumstances.now - heard.from > stale_after - slack,
        ips: events.iter().map(|event| event.ip.clone()).collect(),
        opened_at: if shown_again {
            // Nobody kept the opening of a session that was hidden.
            all().reduce(Span::hull)?
        } else {
            opened.or(kept_alive)?
        },
        last_activity_at: all().reduce(Span::latest)?,
    })
}

fn visibility(events: &[&SentEvent], circumstances: Circumstances<'_>) -> Visibility {
    let mut ips: Vec<_> = events.iter().map(|event| event.ip.as_str()).collect();
    ips.dedup();
    let of_each = ips
        .into_iter()
        .map(|ip| circumstances.hidden.visibility(circumstances.world, ip));
    of_each.fold(Visibility::Shown, |most_hidden, next| match (most_hidden, next) {
        (Visibility::Hidden, _) | (_, Visibility::Hidden) => Visibility::Hidden,
        (Visibility::Either, _) | (_, Visibility::Either) => Visibility::Either,
        (Visibility::Shown, Visibility::Shown) => Visibility::Shown,
    })
}

/// When an event happened: what its timestamp says if that can be believed, otherwise when it was received.
fn happened(event: &SentEvent, received: Span) -> Span {
    match event.timestamp_ms {
        Some(at) if at <= event.sent_at_ms && received.to - at <= OLDEST_BELIEVED => Span::exactly(at),
        // So near to the edge that the time on its way decides.
        Some(at) if at <= received.to && received.from - at <= OLDEST_BELIEVED => {
            received.hull(Span::exactly(at))
        }
        _ => received,
    }
}

fn wrong(expected: &ExpectedSession, shown: &VisibleSession, world: World) -> Vec<Difference> {
    let guid = shown.guid.to_string();
    let wrong = |what, detail| Difference::Wrong {
        guid: guid.clone(),
        what,
        detail,
    };
    let mut differences = Vec::new();
    if !expected.ips.contains(&*shown.ip) {
        differences.push(wrong("address", format!("{}, not {:?}", shown.ip, expected.ips)));
    }
    for (what, span, at) in [
        ("opened time", expected.opened_at, shown.opened_at),
        ("last activity", expected.last_activity_at, shown.last_activity_at),
    ] {
        if !span.contains(at) {
            differences.push(wrong(what, format!("{at}, not {} to {}", span.from, span.to)));
        }
    }
    let answer = world.answer(&shown.ip);
    let company = company(&answer);
    let shown_company = shown.company.as_deref().map(|company| {
        (
            company.guid.to_lowercase(),
            company.name.clone(),
            company.domain.clone(),
        )
    });
    if company != shown_company {
        differences.push(wrong("company", format!("{shown_company:?}, not {company:?}")));
    }
    let contact = contact(&answer);
    let shown_contact = shown.contact.as_deref().map(|contact| Person {
        guid: contact.guid.clone(),
        name: contact.name.clone(),
        title: contact.title.clone(),
        email_addresses: contact.email_addresses.clone(),
        phone_numbers: contact.phone_numbers.clone(),
    });
    if contact != shown_contact {
        differences.push(wrong("contact", format!("{shown_contact:?}, not {contact:?}")));
    }
    differences
}

fn company(answer: &Answer) -> Option<(String, String, String)> {
    let company = answer.company()?;
    Some((
        company.guid.to_lowercase(),
        company.name.clone(),
        company.domain.clone(),
    ))
}

/// A contact as it may be shown.
#[derive(Debug, PartialEq, Eq)]
struct Person {
    guid: String,
    name: String,
    title: Option<String>,
    email_addresses: Vec<String>,
    phone_numbers: Vec<String>,
}

fn contact(answer: &Answer) -> Option<Person> {
    let contact = answer.contact()?;
    Some(Person {
        guid: contact.guid.clone(),
        name: contact.name.clone(),
        title: contact.title.clone(),
        email_addresses: contact.business_addresses.clone(),
        phone_numbers: contact.phone_numbers.clone().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests;
