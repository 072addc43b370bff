//! A listener that can stop listening and come back on the same port.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Mutex,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

const BACKLOG: u32 = 1_024;

/// How long a port that was ours is waited for.
const REBIND_TIMEOUT: Duration = Duration::from_secs(10);

type Visit = Arc<dyn Fn(TcpStream) + Send + Sync>;

/// A listening port and the handler of its connections.
pub(crate) struct Listener {
    addr: SocketAddr,
    visit: Visit,
    state: Mutex<State>,
}

enum State {
    /// Connections are accepted.
    Open(AbortOnDropHandle<()>),
    /// Connections are refused. The socket is bound, so that no other process takes the port, but does not listen.
    Shut(TcpSocket),
    /// The port is free: the listener is closed or has failed.
    Closed,
}

impl Listener {
    /// Listens on `addr` and gives each connection to `serve`, in a task of its own that ends with `stop`.
    pub(crate) fn open<F>(
        addr: SocketAddr,
        tasks: TaskTracker,
        stop: CancellationToken,
        serve: impl Fn(TcpStream) -> F + Send + Sync + 'static,
    ) -> io::Result<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let visit: Visit = Arc::new(move |stream| {
            tasks.spawn(stop.clone().run_until_cancelled_owned(serve(stream)));
        });
        let listener = bind(addr)?.listen(BACKLOG)?;
        let addr = listener.local_addr()?;
        let state = Mutex::new(State::Open(accept_all(listener, visit.clone())));
        Ok(Self { addr, visit, state })
    }

    /// The address of the listener. The port never changes.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Starts or stops refusing connections. In force when it returns; existing connections stay open.
    pub(crate) async fn refuse(&self, refuse: bool) -> io::Result<()> {
        let mut state = self.state.lock().await;
        *state = match (std::mem::replace(&mut *state, State::Closed), refuse) {
            (State::Open(accepting), true) => {
                end(accepting).await;
                State::Shut(rebind(self.addr).await?)
            }
            (State::Shut(socket), false) => {
                State::Open(accept_all(socket.listen(BACKLOG)?, self.visit.clone()))
            }
            (State::Closed, true) => State::Shut(rebind(self.addr).await?),
            (State::Closed, false) => {
                let socket = rebind(self.addr).await?;
                State::Open(accept_all(socket.listen(BACKLOG)?, self.visit.clone()))
            }
            (unchanged, _) => unchanged,
        };
        Ok(())
    }

    /// Stops listening for good. The port is free when it returns.
    pub(crate) async fn close(&self) {
        let state = std::mem::replace(&mut *self.state.lock().await, State::Closed);
        if let State::Open(accepting) = state {
            end(accepting).await;
        }
    }
}

/// Awaited because the port is free only when the task has dropped its listener.
async fn end(accepting: AbortOnDropHandle<()>) {
    accepting.abort();
    // The only possible result is that it was aborted.
    let _ = accepting.await;
}

/// Binds a port that was ours. While it was free, an outgoing connection may have taken it, which ends soon.
async fn rebind(addr: SocketAddr) -> io::Result<TcpSocket> {
    let deadline = Instant::now() + REBIND_TIMEOUT;
    loop {
        match bind(addr) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                sleep(Duration::from_millis(20)).await;
            }
            bound => return bound,
        }
    }
}

fn bind(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if addr.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    Ok(socket)
}

fn accept_all(listener: TcpListener, visit: Visit) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => visit(stream),
                Err(error) => {
                    // Out of file descriptors, most likely: give the others time to end.
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_for_its_port_if_another_socket_has_taken_it() {
        let any = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::open(
            any,
            TaskTracker::new(),
            CancellationToken::new(),
            |_stream| async {},
        );
        let listener = listener.unwrap();
        listener.close().await;
        let other = std::net::TcpListener::bind(listener.addr()).unwrap();
        let (refused, ()) = tokio::join!(listener.refuse(true), async {
            tokio::task::yield_now().await;
            drop(other);
        });
        refused.unwrap();
        assert!(TcpStream::connect(listener.addr()).await.is_err());
    }
}
