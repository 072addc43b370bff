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
use service::{Process, http, process};
use tokio::sync::mpsc;

use crate::access::Access;
use crate::api::Api;
use crate::flags::Flags;
use crate::gauges::Gauges;
use crate::hub::HubTask;
use crate::intake::{Followed, Follower, follow_statuses};
use crate::view::View;

/// How many messages from NATS may wait for the hub.
const MESSAGES_UNDER_WAY: usize = 4 * 1024;

fn main() -> ExitCode {
    process::main(run)
}

async fn run(flags: Flags) -> anyhow::Result<()> {
    let parts = Followed::ALL.map(Followed::part);
    let process = Process::start("gateway", &flags, &parts).await?;
    let gauges = Arc::new(Gauges::new(&process.metrics));
    let figures = {
        let gauges = Arc::clone(&gauges);
        move || Figures::Gateway(gauges.figures())
    };
    let reporter = process.reporter(figures);
    let view = View::new(flags.stale_after);
    let (nats, of_hub) = (process.nats.clone(), Arc::clone(&gauges));
    let (hub, hub_task) = HubTask::new(view, flags.frame_interval, reporter.clone(), nats.clone(), of_hub);
    let (sender, intake) = mpsc::channel(MESSAGES_UNDER_WAY);

    // These hold nothing that must be finished, so they end with the runtime.
    tokio::spawn(hub_task.run(intake));
    tokio::spawn(follow_statuses(nats, sender.clone()));
    for followed in Followed::ALL {
        tokio::spawn(Follower::new(followed, &process, flags.stale_after, sender.clone()).run());
    }

    if let Some(address) = flags.http_listen {
        let listener = http::listen("--http-listen", address).await?;
        process
            .tasks
            .spawn(http::serve(listener, process.routes(), process.shutdown.clone()));
    }
    let api = Api {
        hub,
        gauges,
        shutdown: process.shutdown.clone(),
        clients: process.tasks.clone(),
    };
    let routes = api::routes(api, &flags.assets, Access::new(flags.access_token)).merge(process.routes());
    process.run(routes, reporter).await;
    Ok(())
}
