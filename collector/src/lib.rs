//! Reports the visitors of your own website, as a `SessionsEmitter` that needs no NATS.

pub mod beacon;
mod check;
mod drop_reason;
mod emitter;
mod flags;
mod http;
mod hub;
mod metrics;
mod visits;

use std::process::ExitCode;
use std::sync::Arc;

use service::http::health_routes;
use service::{ConnectionLimit, Server, clock, open_files, standalone};

use crate::emitter::listener;
use crate::flags::{CollectorCommand, Flags};
use crate::http::beacons::{self, BeaconHandler};
use crate::http::crawlers::Crawlers;
use crate::http::demo;
use crate::http::script::Script;
use crate::hub::HubTask;
use crate::metrics::CollectorMetrics;
use crate::visits::Visits;

/// Runs the process to its end; see the flags.
pub fn main() -> ExitCode {
    standalone::main(run)
}

async fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    if let Some(CollectorCommand::Check { url, ca_file }) = &flags.command {
        return check::run(url, &flags.script_path, flags.http_listen, ca_file.as_deref()).await;
    }
    flags.check()?;
    let process = standalone::Standalone::start("collector", &flags).await?;
    let metrics = Arc::new(CollectorMetrics::new(&process.metrics));
    let visits = Visits::new(flags.settings(), clock::uptime());
    let (hub, hub_task) = HubTask::new(visits, Arc::clone(&metrics), process.health.clone());
    process.tasks.spawn(hub_task.run(process.shutdown.clone()));

    let clients = health_routes::listen("--emitter-listen", flags.emitter_listen).await?;
    let limit = ConnectionLimit::new(
        flags.max_emitter_clients,
        metrics.connections.clone(),
        metrics.refused_clients.clone(),
    );
    process.tasks.spawn(listener::serve(
        clients,
        hub.clone(),
        limit,
        Arc::clone(&metrics),
        process.shutdown.clone(),
    ));

    let rates = beacons::rates(flags.beacon_rate);
    // It has nothing to finish, so it ends with the runtime.
    tokio::spawn(beacons::sweep(Arc::clone(&rates)));
    let handler = BeaconHandler {
        sites: flags.sites(),
        proxies: flags.proxies(),
        ignored: flags.ignore.clone(),
        respect_gpc: flags.respect_gpc,
        crawlers: Crawlers::load()?,
        rates,
        hub,
        metrics,
    };
    let script = Script::load(&flags.tracker, flags.tracker_settings(), &process.health);
    let mut routes = http::routes(Arc::new(handler), script, &flags.script_path, &flags.beacon_path);
    if flags.demo {
        routes = routes.merge(demo::routes(&flags.script_path));
        tracing::info!("the demonstration shop is served at /demo");
    }
    let server = Server::new(
        None,
        open_files::room_for(flags.max_connections),
        flags.max_connections_per_address,
        &process.metrics,
    );
    let health_server = server.additional_for_health();
    process.serve("--listen", flags.listen, server, routes).await?;
    process.run(health_server).await;
    Ok(ExitCode::SUCCESS)
}
