//! `docs/lookups.md`: what follows from each answer of a provider, row by row against the real enricher.

mod all_calls;
mod complete;
mod replies;
mod row;
mod rows;
mod told;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_nats::Client;
use e2e::processes::{Builder, Pipeline, Reply, Role, ScriptedProvider};
use e2e::{Visitor, eventually};
use protocol::frame::VisibleSession;
use serde_json::Value;
use tokio::time::Instant;

use self::replies::{WAIT, whole, whole_of_file};
use self::row::{Cached, Protocol, Retried, Row, Shown, Told};
use self::rows::{HIDDEN, ROWS};

/// The minimum pause after a refused account, with which the pipelines of these tests run.
const ACCOUNT_RETRY: Duration = Duration::from_secs(1);

/// By how much two calls may come closer together than they were sent.
const TRANSIT: Duration = Duration::from_millis(200);

const FILE: &str = r#"
[company]
name = "/company/name"
domain = "/company/domain"
[contact]
name = "/person/name"
title = "/person/title"
[unknown_if]
"/type" = ["isp"]
"#;

/// A provider, and a pipeline that asks it.
struct Trial {
    provider: ScriptedProvider,
    site: Pipeline,
    operator: Client,
}

impl Trial {
    async fn start(provider: ScriptedProvider, protocol: Protocol) -> Result<Self> {
        let site = site_for(&provider, protocol)?.start().await?;
        let operator = site.nats.client("operator").await?;
        Ok(Self {
            provider,
            site,
            operator,
        })
    }

    fn calls(&self, ip: &str) -> Vec<Instant> {
        self.provider.calls(ip)
    }

    async fn paid(&self) -> Result<u64> {
        let name = "visitor_enricher_lookups_paid_total";
        self.site.metric(Role::Enricher, name).await
    }

    async fn counted(&self, row: &Row) -> Result<u64> {
        let name = match row.shown {
            Shown::NotYet => format!(
                r#"visitor_enricher_lookups_failed_total{{kind="{}"}}"#,
                row.counted
            ),
            _ => format!(
                r#"visitor_enricher_verdicts_total{{level="call",verdict="{}"}}"#,
                row.counted
            ),
        };
        self.site.metric(Role::Enricher, &name).await
    }

    async fn explain(&self, ip: &str) -> Result<Value> {
        let answer = self
            .operator
            .request("visitor.explain", ip.to_owned().into())
            .await?;
        Ok(serde_json::from_slice(&answer.payload)?)
    }

    /// Visitors whose lookups succeed come one after the other.
    async fn others_come(&self, ip: &str, protocol: Protocol) -> Result<()> {
        for other in 0..3 {
            let other = ip.replacen("11.", &format!("1{}.", other + 2), 1);
            self.provider.reply(&other, whole_in(protocol, &other));
            let visitor = Visitor::from(&other);
            self.site.send(&[visitor.opened(0)]);
            self.site.shows(&visitor).await?;
            self.site.send(&[visitor.closed(0)]);
        }
        Ok(())
    }

    /// The answer brings a verdict.
    async fn settles(&self, row: &Row, ip: &str) -> Result<()> {
        let visitor = Visitor::from(ip);
        self.site.send(&[visitor.opened(0)]);
        if row.shown == Shown::Never {
            eventually("the verdict is known", async || {
                ensure!(self.explain(ip).await?["verdict"] == "hidden");
                Ok(())
            })
            .await?;
        } else {
            is_shown_as(row, &self.site.shows(&visitor).await?)?;
        }
        let told = self.explain(ip).await?;
        ensure!(told["verdict"] == row.counted, "{told}");
        let kept = told["expiresAt"].as_i64().context("expires")?
            - told["lookedUpAt"].as_i64().context("looked up")?;
        ensure!(Some(kept) == kept_for(row.cached), "kept for {kept} ms");

        let again = Visitor::from(ip);
        self.site.send(&[again.opened(0)]);
        if row.shown == Shown::Never {
            self.others_come(ip, row.protocol).await?;
            let sessions = self.site.sessions().await?;
            ensure!(!sessions.contains_key(&visitor.guid) && !sessions.contains_key(&again.guid));
        } else {
            is_shown_as(row, &self.site.shows(&again).await?)?;
        }
        ensure!(self.calls(ip).len() == 1, "it was asked about again");
        Ok(())
    }

    /// The answer brings no verdict.
    async fn fails(&self, row: &Row, ip: &str) -> Result<()> {
        if row.told == Told::Account {
            self.another_is_refused(ip).await?;
        }
        let (counted, paid) = (self.counted(row).await?, self.paid().await?);
        let visitor = Visitor::from(ip);
        self.site.send(&[visitor.opened(0)]);
        eventually("the failure is counted, and the call paid or not", async || {
            let (calls, counted) = (self.calls(ip).len() as u64, self.counted(row).await? - counted);
            let paid = self.paid().await? - paid;
            ensure!(
                calls > 0 && counted > 0 && paid == if row.paid { calls } else { 0 },
                "{calls} calls, {counted}, {paid} paid"
            );
            Ok(())
        })
        .await?;
        ensure!(
            !self.site.sessions().await?.contains_key(&visitor.guid),
            "it is shown"
        );
        let verdict = self.explain(ip).await?["verdict"].clone();
        ensure!(
            !["shown", "unknown", "hidden"].contains(&verdict.as_str().unwrap_or_default()),
            "{verdict}"
        );
        self.is_told(row).await?;
        self.is_retried(row, ip).await?;
        self.provider.reply(ip, whole_in(row.protocol, ip));
        if !is_rare(row) {
            self.site.shows(&visitor).await?;
        }
        self.site.send(&[visitor.closed(0)]);
        self.others_come(ip, row.protocol).await
    }

