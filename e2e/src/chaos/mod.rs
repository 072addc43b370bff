//! Everything is hurt at random, from a seed, while a busy site is played: nothing is lost, and the view is right.
//!
//! [`plan`] and [`rules`] say what is done, [`run`] does it, and at its quiet points compares every gateway and every
//! page with what the oracle makes of the events that were sent. [`exposure`] looks at every frame in between.

mod exposure;
mod fault;
mod figures;
mod injector;
mod plan;
mod process_counts;
mod progress;
mod quiet_point;
mod recovery;
mod report;
mod roaming_client;
mod rules;
mod run;
mod sent_events;
mod settings;
mod stored;
mod verdict;

pub use fault::FaultCategory;
pub use plan::Pace;
pub use process_counts::ProcessCounts;
pub use report::Report;
pub use run::run;
pub use settings::Settings;
