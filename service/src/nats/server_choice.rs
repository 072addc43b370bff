//! Chooses the server to connect to, and reports why the last attempts failed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_nats::{ReconnectToServer, Server};

use crate::client::cause::without_time;

/// Chooses the server to connect to: the one with the fewest failures, and preferably not the last one.
pub struct ServerChoice {
    last: Mutex<Option<String>>,
    on_failure: Box<dyn Fn(String) + Send + Sync>,
}

impl ServerChoice {
    /// Before each attempt except the first, calls `on_failure` with the reason why servers cannot be reached.
    pub fn new(on_failure: impl Fn(String) + Send + Sync + 'static) -> Self {
        Self {
            last: Mutex::default(),
            on_failure: Box::new(on_failure),
        }
    }

    /// The next server to try.
    pub fn next(&self, servers: Vec<Server>) -> Option<ReconnectToServer> {
        if let Some(reason) = failures(&servers) {
            (self.on_failure)(reason);
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let order = |server: &Server| {
            let is_last = last.as_deref() == Some(server.addr.as_url_str());
            (server.failed_attempts, is_last, rand::random::<u32>())
        };
        let server = servers.into_iter().min_by_key(order)?;
        *last = Some(server.addr.as_url_str().to_owned());
        Some(ReconnectToServer {
            addr: server.addr,
            delay: None,
        })
    }
}

/// Why the servers cannot be reached, each by host and port, without user and password. Sorted by name, so that the same
/// failures give the same text.
fn failures(servers: &[Server]) -> Option<String> {
    let failed = servers.iter().filter_map(|server| {
        let error = server.last_error.as_ref()?;
        Some((format!("{}:{}", server.addr.host(), server.addr.port()), error))
    });
    let failed: BTreeMap<_, _> = failed.collect();
    let texts = failed
        .iter()
        .map(|(server, error)| format!("cannot connect to {server}: {}", without_time(error)));
    let text = texts.collect::<Vec<_>>().join(", ");
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_server_than_the_last_is_chosen_unless_it_fails() {
        let server = |port: u16, failed_attempts| Server {
            addr: format!("nats://127.0.0.1:{port}").parse().unwrap(),
            failed_attempts,
            did_connect: true,
            is_discovered: false,
            last_error: None,
        };
        let choice = ServerChoice::new(|_| {});
        let chosen = |servers| choice.next(servers).unwrap().addr.port();
        let both = || vec![server(1, 0), server(2, 0)];
        let first = chosen(both());
        let second = chosen(both());
        assert_ne!(first, second);
        assert_eq!(chosen(both()), first);
        assert_eq!(chosen(vec![server(first, 0), server(second, 3)]), first);
        assert!(choice.next(Vec::new()).is_none());
    }

    #[test]
    fn failures_name_server_and_cause_but_no_password() {
        let server = Server {
            addr: "nats://user:s3cret@nats.example:4222".parse().unwrap(),
            failed_attempts: 1,
            did_connect: false,
            is_discovered: false,
            last_error: Some(
                "IO error: certificate expired: verification time 2000 (UNIX), but certificate is not valid after 1000 \
                 (1000 seconds ago)"
                    .into(),
            ),
        };
        let (sender, told) = std::sync::mpsc::channel();
        let choice = ServerChoice::new(move |reason| sender.send(reason).unwrap());
        choice.next(vec![server]);
        assert_eq!(
            told.recv().unwrap(),
            "cannot connect to nats.example:4222: IO error: certificate expired"
        );
    }
}
