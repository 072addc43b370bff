//! What a load must have come to in the view, session by session. Pure.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use protocol::frame::VisibleSession;
use simulator::load::{ActiveSession, Load};
use simulator::world::Kind;

/// The most sessions that are named where the view is wrong.
const NAMED: usize = 5;

/// The sessions that must be shown, by guid.
#[derive(Debug)]
pub struct Expected(BTreeMap<String, ActiveSession>);

impl Expected {
    /// Those that the load has left active, but for the hidden companies'.
    #[must_use]
    pub fn of(load: &Load) -> Self {
        let shown = load
            .active()
            .filter(|session| !matches!(session.kind, Kind::NexaCore | Kind::VertexCloud));
        Self(shown.map(|session| (session.guid.clone(), session)).collect())
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// That exactly these are shown, with their times.
    ///
    /// # Errors
    /// Where they are not: how it differs.
    pub fn compare(&self, shown: &BTreeMap<String, VisibleSession>) -> Result<()> {
        let missing: Vec<_> = self.0.keys().filter(|guid| !shown.contains_key(*guid)).collect();
        let ghosts: Vec<_> = shown.keys().filter(|guid| !self.0.contains_key(*guid)).collect();
        let wrong: Vec<_> = self
            .0
            .values()
            .filter(|session| differs(session, shown.get(&session.guid)))
            .collect();
        ensure!(
            missing.is_empty() && ghosts.is_empty() && wrong.is_empty(),
            "{} missing {:?}, {} too much {:?}, {} with wrong times or address {:?}",
            missing.len(),
            &missing[..missing.len().min(NAMED)],
            ghosts.len(),
            &ghosts[..ghosts.len().min(NAMED)],
            wrong.len(),
            &wrong[..wrong.len().min(NAMED)],
        );
        Ok(())
    }
}

/// A session that is not shown is missing, not different.
fn differs(session: &ActiveSession, shown: Option<&VisibleSession>) -> bool {
    shown.is_some_and(|shown| {
        *shown.ip != *session.ip
            || shown.opened_at != session.opened_at_ms
            || shown.last_activity_at != session.last_activity_at_ms
    })
}
