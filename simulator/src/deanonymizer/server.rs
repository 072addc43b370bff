//! The Deanonymizer's HTTP side.

use std::{
    convert::Infallible,
    future::{Future, pending},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use futures_util::stream;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tokio::{net::TcpStream, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Failure, IpStats,
    failure_state::FailureState,
    ledger::{DeanonymizerStats, Ledger},
    persona::{Persona, Reply},
};
use crate::world::World;

/// The pause between two bytes of a slow body.
const SLOW: Duration = Duration::from_millis(100);

/// State that all calls share.
#[derive(Clone)]
pub(super) struct SharedState(Arc<Shared>);

struct Shared {
    world: World,
    persona: Option<Persona>,
    failure_state: Mutex<FailureState>,
    ledger: Mutex<Ledger>,
    rng: Mutex<ChaCha8Rng>,
    /// Cancelled to reset all connections, and then replaced for later ones.
    connections: Mutex<CancellationToken>,
}

/// Resets the connection that a call came on.
#[derive(Clone)]
struct Reset(CancellationToken);

impl SharedState {
    pub(super) fn new(
        world: World,
        failure_state: FailureState,
        seed: u64,
        persona: Option<Persona>,
    ) -> Self {
        Self(Arc::new(Shared {
            world,
            persona,
            failure_state: Mutex::new(failure_state),
            ledger: Mutex::default(),
            rng: Mutex::new(ChaCha8Rng::seed_from_u64(seed)),
            connections: Mutex::default(),
        }))
    }

    pub(super) fn world(&self) -> World {
        self.0.world
    }

    pub(super) fn failure_state(&self) -> MutexGuard<'_, FailureState> {
        locked(&self.0.failure_state)
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        locked(&self.0.ledger)
    }

    pub(super) fn reset_connections(&self) {
        std::mem::take(&mut *locked(&self.0.connections)).cancel();
    }

    fn connection(&self) -> CancellationToken {
        locked(&self.0.connections).child_token()
    }

    fn rng(&self) -> MutexGuard<'_, ChaCha8Rng> {
        locked(&self.0.rng)
    }
}

/// Locks a state that a panic cannot leave inconsistent.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one connection until either side ends it. Not an `async fn`, so that a connection belongs to those that can
/// be reset as soon as it has been accepted.
pub(super) fn serve(mut stream: TcpStream, state: &SharedState) -> impl Future<Output = ()> + Send + use<> {
    let reset = state.connection();
    let router = router(state.clone()).layer(Extension(Reset(reset.clone())));
    async move {
        let calls = http1::Builder::new()
            .serve_connection(TokioIo::new(&mut stream), TowerToHyperService::new(router));
        match reset.run_until_cancelled(calls).await {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::debug!(%error, "a connection failed"),
            None => {
                if let Err(error) = stream.set_zero_linger() {
                    tracing::debug!(%error, "cannot reset a connection");
                }
            }
        }
    }
}

fn router(state: SharedState) -> Router {
    let asked = match state.0.persona {
        None => Router::new().route("/deanonymize", post(deanonymize)),
        Some(persona) if persona.is_posted() => Router::new().route(persona.path(), post(play_by_query)),
        Some(persona) if persona.path().contains("{ip}") => {
            Router::new().route(persona.path(), get(play_by_path))
        }
        Some(persona) => Router::new().route(persona.path(), get(play_by_query)),
    };
    asked
        .route("/stats", get(stats))
        .route("/calls", get(calls))
        .with_state(state)
}

#[derive(Deserialize)]
struct Question {
    ip: String,
}

#[derive(Serialize)]
struct Calls {
    ip: String,
    #[serde(flatten)]
    stats: IpStats,
}

async fn stats(State(state): State<SharedState>) -> Json<DeanonymizerStats> {
    Json(state.ledger().stats())
}

async fn calls(State(state): State<SharedState>, Query(Question { ip }): Query<Question>) -> Json<Calls> {
    let counts = state.ledger().ip(&ip);
    Json(Calls { ip, stats: counts })
}

async fn deanonymize(
    State(state): State<SharedState>,
    Extension(Reset(reset)): Extension<Reset>,
    Json(Question { ip }): Json<Question>,
) -> Response {
    let _call = Call::begin(&state, &ip);
    let (latency, failure) = state.failure_state().next(&ip, &mut state.rng());
    if let Some(failure) = failure {
        state.ledger().fail(failure);
    }
    sleep(latency).await;
    let response = match failure {
        None => right_answer(&state, &ip),
        Some(Failure::Hang) => pending().await,
        Some(Failure::Reset) => {
            reset.cancel();
            pending().await
        }
        Some(failure) => wrong_answer(&state, &ip, failure),
    };
    state
        .ledger()
        .answer(&ip, response.status().as_u16(), failure.is_none());
    response
}

