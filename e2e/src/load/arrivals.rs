//! Sends events of new and known visitors, as many tests do.

use anyhow::{Result, ensure};
use simulator::world::Kind;

use crate::eventually::eventually;
use crate::processes::Pipeline;
use crate::times::StampedAt as _;
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

    /// Waits until the gateway shows a new session from the address of a known visitor, and a keep-alive of that visitor.
    ///
    /// # Errors
    /// Fails if one of them is not shown in time.
    pub async fn serves_known(&self, known: &Visitor) -> Result<()> {
        let touch = known.keep_alive(0);
        let again = Visitor::from(&known.ip);
        self.send(&[touch.clone(), again.opened(0)]);
        self.shows(&again).await?;
        eventually("the keep-alive of the known visitor is shown", async || {
            let session = self.shows(known).await?;
            ensure!(Some(session.last_activity_at) == touch.stamped_at());
            Ok(())
        })
        .await
    }
}
