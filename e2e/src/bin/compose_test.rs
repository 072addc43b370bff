//! The containers of docker-compose.yml under load: scaled, killed, and nothing lost. `make compose-test`.
//!
//! The third parties are simulated here, on the host, so that every session in the view can be compared with what was sent.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::clients::Http;
use e2e::oracle::{ExpectedView, check};
use e2e::processes::repository;
use e2e::within;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use simulator::deanonymizer::{Deanonymizer, DeanonymizerConfig};
use simulator::emitter::{Emitter, EmitterConfig};
use simulator::load::{Load, LoadConfig};
use tokio::process::Command;

/// The timeout of each step. Containers start slowly while images are built.
const WAIT_TIMEOUT: Duration = Duration::from_mins(3);

/// The load goes on in steps of this length for as long as something is done to the containers.
const STEP: Duration = Duration::from_secs(1);

/// The port on which the page is served.
const PORT: &str = "3900";

/// The default number of containers of each kind. There are two ingestors, because events that one has read and not
/// published are lost with it.
const AT_REST: [&str; 4] = ["--scale", "ingestor=2", "--scale", "enricher=1"];

/// The containers, as a project of their own.
#[derive(Debug)]
struct Compose {
    environment: Vec<(&'static str, String)>,
}

impl Compose {
    fn new(emitter: SocketAddr, deanonymizer: SocketAddr) -> Self {
        let host = "host.docker.internal";
        Self {
            environment: vec![
                ("COMPOSE_PROJECT_NAME", "visitors-test".into()),
                ("SIMULATORS", "0".into()),
                ("GATEWAY_PORT", PORT.into()),
                ("EMITTER_URL", format!("ws://{host}:{}", emitter.port())),
                (
                    "DEANONYMIZER_URL",
                    format!("http://{host}:{}/deanonymize", deanonymizer.port()),
                ),
                // So long that no session goes stale while a container starts.
                ("STALE_AFTER", "9m".into()),
            ],
        }
    }

    /// Runs `docker compose` with these arguments, and returns its standard output.
    async fn run(&self, arguments: &[&str]) -> Result<String> {
        println!("docker compose {}", arguments.join(" "));
        let output = Command::new("docker")
            .arg("compose")
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(repository())
            .output()
            .await
            .context("docker cannot be run")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{arguments:?}: {errors}");
        Ok(String::from_utf8(output.stdout)?)
    }

    async fn up(&self, more: &[&str]) -> Result<()> {
        let arguments = [&["up", "--detach", "--wait", "--no-recreate"], more].concat();
        self.run(&arguments).await.map(drop)
    }

    /// SIGKILL for the process of a service's first container, as the kernel does when memory is short.
    async fn kill(&self, service: &str) -> Result<()> {
        let containers = self.run(&["ps", "--quiet", service]).await?;
        let container = containers.lines().next().context("no container")?;
        let output = Command::new("docker")
            .args(["inspect", "--format", "{{.State.Pid}}", container])
            .output()
            .await?;
        let pid = String::from_utf8(output.stdout)?.trim().parse()?;
        kill_process(Pid::from_raw(pid).context("it does not run")?, Signal::KILL)?;
        println!("killed the process of {service}");
        within(WAIT_TIMEOUT, "its container runs again", async || {
            let output = Command::new("docker")
                .args(["inspect", "--format", "{{.State.Pid}}", container])
                .output()
                .await?;
            let now: i32 = String::from_utf8(output.stdout)?.trim().parse()?;
            ensure!(now != 0 && now != pid, "process {now}");
            Ok(())
        })
        .await?;
        self.all_healthy().await
    }