    async fn is_retried(&self, row: &Row, ip: &str) -> Result<()> {
        let pause = match row.retried {
            Retried::Never => Duration::MAX,
            Retried::OnceThenRarely => {
                self.is_asked(ip, 2).await?;
                self.others_come(ip, row.protocol).await?;
                // One early call is allowed after another answer was usable.
                ensure!(self.calls(ip).len() <= 4, "{:?}", self.calls(ip));
                return Ok(());
            }
            Retried::FourTimesThenRarely => {
                // The fifth call is due five seconds after the fourth.
                self.is_asked(ip, 4).await?;
                self.others_come(ip, row.protocol).await?;
                self.is_asked(ip, 5).await?;
                self.others_come(ip, row.protocol).await?;
                // One early call is allowed after another answer was usable.
                ensure!(self.calls(ip).len() <= 6, "{:?}", self.calls(ip));
                return Ok(());
            }
            Retried::Rarely => {
                self.others_come(ip, row.protocol).await?;
                ensure!(self.calls(ip).len() <= 2, "{:?}", self.calls(ip));
                return Ok(());
            }
            Retried::Soon | Retried::Unsent => Duration::ZERO,
            Retried::AfterTheWait | Retried::Queued => WAIT,
            Retried::AccountProbe => ACCOUNT_RETRY,
        };
        // The date of a `Retry-After` has passed at the third call.
        self.is_asked(ip, 2).await?;
        let calls = self.calls(ip);
        ensure!(calls[1] - calls[0] + TRANSIT >= pause, "{calls:?}");
        Ok(())
    }

    async fn is_asked(&self, ip: &str, times: usize) -> Result<()> {
        eventually(&format!("it is asked about {times} times"), async || {
            let calls = self.calls(ip).len();
            ensure!(calls >= times, "{calls} calls");
            Ok(())
        })
        .await
    }
}

fn site_for(provider: &ScriptedProvider, protocol: Protocol) -> Result<Builder> {
    let address = provider.address();
    let site = Pipeline::builder()
        .flag(Role::Enricher, "--lookup-timeout", "500ms")
        .flag(Role::Enricher, "--hide-companies", HIDDEN);
    Ok(match protocol {
        Protocol::Native => site.flag(
            Role::Enricher,
            "--deanonymizer-url",
            &format!("http://{address}/"),
        ),
        Protocol::File => {
            let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("answer-table.toml");
            let head = format!("name = \"scripted\"\nmethod = \"GET\"\nurl = \"http://{address}/{{ip}}\"");
            std::fs::write(&file, head + FILE)?;
            site.flag(Role::Enricher, "--deanonymizer-provider", &file.to_string_lossy())
        }
    })
}

/// Whether the address is asked about again after pauses that are too long for a test.
fn is_rare(row: &Row) -> bool {
    matches!(
        row.retried,
        Retried::OnceThenRarely | Retried::FourTimesThenRarely | Retried::Rarely
    ) || row.counted == "rejected"
}

fn whole_in(protocol: Protocol, ip: &str) -> Reply {
    Reply::json(&match protocol {
        Protocol::Native => whole(ip).to_string(),
        Protocol::File => whole_of_file().to_string(),
    })
}

fn kept_for(cached: Cached) -> Option<i64> {
    match cached {
        Cached::ProfileTtl => Some(24 * 3_600_000),
        Cached::UnknownTtl => Some(3_600_000),
        Cached::No => None,
    }
}

fn is_shown_as(row: &Row, session: &VisibleSession) -> Result<()> {
    ensure!(!session.unidentified, "{session:?}");
    let company = session.company.as_ref().map(|company| company.name.as_str());
    if row.shown == Shown::WithoutCompany {
        ensure!(company.is_none() && session.contact.is_none(), "{session:?}");
        return Ok(());
    }
    ensure!(company == Some("Lumen"), "{session:?}");
    let contact = session.contact.as_ref().context("no contact")?;
    let fields = [
        contact.title.is_some(),
        !contact.email_addresses.is_empty(),
        !contact.phone_numbers.is_empty(),
    ];
    let absent = fields.iter().filter(|field| !**field).count();
    let expected = match (row.protocol, row.shown) {
        (Protocol::Native, Shown::WithoutTheField) => 1,
        (Protocol::Native, _) => 0,
        // The file names no addresses and phone numbers.
        (Protocol::File, _) => 2,
    };
    ensure!(contact.name == "Ada Quill" && absent == expected, "{contact:?}");
    Ok(())
}

async fn every_row(protocol: Protocol) -> Result<()> {
    let trial = Trial::start(ScriptedProvider::start()?, protocol).await?;
    for (number, row) in ROWS
        .iter()
        .enumerate()
        .filter(|(_, row)| row.protocol == protocol)
    {
        let count = (row.replies)("11.0.0.1").len();
        for index in 0..count {
            let ip = format!("11.{number}.{index}.1");
            let reply = (row.replies)(&ip).into_iter().nth(index).context("no reply")?;
            trial.provider.reply(&ip, reply);
            let outcome = match row.shown {
                Shown::NotYet => trial.fails(row, &ip).await,
                _ => trial.settles(row, &ip).await,
            };
            outcome.with_context(|| format!("{}, answer {index}", row.answer))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn native_answers_come_to_what_the_document_says() -> Result<()> {
    every_row(Protocol::Native).await
}

#[tokio::test]
async fn answers_to_a_provider_file_come_to_what_the_document_says() -> Result<()> {
    every_row(Protocol::File).await
}
