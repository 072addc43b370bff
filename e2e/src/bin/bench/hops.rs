//! How far after its receipt an event has come at each hop, from the processes' own histograms.

use anyhow::Result;
use e2e::{Pipeline, Role};

/// The histograms, in the order of the hops.
const HOPS: [(&str, Role, &str); 4] = [
    (
        "in the raw stream",
        Role::Ingestor,
        "visitor_ingestor_publish_duration_seconds",
    ),
    (
        "taken by an enricher",
        Role::Enricher,
        "visitor_enricher_queue_duration_seconds",
    ),
    (
        "a new session in the view",
        Role::Gateway,
        "visitor_gateway_appearance_duration_seconds",
    ),
    (
        "a frame out",
        Role::Gateway,
        "visitor_gateway_frame_duration_seconds",
    ),
];

/// The sum and the count of each histogram.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hops([(f64, f64); HOPS.len()]);

impl Hops {
    /// The hops' names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        HOPS.iter().map(|(name, ..)| *name)
    }

    /// Since the processes started.
    pub async fn now(pipeline: &Pipeline) -> Result<Self> {
        let mut hops = Self::default();
        for ((_, role, metric), (sum, count)) in HOPS.iter().zip(&mut hops.0) {
            for member in pipeline.members(*role) {
                let text = member.http.get("/metrics").await?.text;
                *sum += value(&text, &format!("{metric}_sum "));
                *count += value(&text, &format!("{metric}_count "));
            }
        }
        Ok(hops)
    }

    /// The mean of each since `before`, in milliseconds; none where nothing came that far.
    pub fn means_since(&self, before: &Self) -> Vec<Option<f64>> {
        let mean = |(now, before): (&(f64, f64), &(f64, f64))| {
            let count = now.1 - before.1;
            (count > 0.0).then(|| (now.0 - before.0) / count * 1e3)
        };
        self.0.iter().zip(&before.0).map(mean).collect()
    }
}

/// A sample without labels; one that is not there yet is nothing.
fn value(metrics: &str, name: &str) -> f64 {
    let found = metrics.lines().find_map(|line| line.strip_prefix(name));
    found
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_of_what_came_meanwhile() {
        let before = Hops([(1.0, 10.0); 4]);
        let after = Hops([(3.0, 20.0), (1.0, 10.0), (1.5, 20.0), (1.0, 11.0)]);
        assert_eq!(
            after.means_since(&before),
            [Some(200.0), None, Some(50.0), Some(0.0)]
        );
    }

    #[test]
    fn a_sample_in_the_text() {
        assert!((value("# HELP a\na_sum 1.5\na_count 3\n", "a_sum ") - 1.5).abs() < 1e-9);
        assert!(value("", "a_sum ").abs() < 1e-9);
    }
}
