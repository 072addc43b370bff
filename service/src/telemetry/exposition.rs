//! The two text formats of metrics: OpenMetrics for clients that ask for it, Prometheus 0.0.4 for all others.

use std::fmt::Write as _;

use axum::http::HeaderValue;

/// The media type of OpenMetrics.
const OPENMETRICS: &str = "application/openmetrics-text";

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.0, as the registry writes it.
    OpenMetrics,
    /// The Prometheus text format 0.0.4, which `promtool check metrics` reads.
    Prometheus,
}

impl Format {
    /// The format that a client's `Accept` headers ask for.
    pub fn accepted<'a>(accept: impl IntoIterator<Item = &'a HeaderValue>) -> Self {
        let (mut openmetrics, mut prometheus) = (0.0, 0.0);
        let ranges = accept.into_iter().filter_map(|value| value.to_str().ok());
        for range in ranges.flat_map(|value| value.split(',')) {
            let (name, quality) = media_range(range);
            match name.as_str() {
                OPENMETRICS => openmetrics = quality.max(openmetrics),
                "text/plain" => prometheus = quality.max(prometheus),
                _ => {}
            }
        }
        if openmetrics > 0.0 && openmetrics >= prometheus {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// The value of `Content-Type`.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// The text in this format, from OpenMetrics.
    #[must_use]
    pub fn of(self, openmetrics: String) -> String {
        match self {
            Self::OpenMetrics => openmetrics,
            Self::Prometheus => prometheus(&openmetrics),
        }
    }
}

/// The name of a media range, and its quality (RFC 9110 section 12.4.2).
fn media_range(range: &str) -> (String, f32) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q="));
    (
        name,
        quality.map_or(1.0, |quality| quality.parse().unwrap_or(0.0)),
    )
}

/// Rewrites OpenMetrics as the text format 0.0.4, in which a counter's metadata carries `_total` as its samples do, an
/// info is a gauge, and there are neither units nor an end.
fn prometheus(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    // The help comes first, but its name depends on the type.
    let mut help = "";
    for line in openmetrics.lines() {
        if let Some(of) = line.strip_prefix("# HELP ") {
            help = of;
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|of| of.split_once(' ')) {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                same => ("", same),
            };
            let words = help.split_once(' ').map_or("", |(_, words)| words);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "# HELP {name}{suffix} {words}\n# TYPE {name}{suffix} {kind}"
            );
        } else if !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::{Counter, Gauge, Metrics};

    fn accepted(accept: &[&'static str]) -> Format {
        let values: Vec<_> = accept
            .iter()
            .map(|value| HeaderValue::from_static(value))
            .collect();
        Format::accepted(&values)
    }

    #[test]
    fn serves_openmetrics_only_to_those_who_ask_for_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for accept in [
            &[prometheus][..],
            &["text/plain;q=0.5", "Application/OpenMetrics-Text; q=0.5"],
        ] {
            assert_eq!(accepted(accept), Format::OpenMetrics, "{accept:?}");
        }
        for accept in [
            &[][..],
            &["*/*"],
            &["text/html,application/xml;q=0.9"],
            &["application/openmetrics-text;q=0"],
            &["application/openmetrics-text;q=high"],
            &["application/openmetrics-text;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.6"],
        ] {
            assert_eq!(accepted(accept), Format::Prometheus, "{accept:?}");
        }
    }

    #[test]
    fn metadata_has_the_name_of_the_samples() {
        let metrics = Metrics::new("test");
        let things: Counter = metrics.add("things", "Things seen", Counter::default());
        things.inc();
        let _size: Gauge = metrics.add("size_bytes", "Their size", Gauge::default());
        let _latency = metrics.latency("wait", "How long they wait");
        let text = metrics.text(Format::Prometheus).unwrap();
        for line in [
            "# HELP visitor_test_things_total Things seen.",
            "# TYPE visitor_test_things_total counter",
            "visitor_test_things_total 1",
            "# TYPE visitor_test_size_bytes gauge",
            "# TYPE visitor_test_wait_seconds histogram",
            "# TYPE visitor_test_build_info gauge",
            "# TYPE process_cpu_seconds_total counter",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in {text}");
        }
        assert!(!text.contains("# EOF") && !text.contains("# UNIT"), "{text}");
        let openmetrics = metrics.text(Format::OpenMetrics).unwrap();
        assert!(
            openmetrics.contains("# TYPE visitor_test_things counter\n") && openmetrics.ends_with("# EOF\n"),
            "{openmetrics}"
        );
    }
}
