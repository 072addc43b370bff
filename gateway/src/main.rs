//! Holds the view of active sessions and serves it: API, WebSocket and page.

mod access;
mod api;
mod deadlines;
mod flags;
mod gauges;
mod hub;
mod intake;
mod session;
mod socket;
mod statistics;
mod statuses;
mod store;
mod view;
mod write_back;

use std::process::ExitCode;
use std::sync::Arc;

use protocol::status::Figures;
use service::health::Health;
use service::metrics::Metrics;
use service::rejected::Rejected;
use service::streams::Streams;
use service::{Nats, flags as service_flags, healthcheck, http, instance, shutdown, status, telemetry};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::access::Access;
use crate::api::Api;
use crate::flags::Flags;
use crate::gauges::Gauges;
use crate::hub::HubTask;
use crate::intake::{Followed, Follower, follow_statuses};
use crate::view::View;

/// The process's name, in subjects, metrics and as NATS user.
const PROCESS: &str = "gateway";

/// How many messages from NATS may wait for the hub.
const MESSAGES_UNDER_WAY: usize = 4 * 1024;

fn main() -> ExitCode {
    let flags = match service_flags::parse::<Flags>() {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    if let Some(service_flags::Command::Healthcheck) = flags.command {
        return healthcheck::run(flags.listen);
    }
    telemetry::start(flags.common.log_format);
    service::runtime::run(run(flags))
}

async fn run(flags: Flags) -> anyhow::Result<()> {
    let shutdown = shutdown::on_signal()?;
    let listener = http::listen("--listen", flags.listen).await?;
    let health_listener = match flags.http_listen {
        Some(address) => Some(http::listen("--http-listen", address).await?),
        None => None,
    };
    let instance = instance::name();
    let parts = [
        service::nats::PART,
        Followed::Sessions.part(),
        Followed::Activity.part(),
    ];
    let health = Health::starting(&parts);
    let metrics = Metrics::new(PROCESS);
    let nats = Nats::connect(PROCESS, &instance, &flags.common, &health, &metrics).await?;
    let rejected = Rejected::new(PROCESS, &metrics, nats.clone());
    let gauges = Arc::new(Gauges::new(&metrics));
    let streams = Streams::new(nats.clone(), flags.common.nats_replicas);

    let figures = {
        let gauges = Arc::clone(&gauges);
        move || Figures::Gateway(gauges.figures())
    };
    let reporter = status::Reporter::new(PROCESS, &instance, health.clone(), figures);
    let view = View::new(flags.stale_after);
    let (hub, hub_task) = HubTask::new(
        view,
        flags.frame_interval,
        reporter.clone(),
        nats.clone(),
        Arc::clone(&gauges),
    );
    let (sender, intake) = mpsc::channel(MESSAGES_UNDER_WAY);

    let clients = TaskTracker::new();
    let api = Api {
        hub,
        gauges,
        shutdown: shutdown.clone(),
        clients: clients.clone(),
    };
    let health_routes = http::routes(health.clone(), metrics);
    let routes =
        api::routes(api, &flags.assets, Access::new(flags.access_token)).merge(health_routes.clone());

    // These hold nothing that must be finished, so they end with the runtime.
    tokio::spawn(hub_task.run(intake));
    tokio::spawn(follow_statuses(nats.clone(), sender.clone()));
    for followed in [Followed::Sessions, Followed::Activity] {
        let follower = Follower::new(
            followed,
            nats.clone(),
            streams.clone(),
            flags.stale_after,
            health.clone(),
            rejected.clone(),
            sender.clone(),
        );
        tokio::spawn(follower.run());
    }

    let tasks = TaskTracker::new();
    tasks.spawn(http::serve(listener, routes, shutdown.clone()));
    if let Some(listener) = health_listener {
        tasks.spawn(http::serve(listener, health_routes, shutdown.clone()));
    }
    tasks.spawn(reporter.run(nats, shutdown.clone()));
    tasks.close();
    shutdown::wait(&shutdown, &tasks).await;
    clients.close();
    shutdown::wait(&shutdown, &clients).await;
    Ok(())
}
