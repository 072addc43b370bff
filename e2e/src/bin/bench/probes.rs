//! Visitors whose keep-alives are found in frames without parsing them: latency is measured by them.

use std::time::Duration;

use e2e::Visitor;
use e2e::processes::Pipeline;
use simulator::world::Kind;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// The beginning of a probe in the list of touched sessions of a frame.
pub const TOUCHED: &[u8] = br#"["probe-"#;

/// How many visitors there are; each is used again only after its last probe was seen.
const VISITORS: usize = 1_000;

/// How often probes are sent.
const TICK: Duration = Duration::from_millis(2);

/// When a probe was sent, in milliseconds since the epoch, if this is the beginning of a touched one and not of one
/// that was removed.
pub fn sent_at(touched: &[u8]) -> Option<u64> {
    let guid = TOUCHED.len()
        + touched
            .get(TOUCHED.len()..)?
            .iter()
            .position(|byte| *byte == b'"')?;
    leading_number(touched.get(guid..)?.strip_prefix(br#"","#)?)
}

/// The number that a text begins with.
pub fn leading_number(text: &[u8]) -> Option<u64> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&text[..end]).ok()?.parse().ok()
}

/// The visitors, whose sessions are open.
pub struct Probes {
    visitors: Vec<Visitor>,
    next: usize,
}

impl Probes {
    /// Opens their sessions.
    pub fn open(pipeline: &Pipeline) -> Self {
        let ip = pipeline.ip(Kind::Full, 9_000_000);
        let visitors: Vec<_> = (0..VISITORS)
            .map(|number| {
                let Visitor { guid, ip } = Visitor::from(&ip);
                Visitor {
                    guid: format!("probe-{number}-{}", &guid[..8]),
                    ip,
                }
            })
            .collect();
        pipeline.send(
            &visitors
                .iter()
                .map(|visitor| visitor.opened(0))
                .collect::<Vec<_>>(),
        );
        Self { visitors, next: 0 }
    }

    /// How many visitors there are.
    pub fn count(&self) -> usize {
        self.visitors.len()
    }

    /// Sends probes at a fixed rate for a time, regardless of whether they are shown.
    pub async fn send(&mut self, pipeline: &Pipeline, per_second: f64, lasting: Duration) -> u64 {
        let (start, mut sent) = (Instant::now(), 0);
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while start.elapsed() < lasting {
            ticks.tick().await;
            let mut due = Vec::new();
            while (sent as f64) < start.elapsed().as_secs_f64() * per_second {
                due.push(self.visitors[self.next].keep_alive(0));
                self.next = (self.next + 1) % self.visitors.len();
                sent += 1;
            }
            if !due.is_empty() {
                pipeline.send(&due);
            }
        }
        sent
    }

    /// Closes their sessions, so that only those of the load remain.
    pub fn close(&self, pipeline: &Pipeline) {
        pipeline.send(
            &self
                .visitors
                .iter()
                .map(|visitor| visitor.closed(0))
                .collect::<Vec<_>>(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_a_touched_probe_was_sent() {
        assert_eq!(
            sent_at(br#"["probe-7-0a0b0c0d",1740974641984],["x",1]"#),
            Some(1_740_974_641_984)
        );
        assert_eq!(sent_at(br#"["probe-7-0a0b0c0d","closed"]]"#), None);
        assert_eq!(sent_at(br#"["probe-7"#), None);
    }
}
