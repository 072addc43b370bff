//! Hidden data never leaves the enricher: no personal address, and nothing about a data centre's visitors.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use e2e::clients::Viewer;
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use simulator::deanonymizer::Failure;
use simulator::world::{Answer, Kind};

/// How many visitors of each kind come.
const OF_EACH: u32 = 25;

/// Texts that must be found nowhere.
pub(crate) struct Forbidden(BTreeSet<String>);

impl Forbidden {
    pub(crate) fn of(site: &Pipeline, visitors: &[(Kind, Visitor)]) -> Self {
        let mut texts = BTreeSet::new();
        for (kind, visitor) in visitors {
            let answer = site.deanonymizer.world().answer(&visitor.ip);
            if matches!(kind, Kind::NexaCore | Kind::VertexCloud) {
                texts.insert(visitor.ip.clone());
                let company = answer.company();
                texts.extend(company.map(|company| company.name.clone()));
                texts.extend(company.map(|company| company.guid.to_lowercase()));
                texts.extend(company.map(|company| company.domain.clone()));
            }
            texts.extend(personal_addresses(&answer));
        }
        Self(texts)
    }

    pub(crate) fn check(&self, place: &str, text: &str) -> Result<()> {
        let text = text.to_lowercase();
        let leaked: Vec<_> = self
            .0
            .iter()
            .filter(|forbidden| holds(&text, &forbidden.to_lowercase()))
            .collect();
        ensure!(leaked.is_empty(), "{place} holds {leaked:?}");
        Ok(())
    }
}

/// Whether the text holds the other as a whole: `ada@gmail.com` is not in `ada@gmail.com.example`, nor `1.2.3.4` in
/// `11.2.3.4`.
fn holds(text: &str, whole: &str) -> bool {
    let part_of_a_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    text.match_indices(whole).any(|(index, _)| {
        let before = text[..index].chars().next_back();
        let after = text[index + whole.len()..].chars().next();
        !before.is_some_and(part_of_a_word) && !after.is_some_and(part_of_a_word)
    })
}

/// The addresses of the contact that are not among those that may be shown, without what is wrapped around them.
fn personal_addresses(answer: &Answer) -> Vec<String> {
    let Some(contact) = answer.contact() else {
        return Vec::new();
    };
    let all = contact.email_addresses.iter().flatten();
    all.map(|address| bare(address).to_owned())
        .filter(|address| {
            !contact
                .business_addresses
                .iter()
                .any(|business| business.eq_ignore_ascii_case(address))
        })
        .filter(|address| address.find('@').is_some_and(|at| at > 0))
        .collect()
}

fn bare(address: &str) -> &str {
    let inner = address.rsplit('<').next().unwrap_or(address);
    inner.trim().trim_end_matches('>').trim().trim_end_matches('.')
}

#[tokio::test]
async fn hidden_data_never_leaves_the_enricher() -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .log_filter("debug")
        .flag(Role::Enricher, "--lookup-timeout", "500ms")
        .start()
        .await?;
    let taps = [
        site.tap("visitor.session.>").await?,
        site.tap("visitor.activity.>").await?,
        site.tap("visitor.rejected.enricher.>").await?,
        site.tap("visitor.rejected.gateway.>").await?,
        site.tap("visitor.status.>").await?,
    ];
    let viewer = Viewer::recording(site.instance(Role::Gateway, 0)?.http.base()).await?;
    let visitors = visitors(&site);
    let forbidden = Forbidden::of(&site, &visitors);
    ensure!(
        forbidden.0.len() > OF_EACH as usize,
        "too little to look for: {:?}",
        forbidden.0
    );

    arrive_with_faults(&site, &visitors).await?;
    site.deanonymizer.set_garbage(0.0, &[]);
    site.deanonymizer.set_error_rate(0.1);
    // What cannot be parsed by an enricher carries a visitor's address as well.
    site.emitter.send_text(&format!(
        r#"{{"eventType":"keep-alive","ip":"{}","guid":7}}"#,
        visitors[0].1.ip
    ));
    identified(&site).await?;
    for (_, visitor) in visitors.iter().step_by(2) {
        site.send(&[visitor.closed(0)]);
    }
    site.deanonymizer.set_error_rate(0.0);
    site.settle().await?;
    site.view_is_right().await?;

    for tap in &taps {
        for heard in tap.heard() {
            forbidden.check(
                &heard.subject,
                &format!("{} {:?} {}", heard.subject, heard.headers, heard.text()),
            )?;
        }
    }
    for frame in viewer.frames() {
        forbidden.check("a frame", &frame)?;
    }
    check_http_and_logs(&site, &forbidden).await?;
    check_bucket(&site, &forbidden).await?;
    explanations_keep_silent(&site, &visitors, &forbidden).await
}

