//! What the gateway serves is what its `OpenAPI` and `AsyncAPI` documents say.

use anyhow::{Context as _, Result, bail, ensure};
use e2e::clients::Http;
use e2e::processes::{Pipeline, Role, repository};
use e2e::{Visitor, eventually};
use reqwest::StatusCode;
use serde_json::{Value, json};
use simulator::world::Kind;

/// The `OpenAPI` document of a running gateway.
struct Document(Value);

impl Document {
    async fn of(gateway: &Http) -> Result<Self> {
        let answer = gateway.get("/api/openapi.json").await?;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.headers["content-type"], "application/json");
        Ok(Self(serde_json::from_str(&answer.text)?))
    }

    fn named(&self, name: &str) -> Result<&Value> {
        let schema = &self.0["components"]["schemas"][name];
        ensure!(schema.is_object(), "there is no schema {name}");
        Ok(schema)
    }

    /// Checks a value against a schema. Supports only what the document uses of JSON Schema.
    fn fits(&self, schema: &Value, value: &Value, place: &str) -> Result<()> {
        let schema = match schema["$ref"].as_str() {
            Some(reference) => self.named(reference.rsplit('/').next().unwrap_or_default())?,
            None => schema,
        };
        if let Some(choices) = schema["anyOf"].as_array() {
            let fits = |choice| self.fits(choice, value, place).is_ok();
            ensure!(choices.iter().any(fits), "{place}: {value}");
            return Ok(());
        }
        if let Some(constant) = schema.get("const") {
            ensure!(value == constant, "{place}: {value}");
        }
        if let Some(values) = schema["enum"].as_array() {
            ensure!(values.contains(value), "{place}: {value}");
        }
        let names = match &schema["type"] {
            Value::Array(names) => names.clone(),
            Value::Null => Vec::new(),
            name => vec![name.clone()],
        };
        let is_typed = names.is_empty() || names.iter().any(|name| has_type(value, name));
        ensure!(is_typed, "{place} is no {}: {value}", schema["type"]);
        match value {
            Value::Object(fields) => {
                for required in schema["required"].as_array().into_iter().flatten() {
                    let name = required.as_str().unwrap_or_default();
                    ensure!(fields.contains_key(name), "{place}.{name} is missing");
                }
                for (name, field) in fields {
                    match schema["properties"].get(name) {
                        Some(schema) => self.fits(schema, field, &format!("{place}.{name}"))?,
                        None => ensure!(
                            schema["additionalProperties"] != false,
                            "{place}.{name} is not described"
                        ),
                    }
                }
            }
            Value::Array(items) => {
                let first = schema["prefixItems"].as_array().into_iter().flatten();
                let schemas = first.chain(std::iter::repeat(&schema["items"]));
                for (number, (item, schema)) in items.iter().zip(schemas).enumerate() {
                    self.fits(schema, item, &format!("{place}[{number}]"))?;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        Ok(())
    }
}

/// Checks a value against a schema that stands alone.
pub fn fits(schema: &Value, value: &Value, place: &str) -> Result<()> {
    Document(Value::Null).fits(schema, value, place)
}

fn has_type(value: &Value, name: &Value) -> bool {
    match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        _ => false,
    }
}

/// A site with visitors of each kind.
async fn with_visitors() -> Result<Pipeline> {
    let site = Pipeline::start().await?;
    for (kind, number) in [Kind::Full, Kind::CompanyOnly, Kind::Unknown]
        .into_iter()
        .zip(1..)
    {
        let visitor = Visitor::from(&site.ip(kind, number));
        site.send(&[visitor.opened(0)]);
        site.shows(&visitor).await?;
    }
    Ok(site)
}

#[tokio::test]
async fn api_is_as_its_openapi_document_says() -> Result<()> {
    let site = with_visitors().await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let document = Document::of(gateway).await?;
    let paths = document.0["paths"].as_object().context("no paths")?;
    let mut checked = Vec::new();
    for (path, operations) in paths {
        let responses = &operations["get"]["responses"];
        for (asked, status) in [(path.clone(), "200"), (format!("{path}?limit=many"), "400")] {
            let schema = &responses[status]["content"]["application/json"]["schema"];
            if !schema.is_object() {
                continue;
            }
            let answer = gateway.get(&asked).await?;
            assert_eq!(answer.status.as_str(), status, "{asked}");
            assert_eq!(answer.headers["content-type"], "application/json", "{asked}");
            let body = serde_json::from_str(&answer.text)?;
            document.fits(schema, &body, &asked)?;
            checked.push(asked);
        }
    }
    for known in [
        "/api/sessions",
        "/api/stats",
        "/api/pipeline",
        "/api/history",
        "/api/watchlist",
    ] {
        ensure!(
            checked.iter().any(|path| path == known),
            "{known} is not described"
        );
    }
    let page = gateway.get("/api/sessions?limit=2").await?;
    document.fits(
        document.named("Snapshot")?,
        &serde_json::from_str(&page.text)?,
        "a page",
    )?;
    let unknown = serde_json::from_str(&gateway.get("/api/nothing").await?.text)?;
    document.fits(document.named("Error")?, &unknown, "an error")
}

#[tokio::test]
async fn history_has_points_of_the_documented_form() -> Result<()> {
    let site = with_visitors().await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let document = Document::of(gateway).await?;
    let history = eventually("the history has a point with all visitors", async || {
        let history: Value = serde_json::from_str(&gateway.get("/api/history").await?.text)?;
        let last = history["points"].as_array().and_then(|points| points.last());
        let last = last.context("no point")?;
        ensure!(last["activeSessions"] == 3 && last["companies"] == 2, "{last}");
        Ok(history)
    })
    .await?;
    document.fits(document.named("History")?, &history, "the history")
}

#[tokio::test]
async fn documented_form_is_not_too_wide() -> Result<()> {
    let site = with_visitors().await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let document = Document::of(gateway).await?;
    let snapshot = document.named("Snapshot")?;
    let mut other: Value = serde_json::from_str(&gateway.get("/api/sessions").await?.text)?;
    document.fits(snapshot, &other, "the snapshot")?;
    other["sessions"][0]["mood"] = json!("good");
    ensure!(
        document.fits(snapshot, &other, "the snapshot").is_err(),
        "{other}"
    );
    other["sessions"] = json!([{ "guid": 1 }]);
    ensure!(
        document.fits(snapshot, &other, "the snapshot").is_err(),
        "{other}"
    );
    Ok(())
}

#[tokio::test]
async fn websocket_is_as_its_asyncapi_document_says() -> Result<()> {
    let site = with_visitors().await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let document = Document::of(gateway).await?;
    let viewer = site.viewer_recording().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 9));
    site.send(&[visitor.opened(0), visitor.keep_alive(0)]);
    viewer
        .sees("who comes", |view| view.sessions.contains_key(&visitor.guid))
        .await?;
    site.send(&[visitor.closed(0)]);
    viewer
        .sees("who goes", |view| view.removals.contains_key(&visitor.guid))
        .await?;
    for frame in viewer.frames() {
        let frame: Value = serde_json::from_str(&frame)?;
        let schema = match frame["type"].as_str() {
            Some("snapshot") => "Snapshot",
            Some("delta") => "Delta",
            other => bail!("{other:?}"),
        };
        document.fits(document.named(schema)?, &frame, schema)?;
    }
    let part = include_str!("../../../protocol/fixtures/snapshot-part.json");
    document.fits(
        document.named("SnapshotPart")?,
        &serde_json::from_str(part)?,
        "a part",
    )?;

    // The AsyncAPI document refers to these schemas and to no others.
    let text = std::fs::read_to_string(repository().join("docs/asyncapi.yaml"))?;
    let prefix = "../gateway/src/http/openapi.json#/components/schemas/";
    let names: Vec<_> = text
        .split(prefix)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert_eq!(names, ["Snapshot", "SnapshotPart", "Delta", "Request"]);
    for name in names {
        document.named(name)?;
    }
    Ok(())
}
