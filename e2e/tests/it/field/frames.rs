//! Frames with several events, or with other bytes around an event.

use anyhow::{Result, ensure};
use e2e::eventually;
use tokio_tungstenite::tungstenite::Message;

use super::scripted_emitter::{Script, ScriptedEmitter};
use super::standalone::Standalone;

#[tokio::test]
async fn whole_events_in_one_frame_count_one_by_one() -> Result<()> {
    let event = |guid: &str| format!(r#"{{"eventType":"keep-alive","ip":"192.0.2.1","guid":"{guid}"}}"#);
    let frames = [
        format!("[{},{}]", event("a"), event("b")),
        format!("{}\n{}\n", event("c"), event("d")),
        format!("{}{}", event("e"), event("f")),
        format!("\u{feff}{}", event("g")),
        format!("{}\0", event("h")),
        format!("{}\nbroken\n{}", event("i"), event("j")),
        "[1,2]".to_owned(),
    ];
    let emitter = ScriptedEmitter::start(Script::Send(frames.map(Message::text).to_vec())).await?;
    let ingestor = Standalone::ingestor(&emitter.url(), &[], &[]).await?;
    ingestor.has_read(10).await?;
    eventually("the rest is rejected", async || {
        for (reason, count) in [("not-json", 1), ("not-an-object", 1)] {
            let name = format!("visitor_ingestor_rejected_total{{reason=\"{reason}\"}}");
            let rejected = ingestor.http.metric(&name).await?;
            ensure!(rejected == count, "{reason}: {rejected}");
        }
        Ok(())
    })
    .await
}
