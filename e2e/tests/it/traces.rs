//! Traces, as an OpenTelemetry collector gets them over HTTP.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use prost::Message as _;
use simulator::world::Kind;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// What the trace of a new visitor is made of, each with what it is a part of, in the order in which they begin.
const PARTS: &[(&str, &str, Option<&str>)] = &[
    ("visitor-ingestor", "receive", None),
    ("visitor-ingestor", "publish", Some("receive")),
    ("visitor-enricher", "enrich", Some("receive")),
    ("visitor-enricher", "look up", Some("enrich")),
    ("visitor-enricher", "call", Some("look up")),
    ("visitor-enricher", "write record", Some("enrich")),
    ("visitor-gateway", "show", Some("write record")),
];

/// A span as it was exported.
#[derive(Clone, Debug)]
struct Span {
    service: String,
    name: String,
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    start: u64,
    end: u64,
    attributes: BTreeMap<String, String>,
}

/// A collector that keeps everything it receives.
struct Collector {
    endpoint: String,
    spans: Arc<Mutex<Vec<Span>>>,
    _serving: AbortOnDropHandle<()>,
}

impl Collector {
    async fn start() -> Result<Self> {
        let spans: Arc<Mutex<Vec<Span>>> = Arc::default();
        let routes = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&spans));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let serving = tokio::spawn(async move {
            // It ends with the test.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self {
            endpoint,
            spans,
            _serving: AbortOnDropHandle::new(serving),
        })
    }

    /// A pipeline that traces every message.
    async fn watched(&self) -> Result<Pipeline> {
        let builder = Role::ALL.into_iter().fold(Pipeline::builder(), |builder, role| {
            builder
                .flag(role, "--otlp-endpoint", &self.endpoint)
                .flag(role, "--trace-share", "1")
        });
        builder.start().await
    }

    fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn take(State(spans): State<Arc<Mutex<Vec<Span>>>>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let mut spans = spans.lock().unwrap_or_else(PoisonError::into_inner);
    for of_process in request.resource_spans {
        let resource = of_process.resource.unwrap_or_default().attributes;
        let service = resource
            .iter()
            .find(|attribute| attribute.key == "service.name")
            .map(|attribute| text(attribute.value.as_ref()))
            .unwrap_or_default();
        let exported = of_process.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans.extend(exported.map(|span| {
            Span {
                service: service.clone(),
                name: span.name,
                trace: span.trace_id,
                id: span.span_id,
                parent: span.parent_span_id,
                start: span.start_time_unix_nano,
                end: span.end_time_unix_nano,
                attributes: span
                    .attributes
                    .into_iter()
                    .map(|attribute| (attribute.key, text(attribute.value.as_ref())))
                    .collect(),
            }
        }));
    }
    StatusCode::OK
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// The spans of one trace, by name.
fn trace_of<'a>(spans: &'a [Span], root: &Span) -> BTreeMap<&'a str, &'a Span> {
    spans
        .iter()
        .filter(|span| span.trace == root.trace)
        .map(|span| (span.name.as_str(), span))
        .collect()
}

/// A trace for people: when each part began, how long it took, and who did it.
fn printed(trace: &BTreeMap<&str, &Span>) -> Result<String> {
    let mut spans: Vec<_> = trace.values().collect();
    spans.sort_by_key(|span| span.start);
    let begin = spans.first().context("an empty trace")?.start;
    let mut lines = String::from("   begins      takes\n");
    for span in spans {
        let millis = |nanos: u64| nanos as f64 / 1e6;
        let (begins, takes) = (millis(span.start - begin), millis(span.end - span.start));
        let who = span.service.trim_start_matches("visitor-");
        let notes: Vec<_> = span
            .attributes
            .iter()
            .map(|(key, value)| format!("  {key}={value}"))
            .collect();
        writeln!(
            lines,
            "{begins:7.2} ms {takes:7.2} ms  {who:8}  {}{}",
            span.name,
            notes.concat()
        )?;
    }
    Ok(lines)
}

