//! The chapters of the document.

use clap::ValueEnum;

/// One chapter of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    Floors,
    Throughput,
    Latency,
    Sessions,
    Fanout,
    Collector,
}

impl Part {
    /// Its heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Floors => "Floors",
            Self::Throughput => "Maximum throughput",
            Self::Latency => "Latency and cost at each rate",
            Self::Sessions => "Live sessions",
            Self::Fanout => "Fan-out",
            Self::Collector => "Visitors of one's own website",
        }
    }
}
