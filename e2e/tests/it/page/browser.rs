//! A browser with the page open, and what it shows.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};
use e2e::processes::{Pipeline, Role, repository};
use e2e::{Visitor, eventually};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// What the page shows.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// The text of each row, without those who have just left.
    pub rows: Vec<String>,
    /// The rows that are marked as waited for.
    pub watched: Vec<String>,
    /// The text of each figure.
    pub figures: BTreeMap<String, String>,
    /// The first time in the charts, in seconds since the epoch; 0 while they are empty.
    pub charts_since: i64,
    /// How fresh the page says that it is.
    pub freshness: Option<String>,
    /// What the page says of its freshness.
    pub status: Option<String>,
    /// The text in place of the rows if there are none.
    pub no_rows: Option<String>,
    /// The page's title.
    pub title: String,
    /// What the address says of the table.
    pub address: String,
    /// The text of the details, where they are open.
    pub details: Option<String>,
}

impl Seen {
    /// The row of a visitor.
    pub fn row(&self, visitor: &Visitor) -> Result<&str> {
        let row = self.rows.iter().find(|row| row.contains(&visitor.ip));
        row.map(String::as_str)
            .with_context(|| format!("no row of {} among {:?}", visitor.ip, self.rows))
    }

    /// The text of a figure.
    pub fn figure(&self, name: &str) -> Result<&str> {
        let figure = self.figures.get(name).map(String::as_str);
        figure.with_context(|| format!("{name}: {:?}", self.figures))
    }

    /// Checks that exactly these visitors are shown, in this order.
    pub fn shows(&self, visitors: &[&Visitor]) -> Result<()> {
        ensure!(self.rows.len() == visitors.len(), "{:?}", self.rows);
        for (row, visitor) in self.rows.iter().zip(visitors) {
            ensure!(row.contains(&visitor.ip), "{} is not in {row:?}", visitor.ip);
        }
        Ok(())
    }

    /// Checks that the page reports itself as up to date.
    pub fn is_live(&self) -> Result<()> {
        ensure!(self.freshness.as_deref() == Some("live"), "{:?}", self.freshness);
        Ok(())
    }
}

/// A browser with the page open, on a line to the gateway that can be cut.
pub struct Page {
    _browser: Child,
    ask: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Done(Value),
    Failed(String),
}

impl Page {
    /// Opens the page of the first gateway.
    pub fn of(site: &Pipeline) -> Result<Self> {
        Self::with_clock_ahead(site, 0)
    }

    /// Opens the page on a computer whose clock is wrong by this number of milliseconds.
    pub fn with_clock_ahead(site: &Pipeline, milliseconds: i64) -> Result<Self> {
        Self::open(site.instance(Role::Gateway, 0)?.http.base(), milliseconds)
    }

    /// Opens the page at this address.
    pub fn at(url: &str) -> Result<Self> {
        Self::open(url, 0)
    }

    fn open(url: &str, clock_ahead: i64) -> Result<Self> {
        let frontend = repository().join("frontend");
        ensure!(
            frontend.join("dist/index.html").is_file(),
            "the page is not built: run `make build`"
        );
        let mut browser = Command::new("node")
            .args([
                "browser/driver/page.mjs",
                url,
                &format!("--clock-ahead={clock_ahead}"),
            ])
            .current_dir(&frontend)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot run node")?;
        let ask = browser.stdin.take().context("no stdin")?;
        let answers = BufReader::new(browser.stdout.take().context("no stdout")?).lines();
        Ok(Self {
            _browser: browser,
            ask,
            answers,
        })
    }

    /// Runs a command without a result.
    pub async fn does(&mut self, command: Value) -> Result<()> {
        self.query::<Option<Value>>(command).await.map(drop)
    }

    /// Runs a command, and returns its result.
    pub async fn query<T: DeserializeOwned>(&mut self, command: Value) -> Result<T> {
        self.ask.write_all(format!("{command}\n").as_bytes()).await?;
        let answer = self.answers.next_line().await?.context("the browser has ended")?;
        match serde_json::from_str(&answer)? {
            Answer::Done(value) => Ok(serde_json::from_value(value)?),
            Answer::Failed(why) => bail!("{command}: {why}"),
        }
    }

    /// Presses a button.
    pub async fn presses(&mut self, name: &str) -> Result<()> {
        self.does(json!({ "command": "click", "role": "button", "name": name }))
            .await
    }

    /// Waits until the page shows something.
    pub async fn shows(&mut self, what: &str, is_it: impl Fn(&Seen) -> Result<()>) -> Result<Seen> {
        eventually(&format!("the page shows {what}"), async || {
            let seen: Seen = self.query(json!({ "command": "look" })).await?;
            is_it(&seen)?;
            Ok(seen)
        })
        .await
    }

    /// Checks that the browser has logged no error or warning.
    pub async fn is_content(&mut self) -> Result<()> {
        let complaints: Vec<String> = self.query(json!({ "command": "complaints" })).await?;
        ensure!(complaints.is_empty(), "{complaints:?}");
        Ok(())
    }
}

/// Runs a script of `frontend/browser/driver` with arguments until it ends, which it must do without an error.
pub async fn script_succeeds(name: &str, arguments: &[&OsStr]) -> Result<()> {
    let script = Command::new("node")
        .arg(format!("browser/driver/{name}"))
        .args(arguments)
        .current_dir(repository().join("frontend"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = script.await.context("cannot run node")?;
    let said = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "{name} {arguments:?}: {said}");
    Ok(())
}

/// A pipeline whose gateway serves the built page.
pub fn with_page() -> e2e::processes::Builder {
    let assets = repository().join("frontend/dist");
    Pipeline::builder().flag(Role::Gateway, "--assets", &assets.to_string_lossy())
}
