use simulator::{
    emitter::{Emitter, EmitterConfig, ProtocolError},
    event::{Event, EventKind},
};
use strum::VariantArray;
use tokio::time::timeout;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error, Message},
};

use crate::{
    TEST_TIMEOUT,
    client::{Client, http},
};

const GUID: &str = "9d8802fe-631a-4591-b1d8-c030870dea05";

fn start() -> Emitter {
    Emitter::start(EmitterConfig {
        record: true,
        ..EmitterConfig::default()
    })
    .unwrap()
}

fn event(n: i64) -> Event {
    Event::at(EventKind::KeepAlive, GUID, "203.225.30.200", n)
}

#[tokio::test]
async fn everybody_hears_the_same_from_when_they_come() {
    let emitter = start();
    emitter.send(&event(0));
    let mut early = Client::connect(&emitter).await;
    emitter.send(&event(1));
    let mut late = Client::connect(&emitter).await;
    emitter.send_all(&[event(2), event(3)]);
    for n in 1..=3 {
        assert_eq!(early.event().await, event(n));
    }
    for n in 2..=3 {
        assert_eq!(late.event().await, event(n));
    }
    let sent: Vec<_> = emitter
        .sent()
        .into_iter()
        .map(|sent| (sent.timestamp_ms, sent.clients))
        .collect();
    assert_eq!(sent, [(Some(0), 0), (Some(1), 1), (Some(2), 2), (Some(3), 2)]);
    assert_eq!(emitter.stats().frames.keep_alive, 4);
}

#[tokio::test]
async fn any_path_will_do() {
    let emitter = start();
    for path in ["/", "/events?since=0", "/stats"] {
        connect_async(format!("{}{path}", emitter.url())).await.unwrap();
    }
}

#[tokio::test]
async fn pings_are_answered() {
    let emitter = start();
    let mut client = Client::connect(&emitter).await;
    client.send(Message::Ping("are you there".into())).await;
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::Pong("are you there".into())
    );
}

#[tokio::test]
async fn clients_that_go_are_counted_out() {
    let emitter = start();
    drop(Client::connect(&emitter).await);
    emitter.wait_for_clients(0, TEST_TIMEOUT).await.unwrap();
}

#[tokio::test]
async fn text_and_bytes_go_out_as_they_are() {
    let emitter = start();
    let mut client = Client::connect(&emitter).await;
    emitter.send_text("{\"eventType\":");
    emitter.send_binary(&[0, 159, 146, 150]);
    emitter.megabyte_frame();
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::text("{\"eventType\":")
    );
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::binary(vec![0, 159, 146, 150])
    );
    assert!(client.next().await.unwrap().unwrap().len() > 1 << 20);
}

#[tokio::test]
async fn closing_is_clean_and_comes_last() {
    let emitter = start();
    let mut client = Client::connect(&emitter).await;
    emitter.send(&event(1));
    emitter.close_all();
    emitter.send(&event(2));
    assert_eq!(client.event().await, event(1));
    assert!(client.next().await.unwrap().unwrap().is_close());
    assert!(client.next().await.is_none());
    assert_eq!(emitter.clients(), 0);
}

#[tokio::test]
async fn dropping_is_a_reset() {
    let emitter = start();
    let mut client = Client::connect(&emitter).await;
    emitter.drop_all();
    let error = client.error().await;
    assert!(matches!(&error, Error::Io(_) | Error::Protocol(_)), "{error}");
    let mut again = Client::connect(&emitter).await;
    emitter.send(&event(1));
    assert_eq!(again.event().await, event(1));
}

#[tokio::test]
async fn refusing_is_over_when_it_is_over() {
    let emitter = start();
    let mut client = Client::connect(&emitter).await;
    for _ in 0..3 {
        emitter.refuse(true).await.unwrap();
        match connect_async(emitter.url()).await.unwrap_err() {
            Error::Io(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused),
            other => panic!("{other}"),
        }
        emitter.refuse(false).await.unwrap();
        connect_async(emitter.url()).await.unwrap();
    }
    emitter.send(&event(1));
    assert_eq!(client.event().await, event(1), "connections from before live on");
}

#[tokio::test]
async fn silence_leaves_even_pings_unanswered() {
    let emitter = start();
    let mut client = Client::connect(&emitter).await;
    let mut other = Client::connect(&emitter).await;
    emitter.silence(true);
    emitter.send(&event(1));
    client.send(Message::Ping("are you there".into())).await;
    // New connections are accepted, and once one is there, an answer to the ping would have been too.
    let third = Box::pin(async { drop(Client::connect(&emitter).await) });
    assert!(!client.hears_before(third).await);
    emitter.silence(false);
    emitter.send(&event(2));
    assert_eq!(other.event().await, event(2), "what was said in silence is lost");
    let next = [
        client.next().await.unwrap().unwrap(),
        client.next().await.unwrap().unwrap(),
    ];
    assert!(next.contains(&Message::Pong("are you there".into())), "{next:?}");
    assert_eq!(emitter.sent().len(), 1);
}

#[tokio::test]
async fn every_protocol_error_ends_the_connection() {
    let emitter = start();
    for protocol_error in ProtocolError::VARIANTS {
        let mut client = Client::connect(&emitter).await;
        emitter.protocol_error(*protocol_error);
        let error = client.error().await;
        assert!(!matches!(error, Error::Io(_)), "{protocol_error}: {error}");
        drop(client);
        emitter.wait_for_clients(0, TEST_TIMEOUT).await.unwrap();
    }
}

#[tokio::test]
async fn who_reads_too_slowly_is_disconnected() {
    let emitter = Emitter::start(EmitterConfig {
        client_buffer: 1 << 20,
        ..EmitterConfig::default()
    })
    .unwrap();
    let mut slow = Client::connect(&emitter).await;
    // More than the kernel's buffers on both sides hold, without a pause in which they could be drained.
    let flood = async {
        while emitter.stats().too_slow == 0 {
            emitter.megabyte_frame();
            tokio::task::yield_now().await;
        }
    };
    timeout(TEST_TIMEOUT, flood).await.unwrap();
    assert_eq!(emitter.clients(), 0);
    slow.error().await;
}

#[tokio::test]
async fn statistics_over_http() {
    let emitter = start();
    let _client = Client::connect(&emitter).await;
    emitter.send(&event(1));
    emitter.send_text("?");
    let url = format!("http://{}", emitter.addr());
    let stats: serde_json::Value = http()
        .get(format!("{url}/stats"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let frames = serde_json::json!({ "session-opened": 0, "keep-alive": 1, "session-closed": 0, "other": 1 });
    assert_eq!(
        stats,
        serde_json::json!({ "clients": 1, "connections": 1, "tooSlow": 0, "frames": frames })
    );
    assert_eq!(http().get(url).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn stopping_frees_the_port() {
    let emitter = start();
    let addr = emitter.addr();
    let mut client = Client::connect(&emitter).await;
    emitter.stop().await;
    assert!(client.next().await.is_none_or(|message| message.is_err()));
    Emitter::start(EmitterConfig {
        listen: addr,
        ..EmitterConfig::default()
    })
    .unwrap();
}
