//! Publishes the process's status each second and when its readiness changes, and answers `nats micro` and requests for
//! it.

use std::collections::HashMap;
use std::sync::Arc;

use async_nats::service::{ServiceExt as _, error::Error};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::SelectAll;
use protocol::Millis;
use protocol::status::{Figures, INTERVAL, Status};
use protocol::subject;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::nats::Nats;
use crate::telemetry::health::Health;

/// The error code of a request that cannot be answered.
const BAD_REQUEST: usize = 400;

/// Reports the status of a process.
#[derive(Clone)]
pub struct Reporter {
    process: &'static str,
    instance: Arc<str>,
    /// By the monotonic clock.
    started_at: Millis,
    health: Health,
    figures: Arc<dyn Fn() -> Figures + Send + Sync>,
    endpoints: Vec<Endpoint>,
}

/// How an endpoint describes itself in `nats micro info`.
#[derive(Clone, Copy, Debug)]
pub struct Documentation {
    /// What the endpoint answers.
    pub description: &'static str,
    /// The JSON Schema of a request.
    pub request: &'static str,
    /// The JSON Schema of a response.
    pub response: &'static str,
}

impl Documentation {
    fn metadata(self) -> HashMap<String, String> {
        let Self {
            description,
            request,
            response,
        } = self;
        let entries = [
            ("description", description.to_owned()),
            ("request_schema", on_one_line(request)),
            ("response_schema", on_one_line(response)),
        ];
        entries.map(|(name, text)| (name.to_owned(), text)).into()
    }
}

/// The schema without its indentation, because the nats CLI prints each value of the metadata on a line.
fn on_one_line(schema: &str) -> String {
    schema.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

const STATUS: Documentation = Documentation {
    description: "The status of one process of this kind, which answers first",
    request: r#"{ "description": "Anything; it is ignored." }"#,
    response: include_str!("status.schema.json"),
};

/// Answers a request, or fails with a message.
type Handler = Arc<dyn Fn(Bytes) -> BoxFuture<'static, Result<Value, String>> + Send + Sync>;

/// An additional subject on which the process answers.
#[derive(Clone)]
struct Endpoint {
    name: &'static str,
    subject: &'static str,
    documentation: Documentation,
    handler: Handler,
}

impl Reporter {
    /// Reports for a process; `figures` is called each time.
    pub fn new(
        process: &'static str,
        instance: &str,
        health: Health,
        figures: impl Fn() -> Figures + Send + Sync + 'static,
    ) -> Self {
        Self {
            process,
            instance: instance.into(),
            started_at: clock::uptime(),
            health,
            figures: Arc::new(figures),
            endpoints: Vec::new(),
        }
    }

    /// Adds an endpoint to the process's NATS service.
    #[must_use]
    pub fn with_endpoint<F>(
        mut self,
        name: &'static str,
        subject: &'static str,
        documentation: Documentation,
        handler: impl Fn(Bytes) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Value, String>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |payload| Box::pin(handler(payload)));
        self.endpoints.push(Endpoint {
            name,
            subject,
            documentation,
            handler,
        });
        self
    }

    /// The status now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status_of(false)
    }

    fn status_of(&self, stopping: bool) -> Status {
        let reason = self.health.reason();
        Status {
            figures: (self.figures)(),
            instance: self.instance.to_string(),
            at: clock::now(),
            started_at: clock::time_at(self.started_at),
            clock_offset_seconds: clock::offset().map(|offset| offset as f64 / 1000.0),
            ready: reason.is_none(),
            reason: reason.or_else(|| self.health.impairment()),
            stopping: Some(stopping),
        }
    }

    fn json(&self, stopping: bool) -> Bytes {
        // Serializing numbers and strings cannot fail.
        serde_json::to_vec(&self.status_of(stopping))
            .unwrap_or_default()
            .into()
    }

    /// Publishes the status and answers requests, until `shutdown`.
    pub async fn run(self, nats: Nats, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.publish(&nats) => {}
            () = self.answer(&nats) => {}
        }
        self.publish_last_status(&nats).await;
    }

    /// Reports to the gateways that the process is stopping, so that they do not report it as missing.
    async fn publish_last_status(&self, nats: &Nats) {
        if !nats.is_connected() {
            return;
        }
        let said = async {
            let subject = subject::status(self.process, &self.instance);
            nats.client().publish(subject, self.json(true)).await?;
            nats.client().flush().await?;
            Ok::<_, async_nats::Error>(())
        };
        if !matches!(tokio::time::timeout(INTERVAL, said).await, Ok(Ok(()))) {
            tracing::debug!("the last status was not published");
        }
    }

    async fn publish(&self, nats: &Nats) {
        let subject = subject::status(self.process, &self.instance);
        let mut seconds = tokio::time::interval(INTERVAL);
        seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            // Gateways wait for the first status of a process, so it does not wait for the second to end.
            tokio::select! {
                _ = seconds.tick() => {}
                () = self.health.readiness_changed() => {}
            }
            if nats.is_connected()
                && let Err(error) = nats.client().publish(subject.clone(), self.json(false)).await
            {
                tracing::debug!(%error, "the status was not published");
            }
        }
    }

    /// Registers with the NATS services framework. The process does not depend on it.
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
        let of_requests = self.clone();
        let status: Handler = Arc::new(move |_| {
            let status = serde_json::to_value(of_requests.status()).map_err(|error| error.to_string());
            Box::pin(std::future::ready(status))
        });
        let mut requests = SelectAll::new();
        let builder = service.endpoint_builder().name("status");
        let endpoint = builder.metadata(STATUS.metadata()).add(subject).await?;
        requests.push(
            endpoint
                .map(move |request| (Arc::clone(&status), request))
                .boxed(),
        );
        for Endpoint {
            name,
            subject,
            documentation,
            handler,
        } in self.endpoints.clone()
        {
            let builder = service.endpoint_builder().name(name);
            let endpoint = builder.metadata(documentation.metadata()).add(subject).await?;
            requests.push(
                endpoint
                    .map(move |request| (Arc::clone(&handler), request))
                    .boxed(),
            );
        }
        while let Some((handler, request)) = requests.next().await {
            let answer = handler(request.message.payload.clone()).await;
            let answer = answer.map(|answer| answer.to_string().into());
            request
                .respond(answer.map_err(|status| Error {
                    status,
                    code: BAD_REQUEST,
                }))
                .await?;
        }
        Ok(())
    }
}
