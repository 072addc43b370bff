//! `enricher check-provider`: asks the provider about one address, and says what would be shown and why.

use std::io::Write as _;
use std::process::ExitCode;

use protocol::Profile;
use serde_json::json;

use crate::filter::hidden_companies::HiddenCompanies;
use crate::filter::profile::filter;
use crate::lookup::failure::{FailureKind, LookupFailure};
use crate::lookup::free_tier::{FreeTier, NoCall};
use crate::lookup::provider::deanonymizer::{Deanonymizer, Service};
use crate::lookup::provider::{Finding, Reason};
use crate::verdict::Verdict;

/// Asks the provider, and prints what would be shown and why.
///
/// # Errors
/// If no service is configured.
pub async fn run(
    deanonymizer: &Deanonymizer,
    free_tier: &FreeTier,
    hidden: &HiddenCompanies,
    ip: &str,
) -> anyhow::Result<ExitCode> {
    if matches!(deanonymizer.service(), Service::None) {
        anyhow::bail!(
            "check-provider has nobody to ask: set --deanonymizer-provider, or a --deanonymizer-url other than none"
        );
    }
    if let Some(reason) = free_tier.no_call(ip) {
        say(&explain(reason));
        if reason == NoCall::Family {
            return Ok(ExitCode::SUCCESS);
        }
    }
    say(&format!(
        "Asking {} about {ip}. This is one paid call.",
        deanonymizer.service().name()
    ));
    let (lines, code) = match deanonymizer.find(ip).await {
        Ok((status, finding)) => (
            report(deanonymizer, status, finding, free_tier, hidden, ip)?,
            ExitCode::SUCCESS,
        ),
        Err(failure) => (failed(&failure), ExitCode::FAILURE),
    };
    say(&lines);
    Ok(code)
}

/// A closed pipe is not an error.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

fn explain(reason: NoCall) -> String {
    match reason {
        NoCall::NoProvider => "No provider is configured.".to_owned(),
        NoCall::Reserved(purpose) => format!(
            "The address is reserved ({purpose}): a visitor with it is shown as unknown without a call. It is asked \
             about now because you ask for it."
        ),
        NoCall::Family => {
            "No call is made: the provider does not know addresses of this kind, and a visitor with \
                           this one is shown as unknown."
                .to_owned()
        }
        NoCall::SkippedNetwork => {
            "The address belongs to a network of --skip-networks: a visitor from it is shown \
                                   as unknown without a call. It is asked about now because you ask for it."
                .to_owned()
        }
    }
}

fn report(
    deanonymizer: &Deanonymizer,
    status: u16,
    finding: Finding,
    free_tier: &FreeTier,
    hidden: &HiddenCompanies,
    ip: &str,
) -> anyhow::Result<String> {
    let has_file = matches!(deanonymizer.service(), Service::Provider(_));
    let why = match &finding.reason {
        Reason::Fields if has_file => "the answer contains the fields that the file names".to_owned(),
        Reason::Fields => "the answer contains a company or a contact".to_owned(),
        Reason::NoFields if has_file => {
            "the answer contains none of the fields that the file names".to_owned()
        }
        Reason::NoFields => "the answer contains neither a company nor a contact".to_owned(),
        Reason::Status(status) => format!("status {status} means that the address is unknown"),
        Reason::UnknownIf(pointer, value) => format!("{pointer} is {value:?}, which unknown_if names"),
    };
    let answer = Ok(finding.answer);
    let is_billed = deanonymizer.bills(&answer);
    let (verdict, shown) = match filter(answer?, hidden) {
        Verdict::Hidden => (
            "hidden: nothing is shown, because the company is one of --hide-companies",
            None,
        ),
        Verdict::Unknown => ("shown without company and contact", Some(Profile::default())),
        Verdict::Shown(profile) => ("shown", Some(profile)),
    };
    let mut lines = format!(
        "Status:  {status}\nVerdict: {verdict}\nWhy:     {why}\nBilled:  {}",
        if is_billed { "yes" } else { "no" }
    );
    if let Some(mut profile) = shown {
        free_tier.complete(ip, &mut profile);
        let shown = json!({
            "company": profile.company,
            "contact": profile.contact,
            "network": profile.network,
            "country": profile.country,
        });
        lines.push('\n');
        lines.push_str(&serde_json::to_string_pretty(&shown)?);
    }
    Ok(lines)
}

fn failed(failure: &LookupFailure) -> String {
    let what_now = match failure.kind() {
        FailureKind::Account => "No new visitor is identified until the account is accepted again.",
        FailureKind::Queued => "The provider is still working on it: ask again in a few seconds.",
        FailureKind::Throttled => "Enrichers slow down automatically.",
        FailureKind::NotAsked => "Nothing was sent.",
        FailureKind::Unreachable => "Nothing was sent: is the URL right, and does the network allow it?",
        FailureKind::Unusable => "Enrichers treat such an answer as unusable for this address.",
        FailureKind::Interrupted | FailureKind::TimedOut | FailureKind::ServerError => {
            "The enrichers retry automatically."
        }
    };
    format!("No verdict: {failure}. {what_now}")
}
