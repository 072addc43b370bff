//! `collector check URL`: says what keeps a page from reporting its visitors.

mod page;
mod policy;

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use reqwest::header::{CONTENT_SECURITY_POLICY, ORIGIN};
use reqwest::{Client, Method, StatusCode};
use serde::Deserialize;
use service::client::cause::Cause;
use service::client::tls;
use url::Url;

use self::page::{Page, ScriptTag};
use self::policy::Policy;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The largest page or script that is read, in bytes.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// The metric that counts how many visitors the collector has seen.
const SEEN: &str = "visitor_collector_visitors_seen_last_minute";

/// What keeps a page from reporting its visitors.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("Cannot fetch {0}: {1}.")]
    Unreachable(Url, Cause),
    #[error("{0} answers {1}.")]
    Status(Url, StatusCode),
    #[error(
        "{0} answers {1}. Check where your proxy sends this path. If it reaches the collector, that has no tracker: \
         see its /readyz."
    )]
    NoScript(Url, StatusCode),
    #[error(
        "The page has no script tag for {0}. Add: <script async src=\"https://YOUR-COLLECTOR{0}\"></script>"
    )]
    NoTag(String),
    #[error(
        "The page uses https and the script uses http, so browsers do not load it. Serve the collector over TLS."
    )]
    Insecure,
    #[error("The content security policy does not allow the script. {0}")]
    ScriptForbidden(String),
    #[error("The content security policy does not allow the beacons. {0}")]
    BeaconsForbidden(String),
    #[error("{0} is not the collector's script. Check where your proxy sends this path.")]
    NotTheTracker(Url),
    #[error("The collector does not accept beacons from {0}. Add it to --sites and restart the collector.")]
    OriginRefused(String),
    #[error("{0} answers {1} to a preflight request for beacons. Check where your proxy sends this path.")]
    NoBeacons(Url, StatusCode),
}

/// The settings that the collector puts into the script.
#[derive(Deserialize)]
struct TrackerSettings {
    to: String,
}

