//! The page shows what the gateway knows, and nothing else.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e::processes::Role;
use e2e::{Visitor, eventually, within};
use protocol::Timestamp;
use serde_json::json;
use service::clock;
use simulator::emitter::{EmitterConfig, Lively};
use simulator::world::Kind;

use super::browser::{Page, with_page};
use crate::leaks::Forbidden;

#[tokio::test]
async fn visitors_appear_age_and_disappear() -> Result<()> {
    let site = with_page().start().await?;
    let mut page = Page::of(&site)?;
    page.shows("that nobody is there", |seen| {
        seen.is_live()?;
        ensure!(seen.figure("Active visitors")? == "0", "{seen:?}");
        Ok(())
    })
    .await?;

    let stays = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    let goes = Visitor::from(&site.ip(Kind::CompanyOnly, 2));
    site.send(&[stays.opened(65_000), goes.opened(0)]);
    let seen = page.shows("both", |seen| seen.shows(&[&goes, &stays])).await?;
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

    site.send(&[goes.closed(0)]);
    page.shows("that one has gone", |seen| seen.shows(&[&stays]))
        .await?;
    page.is_content().await
}

#[tokio::test]
async fn keep_alive_resets_the_time_since_the_last_activity() -> Result<()> {
    let site = with_page().start().await?;
    let mut page = Page::of(&site)?;
    let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    site.send(&[visitor.opened(300_000)]);
    page.shows("five minutes without activity", |seen| {
        let row = seen.row(&visitor)?;
        ensure!(row.matches("5m").count() == 2, "{row}");
        Ok(())
    })
    .await?;
    site.send(&[visitor.keep_alive(0)]);
    page.shows("that the visitor is active, and since when on the site", |seen| {
        let row = seen.row(&visitor)?;
        ensure!(row.matches("5m").count() == 1, "{row}");
        Ok(())
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn averages_match_the_sessions_of_the_api() -> Result<()> {
    let site = with_page().start().await?;
    let mut page = Page::of(&site)?;
    let visitors: Vec<_> = [0, 0, 0, 1, 2, 2]
        .into_iter()
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)))
        .chain([Visitor::from(&site.ip(Kind::Unknown, 0))])
        .collect();
    let opened: Vec<_> = (0..)
        .step_by(50_000)
        .zip(&visitors)
        .map(|(ago, visitor)| visitor.opened(ago))
        .collect();
    site.send(&opened);
    let sessions = eventually("all are known", async || {
        let sessions = site.sessions().await?;
        ensure!(sessions.len() == visitors.len(), "{}", sessions.len());
        Ok(sessions)
    })
    .await?;

    let companies = sessions.values().filter_map(|session| session.company.as_ref());
    let with_company = companies.clone().count();
    let distinct = companies
        .map(|company| &company.guid)
        .collect::<BTreeSet<_>>()
        .len();
    let per_company = f64::from(u32::try_from(with_company)?) / f64::from(u32::try_from(distinct)?);
    let openings: i64 = sessions.values().map(|session| session.opened_at.unix_ms()).sum();
    let mean_opening = Timestamp::from_unix_ms(openings / i64::try_from(sessions.len())?);
    page.shows("the averages", |seen| {
        let shown: f64 = seen.figure("Visitors per company")?.parse()?;
        ensure!(
            (shown - per_company).abs() < 0.01,
            "{shown} instead of {per_company}"
        );
        let (shown, right) = (
            seconds(seen.figure("Session duration")?)?,
            (clock::now() - mean_opening) / 1_000,
        );
        // A second may have passed between reading the page and computing the expected value.
        ensure!((shown - right).abs() <= 1, "{shown} s instead of {right} s");
        Ok(())
    })
    .await?;
    Ok(())
}

/// The seconds of a duration such as `2m 05s`.
fn seconds(text: &str) -> Result<i64> {
    text.split_whitespace().try_fold(0, |sum, part| {
        let (number, unit) = part.split_at(part.len() - 1);
        let length = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            other => anyhow::bail!("{other} in {text}"),
        };
        Ok(sum + number.parse::<i64>()? * length)
    })
}

#[tokio::test]
async fn wrong_clock_of_the_computer_does_not_change_ages() -> Result<()> {
    let site = with_page().start().await?;
    let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    site.send(&[visitor.opened(125_000)]);
    site.shows(&visitor).await?;
    for wrong in [300_000, -300_000] {
        let mut page = Page::with_clock_ahead(&site, wrong)?;
        let seen = page
            .shows("the visitor", |seen| seen.row(&visitor).map(drop))
            .await?;
        let its_clock: i64 = page.query(json!({ "command": "clock" })).await?;
        ensure!(
            (its_clock - clock::now().unix_ms() - wrong).abs() < 60_000,
            "the clock is right"
        );
        let row = seen.row(&visitor)?;
        ensure!(row.matches("2m").count() == 2, "{row}");
        ensure!(seen.figure("Session duration")?.starts_with("2m"), "{seen:?}");
    }
    Ok(())
}

/// How long a busy site is checked for content that must not be shown.
const WATCHED_FOR: Duration = Duration::from_mins(2);

#[tokio::test]
async fn hidden_data_is_never_in_the_document() -> Result<()> {
    let site = with_page()
        .with(Role::Enricher, 2)
        .emitter(EmitterConfig {
            lively: Some(Lively::new(
                40.0,
                150,
                "hot-ips,unknown-ips,data-centres,personal-emails".parse()?,
            )?),
            record: true,
            ..EmitterConfig::default()
        })
        .start()
        .await?;
    site.deanonymizer.set_error_rate(0.1);
    let mut page = Page::of(&site)?;
    let since = Instant::now();
    let mut everything: BTreeSet<String> = BTreeSet::new();
    within(
        WATCHED_FOR * 2,
        "the site has been watched for minutes",
        async || {
            let texts: Vec<String> = page.query(json!({ "command": "everShown" })).await?;
            everything.extend(texts);
            ensure!(since.elapsed() >= WATCHED_FOR, "not yet");
            Ok(())
        },
    )
    .await?;

    let world = site.deanonymizer.world();
    let addresses: BTreeSet<_> = site.emitter.sent().into_iter().map(|event| event.ip).collect();
    let visitors: Vec<_> = addresses
        .iter()
        .map(|ip| (world.kind_of(ip), Visitor::from(ip)))
        .collect();
    let came = |kind| visitors.iter().filter(|(other, _)| *other == kind).count();
    ensure!(
        came(Kind::NexaCore) > 5 && came(Kind::PersonalEmails) > 5,
        "too little to look for"
    );
    let everything: Vec<_> = everything.into_iter().collect();
    ensure!(
        everything.iter().any(|text| text.contains('@')),
        "no address at all was shown"
    );
    Forbidden::of(&site, &visitors).check("the document", &everything.join("\n"))?;
    page.is_content().await
}

#[tokio::test]
async fn third_party_markup_is_shown_as_text() -> Result<()> {
    let site = with_page().start().await?;
    let mut page = Page::of(&site)?;
    let markup = [
        "<script>document.body.innerHTML = 'owned'</script>",
        "<img src=x onerror=\"document.body.innerHTML = 'owned'\">",
        "</td><iframe srcdoc='<script>parent.document.body.innerHTML = 1</script>'>",
        "{{constructor.constructor('document.body.innerHTML = 1')()}}",
    ];
    let mut visitors = Vec::new();
    for (n, text) in (0..).zip(markup) {
        let visitor = Visitor::from(&site.ip(Kind::Full, n));
        let answer = json!({"ip": visitor.ip, "data": {
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
    page.is_content().await
}
