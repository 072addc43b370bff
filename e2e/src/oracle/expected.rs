//! The sessions that a view must show.

use std::collections::{BTreeMap, BTreeSet};

use protocol::time::millis;
use protocol::{Millis, Timestamp};
use simulator::emitter::SentEvent;
use simulator::event::EventKind;
use simulator::load::{ActiveSession, Load};
use simulator::world::World;

use crate::oracle::circumstances::Circumstances;
use crate::oracle::hidden::Visibility;
use crate::oracle::late;
use crate::oracle::span::Span;
use crate::times::{SentAt as _, StampedAt as _};

/// How far before its receipt an event may claim to have happened, in ms.
const OLDEST_BELIEVED: Millis = 10 * 60 * 1000;

/// A session that must be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedSession {
    /// Whether it may be missing, because it is about to go stale.
    pub may_be_missing: bool,
    /// The spellings of its address.
    pub ips: BTreeSet<String>,
    /// When it opened.
    pub opened_at: Span,
    /// The time of its latest event.
    pub last_activity_at: Span,
}

/// All sessions that a view must show.
#[derive(Clone, Debug)]
pub struct ExpectedView {
    /// The sessions by guid in lower case.
    pub(super) sessions: BTreeMap<String, ExpectedSession>,
    /// Who is behind the addresses. `None` if companies and contacts are not compared.
    pub(super) identities: Option<World>,
}

impl ExpectedView {
    /// What must be shown after these events.
    #[must_use]
    pub fn after_events(events: &[SentEvent], circumstances: Circumstances<'_>) -> Self {
        let mut sessions: BTreeMap<String, Vec<&SentEvent>> = BTreeMap::new();
        // An event that was sent while no client was connected is lost.
        for event in events.iter().filter(|event| event.clients > 0) {
            sessions.entry(event.guid.to_lowercase()).or_default().push(event);
        }
        let expected = sessions
            .into_iter()
            .filter_map(|(guid, events)| Some((guid, expected(&events, circumstances)?)));
        Self {
            sessions: expected.collect(),
            identities: Some(circumstances.world),
        }
    }

    /// What must be shown after everything that the load has sent so far. Companies and contacts are not compared.
    #[must_use]
    pub fn after_load(load: &Load) -> Self {
        let shown = load.active().filter(|session| !session.kind.is_data_centre());
        Self {
            sessions: shown
                .map(|session| (session.guid.to_lowercase(), session.into()))
                .collect(),
            identities: None,
        }
    }

    /// The number of sessions.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sessions.len()
    }
}

impl From<ActiveSession> for ExpectedSession {
    fn from(session: ActiveSession) -> Self {
        Self {
            may_be_missing: false,
            ips: BTreeSet::from([session.ip]),
            opened_at: Span::exactly(Timestamp::from_unix_ms(session.opened_at_ms)),
            last_activity_at: Span::exactly(Timestamp::from_unix_ms(session.last_activity_at_ms)),
        }
    }
}

fn expected(events: &[&SentEvent], circumstances: Circumstances<'_>) -> Option<ExpectedSession> {
    let stale_after = millis(circumstances.stale_after);
    let slack = millis(circumstances.slack);
    let received = |event: &SentEvent| late::received(event.sent_at(), slack, circumstances.late);
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
            // The opening time of a hidden session is not stored.
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

/// When an event happened: its timestamp if that is plausible, otherwise its time of receipt.
fn happened(event: &SentEvent, received: Span) -> Span {
    match event.stamped_at() {
        Some(at) if at <= event.sent_at() && received.to - at <= OLDEST_BELIEVED => Span::exactly(at),
        // So close to the limit that the time in transit decides.
        Some(at) if at <= received.to && received.from - at <= OLDEST_BELIEVED => {
            received.hull(Span::exactly(at))
        }
        _ => received,
    }
}
