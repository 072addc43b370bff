//! How processes connect to third parties: addresses, proxies, certificates, and pauses that servers ask for.

pub mod proxy;
pub mod race;
pub mod retry_after;
pub mod tls;
