//! The Deanonymizer: an HTTP server that identifies addresses, with faults.

mod failure;
mod failure_state;
mod ledger;
mod persona;
mod server;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

pub use failure::Failure;
pub use failure_state::{Latency, LatencyError};
pub use ledger::{BusiestIp, DeanonymizerStats, IpStats};
pub use persona::Persona;

use crate::{listener::Listener, world::World};
use failure_state::FailureState;
use server::SharedState;

/// The configuration of a Deanonymizer. Everything but the first two can be changed while it runs.
#[derive(Clone, Copy, Debug)]
pub struct DeanonymizerConfig {
    /// The address to listen on. The default is a free port of 127.0.0.1.
    pub listen: SocketAddr,
    /// Seed of the [`World`] that it answers from, and of its random failures.
    pub seed: u64,
    /// The latency of a call. Zero by default.
    pub latency: Latency,
    /// The share of calls that it answers with 500. None by default.
    pub error_rate: f64,
    /// The share of calls that it never answers.
    pub hang_rate: f64,
    /// The share of calls that it answers with garbage of any kind.
    pub garbage_rate: f64,
    /// Whether names and titles hold what a careless page would not escape. They do not by default.
    pub hostile_names: bool,
    /// The identification service that it simulates; by default none, and it uses its own protocol.
    pub persona: Option<Persona>,
}

impl Default for DeanonymizerConfig {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            seed: 0,
            latency: Latency::default(),
            error_rate: 0.0,
            hang_rate: 0.0,
            garbage_rate: 0.0,
            hostile_names: false,
            persona: None,
        }
    }
}

/// A running Deanonymizer. It ends when it is dropped.
///
/// Rates are shares from 0 to 1; values outside are clamped. Every call is counted, however it ends.
pub struct Deanonymizer {
    listener: Listener,
    state: SharedState,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl Deanonymizer {
    /// Binds and starts. Must be called in a Tokio runtime.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub fn start(config: DeanonymizerConfig) -> io::Result<Self> {
        let failure_state = FailureState::new(
            config.latency,
            config.error_rate,
            config.hang_rate,
            config.garbage_rate,
        );
        let world = World::new(config.seed).with_hostile_names(config.hostile_names);
        let state = SharedState::new(world, failure_state, config.seed, config.persona);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let serve = {
            let state = state.clone();
            move |stream| server::serve(stream, &state)
        };
        let listener = Listener::open(config.listen, tasks.clone(), stop.clone(), serve)?;
        Ok(Self {
            listener,
            state,
            tasks,
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        })
    }

    /// The address on which it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.listener.addr()
    }

    /// The URL of lookups.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/deanonymize", self.addr())
    }

    /// The world of its answers.
    #[must_use]
    pub fn world(&self) -> World {
        self.state.world()
    }

    /// Its statistics so far. The same as `GET /stats`.
    #[must_use]
    pub fn stats(&self) -> DeanonymizerStats {
        self.state.ledger().stats()
    }

    /// Resets the maximum number of concurrent calls.
    pub fn forget_most_in_flight(&self) {
        self.state.ledger().forget_most_in_flight();
    }

    /// The calls for one address, in any spelling. The same as `GET /calls?ip=`.
    #[must_use]
    pub fn calls_for(&self, ip: &str) -> IpStats {
        self.state.ledger().ip(ip)
    }

    /// Changes the latency.
    pub fn set_latency(&self, latency: Latency) {
        self.state.failure_state().latency = latency;
    }

    /// Changes the share of calls answered with 500.
    pub fn set_error_rate(&self, rate: f64) {
        self.state.failure_state().error_rate = rate;
    }

    /// Changes the share of calls that are never answered. Those that hang already go on hanging.
    pub fn set_hang_rate(&self, rate: f64) {
        self.state.failure_state().hang_rate = rate;
    }

    /// Changes the share of calls answered with garbage, and the kinds of it: each of `kinds` is as likely.
    pub fn set_garbage(&self, rate: f64, kinds: &[Failure]) {
        let mut failure_state = self.state.failure_state();
        failure_state.garbage_rate = rate;
        failure_state.garbage = kinds.to_vec();
    }

    /// Changes what [`Failure::TooManyRequestsRetryAfter`] asks for, in whole seconds. One second at first.
    pub fn set_retry_after(&self, retry_after: Duration) {
        self.state.failure_state().retry_after = retry_after;
    }

    /// Sets the key that requests to a simulated service must have; `None` accepts any.
    pub fn set_key(&self, key: Option<&str>) {
        self.state.failure_state().key = key.map(str::to_owned);
    }

    /// Sets how many more requests a simulated service answers before its quota is used up; `None` for no limit.
    pub fn set_quota(&self, quota: Option<u64>) {
        self.state.failure_state().quota = quota;
    }

    /// Makes all calls fail in one way, or stops doing so.
    pub fn fail_all(&self, failure: Option<Failure>) {
        self.state.failure_state().all = failure;
    }

    /// Makes all calls for one address, in any spelling, fail in one way.
    pub fn fail_ip(&self, ip: &str, failure: Failure) {
        self.state.failure_state().fail_ip(ip, failure);
    }

    /// Ends [`fail_ip`](Self::fail_ip). Calls that already hang continue to hang.
    pub fn heal_ip(&self, ip: &str) {
        self.state.failure_state().heal_ip(ip);
    }

    /// Answers all calls for one address, in any spelling, with 200 and this body.
    pub fn answer_ip(&self, ip: &str, body: &[u8]) {
        self.state
            .failure_state()
            .answer_ip(ip, Bytes::copy_from_slice(body));
    }

    /// Resets all connections. Calls under way fail.
    pub fn drop_all(&self) {
        self.state.reset_connections();
    }

    /// Starts or stops refusing connections; in force when it returns. Existing ones are reset; otherwise clients would
    /// continue to use them. The port stays reserved meanwhile.
    ///
    /// # Errors
    /// If the port cannot be listened on again.
    pub async fn refuse(&self, refuse: bool) -> io::Result<()> {
        self.listener.refuse(refuse).await?;
        if refuse {
            self.drop_all();
        }
        Ok(())
    }

    /// Ends it and waits until all its tasks are gone and the port is free.
    pub async fn stop(self) {
        self.stop.cancel();
        self.listener.close().await;
        self.tasks.close();
        self.tasks.wait().await;
    }
}
