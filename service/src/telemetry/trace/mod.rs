//! Traces of sampled messages, from the emitter's frame to the gateway's, exported to an OpenTelemetry collector.
//!
//! The unit is the message: the ingestor starts a trace for a share of its messages. The `traceparent` header carries it
//! from message to message to the gateway. Without `--otlp-endpoint` nothing is traced, and each call costs one atomic load.

mod exporter;

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use async_nats::HeaderMap;
use async_nats::jetstream::message::PublishMessage;
use futures_util::future::BoxFuture;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{FutureExt as _, Status, TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use protocol::Timestamp;
use url::Url;

use self::exporter::Exporter;

/// The header that carries the trace (W3C Trace Context).
pub const HEADER: &str = "traceparent";

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Where traces are exported, and which share.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Base URL of an OpenTelemetry collector that accepts traces over HTTP; without it, there are no traces.
    #[arg(long, env, hide_env_values = true, value_name = "URL", value_parser = crate::process::urls::http_url)]
    pub otlp_endpoint: Option<Url>,

    /// Share of raw messages that are traced, from 0 to 1; the ingestor's value decides.
    #[arg(long, env, default_value_t = 0.01, value_parser = share)]
    pub trace_share: f64,
}

/// Exports spans; exports the rest when dropped.
#[derive(Debug)]
pub struct TracerGuard(Option<SdkTracerProvider>);

impl Drop for TracerGuard {
    fn drop(&mut self) {
        if let Some(provider) = &self.0
            && let Err(error) = provider.shutdown()
        {
            tracing::debug!(%error, "the last spans were not exported");
        }
    }
}

/// Starts to trace a process, if the settings say so. Must not be called twice.
///
/// # Errors
/// Fails if the endpoint cannot be used.
pub fn start(process: &str, settings: &Settings) -> anyhow::Result<TracerGuard> {
    let Some(endpoint) = &settings.otlp_endpoint else {
        return Ok(TracerGuard(None));
    };
    let exporter = Exporter::new(endpoint).context("cannot use --otlp-endpoint")?;
    let provider = SdkTracerProvider::builder()
        .with_resource(
            Resource::builder_empty()
                .with_service_name(format!("visitor-{process}"))
                .build(),
        )
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
            settings.trace_share,
        ))))
        .with_batch_exporter(exporter)
        .build();
    drop(TRACER.set(provider.tracer("visitor")));
    Ok(TracerGuard(Some(provider)))
}

/// A span of a trace. It ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Span(Context);

/// Whether anything is traced, for callers to which even preparing a span costs too much.
#[must_use]
pub fn is_on() -> bool {
    TRACER.get().is_some()
}

/// Starts a trace whose first span started at `since`, if it is sampled.
#[must_use]
pub fn begin(name: &'static str, since: Timestamp) -> Option<Span> {
    let tracer = TRACER.get()?;
    let start = UNIX_EPOCH + Duration::from_millis(since.unix_ms().try_into().unwrap_or(0));
    let builder = tracer.span_builder(name).with_start_time(start);
    sampled(Context::new().with_span(tracer.build_with_context(builder, &Context::new())))
}

/// Continues the trace of a message, if it has one.
#[must_use]
pub fn follow(name: &'static str, headers: Option<&HeaderMap>) -> Option<Span> {
    TRACER.get()?;
    let parent = headers?.get(HEADER)?.as_str().to_owned();
    let carrier = HashMap::from([(HEADER.to_owned(), parent)]);
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    sampled(parent)?.child(name)
}

/// The span of the current task, if any; see [`within`].
#[must_use]
pub fn current() -> Option<Span> {
    TRACER.get()?;
    sampled(Context::current())
}

/// A future whose [`current`] span is this one, which ends with it.
pub fn within<'a, T>(span: Option<Span>, future: impl Future<Output = T> + Send + 'a) -> BoxFuture<'a, T> {
    match span {
        Some(Span(context)) => Box::pin(future.with_context(context)),
        None => Box::pin(future),
    }
}

/// The message with that span in its header, if there is one.
#[must_use]
pub fn carried(message: PublishMessage, span: Option<&Span>) -> PublishMessage {
    match span.and_then(Span::parent) {
        Some(parent) => message.header(HEADER, parent),
        None => message,
    }
}

impl Span {
    /// A child that starts now.
    #[must_use]
    pub fn child(&self, name: &'static str) -> Option<Self> {
        let tracer = TRACER.get()?;
        sampled(self.0.with_span(tracer.start_with_context(name, &self.0)))
    }

    /// The value of [`HEADER`] with which others continue the trace.
    #[must_use]
    pub fn parent(&self) -> Option<String> {
        let mut carrier = HashMap::new();
        TraceContextPropagator::new().inject_context(&self.0, &mut carrier);
        carrier.remove(HEADER)
    }

    /// Sets an attribute. It must not identify a visitor.
    pub fn note(&self, key: &'static str, value: impl Into<Value>) {
        self.0.span().set_attribute(KeyValue::new(key, value));
    }

    /// Marks it as failed.
    pub fn fail(&self, why: &'static str) {
        self.0.span().set_status(Status::error(why));
    }
}

fn sampled(context: Context) -> Option<Span> {
    let sampled = context.span().span_context().is_sampled();
    sampled.then_some(Span(context))
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("must be a number from 0 to 1".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_endpoint_nothing_is_traced() {
        assert!(begin("receive", Timestamp::from_unix_ms(1)).is_none());
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        assert!(follow("enrich", Some(&headers)).is_none());
        assert!(current().is_none());
    }

    #[test]
    fn a_share_is_from_0_to_1() {
        assert_eq!(share("0.25"), Ok(0.25));
        for text in ["-0.1", "1.1", "NaN", "all"] {
            assert!(share(text).is_err(), "{text}");
        }
    }
}
