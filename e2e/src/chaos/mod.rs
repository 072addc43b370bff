//! Injects random faults from a seed under load, and checks that nothing is lost and every view becomes right.
//!
//! [`plan`] and [`rules`] choose the faults and [`injector`] injects them. After each round, [`run`] compares every gateway
//! and every page with the oracle. [`exposure`] checks every frame in between.

mod differences;
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

pub use fault::FaultCategory;
pub use plan::Pace;
pub use process_counts::ProcessCounts;
pub use report::Report;
pub use run::run;
pub use settings::Settings;
