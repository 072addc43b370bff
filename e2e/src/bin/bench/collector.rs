//! The load that one collector sustains next to the pipeline that reads it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e::clients::Http;
use e2e::load::{SIMULATORS, Usage};
use e2e::processes::{Pipeline, Process, Role, free_port, repository, workspace_binary};
use e2e::{eventually, within};
use hdrhistogram::Histogram;
use simulator::world::Kind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::interval;

use crate::costs::PIPELINE;
use crate::number::{mib, whole};
use crate::part::Part;
use crate::report::{Section, Table};

const COLLECTOR: &str = "collector";

/// Connections of the website's reverse proxy to the collector.
const CONNECTIONS: usize = 64;

/// The seconds between two beacons of a visitor.
const BEACON_EVERY: f64 = 10.0;

/// How long all sessions may take to appear.
const OPENED_WITHIN: Duration = Duration::from_mins(5);

/// The highest latency of a beacon that the histogram distinguishes from higher ones, in microseconds.
const LONGEST: u64 = 60_000_000;

/// Measures beacons of this many visitors at several rates.
pub async fn measure(sessions: usize, lasting: Duration) -> Result<Section> {
    let website = Website::start(sessions).await?;
    let mut table = Table::new(&[
        "visitors",
        "beacons/s asked",
        "beacons/s",
        "p50 ms",
        "p99 ms",
        "dropped",
        "collector cores",
        "pipeline cores",
        "load cores",
        "collector memory",
    ]);
    let asked = sessions as f64 / BEACON_EVERY;
    // The last rate shows the headroom.
    for rate in [asked / 10.0, asked, asked * 2.0] {
        table.row(&website.run(rate, lasting).await?);
    }
    website.holds_all().await?;
    Ok(Section::new(Part::Collector.title())
        .say(
            "One collector and the whole pipeline behind it, on the same cores. Every visitor has an address of its own and \
             is in the table. A beacon is an HTTP request over one of 64 connections, as a reverse proxy has them; its time \
             is that until the answer. CPU is in cores: 1.00 is one core all the time.",
        )
        .table(&table))
}

/// A collector with the pipeline that reads it, and all its visitors.
struct Website {
    _collector: Process,
    health: Http,
    pipeline: Pipeline,
    address: String,
    visitors: Arc<Vec<String>>,
}

impl Website {
    /// Starts all processes, and waits until all visitors are in the table.
    async fn start(sessions: usize) -> Result<Self> {
        let [public, emitter, health] = [free_port()?, free_port()?, free_port()?];
        let tracker = repository().join("collector/tracker/dist/v.js");
        let limit = (sessions * 2).to_string();
        let arguments = [
            ("--listen", format!("127.0.0.1:{public}")),
            ("--emitter-listen", format!("127.0.0.1:{emitter}")),
            ("--http-listen", format!("127.0.0.1:{health}")),
            ("--sites", "https://shop.example".to_owned()),
            ("--trusted-proxies", "127.0.0.1".to_owned()),
            ("--tracker", tracker.to_string_lossy().into_owned()),
            ("--max-sessions", limit.clone()),
            // All arrive at once, unlike the visitors of a real website.
            ("--new-sessions-per-minute", limit),
        ];
        let arguments = arguments
            .into_iter()
            .flat_map(|(flag, value)| [flag.to_owned(), value]);
        let program = workspace_binary(COLLECTOR)?;
        let folder = program.with_file_name("bench-collector");
        std::fs::create_dir_all(&folder)?;
        let mut collector = Process::new(COLLECTOR, program, arguments.collect(), &folder);
        collector.start()?;
        let health = Http::new(&format!("http://127.0.0.1:{health}"))?;
        eventually("the collector is ready", async || health.ready().await).await?;
        let builder = Pipeline::builder().flag(
            Role::Ingestor,
            "--emitter-url",
            &format!("ws://127.0.0.1:{emitter}"),
        );
        let pipeline = builder.start().await?;
        let visitors = (0_u32..).take(sessions).map(|n| pipeline.ip(Kind::Full, n));
        let website = Self {
            _collector: collector,
            health,
            address: format!("127.0.0.1:{public}"),
            visitors: Arc::new(visitors.collect()),
            pipeline,
        };
        website.send(None, Duration::ZERO).await?;
        website.holds_all().await?;
        Ok(website)
    }

    async fn holds_all(&self) -> Result<()> {
        let expected = self.visitors.len() as u64;
        within(OPENED_WITHIN, "all visitors are in the table", async || {
            let stats = self.pipeline.instance(Role::Gateway, 0)?.http.stats().await?;
            ensure!(
                stats.active_sessions == expected,
                "{stats:?} instead of {expected}"
            );
            Ok(())
        })
        .await
    }

