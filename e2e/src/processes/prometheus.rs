//! A real Prometheus that scrapes a pipeline, with the repository's alert rules.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use reqwest::Url;
use serde_json::Value;

use crate::clients::Http;
use crate::processes::binaries::{prometheus, repository};
use crate::processes::instance::Role;
use crate::processes::pipeline::Pipeline;
use crate::processes::ports;
use crate::processes::process::Process;

/// The server. It is killed when this is dropped.
#[derive(Debug)]
pub struct Prometheus {
    /// Its process.
    pub process: Process,
    http: Http,
}

impl Prometheus {
    /// One that scrapes all processes of the pipeline several times a second; `None` if the machine has no Prometheus,
    /// which is printed.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub fn start(site: &Pipeline) -> Result<Option<Self>> {
        let Some(program) = prometheus() else {
            return Ok(None);
        };
        let folder = site.folder();
        let configuration = folder.join("prometheus.yml");
        fs::write(&configuration, configuration_of(site)?)?;
        let address = format!("127.0.0.1:{}", ports::free()?);
        let arguments = vec![
            format!("--config.file={}", configuration.display()),
            format!("--storage.tsdb.path={}", folder.join("prometheus").display()),
            format!("--web.listen-address={address}"),
            "--log.level=warn".to_owned(),
        ];
        let mut process = Process::new("prometheus", program, arguments, folder);
        process.start()?;
        let http = Http::new(&format!("http://{address}"))?;
        Ok(Some(Self { process, http }))
    }

    /// The result of a query now.
    ///
    /// # Errors
    /// Fails if it cannot be evaluated.
    pub async fn query(&self, expression: &str) -> Result<Vec<Value>> {
        let mut url = Url::parse("http://any/api/v1/query")?;
        url.query_pairs_mut().append_pair("query", expression);
        let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        let data = self.data(&path).await.with_context(|| expression.to_owned())?;
        let result = data["result"].as_array().cloned();
        result.with_context(|| format!("{expression}: {data}"))
    }

    /// Every alert rule, as it was last evaluated.
    ///
    /// # Errors
    /// Fails if there are none.
    pub async fn rules(&self) -> Result<Vec<Value>> {
        let data = self.data("/api/v1/rules").await?;
        let groups = data["groups"].as_array().context("no groups")?;
        let rules: Vec<_> = groups
            .iter()
            .filter_map(|group| group["rules"].as_array())
            .flatten()
            .cloned()
            .collect();
        ensure!(!rules.is_empty(), "no rules: {data}");
        Ok(rules)
    }

    async fn data(&self, path: &str) -> Result<Value> {
        let answer = self.http.get(path).await?;
        let mut body: Value = serde_json::from_str(&answer.text).with_context(|| answer.text.clone())?;
        ensure!(body["status"] == "success", "{}", answer.text);
        Ok(body["data"].take())
    }
}

/// The jobs are named as in `deploy/observability/prometheus.yml`, where their addresses come from the DNS.
fn configuration_of(site: &Pipeline) -> Result<String> {
    let rules = repository().join("deploy/observability/alerts.yml");
    let mut text = format!(
        "global: {{ scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 1s }}\n\
         rule_files: [{}]\n\
         scrape_configs:\n",
        rules.display()
    );
    for role in Role::ALL.into_iter().chain([Role::Notifier]) {
        let addresses: Vec<_> = site
            .instances(role)
            .map(|instance| instance.http.base().trim_start_matches("http://"))
            .collect();
        writeln!(
            text,
            "  - {{ job_name: {}, static_configs: [{{ targets: [{}] }}] }}",
            role.name(),
            addresses
                .iter()
                .map(|address| format!("'{address}'"))
                .collect::<Vec<_>>()
                .join(", ")
        )?;
    }
    Ok(text)
}
