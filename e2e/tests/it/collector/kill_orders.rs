//! SIGKILL of the collector, the ingestor and NATS, one right after the other, while visitors move from page to page.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use e2e::processes::Pipeline;
use futures_util::future::try_join_all;
use simulator::world::Kind;
use tokio::time::sleep;

use super::kills::{kill, no_lookup_was_paid_twice, table_equals};
use super::site::{Browser, Collector, arrives, patient_pipeline};

/// Nothing goes stale and no heartbeat is missed: a row that should have left stays, and the test sees it.
const FLAGS: &[(&str, &str)] = &[
    // Newcomers have not opened yet when NATS is killed, so that no call is under way.
    ("--settle", "3s"),
    ("--leave-grace", "1s"),
    ("--heartbeat", "10m"),
    ("--trusted-proxies", "127.0.0.1"),
];

const ORDERS: [[&str; 3]; 6] = [
    ["collector", "ingestor", "nats"],
    ["collector", "nats", "ingestor"],
    ["ingestor", "collector", "nats"],
    ["ingestor", "nats", "collector"],
    ["nats", "collector", "ingestor"],
    ["nats", "ingestor", "collector"],
];

/// Visitors who move on all the time.
const CROWD: u32 = 12;
/// Visitors who arrive just before NATS is killed, for each order.
const OF_EACH: u32 = 4;

/// The visitors, and the processes that are killed under them.
struct World {
    collector: Collector,
    site: Pipeline,
    staying: Vec<Browser>,
    /// How many visitors there have been.
    addresses: u32,
}

impl World {
    async fn arrive(&mut self, number: u32) -> Result<Vec<Browser>> {
        let from = self.addresses;
        self.addresses += number;
        let mut coming: Vec<_> = (from..self.addresses)
            .map(|n| Browser::at(&self.collector, &self.site.ip(Kind::CompanyOnly, n)))
            .collect();
        everybody_sees(&mut coming, "/").await?;
        Ok(coming)
    }

    async fn are_shown(&self, browsers: &[Browser]) -> Result<()> {
        for browser in browsers {
            arrives(&self.site, &browser.address).await?;
        }
        Ok(())
    }

    /// Kills in this order without waiting for anything to recover. One visitor leaves after each kill, from the collector's on:
    /// one that is killed later could not know it.
    async fn kill_in_order(&mut self, order: [&str; 3]) -> Result<()> {
        let mut coming = Vec::new();
        let mut collector_was_killed = false;
        for victim in order {
            if victim == "nats" {
                coming = self.arrive(OF_EACH).await?;
            }
            kill(victim, &mut self.collector, &mut self.site).await?;
            collector_was_killed |= victim == "collector";
            if collector_was_killed && let Some(mut leaving) = self.staying.pop() {
                leaving.leaves(1).await?;
            }
        }
        self.site.ready().await?;
        // What a heartbeat says; the collector has forgotten those who had just arrived.
        everybody_sees(&mut coming, "/again").await?;
        everybody_sees(&mut self.staying, "/again").await?;
        self.are_shown(&coming).await?;
        self.staying.extend(coming);
        Ok(())
    }
}

async fn everybody_sees(browsers: &mut [Browser], path: &str) -> Result<()> {
    try_join_all(browsers.iter_mut().map(|browser| browser.sees(1, path)))
        .await
        .map(drop)
}

/// Moves on without end. Beacons are lost while the collector is away.
async fn moves_on(crowd: &mut [Browser]) {
    for page in 0_u64.. {
        for browser in &mut *crowd {
            let _ = browser.sees(1, &format!("/{page}")).await;
            sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn table_equals_the_open_tabs_after_every_order_of_kills_under_load() -> Result<()> {
    let collector = Collector::start(FLAGS).await?;
    let site = patient_pipeline(&collector).await?;
    let mut world = World {
        collector,
        site,
        staying: Vec::new(),
        addresses: 0,
    };
    let mut crowd = world.arrive(CROWD).await?;
    world.staying = world.arrive(CROWD).await?;
    world.are_shown(&crowd).await?;
    world.are_shown(&world.staying).await?;
    let kills = async {
        for order in ORDERS {
            world.kill_in_order(order).await?;
        }
        anyhow::Ok(())
    };
    tokio::select! {
        () = moves_on(&mut crowd) => {}
        done = kills => done?,
    }
    everybody_sees(&mut crowd, "/end").await?;
    everybody_sees(&mut world.staying, "/end").await?;
    let open = crowd.iter().chain(&world.staying);
    let open: BTreeSet<_> = open.map(|browser| browser.address.clone()).collect();
    table_equals(&world.site, &open, "/end").await?;
    no_lookup_was_paid_twice(&world.site)
}
