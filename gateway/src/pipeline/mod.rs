//! What the statuses of all processes say about the pipeline, and whether the website is observed.

mod fleet_meter;
pub mod observation;
pub mod observer;
mod roster;
pub mod statuses;
pub mod trusted_status;
mod waiting_sessions;