/// By how much the clock may be corrected between two spans of one process, in ns.
const CORRECTION: u64 = 50_000_000;

#[tokio::test]
async fn one_trace_spans_emitter_lookup_and_page() -> Result<()> {
    let collector = Collector::start().await?;
    let site = collector.watched().await?;
    let viewer = site.viewer().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    viewer
        .sees("the visitor", |view| view.sessions.contains_key(&visitor.guid))
        .await?;
    let spans = eventually("every part of the trace is exported", async || {
        let spans = collector.spans();
        for (service, name, _) in PARTS {
            let is_exported = spans
                .iter()
                .any(|span| span.name == *name && span.service == *service);
            ensure!(is_exported, "no {name} in {spans:#?}");
        }
        Ok(spans)
    })
    .await?;
    let root = spans
        .iter()
        .find(|span| span.parent.is_empty())
        .context("no root")?;
    let trace = trace_of(&spans, root);
    fs::write(site.folder().join("trace.txt"), printed(&trace)?)?;
    let mut before = 0;
    for (service, name, parent) in PARTS {
        let span = trace
            .get(name)
            .with_context(|| format!("{name} is in another trace"))?;
        assert_eq!(span.service, *service);
        let parent = parent.map(|parent| trace[parent].id.clone()).unwrap_or_default();
        assert_eq!(span.parent, parent, "what {name} is a part of");
        assert!(
            span.start + CORRECTION >= before && span.end >= span.start,
            "{name}: {trace:#?}"
        );
        before = span.start;
    }
    assert_eq!(trace["receive"].attributes["kind"], "session-opened");
    assert_eq!(trace["receive"].attributes["events"], "1");
    let text = format!("{spans:?}");
    assert!(
        !text.contains(&visitor.guid) && !text.contains(&visitor.ip),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn keep_alives_and_closings_are_traced_to_the_page() -> Result<()> {
    let collector = Collector::start().await?;
    let site = collector.watched().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    site.send(&[visitor.keep_alive(0)]);
    site.queue_is_empty().await?;
    site.send(&[visitor.closed(0)]);
    site.shows_no(&visitor).await?;
    eventually("both traces are exported completely", async || {
        let spans = collector.spans();
        for writing in ["write activities", "write tombstone"] {
            let shown = spans.iter().filter(|span| span.name == writing).any(|written| {
                spans
                    .iter()
                    .any(|span| span.name == "show" && span.parent == written.id)
            });
            ensure!(shown, "no {writing} that is shown, in {spans:#?}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn without_a_collector_no_message_carries_a_trace() -> Result<()> {
    let site = Pipeline::start().await?;
    let tap = site.tap("visitor.>").await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    tap.first("the record", |heard| {
        heard.subject.starts_with("visitor.session.")
    })
    .await?;
    for heard in tap.heard() {
        assert!(heard.headers.get("traceparent").is_none(), "{heard:?}");
    }
    Ok(())
}

#[tokio::test]
async fn unreachable_collector_logs_one_line() -> Result<()> {
    let nobody = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", nobody.local_addr()?);
    drop(nobody);
    let site = Pipeline::builder()
        .flag(Role::Ingestor, "--otlp-endpoint", &endpoint)
        .flag(Role::Ingestor, "--trace-share", "1")
        .start()
        .await?;
    let ingestor = &site.instance(Role::Ingestor, 0)?.process;
    let complaints = || -> Result<usize> { Ok(ingestor.log()?.matches("refuses traces").count()) };
    let mut sent = 0;
    eventually("it is said", async || {
        let visitor = Visitor::from(&site.ip(Kind::Full, sent));
        sent += 1;
        site.send(&[visitor.opened(0)]);
        ensure!(complaints()? > 0);
        Ok(())
    })
    .await?;
    site.view_is_right().await?;
    assert_eq!(complaints()?, 1, "{}", ingestor.log()?);
    Ok(())
}
