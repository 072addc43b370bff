//! Visitors who arrive, and those who are known: what many tests do with a pipeline.

use anyhow::{Result, ensure};
use simulator::world::Kind;

use crate::eventually::eventually;
use crate::processes::Pipeline;
use crate::visitor::Visitor;

impl Pipeline {
    /// Opens a session for each of the numbers, from the address of that number and kind, all at once.
    pub fn arrive(&self, kind: Kind, numbers: impl IntoIterator<Item = u32>) -> Vec<Visitor> {
        let visitors: Vec<_> = numbers
            .into_iter()
            .map(|number| Visitor::from(&self.ip(kind, number)))
            .collect();
        let opened: Vec<_> = visitors.iter().map(|visitor| visitor.opened(0)).collect();
        self.send(&opened);
        visitors
    }

    /// Waits until another session from the address of a known visitor is shown, and until a keep-alive of the visitor is.
    ///
    /// # Errors
    /// Fails if one of them is not in time.
    pub async fn serves_known(&self, known: &Visitor) -> Result<()> {
        let touch = known.keep_alive(0);
        let again = Visitor::from(&known.ip);
        self.send(&[touch.clone(), again.opened(0)]);
        self.shows(&again).await?;
        eventually("the known visitor goes on", async || {
            let session = self.shows(known).await?;
            ensure!(Some(session.last_activity_at) == touch.timestamp_ms());
            Ok(())
        })
        .await
    }
}
