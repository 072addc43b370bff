//! The questions that handlers ask the hub.

use protocol::frame::Stats;
use protocol::history::History;
use protocol::status::Pipeline;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::sleep;

use crate::hub::frame_cost::FrameCost;
use crate::hub::frames::Following;
use crate::hub::outgoing::Outgoing;
use crate::hub::snapshots::{Busy, SHARED_FOR};

/// How many times a request for a snapshot is retried while too many are being sent: for some seconds.
const JOIN_ATTEMPTS: u32 = 20;

/// A question with the channel for its answer.
pub enum Question {
    /// The view and all frames that follow.
    Join(oneshot::Sender<Result<Following, Busy>>),
    /// The statistics.
    Stats(oneshot::Sender<Stats>),
    /// The state of the processes.
    Pipeline(oneshot::Sender<Pipeline>),
    /// The figures of the last hour.
    History(oneshot::Sender<History>),
}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum Unavailable {
    /// The view is incomplete after a start.
    #[error("the view is not complete yet")]
    NotReady,
    /// Too many snapshots were being sent for some seconds.
    #[error(transparent)]
    Busy(#[from] Busy),
}

/// A handle for asking the hub.
#[derive(Clone)]
pub struct Hub {
    questions: mpsc::Sender<Question>,
    frames: broadcast::Sender<Outgoing>,
    cost: FrameCost,
}

impl Hub {
    /// A handle for the task that receives these questions and sends these frames.
    pub fn new(
        questions: mpsc::Sender<Question>,
        frames: broadcast::Sender<Outgoing>,
        cost: FrameCost,
    ) -> Self {
        Self {
            questions,
            frames,
            cost,
        }
    }

    /// The counter to which the time that sending takes is added.
    pub fn cost(&self) -> &FrameCost {
        &self.cost
    }

    /// The frames from now on.
    pub fn frames(&self) -> broadcast::Receiver<Outgoing> {
        self.frames.subscribe()
    }

    /// A snapshot of the view and all frames since. Retries for some seconds while too many snapshots are being sent.
    ///
    /// # Errors
    /// Fails while the view is incomplete after a start, or too many snapshots are being sent.
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

    /// The statistics.
    ///
    /// # Errors
    /// Fails while the view is incomplete after a start.
    pub async fn stats(&self) -> Result<Stats, Unavailable> {
        self.ask(Question::Stats).await
    }

    /// The state of the processes.
    ///
    /// # Errors
    /// As [`Hub::stats`].
    pub async fn pipeline(&self) -> Result<Pipeline, Unavailable> {
        self.ask(Question::Pipeline).await
    }

    /// The figures of the last hour.
    ///
    /// # Errors
    /// As [`Hub::stats`].
    pub async fn history(&self) -> Result<History, Unavailable> {
        self.ask(Question::History).await
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> Result<T, Unavailable> {
        let (sender, answer) = oneshot::channel();
        self.questions
            .send(question(sender))
            .await
            .map_err(|_| Unavailable::NotReady)?;
        // The hub drops a question that it does not answer, and its sender.
        answer.await.map_err(|_| Unavailable::NotReady)
    }
}