    async fn dropped(&self) -> Result<u64> {
        self.health
            .metric("visitor_collector_beacons_dropped_total")
            .await
    }

    /// A row of the table.
    async fn run(&self, rate: f64, lasting: Duration) -> Result<Vec<String>> {
        let (before, dropped, began) = (Usage::now()?, self.dropped().await?, Instant::now());
        let answers = self.send(Some(rate), lasting).await?;
        let seconds = began.elapsed().as_secs_f64();
        let used = Usage::now()?.since(&before);
        let millis = |quantile| format!("{:.1}", answers.value_at_quantile(quantile) as f64 / 1e3);
        let cores = |name: &str| used.of(name).cpu_seconds / seconds;
        Ok(vec![
            whole(self.visitors.len() as f64),
            whole(rate),
            whole(answers.len() as f64 / seconds),
            millis(0.5),
            millis(0.99),
            (self.dropped().await? - dropped).to_string(),
            format!("{:.2}", cores(COLLECTOR)),
            format!("{:.2}", PIPELINE.into_iter().map(cores).sum::<f64>()),
            format!("{:.2}", cores(SIMULATORS)),
            mib(used.of(COLLECTOR).memory),
        ])
    }

    /// Sends beacons at a rate for a time, or one for each visitor as fast as possible. Returns how long each took.
    async fn send(&self, rate: Option<f64>, lasting: Duration) -> Result<Histogram<u64>> {
        let mut connections = JoinSet::new();
        for number in 0..CONNECTIONS {
            let proxy = Proxy::connect(&self.address, Arc::clone(&self.visitors), number).await?;
            connections.spawn(proxy.send(rate.map(|rate| rate / CONNECTIONS as f64), lasting));
        }
        let mut answers = Histogram::new_with_max(LONGEST, 3)?;
        while let Some(connection) = connections.join_next().await {
            answers.add(connection??)?;
        }
        Ok(answers)
    }
}

/// One connection of the reverse proxy, with its share of the visitors.
struct Proxy {
    stream: TcpStream,
    visitors: Arc<Vec<String>>,
    number: usize,
    answer: Vec<u8>,
}

impl Proxy {
    async fn connect(address: &str, visitors: Arc<Vec<String>>, number: usize) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            visitors,
            number,
            answer: vec![0; 1024],
        })
    }

    async fn send(mut self, rate: Option<f64>, lasting: Duration) -> Result<Histogram<u64>> {
        let mut answers = Histogram::new_with_max(LONGEST, 3)?;
        let mut ticks = rate.map(|rate| interval(Duration::from_secs_f64(1.0 / rate)));
        let began = Instant::now();
        // Beacons of a page are numbered; those of an earlier run are older.
        let page = std::process::id();
        let first = jiff::Timestamp::now().as_second();
        for round in 0_i64.. {
            for visitor in (self.number..self.visitors.len()).step_by(CONNECTIONS) {
                if let Some(ticks) = &mut ticks {
                    ticks.tick().await;
                    if began.elapsed() >= lasting {
                        return Ok(answers);
                    }
                }
                let sent = Instant::now();
                self.beacon(visitor, page, first + round).await?;
                answers.record(u64::try_from(sent.elapsed().as_micros())?)?;
            }
            if ticks.is_none() {
                break;
            }
        }
        Ok(answers)
    }

    async fn beacon(&mut self, visitor: usize, page: u32, number: i64) -> Result<()> {
        let address = self.visitors.get(visitor).context("no such visitor")?;
        let body = format!(
            r#"{{"s":"{visitor:032x}","p":{page},"n":{number},"k":"v","o":1,"u":"https://shop.example/{}","t":"A page"}}"#,
            number % 7
        );
        let request = format!(
            "POST /v HTTP/1.1\r\nhost: shop.example\r\norigin: https://shop.example\r\nuser-agent: Mozilla/5.0 (X11; Linux \
             x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\nx-forwarded-for: \
             {address}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        let mut read = 0;
        while !self.answer[..read].ends_with(b"\r\n\r\n") {
            let more = self.stream.read(&mut self.answer[read..]).await?;
            ensure!(more > 0, "the collector closed a connection");
            read += more;
        }
        let answer = String::from_utf8_lossy(&self.answer[..read]);
        ensure!(answer.starts_with("HTTP/1.1 204"), "{answer}");
        Ok(())
    }
}
