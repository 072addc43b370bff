//! A listener that can stop listening and come back on the same port.

use std::{future::Future, io, net::SocketAddr, sync::Arc};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Mutex,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

const BACKLOG: u32 = 1_024;

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
                State::Shut(bind(self.addr)?)
            }
            (State::Shut(socket), false) => {
                State::Open(accept_all(socket.listen(BACKLOG)?, self.visit.clone()))
            }
            (State::Closed, true) => State::Shut(bind(self.addr)?),
            (State::Closed, false) => {
                State::Open(accept_all(bind(self.addr)?.listen(BACKLOG)?, self.visit.clone()))
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
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }))
}