async fn play_by_query(
    state: State<SharedState>,
    reset: Extension<Reset>,
    headers: HeaderMap,
    Query(Question { ip }): Query<Question>,
) -> Response {
    play(state, reset, &headers, ip).await
}

async fn play_by_path(
    state: State<SharedState>,
    reset: Extension<Reset>,
    headers: HeaderMap,
    Path(ip): Path<String>,
) -> Response {
    play(state, reset, &headers, ip).await
}

/// Answers as the played service does.
async fn play(
    State(state): State<SharedState>,
    Extension(Reset(reset)): Extension<Reset>,
    headers: &HeaderMap,
    ip: String,
) -> Response {
    let Some(persona) = state.0.persona else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let _call = Call::begin(&state, &ip);
    let is_first = state.ledger().ip(&ip).calls == 1;
    let (latency, failure) = state.failure_state().next(&ip, &mut state.rng());
    if let Some(failure) = failure {
        state.ledger().fail(failure);
    }
    sleep(latency).await;
    let key = persona.key(headers);
    let knows_key = key.is_some_and(|key| {
        state
            .failure_state()
            .key
            .as_deref()
            .is_none_or(|known| known == key)
    });
    let (response, is_right) = match failure {
        _ if !knows_key => (reply(persona.refusal()), false),
        Some(Failure::Hang) => pending().await,
        Some(Failure::Reset) => {
            reset.cancel();
            pending().await
        }
        Some(failure) => match persona.failure(failure) {
            Some(failed) => (reply(failed), false),
            None => (wrong_answer(&state, &ip, failure), false),
        },
        None if is_first && persona.queues(&ip) => (reply(Persona::queued()), false),
        None if !state.failure_state().take_from_quota() => (reply(persona.exhausted()), false),
        None => (reply(persona.answer(state.world(), &ip)), true),
    };
    state.ledger().answer(&ip, response.status().as_u16(), is_right);
    response
}

fn reply((status, body): Reply) -> Response {
    match body {
        Some(body) => (status, Json(body)).into_response(),
        None => status.into_response(),
    }
}

/// A call that counts as in flight until it is dropped, even if that is because the client has disconnected.
struct Call<'a>(&'a SharedState);

impl<'a> Call<'a> {
    fn begin(state: &'a SharedState, ip: &str) -> Self {
        state.ledger().begin(ip);
        Self(state)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.ledger().end();
    }
}

fn right_answer(state: &SharedState, ip: &str) -> Response {
    if let Some(body) = state.failure_state().body(ip) {
        return ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    }
    match state.world().answer(ip).body(ip) {
        Some(body) => Json(body).into_response(),
        None => (StatusCode::NOT_FOUND, "unknown IP").into_response(),
    }
}

fn wrong_answer(state: &SharedState, ip: &str, failure: Failure) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    match failure {
        Failure::ServerError => (StatusCode::INTERNAL_SERVER_ERROR, "something went wrong").into_response(),
        Failure::ServiceUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "come back later").into_response(),
        Failure::BadRequest => (StatusCode::BAD_REQUEST, "bad request").into_response(),
        Failure::Unauthorized => (StatusCode::UNAUTHORIZED, "who are you?").into_response(),
        Failure::PaymentRequired => (StatusCode::PAYMENT_REQUIRED, "pay first").into_response(),
        Failure::Forbidden => (StatusCode::FORBIDDEN, "not for you").into_response(),
        Failure::UnprocessableEntity => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        Failure::TooManyRequests => StatusCode::TOO_MANY_REQUESTS.into_response(),
        Failure::TooManyRequestsRetryAfter => {
            let seconds = state.failure_state().retry_after.as_secs().to_string();
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds)]).into_response()
        }
        Failure::SlowBody => {
            (json, slowly(failure.garbage(state.world(), ip, &mut state.rng()))).into_response()
        }
        Failure::Html200 => Html(failure.garbage(state.world(), ip, &mut state.rng())).into_response(),
        Failure::TruncatedJson
        | Failure::MissingFields
        | Failure::NullFields
        | Failure::WrongTypes
        | Failure::WrongIp
        | Failure::HugeBody
        // These two never reach this function: they are not answered.
        | Failure::Hang
        | Failure::Reset => (json, failure.garbage(state.world(), ip, &mut state.rng())).into_response(),
    }
}

/// A body that sends one byte every [`SLOW`].
fn slowly(text: String) -> Body {
    let bytes = text.into_bytes().into_iter();
    Body::from_stream(stream::unfold(bytes, |mut bytes| async move {
        sleep(SLOW).await;
        let byte = bytes.next()?;
        Some((Ok::<_, Infallible>(vec![byte]), bytes))
    }))
}
