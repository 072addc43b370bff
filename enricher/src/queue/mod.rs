//! Raw messages: fetching them from `VISITOR_RAW`, and acknowledging each once everything it caused is done.

pub mod backlog;
pub mod delivery;
pub mod intake;
pub mod ledger;
pub mod opened_events;
