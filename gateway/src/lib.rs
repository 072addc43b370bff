//! Holds the view of active sessions and serves it: API, WebSocket and page.
//!
//! It is a library so that benches can call the pure parts that run for each event.

mod currency;
mod flags;
mod http;
mod hub;
mod metrics;
mod pipeline;
mod streams;
pub mod view;

use std::process::ExitCode;
use std::sync::Arc;

use protocol::status::Figures;
use service::status::Reporter;
use service::watchlist::file::WatchlistFile;
use service::{Process, process};
use tokio::sync::mpsc;

use crate::flags::Flags;
use crate::http::answers::{Answers, MAX_ANSWERS};
use crate::http::api::Api;
use crate::http::origin::Origins;
use crate::http::rates::Rates;
use crate::http::routes::{self, Guards};
use crate::hub::{Hub, HubTask};
use crate::metrics::GatewayMetrics;
use crate::pipeline::observer;
use crate::streams::check::StreamCheck;
use crate::streams::follower::{Followed, Reader, follow_statuses};
use crate::view::View;

/// How many messages from NATS may wait for the hub.
const MAX_WAITING_MESSAGES: usize = 4 * 1024;

/// Runs the process until it exits.
pub fn main() -> ExitCode {
    process::main(run)
}

async fn run(flags: Flags) -> anyhow::Result<()> {
    let [sessions, activity] = Followed::ALL.map(Followed::part);
    let parts = [sessions, activity, observer::PART];
    let watchlist = flags.watchlist_file()?;
    let process = Process::start("gateway", &flags, &parts).await?;
    let metrics = Arc::new(GatewayMetrics::new(&process.metrics));
    let figures = {
        let metrics = Arc::clone(&metrics);
        move || Figures::Gateway(metrics.figures())
    };
    let reporter = process.reporter(figures);
    let hub = start_hub(&flags, &process, reporter.clone(), &metrics);
    if let Some(address) = flags.http_listen {
        process.serve_health("--http-listen", address).await?;
    }
    let watched = watchlist.as_ref().map(WatchlistFile::current);
    if let Some(watchlist) = watchlist {
        tokio::spawn(watchlist.follow(process.metrics.clone()));
    }
    let api = Api {
        hub,
        watchlist: watched,
        client_limit: metrics.client_limit(flags.max_clients),
        answers: Answers::new(metrics.answer_limit(MAX_ANSWERS)),
        metrics,
        shutdown: process.shutdown.clone(),
        clients: process.tasks.clone(),
    };
    let guards = Guards {
        access: flags.access()?,
        origins: Origins::new(&flags.allowed_origin),
        rates: Rates::new(flags.request_rate),
        encrypted: flags.encrypted(),
        base: flags.base_path.clone(),
        trust: flags.trust(),
        users_only: flags.user_header.is_some(),
    };
    tokio::spawn(guards.rates.clone().sweep());
    let routes = routes::routes(api, &flags.assets, guards).merge(process.routes());
    process.run(routes, reporter).await;
    Ok(())
}

/// Starts the hub and the tasks that read the streams for it. These tasks have nothing to finish, so they end with the
/// runtime.
fn start_hub(flags: &Flags, process: &Process, reporter: Reporter, metrics: &Arc<GatewayMetrics>) -> Hub {
    let check = Arc::new(StreamCheck::default());
    let (hub, hub_task) = HubTask::new(
        View::new(flags.stale_after),
        flags,
        process,
        reporter,
        Arc::clone(metrics),
        Arc::clone(&check),
    );
    let (sender, intake) = mpsc::channel(MAX_WAITING_MESSAGES);
    tokio::spawn(hub_task.run(intake));
    tokio::spawn(follow_statuses(
        process.nats.clone(),
        sender.clone(),
        metrics.statuses_ignored.clone(),
    ));
    for followed in Followed::ALL {
        let follower = Reader::follower(
            followed,
            process,
            flags.stale_after,
            sender.clone(),
            Arc::clone(&check),
        );
        tokio::spawn(follower.run());
    }
    hub
}
