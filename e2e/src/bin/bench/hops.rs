//! The time from the receipt of an event to each hop, from the processes' own histograms.

use anyhow::Result;
use e2e::processes::{Pipeline, Role};

use crate::buckets::Buckets;

/// The histograms, in the order of the hops.
const HOPS: [(&str, Role, &str); 4] = [
    (
        "in the raw stream",
        Role::Ingestor,
        "visitor_ingestor_publish_duration_seconds",
    ),
    (
        "received by an enricher",
        Role::Enricher,
        "visitor_enricher_queue_duration_seconds",
    ),
    (
        "a new session in the view",
        Role::Gateway,
        "visitor_gateway_appearance_duration_seconds",
    ),
    (
        "a frame sent",
        Role::Gateway,
        "visitor_gateway_frame_duration_seconds",
    ),
];

/// The histogram of each hop.
#[derive(Clone, Debug, Default)]
pub struct Hops([Buckets; HOPS.len()]);

impl Hops {
    /// The hops' names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        HOPS.iter().map(|(name, ..)| *name)
    }

    /// Since the processes started.
    pub async fn now(pipeline: &Pipeline) -> Result<Self> {
        let mut hops = Self::default();
        for ((_, role, metric), buckets) in HOPS.iter().zip(&mut hops.0) {
            for instance in pipeline.instances(*role) {
                let text = instance.http.get("/metrics").await?.text;
                buckets.add(&Buckets::read(&text, metric)?);
            }
        }
        Ok(hops)
    }

    /// The observations since `before`.
    pub fn since(mut self, before: &Self) -> Self {
        for (now, before) in self.0.iter_mut().zip(&before.0) {
            now.subtract(before);
        }
        self
    }

    /// A quantile of each hop, in milliseconds; none if no event reached the hop.
    pub fn quantiles(&self, quantile: f64) -> [Option<f64>; HOPS.len()] {
        self.0
            .each_ref()
            .map(|buckets| buckets.quantile(quantile).map(|seconds| seconds * 1e3))
    }
}
