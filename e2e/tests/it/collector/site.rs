//! A website: a collector, a pipeline that reads it, and visitors' browsers.

use anyhow::{Context as _, Result, ensure};
use e2e::clients::Http;
use e2e::eventually;
use e2e::processes::{Builder, Pipeline, Process, Role, free_port, repository, workspace_binary};
use protocol::frame::VisibleSession;
use reqwest::StatusCode;
use serde_json::json;

/// The website whose pages send.
pub const SITE: &str = "https://shop.example";

/// The user agent of an ordinary browser.
const USER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// The flags of most tests: short times, addresses chosen by the test, and no timeout of silent sessions.
pub const USUAL: &[(&str, &str)] = &[
    ("--settle", "300ms"),
    ("--leave-grace", "1s"),
    ("--heartbeat", "10m"),
    ("--trusted-proxies", "127.0.0.1"),
];

/// A running collector.
pub struct Collector {
    /// The process.
    pub process: Process,
    /// Health and metrics.
    pub health: Http,
    /// Where visitors reach it.
    pub url: String,
    /// Where ingestors reach it.
    pub emitter_url: String,
}

impl Collector {
    /// Starts a collector for [`SITE`], and waits until it is ready.
    pub async fn start(flags: &[(&str, &str)]) -> Result<Self> {
        let [public, emitter, health] = [free_port()?, free_port()?, free_port()?];
        let tracker = repository().join("collector/tracker/dist/v.js");
        let mut arguments: Vec<String> = [
            ("--listen", format!("127.0.0.1:{public}")),
            ("--emitter-listen", format!("127.0.0.1:{emitter}")),
            ("--http-listen", format!("127.0.0.1:{health}")),
            ("--sites", SITE.to_owned()),
            ("--tracker", tracker.to_string_lossy().into_owned()),
        ]
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect();
        for (flag, value) in flags {
            arguments.push((*flag).to_owned());
            if !value.is_empty() {
                arguments.push((*value).to_owned());
            }
        }
        let program = workspace_binary("collector")?;
        let logs = program.with_file_name("collector-logs").join(public.to_string());
        std::fs::create_dir_all(&logs)?;
        println!("the collector's log is in {}", logs.display());
        let process = Process::new("collector", program, arguments, &logs);
        let mut process = process.with_variable("RUST_LOG", "trace");
        process.start()?;
        let health = Http::new(&format!("http://127.0.0.1:{health}"))?;
        eventually("the collector is ready", async || health.ready().await).await?;
        Ok(Self {
            process,
            health,
            url: format!("http://127.0.0.1:{public}"),
            emitter_url: format!("ws://127.0.0.1:{emitter}"),
        })
    }

    /// A pipeline that reads it.
    pub fn pipeline(&self) -> Builder {
        Pipeline::builder().flag(Role::Ingestor, "--emitter-url", &self.emitter_url)
    }

    /// How many beacons were dropped for a reason.
    pub async fn dropped(&self, reason: &str) -> Result<u64> {
        let name = format!("visitor_collector_beacons_dropped_total{{reason=\"{reason}\"}}");
        self.health.metric(&name).await
    }

    /// How many sessions were opened.
    pub async fn opened(&self) -> Result<u64> {
        let name = "visitor_collector_events_total{kind=\"session-opened\"}";
        self.health.metric(name).await
    }
}

/// A visitor's browser with one session.
#[derive(Clone)]
pub struct Browser {
    client: reqwest::Client,
    url: String,
    /// The session's id, as the tracker makes it.
    pub session: String,
    /// The address that a trusted proxy reports.
    pub address: String,
    /// The website that the page is of.
    pub origin: String,
    number: u32,
}

impl Browser {
    /// A browser at an address. Needs a [`Collector`] first, which says whose TLS is used.
    pub fn at(collector: &Collector, address: &str) -> Self {
        Self {
            client: reqwest::Client::new(),
            url: format!("{}/v", collector.url),
            session: format!("{:032x}", rand::random::<u128>()),
            address: address.to_owned(),
            origin: SITE.to_owned(),
            number: 0,
        }
    }

    /// Another browser at the same address.
    pub fn another(&self) -> Self {
        Self {
            session: format!("{:032x}", rand::random::<u128>()),
            ..self.clone()
        }
    }

    /// A tab shows a page.
    pub async fn sees(&mut self, tab: u32, path: &str) -> Result<()> {
        let page = json!({ "u": format!("{}{path}", self.origin), "t": "A page", "k": "v" });
        self.says(tab, page).await
    }

    /// A tab is closed, or its page left.
    pub async fn leaves(&mut self, tab: u32) -> Result<()> {
        self.says(tab, json!({ "k": "l" })).await
    }

    async fn says(&mut self, tab: u32, mut beacon: serde_json::Value) -> Result<()> {
        self.number += 1;
        beacon["s"] = json!(self.session);
        beacon["p"] = json!(tab);
        beacon["n"] = json!(self.number);
        let status = self.sends(beacon.to_string()).await?;
        ensure!(status == StatusCode::NO_CONTENT, "{status}");
        Ok(())
    }

    /// Sends any body, and returns the response's status.
    pub async fn sends(&self, body: String) -> Result<StatusCode> {
        Ok(self.posts(body).await?.status())
    }

    /// Sends any body, and gives the answer.
    pub async fn posts(&self, body: String) -> Result<reqwest::Response> {
        let request = self.client.post(&self.url);
        let answer = request
            .header("origin", &self.origin)
            .header("user-agent", USER_AGENT)
            .header("content-type", "text/plain;charset=UTF-8")
            .header("x-forwarded-for", &self.address)
            .body(body)
            .send()
            .await?;
        ensure!(
            answer.headers().get("set-cookie").is_none(),
            "the collector sets a cookie"
        );
        Ok(answer)
    }
}

/// A pipeline in which nothing goes stale in the course of a test.
pub async fn patient_pipeline(collector: &Collector) -> Result<Pipeline> {
    let builder = collector.pipeline();
    let builder = builder.flag(Role::Gateway, "--stale-after", "10m");
    builder.flag(Role::Enricher, "--stale-after", "10m").start().await
}

/// The rows of an address.
pub async fn rows(pipeline: &Pipeline, address: &str) -> Result<Vec<VisibleSession>> {
    let sessions = pipeline.sessions().await?;
    Ok(sessions
        .into_values()
        .filter(|session| &*session.ip == address)
        .collect())
}

/// Waits until an address has one row, and returns it.
pub async fn arrives(pipeline: &Pipeline, address: &str) -> Result<VisibleSession> {
    eventually(&format!("{address} is shown once"), async || {
        let mut rows = rows(pipeline, address).await?;
        ensure!(rows.len() == 1, "{rows:?}");
        rows.pop().context("no row")
    })
    .await
}

/// Waits until an address has no row.
pub async fn is_gone(pipeline: &Pipeline, address: &str) -> Result<()> {
    eventually(&format!("{address} is not shown"), async || {
        let rows = rows(pipeline, address).await?;
        ensure!(rows.is_empty(), "{rows:?}");
        Ok(())
    })
    .await
}
