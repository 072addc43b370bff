//! A histogram as `/metrics` exposes it. Pure.

use anyhow::{Context as _, Result};

/// The cumulative number of observations for each bound, in seconds, in ascending order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets(Vec<(f64, f64)>);

impl Buckets {
    /// The histogram of that name, which has no labels of its own; empty if there is none.
    ///
    /// # Errors
    /// Fails if a bound or a count is not a number.
    pub fn read(metrics: &str, name: &str) -> Result<Self> {
        let start = format!("{name}_bucket{{le=\"");
        let samples = metrics.lines().filter_map(|line| line.strip_prefix(&start));
        let bucket = |sample: &str| {
            let (bound, count) = sample.split_once("\"} ")?;
            Some((bound.parse().ok()?, count.split(' ').next()?.parse().ok()?))
        };
        samples
            .map(|sample| bucket(sample).with_context(|| format!("{start}{sample}")))
            .collect::<Result<_>>()
            .map(Self)
    }

    /// Adds the observations of another process with the same bounds.
    pub fn add(&mut self, other: &Self) {
        if self.0.is_empty() {
            self.clone_from(other);
            return;
        }
        for ((_, count), (_, more)) in self.0.iter_mut().zip(&other.0) {
            *count += more;
        }
    }

    /// Subtracts the observations up to `before`.
    pub fn subtract(&mut self, before: &Self) {
        for ((_, count), (_, less)) in self.0.iter_mut().zip(&before.0) {
            *count -= less;
        }
    }

    /// A quantile in seconds, as Prometheus estimates it: observations are taken to lie evenly within their bucket, and
    /// those beyond the last bound at that bound. `None` without observations.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let (_, total) = *self.0.last()?;
        if total <= 0.0 {
            return None;
        }
        let rank = quantile * total;
        let (mut lower, mut fewer) = (0.0, 0.0);
        for &(bound, count) in &self.0 {
            if bound.is_infinite() {
                return Some(lower);
            }
            if count >= rank && count > fewer {
                return Some(lower + (bound - lower) * (rank - fewer) / (count - fewer));
            }
            (lower, fewer) = (bound, count);
        }
        Some(lower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# TYPE a_seconds histogram\n\
        a_seconds_sum 9.0\n\
        a_seconds_count 20\n\
        a_seconds_bucket{le=\"0.001\"} 10\n\
        a_seconds_bucket{le=\"0.0025\"} 18\n\
        a_seconds_bucket{le=\"+Inf\"} 20\n";

    fn quantile(buckets: &Buckets, quantile: f64) -> String {
        format!(
            "{:?}",
            buckets.quantile(quantile).map(|seconds| (seconds * 1e6).round())
        )
    }

    #[test]
    fn lies_evenly_within_a_bucket_and_never_beyond_the_last() {
        let buckets = Buckets::read(TEXT, "a_seconds").unwrap();
        assert_eq!(quantile(&buckets, 0.25), "Some(500.0)");
        assert_eq!(quantile(&buckets, 0.7), "Some(1750.0)");
        assert_eq!(quantile(&buckets, 0.99), "Some(2500.0)");
    }

    #[test]
    fn sums_new_observations_of_several_processes() {
        let before = Buckets::read(TEXT, "a_seconds").unwrap();
        let mut both = Buckets::default();
        both.add(&before);
        both.add(&before);
        both.subtract(&before);
        assert_eq!(both, before);
        both.subtract(&before);
        assert_eq!(both.quantile(0.5), None);
    }

    #[test]
    fn missing_histogram_is_empty_and_an_invalid_number_is_an_error() {
        assert_eq!(Buckets::read(TEXT, "b_seconds").unwrap(), Buckets::default());
        assert!(Buckets::read("a_bucket{le=\"x\"} 1", "a").is_err());
    }
}
