//! What the hub is asked, and by whom: the handle that API and WebSocket clients have.

use protocol::frame::Stats;
use protocol::status::Pipeline;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::sleep;

use crate::hub::frames::Following;
use crate::hub::outgoing::Outgoing;
use crate::hub::snapshots::{Busy, SHARED_FOR};

/// How often it is asked for a snapshot while there is no room for another one: for some seconds.
const JOIN_ATTEMPTS: u32 = 20;

/// What the hub can be asked, with the way back for the answer.
pub enum Question {
    /// The view, and all that follows.
    Join(oneshot::Sender<Result<Following, Busy>>),
    /// The figures.
    Stats(oneshot::Sender<Stats>),
    /// How the processes are.
    Pipeline(oneshot::Sender<Pipeline>),
}

/// Why a question is not answered.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum Unavailable {
    /// The view has not been told everything yet.
    #[error("the view is not complete yet")]
    NotReady,
    /// There was no room for another snapshot for a while.
    #[error(transparent)]
    Busy(#[from] Busy),
}

/// Asks the hub. Clones ask the same.
#[derive(Clone)]
pub struct Hub {
    questions: mpsc::Sender<Question>,
    frames: broadcast::Sender<Outgoing>,
}

impl Hub {
    /// Asks whoever answers these questions and sends these frames.
    pub fn new(questions: mpsc::Sender<Question>, frames: broadcast::Sender<Outgoing>) -> Self {
        Self { questions, frames }
    }

    /// Frames from now on.
    pub fn frames(&self) -> broadcast::Receiver<Outgoing> {
        self.frames.subscribe()
    }

    /// The whole view, up to a quarter of a second old, and everything since. Waits a while for room.
    ///
    /// # Errors
    /// While the view is not complete after a start, or too many snapshots are being sent.
    pub async fn join(&self) -> Result<Following, Unavailable> {
        let mut attempts = 0;
        loop {
            match self.ask(Question::Join).await? {
                Ok(following) => return Ok(following),
                Err(busy) if attempts == JOIN_ATTEMPTS => return Err(busy.into()),
                Err(_) => attempts += 1,
            }
            sleep(SHARED_FOR).await;
        }
    }

    /// The figures.
    ///
    /// # Errors
    /// While the view is not complete after a start.
    pub async fn stats(&self) -> Result<Stats, Unavailable> {
        self.ask(Question::Stats).await
    }

    /// How the processes are.
    ///
    /// # Errors
    /// As [`Hub::stats`].
    pub async fn pipeline(&self) -> Result<Pipeline, Unavailable> {
        self.ask(Question::Pipeline).await
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> Result<T, Unavailable> {
        let (sender, answer) = oneshot::channel();
        self.questions
            .send(question(sender))
            .await
            .map_err(|_| Unavailable::NotReady)?;
        // Unanswered, the question is dropped and with it the sender.
        answer.await.map_err(|_| Unavailable::NotReady)
    }
}
