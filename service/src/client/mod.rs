//! How processes connect to third parties: addresses, proxies, certificates, pauses that servers ask for, and
//! why a connection failed.

pub mod cause;
pub mod certificate;
pub mod proxy;
pub mod race;
pub mod retry_after;
pub mod tls;
