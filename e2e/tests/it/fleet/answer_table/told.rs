//! What operators are told of a failed lookup: in the pipeline's status, in the metrics, and on `/readyz`.

use anyhow::{Result, ensure};
use e2e::clients::HttpResponse;
use e2e::processes::{Reply, Role};
use e2e::{Visitor, eventually};
use protocol::status::{Account, EnricherFigures as Enricher, Figures};

use super::Trial;
use super::row::{Outage, Row, Told};

impl Trial {
    pub(super) async fn is_told(&self, row: &Row) -> Result<()> {
        match row.told {
            // Tests of their own: `failing_calls_are_told_once_nearly_all_fail`, `unreadable_key_…`.
            Told::Nothing | Told::OnceNearlyAllFail(_) | Told::KeyFile => Ok(()),
            Told::Account => self.account_is_told(row).await,
            Told::Paused(outage) => {
                self.outage_is_told(outage, "asked for a pause (Retry-After)")
                    .await
            }
        }
    }

    /// In the status that the page shows, and in the metrics. `also` is what the status says besides.
    pub(super) async fn outage_is_told(&self, outage: Outage, also: &str) -> Result<()> {
        let label = outage.label();
        let metric = format!("visitor_enricher_lookups_held_back{{state=\"{label}\"}}");
        let reason = outage.reason();
        eventually("it is told why no calls are made", async || {
            let pipeline = self.site.instance(Role::Gateway, 0)?.http.pipeline().await?;
            let is_told = pipeline.processes.iter().any(|process| {
                matches!(&process.figures, Figures::Enricher(Enricher { lookups_held_back: Some(told), .. })
                    if told.contains(reason) && told.contains(also))
            });
            ensure!(is_told, "{pipeline:?}");
            ensure!(
                self.site.metric(Role::Enricher, &metric).await? > 0,
                "not {label}"
            );
            Ok(())
        })
        .await
    }

    /// `/readyz` names, or no longer names, the used-up quota; the enricher is ready all the same.
    pub(super) async fn quota_is_impaired(&self, is_impaired: bool) -> Result<()> {
        let enricher = self.site.instance(Role::Enricher, 0)?;
        eventually("/readyz names the quota while it is used up", async || {
            let ready = HttpResponse::of(enricher.http.request("/readyz")).await?;
            let told = ready.text.contains("impaired") && ready.text.contains("quota is used up");
            ensure!(ready.status == 200 && told == is_impaired, "{}", ready.text);
            Ok(())
        })
        .await
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
