//! Tells people when a company arrives on the website.
//!
//! Each notifier of a fleet follows all sessions, and remembers them. The first one to see an arrival claims its company in
//! a bucket; the one that has the lease announces the claimed arrivals.

mod arrivals;
mod cooldown;
mod delivery;
mod flags;
mod hub;
mod message;
mod metrics;
mod streams;
mod webhook;

use std::process::ExitCode;
use std::sync::Arc;

use protocol::status::Figures;
use service::watchlist::file::WatchlistFile;
use service::{Process, process};
use tokio::sync::{mpsc, watch};

use crate::cooldown::lease::LeaseKeeper;
use crate::cooldown::store::Store;
use crate::flags::Flags;
use crate::hub::sending::Sender;
use crate::hub::{Hub, WEBHOOK_PART};
use crate::metrics::NotifierMetrics;
use crate::streams::follower::Reader;
use crate::streams::intake::Followed;
use crate::streams::position::SharedPosition;

/// How many messages from NATS may wait for the hub.
const MAX_WAITING_MESSAGES: usize = 4 * 1024;

/// Runs the process until it exits.
pub fn main() -> ExitCode {
    process::main(run)
}

async fn run(flags: Flags) -> anyhow::Result<()> {
    // Before anything connects, so that errors in files are reported immediately.
    let receiver = flags.receiver()?;
    let watchlist = flags.watchlist_file()?;
    let parts = [Followed::Sessions.part(), Followed::Claims.part(), WEBHOOK_PART];
    let process = Process::start("notifier", &flags, &parts).await?;
    let metrics = Arc::new(NotifierMetrics::new(&process.metrics));
    let figures = {
        let metrics = Arc::clone(&metrics);
        move || Figures::Notifier(metrics.figures())
    };
    let reporter = process.reporter(figures);
    let watched = watchlist.as_ref().map(WatchlistFile::current);
    if let Some(watchlist) = watchlist {
        tokio::spawn(watchlist.follow(process.metrics.clone()));
    }
    let lease = LeaseKeeper::new(process.nats.clone(), &process.instance);
    let sender = Sender {
        instance: process.instance.as_str().into(),
        store: Store::new(process.nats.clone(), flags.cooldown),
        messages: flags.messages(),
        receiver,
        held: lease.held(),
    };
    let hub = Hub::new(&process, flags.cooldown, watched, sender, metrics);
    process.tasks.spawn(notify(&process, hub, lease));
    let routes = process.routes();
    process.run(routes, reporter).await;
    Ok(())
}

/// Follows the sessions and announces arrivals until shutdown.
fn notify(process: &Process, mut hub: Hub, mut lease: LeaseKeeper) -> impl Future<Output = ()> + use<> {
    let (sender, intake) = mpsc::channel(MAX_WAITING_MESSAGES);
    let position = SharedPosition::new(process);
    let sessions = Reader::follower(Followed::Sessions, process, sender.clone(), watch::channel(0).1);
    let claims = Reader::follower(Followed::Claims, process, sender.clone(), hub.expected_claims());
    let shutdown = process.shutdown.clone();
    async move {
        tokio::select! {
            () = shutdown.cancelled() => return,
            first = position.first() => hub.begin(first),
        }
        // These have nothing to finish, so they end with the runtime.
        tokio::spawn(sessions.run());
        tokio::spawn(claims.run());
        tokio::spawn(position.run(sender));
        tokio::select! {
            () = lease.keep() => {}
            () = hub.run(intake, shutdown) => {}
        }
        lease.release().await;
    }
}
