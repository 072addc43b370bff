//! Counts HTTP answers by status, with a bounded number of label values.

use std::array;

use super::metrics::{Counter, Family, Label, Metrics};

/// The statuses with a label of their own. All others count as their class.
const CODES: [(u16, &str); 20] = [
    (101, "101"),
    (200, "200"),
    (202, "202"),
    (204, "204"),
    (303, "303"),
    (304, "304"),
    (308, "308"),
    (400, "400"),
    (401, "401"),
    (402, "402"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (408, "408"),
    (422, "422"),
    (429, "429"),
    (500, "500"),
    (502, "502"),
    (503, "503"),
    (504, "504"),
];

/// The labels of all other statuses, by their first digit; those of no class count as the first.
const CLASSES: [&str; 6] = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// Counters by status. Clones share them.
#[derive(Clone, Debug)]
pub struct StatusCodes {
    codes: [Counter; CODES.len()],
    classes: [Counter; CLASSES.len()],
}

impl StatusCodes {
    /// Adds the counters, with the label `code`.
    #[must_use]
    pub fn new(metrics: &Metrics, name: &str, help: &str) -> Self {
        let family: Family<Label, Counter> = metrics.add(name, help, Family::default());
        let counter = |code| family.get_or_create_owned(&[("code", code)]);
        Self {
            codes: array::from_fn(|n| counter(CODES[n].1)),
            classes: array::from_fn(|n| counter(CLASSES[n])),
        }
    }

    /// Counts an answer with this status.
    pub fn count(&self, status: u16) {
        let own = CODES.iter().position(|(code, _)| *code == status);
        let class = usize::from(status / 100);
        let counter = match own {
            Some(n) => &self.codes[n],
            None => self.classes.get(class).unwrap_or(&self.classes[0]),
        };
        counter.inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::Format;

    #[test]
    fn any_status_counts_under_one_of_a_few_labels() {
        let metrics = Metrics::new("test");
        let statuses = StatusCodes::new(&metrics, "answers", "Answers");
        for status in 0..=u16::MAX {
            statuses.count(status);
        }
        let text = metrics.text(Format::Prometheus).unwrap();
        let series: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("visitor_test_answers_total"))
            .collect();
        assert_eq!(series.len(), CODES.len() + CLASSES.len());
        for line in [
            r#"{code="503"} 1"#,
            r#"{code="5xx"} 96"#,
            r#"{code="other"} 65036"#,
        ] {
            assert!(series.contains(&line), "no {line} in {series:?}");
        }
    }
}