/// Checks the page, and prints what is right and what is missing.
///
/// # Errors
/// Fails if `ca_file` cannot be used, or no HTTP client can be created.
pub async fn run(
    url: &Url,
    script_path: &str,
    health: SocketAddr,
    ca_file: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let client = Client::builder()
        .tls_backend_preconfigured(tls::config(ca_file, None)?)
        .timeout(TIMEOUT)
        .user_agent(concat!("visitors-collector-check/", env!("CARGO_PKG_VERSION")))
        .build()?;
    let mut report = Report::default();
    if let Err(problem) = check(&client, url, script_path, &mut report).await {
        report.problem(&problem);
    }
    match seen(&client, health).await {
        Some(1) => report.fact("The collector has seen 1 visitor in the last minute."),
        Some(count) => report.fact(&format!(
            "The collector has seen {count} visitors in the last minute."
        )),
        None => report.note(&format!(
            "No collector answers on {health}: run this check on its host, or set --http-listen, to learn how many \
             visitors it has seen."
        )),
    }
    print!("{}", report.text);
    Ok(if report.failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The lines that are printed.
#[derive(Default)]
struct Report {
    text: String,
    failed: bool,
}

impl Report {
    fn line(&mut self, mark: &str, text: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{mark} {text}");
    }

    fn fact(&mut self, text: &str) {
        self.line("ok     ", text);
    }

    fn note(&mut self, text: &str) {
        self.line("note   ", text);
    }

    fn problem(&mut self, problem: &Problem) {
        self.failed = true;
        self.line("MISSING", &problem.to_string());
    }
}

/// An answer, after redirects.
struct Fetched {
    url: Url,
    policies: Vec<String>,
    body: Vec<u8>,
}

/// Makes the checks in order. A failure that prevents the next check is an error; others are reported.
async fn check(client: &Client, url: &Url, script_path: &str, report: &mut Report) -> Result<(), Problem> {
    let fetched = fetch(client, url).await?;
    report.fact(&format!("{} answers.", fetched.url));
    let page = Page::read(&fetched.body, &fetched.url);
    let name = script_path.rsplit('/').next().unwrap_or(script_path);
    let is_tracker = |script: &&ScriptTag| script.src.path().rsplit('/').next() == Some(name);
    let script = page.scripts.iter().find(is_tracker);
    let script = script.ok_or_else(|| Problem::NoTag(script_path.to_owned()))?;
    report.fact(&format!("The page has the script tag: {}", script.src));
    if fetched.url.scheme() == "https" && script.src.scheme() == "http" {
        report.problem(&Problem::Insecure);
    }

    let tracker = fetch(client, &script.src)
        .await
        .map_err(|problem| match problem {
            Problem::Status(url, status) => Problem::NoScript(url, status),
            other => other,
        })?;
    let endpoint = endpoint(&tracker).ok_or_else(|| Problem::NotTheTracker(script.src.clone()))?;
    report.fact("The collector serves the script.");

    let policies = fetched.policies.iter().chain(&page.policies);
    let policies: Vec<_> = policies.flat_map(|text| Policy::all(text)).collect();
    let source = script.src.origin().ascii_serialization();
    let forbids_script = policies
        .iter()
        .find(|policy| !policy.allows_script(script, &fetched.url));
    let forbids_beacons = policies
        .iter()
        .find(|policy| !policy.allows_connection(&endpoint, &fetched.url));
    if let Some(policy) = forbids_script {
        report.problem(&Problem::ScriptForbidden(policy.missing("script-src", &source)));
    }
    if let Some(policy) = forbids_beacons {
        report.problem(&Problem::BeaconsForbidden(policy.missing("connect-src", &source)));
    }
    if forbids_script.is_none() && forbids_beacons.is_none() {
        report.fact(if policies.is_empty() {
            "The page has no content security policy."
        } else {
            "The content security policy allows the script and its beacons."
        });
    }
    accepts(client, &endpoint, &fetched.url.origin().ascii_serialization()).await?;
    report.fact("The collector accepts beacons from this website.");
    Ok(())
}

async fn fetch(client: &Client, url: &Url) -> Result<Fetched, Problem> {
    let unreachable = |error: reqwest::Error| Problem::Unreachable(url.clone(), Cause::of(&error));
    let mut answer = client.get(url.clone()).send().await.map_err(unreachable)?;
    if !answer.status().is_success() {
        return Err(Problem::Status(url.clone(), answer.status()));
    }
    let policies = answer.headers().get_all(CONTENT_SECURITY_POLICY).iter();
    let policies = policies
        .map(|policy| String::from_utf8_lossy(policy.as_bytes()).into_owned())
        .collect();
    let mut body = Vec::new();
    while body.len() < MAX_BODY
        && let Some(chunk) = answer.chunk().await.map_err(unreachable)?
    {
        body.extend_from_slice(&chunk);
    }
    Ok(Fetched {
        url: answer.url().clone(),
        policies,
        body,
    })
}

/// Where the script sends beacons, if it is the tracker.
fn endpoint(tracker: &Fetched) -> Option<Url> {
    let text = std::str::from_utf8(&tracker.body).ok()?;
    let settings = text.match_indices(r#"{"gpc":"#).find_map(|(start, _)| {
        let end = text[start..].find('}')? + start;
        serde_json::from_str::<TrackerSettings>(&text[start..=end]).ok()
    });
    tracker.url.join(&settings?.to).ok()
}

/// Sends a preflight request, as a browser would, to learn whether pages of `origin` may send.
async fn accepts(client: &Client, endpoint: &Url, origin: &str) -> Result<(), Problem> {
    let request = client.request(Method::OPTIONS, endpoint.clone());
    let answer = request.header(ORIGIN, origin).send().await;
    let answer = answer.map_err(|error| Problem::Unreachable(endpoint.clone(), Cause::of(&error)))?;
    match answer.status() {
        StatusCode::NO_CONTENT => Ok(()),
        StatusCode::FORBIDDEN => Err(Problem::OriginRefused(origin.to_owned())),
        status => Err(Problem::NoBeacons(endpoint.clone(), status)),
    }
}

/// How many visitors the collector has seen, if it runs on this host.
async fn seen(client: &Client, health: SocketAddr) -> Option<u64> {
    let ip = match health.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let url = format!("http://{}/metrics", SocketAddr::new(ip, health.port()));
    let metrics = client.get(url).send().await.ok()?.text().await.ok()?;
    let value = metrics.lines().find_map(|line| line.strip_prefix(SEEN))?;
    value.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beacons_go_where_the_script_says() {
        let tracker = |body: &str| Fetched {
            url: Url::parse("https://shop.example/stats/v.js").unwrap(),
            policies: Vec::new(),
            body: body.as_bytes().to_vec(),
        };
        let found = endpoint(&tracker(
            r#"x={"gpc":true,"grace":1,"heartbeat":1,"to":"v"};y={}"#,
        ));
        assert_eq!(found.unwrap().as_str(), "https://shop.example/stats/v");
        assert_eq!(
            endpoint(&tracker("<!doctype html><title>Not found</title>")),
            None
        );
    }
}
