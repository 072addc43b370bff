//! The real page in a real browser, on the real pipeline.

use std::collections::BTreeMap;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use e2e::{Pipeline, Role, Visitor, eventually, repository};
use serde::Deserialize;
use simulator::world::Kind;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// What the page shows.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seen {
    rows: Vec<String>,
    figures: BTreeMap<String, Option<String>>,
    freshness: Option<String>,
    ever_shown: Vec<String>,
    complaints: Vec<String>,
}

impl Seen {
    fn row(&self, visitor: &Visitor) -> Result<&str> {
        let row = self.rows.iter().find(|row| row.contains(&visitor.ip));
        row.map(String::as_str)
            .with_context(|| format!("no row of {} among {:?}", visitor.ip, self.rows))
    }

    fn figure(&self, name: &str) -> Result<&str> {
        self.figures
            .get(name)
            .and_then(Option::as_deref)
            .with_context(|| format!("{name}: {:?}", self.figures))
    }
}

/// A browser with the page open.
struct Page {
    _browser: Child,
    ask: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Page {
    fn open(url: &str) -> Result<Self> {
        let frontend = repository().join("frontend");
        ensure!(
            frontend.join("dist/index.html").is_file(),
            "the page is not built: run `make build`"
        );
        let mut browser = Command::new("node")
            .args(["e2e/watch.mjs", url])
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

    async fn look(&mut self) -> Result<Seen> {
        self.ask.write_all(b"look\n").await?;
        let answer = self.answers.next_line().await?.context("the browser has ended")?;
        Ok(serde_json::from_str(&answer)?)
    }

    async fn shows(&mut self, what: &str, is_it: impl Fn(&Seen) -> Result<()>) -> Result<Seen> {
        eventually(&format!("the page shows {what}"), async || {
            let seen = self.look().await?;
            is_it(&seen)?;
            Ok(seen)
        })
        .await
    }
}

/// A pipeline whose gateway serves the built page.
async fn with_page() -> Result<Pipeline> {
    let assets = repository().join("frontend/dist");
    Pipeline::builder()
        .flag(Role::Gateway, "--assets", &assets.to_string_lossy())
        .start()
        .await
}

#[tokio::test]
async fn visitors_come_age_and_go_and_a_restarted_gateway_changes_nothing() -> Result<()> {
    let mut site = with_page().await?;
    let mut page = Page::open(site.member(Role::Gateway, 0)?.http.base())?;
    page.shows("that nobody is there", |seen| {
        ensure!(
            seen.freshness.as_deref() == Some("live") && seen.figure("Active visitors")? == "0",
            "{seen:?}"
        );
        Ok(())
    })
    .await?;

    let stays = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    let goes = Visitor::from(&site.ip(Kind::CompanyOnly, 2));
    site.send(&[stays.opened(65_000), goes.opened(0)]);
    let seen = page
        .shows("both", |seen| seen.row(&stays).and(seen.row(&goes)).map(drop))
        .await?;
    let company = site.shows(&stays).await?.company.context("no company")?;
    let first = seen.row(&stays)?.to_owned();
    ensure!(
        first.contains(&company.name) && first.contains(&company.domain),
        "{first}"
    );
    ensure!(first.contains("1m"), "on site for a minute: {first}");
    page.shows("that time passes", |seen| {
        ensure!(seen.row(&stays)? != first, "{first}");
        Ok(())
    })
    .await?;
    let figures = site.member(Role::Gateway, 0)?.http.stats().await?;
    assert_eq!((figures.active_sessions, figures.companies), (2, 2));
    page.shows("the averages", |seen| {
        ensure!(
            seen.figure("Active visitors")? == "2" && seen.figure("Companies")? == "2",
            "{seen:?}"
        );
        ensure!(
            seen.figure("Visitors per company")?.starts_with('1'),
            "{seen:?}"
        );
        Ok(())
    })
    .await?;

    site.send(&[goes.closed(0)]);
    page.shows("that one has gone", |seen| {
        ensure!(
            seen.row(&goes).is_err() && seen.rows.len() == 1,
            "{:?}",
            seen.rows
        );
        Ok(())
    })
    .await?;

    site.gateway()?.process.kill().await?;
    page.shows("that the line is dead", |seen| {
        ensure!(seen.freshness.as_deref() != Some("live"), "{seen:?}");
        Ok(())
    })
    .await?;
    let arrives = Visitor::from(&site.ip(Kind::CompanyOnly, 3));
    site.send(&[arrives.opened(0)]);
    site.gateway()?.process.start()?;
    let seen = page
        .shows("the one who stayed and the one who came meanwhile", |seen| {
            ensure!(seen.freshness.as_deref() == Some("live"), "{seen:?}");
            seen.row(&stays)?;
            seen.row(&arrives)?;
            ensure!(seen.rows.len() == 2, "{:?}", seen.rows);
            Ok(())
        })
        .await?;
    ensure!(seen.complaints.is_empty(), "{:?}", seen.complaints);
    Ok(())
}

#[tokio::test]
async fn what_must_not_be_shown_is_not_in_the_document_for_a_moment() -> Result<()> {
    let site = with_page().await?;
    let mut page = Page::open(site.member(Role::Gateway, 0)?.http.base())?;
    let hidden: Vec<_> = [Kind::NexaCore, Kind::VertexCloud]
        .into_iter()
        .flat_map(|kind| (0..10).map(move |n| (kind, n)))
        .map(|(kind, n)| Visitor::from(&site.ip(kind, n)))
        .collect();
    let personal: Vec<_> = (0..10)
        .map(|n| Visitor::from(&site.ip(Kind::PersonalEmails, n)))
        .collect();
    let all: Vec<_> = hidden
        .iter()
        .chain(&personal)
        .map(|visitor| visitor.opened(0))
        .collect();
    site.send(&all);
    let seen = page
        .shows("those with personal addresses", |seen| {
            ensure!(seen.rows.len() == personal.len(), "{:?}", seen.rows);
            Ok(())
        })
        .await?;
    for text in &seen.ever_shown {
        ensure!(hidden.iter().all(|visitor| *text != visitor.ip), "{text}");
        ensure!(
            !text.contains("NexaCore") && !text.contains("VertexCloud"),
            "{text}"
        );
        ensure!(!text.contains('@'), "an address: {text}");
    }
    Ok(())
}

#[tokio::test]
async fn markup_of_a_third_party_is_text_on_the_page() -> Result<()> {
    let site = with_page().await?;
    let mut page = Page::open(site.member(Role::Gateway, 0)?.http.base())?;
    let markup = [
        "<script>document.body.innerHTML = 'owned'</script>",
        "<img src=x onerror=\"document.body.innerHTML = 'owned'\">",
        "</td><iframe srcdoc='<script>parent.document.body.innerHTML = 1</script>'>",
        "{{constructor.constructor('document.body.innerHTML = 1')()}}",
    ];
    let mut visitors = Vec::new();
    for (n, text) in (0..).zip(markup) {
        let visitor = Visitor::from(&site.ip(Kind::Full, n));
        let answer = serde_json::json!({"ip": visitor.ip, "data": {
            "company": {"guid": format!("C{n}"), "name": text, "domain": "javascript:document.body.innerHTML='owned'"},
            "contact": {"guid": "P", "name": text, "title": text, "phoneNumbers": [text], "emailAddresses": []},
        }});
        site.deanonymizer
            .answer_ip(&visitor.ip, answer.to_string().as_bytes());
        site.send(&[visitor.opened(0)]);
        visitors.push(visitor);
    }
    let seen = page
        .shows("all of them", |seen| {
            visitors
                .iter()
                .try_for_each(|visitor| seen.row(visitor).map(drop))
        })
        .await?;
    for (visitor, text) in visitors.iter().zip(markup) {
        let row = seen.row(visitor)?;
        ensure!(row.contains(text), "{text} is not the text of {row}");
        ensure!(row.contains("javascript:document"), "{row}");
    }
    ensure!(seen.complaints.is_empty(), "{:?}", seen.complaints);
    Ok(())
}