    async fn all_healthy(&self) -> Result<()> {
        within(WAIT_TIMEOUT, "all containers are healthy", async || {
            tokio::time::sleep(STEP).await;
            // Each line is a container.
            for line in self.run(&["ps", "--all", "--format", "json"]).await?.lines() {
                let container: Value = serde_json::from_str(line)?;
                ensure!(container["Health"] == "healthy", "{}", container["Name"]);
            }
            Ok(())
        })
        .await
    }
}

/// The third parties, what they have sent, and the page.
struct Site {
    emitter: Emitter,
    deanonymizer: Deanonymizer,
    load: Load,
    page: Http,
}

impl Site {
    fn start() -> Result<Self> {
        // The containers come over Docker's bridge, not over loopback.
        let listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        Ok(Self {
            emitter: Emitter::start(EmitterConfig {
                listen,
                ..EmitterConfig::default()
            })?,
            deanonymizer: Deanonymizer::start(DeanonymizerConfig {
                listen,
                ..DeanonymizerConfig::default()
            })?,
            load: Load::new(&LoadConfig {
                rate: 300.0,
                sessions: 300,
                addresses: 100,
                ..LoadConfig::default()
            }),
            page: Http::new(&format!("http://127.0.0.1:{PORT}"))?,
        })
    }

    /// Runs `work` while visitors come and go, and then checks every session.
    async fn during(&mut self, what: &str, work: impl Future<Output = Result<()>>) -> Result<()> {
        println!("== {what}");
        let done = Cell::new(false);
        let work = async {
            let worked = work.await;
            done.set(true);
            worked
        };
        let loading = async {
            let mut events = 0;
            while !done.get() {
                events += self.load.run(&self.emitter, STEP).await.sent.events();
            }
            events
        };
        let (worked, events) = tokio::join!(work, loading);
        worked?;
        let expected = ExpectedView::after_load(&self.load);
        within(WAIT_TIMEOUT, "the view is right", async || {
            check(&expected.differences(&self.page.sessions().await?))
        })
        .await
        .with_context(|| what.to_owned())?;
        println!("   {events} events, all {} sessions are right", expected.count());
        Ok(())
    }
}

async fn test(site: &mut Site, compose: &Compose) -> Result<()> {
    println!("== up");
    compose.run(&["build", "--quiet"]).await?;
    compose.up(&AT_REST).await?;
    let page = site.page.get("/").await?;
    ensure!(page.text.contains("<div id=\"root\">"), "no page: {}", page.text);
    site.emitter.wait_for_clients(2, WAIT_TIMEOUT).await?;
    site.load.open_all(&site.emitter).await;

    site.during("one enricher, then four, then one", async {
        compose
            .up(&["--scale", "ingestor=2", "--scale", "enricher=4"])
            .await?;
        compose.up(&AT_REST).await
    })
    .await?;
    for service in ["enricher", "gateway", "ingestor", "nats"] {
        site.during(&format!("kill -9 {service}"), compose.kill(service))
            .await?;
    }
    site.during("an operator looks", look(compose)).await?;
    let paid = site.deanonymizer.stats();
    println!("{} calls for {} addresses", paid.calls, paid.distinct_ips);
    Ok(())
}

/// The commands of the README.
async fn look(compose: &Compose) -> Result<()> {
    let nats = async |arguments: &[&str]| {
        let run = ["run", "--rm", "--no-TTY", "nats-box", "nats"];
        compose.run(&[&run, arguments].concat()).await
    };
    let streams = nats(&["stream", "ls"]).await?;
    ensure!(streams.contains("VISITOR_SESSIONS"), "{streams}");
    let heard = nats(&["sub", "visitor.>", "--count", "5"]).await?;
    ensure!(heard.contains("Received on \"visitor."), "{heard}");
    ensure!(
        nats(&["stream", "purge", "VISITOR_RAW", "--force"])
            .await
            .is_err(),
        "an operator must write nothing"
    );
    let replayed = compose
        .run(&["run", "--rm", "--no-TTY", "ingestor", "replay"])
        .await?;
    ensure!(replayed.contains("sent through again"), "{replayed}");
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = async {
        let mut site = Site::start()?;
        let compose = Compose::new(site.emitter.addr(), site.deanonymizer.addr());
        let tested = test(&mut site, &compose).await;
        if tested.is_err() {
            // Prints the containers' logs before they are removed.
            let logs = compose.run(&["logs", "--tail", "30"]).await;
            println!("{}", logs.unwrap_or_else(|error| format!("{error:#}")));
        }
        compose.run(&["down", "--volumes", "--remove-orphans"]).await?;
        tested
    };
    match outcome.await {
        Ok(()) => {
            println!("passed");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("FAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}
