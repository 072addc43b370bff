//! Asks NATS for its time, about once a second, and sets the pipeline's clock by it.

use std::time::Duration;

use protocol::{stream, time};
use serde::Deserialize;
use tokio::time::sleep;

use super::current;
use super::estimate::{Correction, Estimator, Sample};
use super::report::Report;
use crate::nats::Nats;

/// How often NATS is asked.
const PAUSE: Duration = Duration::from_secs(1);

/// How often NATS is asked while its clock is unknown, or may have stepped.
const SHORT_PAUSE: Duration = Duration::from_millis(100);

/// The number of answers after which the time counts as known, regardless of their round trips.
const ENOUGH_SAMPLES: u32 = 10;

/// The part of a stream's state that is needed. In a cluster, the leader of the stream answers, so that all
/// processes follow the same clock.
#[derive(Deserialize)]
struct Answer {
    ts: Box<str>,
}

/// Why there is no sample.
#[derive(Debug, thiserror::Error)]
enum NoSample {
    #[error("NATS does not answer")]
    Unanswered(#[from] async_nats::RequestError),
    #[error("NATS did not return its time")]
    Unreadable(#[from] serde_json::Error),
    #[error("the answer of NATS contains no time")]
    NoTime,
}

/// Follows the clock of the NATS server until the process exits.
pub async fn follow(nats: Nats, mut report: Report) {
    let mut estimator = Estimator::new(current::guess());
    let mut samples = 0;
    loop {
        nats.connected().await;
        match ask(&nats).await {
            Ok(sample) => {
                let correction = estimator.take(sample);
                say(correction);
                current::correct(correction);
                samples += 1;
                if !estimator.is_unsure() && (estimator.is_precise() || samples >= ENOUGH_SAMPLES) {
                    current::announce_known();
                }
                if !estimator.is_unsure() {
                    report.update(current::host() - current::now());
                }
            }
            Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "no time from NATS"),
        }
        let soon = estimator.is_unsure() || (!estimator.is_precise() && samples < ENOUGH_SAMPLES);
        sleep(if soon { SHORT_PAUSE } else { PAUSE }).await;
    }
}

async fn ask(nats: &Nats) -> Result<Sample, NoSample> {
    let subject = format!("{}.STREAM.INFO.{}", nats.api_prefix(), stream::REJECTED);
    let asked_at = current::uptime();
    let answer = nats.client().request(subject, "".into()).await?;
    let answered_at = current::uptime();
    let Answer { ts } = serde_json::from_slice(&answer.payload)?;
    Ok(Sample {
        asked_at,
        answered_at,
        time: time::parse_timestamp(&ts).ok_or(NoSample::NoTime)?,
    })
}

fn say(correction: Correction) {
    match correction {
        Correction::None | Correction::Small(_) => {}
        Correction::First(by_ms) => tracing::debug!(by_ms, "the NATS server's clock is known"),
        Correction::Step(by_ms) => {
            tracing::warn!(
                by_ms,
                "the NATS server's clock has stepped; all times are shifted with it"
            );
        }
    }
}
