//! What must be left in the view of a [`Load`], and whether it is.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use protocol::frame::VisibleSession;
use simulator::load::{ActiveSession, Load};
use tokio::time::sleep;

use crate::clients::Viewer;
use crate::eventually::within;
use crate::processes::Pipeline;

/// How long the view may take to be right after the last event.
const SETTLING: Duration = Duration::from_mins(1);

/// The most sessions that are named where the view is wrong.
const NAMED: usize = 5;

/// The sessions that must be shown, by guid.
#[derive(Clone, Debug)]
pub struct ExpectedView(BTreeMap<String, ActiveSession>);

impl ExpectedView {
    /// After all that the load has sent so far.
    #[must_use]
    pub fn of(load: &Load) -> Self {
        let shown = load.active().filter(|session| !session.kind.is_data_centre());
        Self(shown.map(|session| (session.guid.clone(), session)).collect())
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Waits until the first gateway and every viewer show exactly these, with their times.
    ///
    /// # Errors
    /// Where they do not in time: how what they show differs.
    pub async fn is_shown(&self, pipeline: &Pipeline, viewers: &[Viewer]) -> Result<()> {
        within(SETTLING, "the view is right", async || {
            let compared = self.compare_all(pipeline, viewers).await;
            if compared.is_err() {
                // Every comparison is a pass over all sessions; it should not be a load of its own.
                sleep(Duration::from_millis(200)).await;
            }
            compared
        })
        .await
    }

    async fn compare_all(&self, pipeline: &Pipeline, viewers: &[Viewer]) -> Result<()> {
        self.compare(&pipeline.sessions().await?)?;
        for viewer in viewers {
            self.compare(&viewer.view().sessions)?;
        }
        Ok(())
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
