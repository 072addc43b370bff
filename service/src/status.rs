//! Tells each second how this process is, and answers `nats micro` and requests for the same.

use std::sync::Arc;

use async_nats::service::ServiceExt as _;
use bytes::Bytes;
use futures_util::StreamExt as _;
use protocol::Millis;
use protocol::status::{Figures, INTERVAL, Status};
use protocol::subject;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::health::Health;
use crate::nats::Nats;

/// Says how a process is.
#[derive(Clone)]
pub struct Reporter {
    process: &'static str,
    instance: Arc<str>,
    started_at: Millis,
    health: Health,
    figures: Arc<dyn Fn() -> Figures + Send + Sync>,
}

impl Reporter {
    /// For the process of that name; `figures` is asked each time.
    pub fn new(
        process: &'static str,
        instance: &str,
        health: Health,
        figures: impl Fn() -> Figures + Send + Sync + 'static,
    ) -> Self {
        Self {
            process,
            instance: instance.into(),
            started_at: clock::now(),
            health,
            figures: Arc::new(figures),
        }
    }

    /// The status now.
    #[must_use]
    pub fn status(&self) -> Status {
        let reason = self.health.reason();
        Status {
            figures: (self.figures)(),
            instance: self.instance.to_string(),
            at: clock::now(),
            started_at: self.started_at,
            ready: reason.is_none(),
            reason,
        }
    }

    fn json(&self) -> Bytes {
        // A struct of numbers and strings can always be written.
        serde_json::to_vec(&self.status()).unwrap_or_default().into()
    }

    /// Publishes the status each second and answers for it, until `shutdown`.
    pub async fn run(self, nats: Nats, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.publish(&nats) => {}
            () = self.answer(&nats) => {}
        }
    }

    async fn publish(&self, nats: &Nats) {
        let subject = subject::status(self.process, &self.instance);
        let mut seconds = tokio::time::interval(INTERVAL);
        seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            seconds.tick().await;
            if nats.is_connected()
                && let Err(error) = nats.client().publish(subject.clone(), self.json()).await
            {
                tracing::debug!(%error, "the status was not published");
            }
        }
    }

    /// Registers with the NATS services framework. A service that cannot be registered is no reason to stop working.
    async fn answer(&self, nats: &Nats) {
        nats.connected().await;
        if let Err(error) = self.serve(nats).await {
            tracing::warn!(%error, "not listed among the NATS services");
        }
        std::future::pending::<()>().await;
    }

    async fn serve(&self, nats: &Nats) -> Result<(), async_nats::Error> {
        let of_stats = self.clone();
        let service = nats
            .client()
            .service_builder()
            .description("A process of the visitor pipeline")
            .metadata([("instance".to_owned(), self.instance.to_string())].into())
            .stats_handler(move |_, _| serde_json::to_value(of_stats.status()).unwrap_or_default())
            .start(format!("visitor-{}", self.process), env!("CARGO_PKG_VERSION"))
            .await?;
        let subject = format!("visitor.service.{}.status", self.process);
        let mut requests = service.endpoint_builder().name("status").add(subject).await?;
        while let Some(request) = requests.next().await {
            request.respond(Ok(self.json())).await?;
        }
        Ok(())
    }
}
