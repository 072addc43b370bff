//! Exports spans to the collector, and logs a failure once.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry_otlp::{ExporterBuildError, SpanExporter as Otlp, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use url::Url;

/// Exports over HTTP. Spans that the collector refuses are dropped.
#[derive(Debug)]
pub struct Exporter {
    otlp: Otlp,
    failing: AtomicBool,
}

impl Exporter {
    /// Creates an exporter for the collector at `endpoint`. The OTLP path for traces is appended, as usual.
    pub fn new(endpoint: &Url) -> Result<Self, ExporterBuildError> {
        let endpoint = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
        Ok(Self {
            otlp: Otlp::builder().with_http().with_endpoint(endpoint).build()?,
            failing: AtomicBool::new(false),
        })
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = self.otlp.export(batch).await;
        let failed_before = self.failing.swap(exported.is_err(), Ordering::Relaxed);
        match &exported {
            Err(error) if !failed_before => tracing::warn!(%error, "the collector refuses traces"),
            Ok(()) if failed_before => tracing::info!("the collector accepts traces again"),
            Ok(()) | Err(_) => {}
        }
        exported
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.otlp.shutdown()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.otlp.set_resource(resource);
    }
}
