//! Many visitors at once, and measurements of what the pipeline does with them.

mod arrivals;
mod latency;
mod lookup_trial;
mod outage_trial;
mod usage;
mod visitor_load;

pub use latency::Latencies;
pub use lookup_trial::{Condition, LookupOutcome, LookupTrial};
pub use outage_trial::{HandledRate, OutageTrial};
pub use usage::{ProcessUsage, SIMULATORS, Usage};
pub use visitor_load::VisitorLoad;
