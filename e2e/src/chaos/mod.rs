//! Everything is hurt at random, from a seed, while a busy site is played: nothing is lost, and the view is right.
//!
//! [`plan`] and [`rules`] say what is done, [`run`] does it, and at its quiet points compares every gateway and every
//! page with what the oracle makes of the events that were sent. [`exposure`] looks at every frame in between.

mod cast;
mod chronicle;
mod deeds;
mod exposure;
mod figures;
mod plan;
mod progress;
mod quiet_point;
mod recovery;
mod report;
mod rules;
mod run;
mod settings;
mod stored;
mod strike;
mod verdict;
mod wanderer;

pub use cast::Cast;
pub use plan::Pace;
pub use report::Report;
pub use run::run;
pub use settings::Settings;
pub use strike::Kind;
