//! Resolves the provider's host and puts an address that accepts connections first.
//!
//! Within one address family, hyper tries one address after another and waits for each dead one. Here they are raced
//! ([`service::client::race`]).

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use service::client::race;
use tokio::net::lookup_host;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long the address that won a race is tried first without another race.
const REMEMBERED: Duration = Duration::from_secs(10);

type Lookup = Arc<
    dyn Fn(String) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>> + Send + Sync,
>;

/// Resolves names. Clones share what is remembered.
#[derive(Clone)]
pub struct Resolver {
    lookup: Lookup,
    /// The host whose addresses are raced, and its port.
    host: String,
    port: u16,
    reachable: Arc<Mutex<Option<(SocketAddr, Instant)>>>,
}

impl Resolver {
    /// Creates a resolver that asks the system for addresses, and races those of `host`.
    pub fn new(host: &str, port: u16) -> Self {
        Self::with_lookup(
            host,
            port,
            Arc::new(move |name| Box::pin(async move { Ok(lookup_host((name, port)).await?.collect()) })),
        )
    }

    fn with_lookup(host: &str, port: u16, lookup: Lookup) -> Self {
        Self {
            lookup,
            host: host.to_owned(),
            port,
            reachable: Arc::default(),
        }
    }

    /// The addresses of a name, in the order in which to try them.
    async fn addresses(self, name: String) -> std::io::Result<Vec<SocketAddr>> {
        // A proxy has another name, and a port that is not known here.
        let is_raced = name.eq_ignore_ascii_case(&self.host);
        let mut addresses = (self.lookup)(name).await?;
        for address in &mut addresses {
            address.set_port(self.port);
        }
        if is_raced && addresses.len() > 1 {
            // One race at a time: concurrent callers wait for its result.
            let mut reachable = self.reachable.lock().await;
            let remembered =
                reachable.filter(|(address, until)| *until > Instant::now() && addresses.contains(address));
            let first = match remembered {
                Some((address, _)) => Some(address),
                None => first_reachable(&addresses).await,
            };
            *reachable = remembered.or_else(|| first.map(|address| (address, Instant::now() + REMEMBERED)));
            addresses.sort_by_key(|address| Some(*address) != first);
        }
        // If no port is given, the port of the URL or the proxy is used.
        for address in &mut addresses {
            address.set_port(0);
        }
        Ok(addresses)
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolving = self.clone().addresses(name.as_str().to_owned());
        Box::pin(async move { Ok(Box::new(resolving.await?.into_iter()) as Addrs) })
    }
}

/// The first address that accepts a connection; `None` if none does.
async fn first_reachable(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    race::connect(addresses).await.ok()?.peer_addr().ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use service::client::race::ATTEMPT_DELAY;
    use tokio::net::{TcpListener, TcpSocket, TcpStream};

    use super::*;

    /// Listens there and accepts nothing, until its backlog is full and further connection attempts are dropped.
    pub(crate) async fn dead(address: SocketAddr) -> (TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut filling = Vec::new();
        while let Ok(stream) = tokio::time::timeout(ATTEMPT_DELAY, TcpStream::connect(address)).await {
            filling.push(stream.unwrap());
        }
        (listener, filling)
    }

    /// Knows these addresses of `provider.example`.
    pub(crate) fn resolver(port: u16, addresses: &'static [&'static str]) -> Resolver {
        Resolver::with_lookup(
            "provider.example",
            port,
            Arc::new(move |_| {
                let addresses = addresses
                    .iter()
                    .map(|address| SocketAddr::new(address.parse().unwrap(), 0));
                let addresses = addresses.collect();
                Box::pin(async move { Ok(addresses) })
            }),
        )
    }

    async fn order(resolver: &Resolver, name: &str) -> Vec<String> {
        let addresses = resolver.clone().addresses(name.to_owned()).await.unwrap();
        addresses.iter().map(|address| address.ip().to_string()).collect()
    }

    #[tokio::test]
    async fn address_that_drops_or_refuses_connections_is_tried_last() {
        let alive = TcpListener::bind("127.0.0.4:0").await.unwrap();
        let port = alive.local_addr().unwrap().port();
        let (_dead, _filling) = dead(SocketAddr::new("127.0.0.2".parse().unwrap(), port)).await;
        // Nobody listens at 127.0.0.3.
        let resolver = resolver(port, &["127.0.0.2", "127.0.0.3", "127.0.0.4"]);
        let expected = ["127.0.0.4", "127.0.0.2", "127.0.0.3"];
        assert_eq!(order(&resolver, "Provider.example").await, expected);
        drop(alive);
        assert_eq!(order(&resolver, "provider.example").await, expected, "remembered");
    }

    #[tokio::test]
    async fn order_is_kept_where_nothing_is_known() {
        let resolver = resolver(1, &["127.0.0.2", "127.0.0.3"]);
        assert_eq!(
            order(&resolver, "proxy.example").await,
            ["127.0.0.2", "127.0.0.3"]
        );
        assert_eq!(
            order(&resolver, "provider.example").await,
            ["127.0.0.2", "127.0.0.3"]
        );
    }
}
