//! Raw messages: fetching them from `VISITOR_RAW`, and acknowledging each once everything it caused is done.

pub mod backlog;
pub mod delivery;
pub mod in_flight;
pub mod intake;
pub mod opened_events;
pub mod waiting_session;
