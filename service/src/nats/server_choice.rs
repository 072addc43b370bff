//! Chooses the server to connect to, and reports why the last attempts failed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::{ReconnectToServer, Server, ServerAddr};
use futures_util::future::join_all;
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::client::cause::without_time;

/// How long looking up a name may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

/// Chooses the server to connect to: the one with the fewest failures, and preferably not the last one.
///
/// The client neither counts nor keeps the failure if a name has no address, so names are looked up here as well.
pub struct ServerChoice {
    state: Mutex<State>,
    on_failure: Box<dyn Fn(String) + Send + Sync>,
}

#[derive(Default)]
struct State {
    /// The server of the last attempt.
    last: Option<String>,
    /// The servers whose names have no address at present.
    unknown: BTreeMap<String, Unknown>,
}

/// A name without an address.
struct Unknown {
    failed_attempts: usize,
    error: String,
}

impl ServerChoice {
    /// Before each attempt, calls `on_failure` with the reason why servers cannot be reached, if there is one.
    pub fn new(on_failure: impl Fn(String) + Send + Sync + 'static) -> Self {
        Self {
            state: Mutex::default(),
            on_failure: Box::new(on_failure),
        }
    }

    /// The next server to try. The first time, looks up all names, so that a mistyped one is reported although others can
    /// be reached.
    pub async fn next(&self, servers: Vec<Server>) -> Option<ReconnectToServer> {
        let is_first = self.state().last.is_none();
        if is_first {
            join_all(servers.iter().map(|server| self.has_address(&server.addr))).await;
        }
        let mut chosen = None;
        for server in self.in_order(&servers) {
            let has_address = if is_first {
                !self.state().unknown.contains_key(&name(&server.addr))
            } else {
                self.has_address(&server.addr).await
            };
            if has_address {
                chosen = Some(server);
                break;
            }
        }
        if let Some(reason) = failures(&servers, &self.state().unknown) {
            (self.on_failure)(reason);
        }
        // If no name has an address, the client fails with one of them, and pauses.
        let addr = chosen.or(servers.first())?.addr.clone();
        self.state().last = Some(addr.as_url_str().to_owned());
        Some(ReconnectToServer { addr, delay: None })
    }

    /// The servers, with the best first.
    fn in_order<'a>(&self, servers: &'a [Server]) -> Vec<&'a Server> {
        let state = self.state();
        let mut servers: Vec<_> = servers.iter().collect();
        servers.sort_by_cached_key(|server| {
            let unknown = state.unknown.get(&name(&server.addr));
            let failed_attempts =
                server.failed_attempts + unknown.map_or(0, |unknown| unknown.failed_attempts);
            let is_last = state.last.as_deref() == Some(server.addr.as_url_str());
            (failed_attempts, is_last, rand::random::<u32>())
        });
        servers
    }

    /// Looks the server up, and notes the outcome.
    async fn has_address(&self, server: &ServerAddr) -> bool {
        let found = look_up(server).await;
        let mut state = self.state();
        match (found, state.unknown.entry(name(server))) {
            (Ok(()), Entry::Occupied(unknown)) => {
                unknown.remove();
                true
            }
            (Ok(()), Entry::Vacant(_)) => true,
            (Err(error), Entry::Occupied(mut unknown)) => {
                let unknown = unknown.get_mut();
                unknown.failed_attempts += 1;
                unknown.error = error.to_string();
                false
            }
            (Err(error), Entry::Vacant(vacant)) => {
                vacant.insert(Unknown {
                    failed_attempts: 1,
                    error: error.to_string(),
                });
                false
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fails if the server's name has no address.
async fn look_up(server: &ServerAddr) -> io::Result<()> {
    match timeout(LOOKUP_TIMEOUT, lookup_host((server.host(), server.port()))).await {
        Ok(Ok(mut addresses)) => match addresses.next() {
            Some(_) => Ok(()),
            None => Err(io::Error::other("the name has no address")),
        },
        Ok(Err(error)) => Err(error),
        Err(_) => Err(io::Error::other(format!(
            "no answer within {} s",
            LOOKUP_TIMEOUT.as_secs()
        ))),
    }
}

/// Host and port, without user and password.
fn name(server: &ServerAddr) -> String {
    format!("{}:{}", server.host(), server.port())
}

/// Why the servers cannot be reached, each by host and port, without user and password. Sorted by name, so that the same
/// failures give the same text.
fn failures(servers: &[Server], unknown: &BTreeMap<String, Unknown>) -> Option<String> {
    let failed = servers.iter().filter_map(|server| {
        let name = name(&server.addr);
        let text = match (unknown.get(&name), &server.last_error) {
            (Some(Unknown { error, .. }), _) => format!("cannot find the address of {name}: {error}"),
            (None, Some(error)) => format!("cannot connect to {name}: {}", without_time(error)),
            (None, None) => return None,
        };
        Some((name, text))
    });
    let failed: BTreeMap<_, _> = failed.collect();
    let text = failed.into_values().collect::<Vec<_>>().join(", ");
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, failed_attempts: usize) -> Server {
        Server {
            addr: format!("nats://{host}").parse().unwrap(),
            failed_attempts,
            did_connect: true,
            is_discovered: false,
            last_error: None,
        }
    }

    #[tokio::test]
    async fn unknown_name_is_reported_and_does_not_keep_us_from_a_server_that_failed() {
        let (sender, reasons) = std::sync::mpsc::channel();
        let choice = ServerChoice::new(move |reason| sender.send(reason).unwrap());
        for failed_attempts in [0, 1, 100] {
            let servers = vec![
                server("user:s3cret@typo.invalid:4222", 0),
                server("127.0.0.1:1", failed_attempts),
            ];
            assert_eq!(choice.next(servers).await.unwrap().addr.port(), 1);
            let reason = reasons.recv().unwrap();
            let expected = "cannot find the address of typo.invalid:4222: ";
            assert!(
                reason.starts_with(expected) && reason.len() > expected.len(),
                "{reason}"
            );
        }
        let alone = choice.next(vec![server("typo.invalid:4222", 0)]).await;
        assert_eq!(
            alone.unwrap().addr.host(),
            "typo.invalid",
            "the client pauses before it"
        );
    }

    #[tokio::test]
    async fn another_server_than_the_last_is_chosen_unless_it_fails() {
        let local = |port: u16, failed_attempts| server(&format!("127.0.0.1:{port}"), failed_attempts);
        let choice = ServerChoice::new(|_| {});
        let chosen = async |servers| choice.next(servers).await.unwrap().addr.port();
        let both = || vec![local(1, 0), local(2, 0)];
        let first = chosen(both()).await;
        let second = chosen(both()).await;
        assert_ne!(first, second);
        assert_eq!(chosen(both()).await, first);
        assert_eq!(chosen(vec![local(first, 0), local(second, 3)]).await, first);
        assert!(choice.next(Vec::new()).await.is_none());
    }

    #[tokio::test]
    async fn failures_name_server_and_cause_but_no_password() {
        let mut server = server("user:s3cret@127.0.0.1:4222", 1);
        server.last_error = Some(
            "IO error: certificate expired: verification time 2000 (UNIX), but certificate is not valid after 1000 \
             (1000 seconds ago)"
                .into(),
        );
        let (sender, reasons) = std::sync::mpsc::channel();
        let choice = ServerChoice::new(move |reason| sender.send(reason).unwrap());
        choice.next(vec![server]).await;
        assert_eq!(
            reasons.recv().unwrap(),
            "cannot connect to 127.0.0.1:4222: IO error: certificate expired"
        );
    }
}
