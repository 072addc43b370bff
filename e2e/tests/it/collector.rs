//! The collector as the pipeline's emitter: what visitors' browsers send is what the table shows.

mod beacons;
mod browser;
mod check;
mod circumstances;
mod hostile_input;
mod kill_orders;
mod kills;
pub mod site;
mod walk;
