//! The document.

use std::fmt::Write as _;
use std::time::Duration;

use crate::plot::Plot;

/// The folder of the plots, beside the document.
pub const PLOTS: &str = "performance";

/// Remarks on the figures, written by hand and kept across runs.
const REMARKS: &str = include_str!("remarks.md");

/// A chapter.
pub struct Section {
    title: &'static str,
    text: String,
    pub plots: Vec<Plot>,
    failure: Option<String>,
}

impl Section {
    pub fn new(title: &'static str) -> Self {
        Self {
            title,
            text: String::new(),
            plots: Vec::new(),
            failure: None,
        }
    }

    /// A chapter that could not be measured.
    pub fn failed(title: &'static str, error: &anyhow::Error) -> Self {
        Self::new(title).fail(&format!("This could not be measured: {error:#}"))
    }

    /// Says what went wrong; the whole bench then fails, once the document is written.
    pub fn fail(mut self, what: &str) -> Self {
        self.failure = Some(format!("{}: {what}", self.title));
        self.say(&format!("**{what}**"))
    }

    /// Its failure, if any.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// A paragraph.
    pub fn say(mut self, paragraph: &str) -> Self {
        self.text += paragraph;
        self.text += "\n\n";
        self
    }

    pub fn table(self, table: &Table) -> Self {
        self.say(&table.0)
    }

    pub fn plot(mut self, plot: Plot) -> Self {
        let link = format!("![{}]({PLOTS}/{}.svg)", plot.title, plot.name);
        self.plots.push(plot);
        self.say(&link)
    }
}

/// A table in Markdown.
pub struct Table(String);

impl Table {
    pub fn new(names: &[&str]) -> Self {
        Self(format!(
            "| {} |\n|{}",
            names.join(" | "),
            "---|".repeat(names.len())
        ))
    }

    pub fn row(&mut self, cells: &[String]) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "\n| {} |", cells.join(" | "));
    }
}

/// The whole document.
pub fn document(sections: &[Section], machine: &[String], took: Duration) -> String {
    let mut text = String::from(
        "# Performance\n\n`make bench` writes this document. It measures the release build in one run on one machine, with \
         the load generator, the Deanonymizer, nats-server and the clients on the same cores.\n\n",
    );
    let facts = machine.iter().map(|line| format!("- {line}\n"));
    text.extend(facts.chain([format!("- measured in {:.0} s\n", took.as_secs_f64())]));
    for section in sections {
        let _ = write!(text, "\n## {}\n\n{}\n", section.title, section.text.trim_end());
    }
    text + "\n" + REMARKS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unmeasured_part_is_reported_and_fails() {
        let error = anyhow::anyhow!("no NATS");
        let sections = [
            Section::new("One").say("All is well."),
            Section::failed("Two", &error),
        ];
        let failures: Vec<_> = sections.iter().filter_map(Section::failure).collect();
        assert_eq!(failures, ["Two: This could not be measured: no NATS"]);
        let text = document(&sections, &[], Duration::ZERO);
        assert!(text.contains("**This could not be measured: no NATS**"), "{text}");
        assert!(text.ends_with(REMARKS), "{text}");
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new(&["a", "b"]);
        table.row(&["1".into(), "2".into()]);
        assert_eq!(table.0, "| a | b |\n|---|---|\n| 1 | 2 |");
    }
}