/// Sends the visitors' events. Their answers have every fault that an answer can have, so that each way out of a lookup is
/// taken. An address with several unusable answers waits for minutes, so each kind comes for a moment only.
async fn arrive_with_faults(site: &Pipeline, visitors: &[(Kind, Visitor)]) -> Result<()> {
    let failures = [
        Failure::Html200,
        Failure::TruncatedJson,
        Failure::MissingFields,
        Failure::NullFields,
        Failure::WrongIp,
    ];
    for (index, failure) in failures.iter().enumerate() {
        let called = site.deanonymizer.stats().calls;
        site.deanonymizer.set_garbage(1.0, std::slice::from_ref(failure));
        let coming: Vec<_> = visitors.iter().skip(index).step_by(failures.len()).collect();
        for (_, visitor) in &coming {
            site.send(&[visitor.keep_alive(0), visitor.opened(0), visitor.keep_alive(0)]);
        }
        eventually("each of them was looked up", async || {
            let calls = site.deanonymizer.stats().calls - called;
            ensure!(calls >= coming.len() as u64, "{calls} calls");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn check_http_and_logs(site: &Pipeline, forbidden: &Forbidden) -> Result<()> {
    for role in [Role::Enricher, Role::Gateway] {
        for instance in site.instances(role) {
            forbidden.check(instance.process.name(), &instance.process.log()?)?;
            for path in [
                "/metrics",
                "/readyz",
                "/api/sessions",
                "/api/stats",
                "/api/pipeline",
            ] {
                forbidden.check(path, &instance.http.get(path).await?.text)?;
            }
        }
    }
    Ok(())
}

fn visitors(site: &Pipeline) -> Vec<(Kind, Visitor)> {
    let kinds = [
        Kind::NexaCore,
        Kind::VertexCloud,
        Kind::PersonalEmails,
        Kind::MixedEmails,
        Kind::Full,
        Kind::Unknown,
    ];
    let of_kind = |kind| (0..OF_EACH).map(move |n| (kind, n));
    kinds
        .into_iter()
        .flat_map(of_kind)
        .map(|(kind, n)| (kind, Visitor::from(&site.ip(kind, n))))
        .collect()
}

/// Waits until every lookup has ended.
async fn identified(site: &Pipeline) -> Result<()> {
    eventually("nobody is being identified any longer", async || {
        let stats = site.instance(Role::Gateway, 0)?.http.stats().await?;
        let shown = u64::from(OF_EACH) * 4;
        ensure!(stats.active_sessions == shown, "{stats:?}, not {shown}");
        Ok(())
    })
    .await
}

/// Everything in the bucket, keys and values.
async fn check_bucket(site: &Pipeline, forbidden: &Forbidden) -> Result<()> {
    let jetstream = site.operator().await?;
    let stream = jetstream.get_stream("KV_visitor_profiles").await?;
    let last = stream.cached_info().state.last_sequence;
    let mut values = 0;
    for sequence in 1..=last {
        // A value that was replaced is gone.
        let Ok(message) = stream.direct_get(sequence).await else {
            continue;
        };
        values += 1;
        let text = String::from_utf8_lossy(&message.payload);
        forbidden.check("the bucket", &format!("{} {text}", message.subject))?;
    }
    ensure!(values >= OF_EACH, "only {values} entries were found");
    Ok(())
}

/// `visitor.explain` says of a data centre's visitor no more than that it is hidden.
async fn explanations_keep_silent(
    site: &Pipeline,
    visitors: &[(Kind, Visitor)],
    forbidden: &Forbidden,
) -> Result<()> {
    let operator = site.nats.client("operator").await?;
    for (_, visitor) in visitors {
        let answer = operator
            .request("visitor.explain", visitor.ip.clone().into())
            .await?;
        let text = std::str::from_utf8(&answer.payload).context("no text")?;
        forbidden.check("an explanation", text)?;
        ensure!(text.contains("verdict"), "{text}");
    }
    Ok(())
}
