//! A receiver of webhooks that answers as a test says, and can be unreachable.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde_json::Value;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    pub at: Instant,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub status: u16,
}

impl Request {
    pub fn json(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// An answer: its status and, if any, its `Retry-After`.
pub type Answer = (u16, Option<&'static str>);

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<Answer>,
    requests: Vec<Request>,
}

/// The receiver. It ends when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: Option<AbortHandle>,
    pub url_file: PathBuf,
}

impl Receiver {
    /// Listens on a port of its own, which it keeps; its address is in a file of the folder.
    pub fn start(folder: &Path) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, e2e::processes::free_port()?));
        std::fs::create_dir_all(folder)?;
        let url_file = folder.join("webhook-url");
        std::fs::write(&url_file, format!("http://{address}/services/s3cret\n"))?;
        let mut receiver = Self {
            address,
            state: Arc::default(),
            serving: None,
            url_file,
        };
        receiver.serve()?;
        Ok(receiver)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections again.
    pub fn serve(&mut self) -> Result<()> {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(self.address)?;
        let listener = socket.listen(64)?;
        let routes = Router::new()
            .route("/services/s3cret", post(answer))
            .with_state(Arc::clone(&self.state));
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await });
        self.serving = Some(serving.abort_handle());
        Ok(())
    }

    /// Refuses connections.
    pub fn refuse(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }

    /// Answers the next requests with these replies, and later ones with 200.
    pub fn answers(&self, answers: &[Answer]) {
        self.state().answers.extend(answers);
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// The number of announcements per company domain, in requests that were answered with 200.
    pub fn announcements(&self) -> Result<BTreeMap<String, usize>> {
        let mut announced = BTreeMap::new();
        for request in self.requests().iter().filter(|request| request.status == 200) {
            let json = request.json()?;
            let arrivals = json["data"]["arrivals"].as_array().context("no arrivals")?;
            for arrival in arrivals {
                let domain = arrival["company"]["domain"].as_str().context("no domain")?;
                *announced.entry(domain.to_owned()).or_default() += 1;
            }
        }
        Ok(announced)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.refuse();
    }
}

async fn answer(Shared(state): Shared<Arc<Mutex<State>>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let (status, retry_after) = state.answers.pop_front().unwrap_or((200, None));
    state.requests.push(Request {
        at: Instant::now(),
        headers,
        body,
        status,
    });
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match retry_after {
        Some(wait) => (code, [(RETRY_AFTER, wait)]).into_response(),
        None => code.into_response(),
    }
}
