//! What operators are told of a failed lookup: in the pipeline's status, in the metrics, and on `/readyz`.

use anyhow::{Result, ensure};
use e2e::clients::HttpResponse;
use e2e::processes::{Reply, Role};
use e2e::{Visitor, eventually};
use protocol::status::{Account, Figures};

use super::Trial;
use super::row::{Row, Told};

impl Trial {
    pub(super) async fn is_told(&self, row: &Row) -> Result<()> {
        match row.told {
            Told::Nothing | Told::BreakerOnceNearlyAllFail => Ok(()),
            Told::Account => self.account_is_told(row).await,
            Told::LeftAlone => eventually("it is told that calls are paused", async || {
                let pipeline = self.site.instance(Role::Gateway, 0)?.http.pipeline().await?;
                let is_told = pipeline.processes.iter().any(|process| {
                    matches!(&process.figures, Figures::Enricher(enricher) if enricher.lookups_held_back.is_some())
                });
                ensure!(is_told, "{pipeline:?}");
                Ok(())
            })
            .await,
        }
    }

    /// A call for another address than `ip` is refused first, because the account counts as refused after two.
    pub(super) async fn another_is_refused(&self, ip: &str) -> Result<()> {
        let other = Visitor::from(&ip.replacen("11.", "15.", 1));
        self.provider.reply(&other.ip, Reply::new(403, "", b""));
        self.site.send(&[other.opened(0)]);
        self.is_asked(&other.ip, 1).await?;
        self.site.send(&[other.closed(0)]);
        Ok(())
    }

    /// On `/readyz`, in the metrics and in the status that the page shows.
    async fn account_is_told(&self, row: &Row) -> Result<()> {
        let (account, state, reason) = match row.counted {
            "exhausted" => (Account::Exhausted, "exhausted", "is exhausted"),
            _ => (Account::Refused, "refused", "The Deanonymizer refused"),
        };
        let enricher = self.site.instance(Role::Enricher, 0)?;
        let metric = format!("visitor_enricher_account{{state=\"{state}\"}}");
        eventually("it is told that the account is not accepted", async || {
            let ready = HttpResponse::of(enricher.http.request("/readyz")).await?;
            ensure!(
                ready.status == 503 && ready.text.contains(reason),
                "{} {}",
                ready.status,
                ready.text
            );
            let told = enricher.http.metric(&metric).await?;
            ensure!(told == 1, "not {state}");
            let pipeline = self.site.instance(Role::Gateway, 0)?.http.pipeline().await?;
            let is_told = pipeline.processes.iter().any(|process| {
                matches!(&process.figures, Figures::Enricher(enricher)
                    if enricher.account == account && enricher.lookups_held_back.is_some())
            });
            ensure!(is_told, "{pipeline:?}");
            Ok(())
        })
        .await
    }
}
