//! The simulator seen by ordinary clients: each fault must be one for them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here is to fail the test"
)]

mod binary;
mod client;
mod deanonymizer;
mod emitter;
mod lively;
mod load;

use std::time::Duration;

/// How long a test waits for what must happen. Long, because it says nothing about speed.
const TEST_TIMEOUT: Duration = Duration::from_secs(30);
