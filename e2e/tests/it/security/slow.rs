//! Clients that connect and then send or read slowly.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, WAIT_TIMEOUT, eventually};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use simulator::world::Kind;
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

const IDLE: usize = 10_000;

fn address(site: &Pipeline) -> Result<String> {
    Ok(site
        .instance(Role::Gateway, 0)?
        .http
        .base()
        .replace("http://", ""))
}

async fn open_connections(site: &Pipeline) -> Result<u64> {
    site.metric(Role::Gateway, "visitor_gateway_http_connections")
        .await
}

/// Waits until the gateway ends the connection.
async fn is_cut_off(mut stream: TcpStream) -> Result<()> {
    let mut rest = Vec::new();
    // A reset is an end as well.
    let _ = timeout(WAIT_TIMEOUT, stream.read_to_end(&mut rest)).await?;
    Ok(())
}

#[tokio::test]
async fn ten_thousand_idle_connections_delay_nobody() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    )?;
    let site = Pipeline::builder()
        .alone()
        .flag(Role::Gateway, "--max-connections-per-address", "16384")
        .start()
        .await?;
    let viewer = site.viewer().await?;
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        idle.push(TcpStream::connect(address(&site)?).await?);
    }
    let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    site.send(&[visitor.opened(0)]);
    viewer
        .sees("who came", |view| view.sessions.contains_key(&visitor.guid))
        .await?;
    let newcomer = site.viewer().await?;
    newcomer
        .sees("who came", |view| view.sessions.contains_key(&visitor.guid))
        .await?;
    for stream in idle {
        is_cut_off(stream).await?;
    }
    viewer.missed_nothing()?;
    eventually("only those are left who are welcome", async || {
        let open = open_connections(&site).await?;
        ensure!(open < 10, "{open} connections");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn endless_requests_time_out() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Gateway, "--access-token", "open-sesame")
        .start()
        .await?;
    let head = b"GET / HTTP/1.1\r\nhost: x\r\n".as_slice();
    let body = b"POST /login HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                 content-length: 1000\r\n\r\ntoken="
        .as_slice();
    for begun in [head, body] {
        let mut stream = TcpStream::connect(address(&site)?).await?;
        stream.write_all(begun).await?;
        let trickle = async {
            // A byte of a header or a body from time to time, for as long as the gateway accepts them.
            loop {
                sleep(Duration::from_millis(200)).await;
                if stream.write_all(b"x").await.is_err() {
                    return;
                }
            }
        };
        timeout(WAIT_TIMEOUT, trickle).await?;
    }
    Ok(())
}

#[tokio::test]
async fn idle_connection_is_closed() -> Result<()> {
    let site = Pipeline::start().await?;
    let mut stream = TcpStream::connect(address(&site)?).await?;
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await?;
    let mut answer = [0; 15];
    timeout(WAIT_TIMEOUT, stream.read_exact(&mut answer)).await??;
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    is_cut_off(stream).await
}

#[tokio::test]
async fn unread_answer_is_aborted() -> Result<()> {
    let site = Pipeline::start().await?;
    let visitors: Vec<_> = (0..3_000)
        .map(|n| Visitor::from(&site.ip(Kind::Full, n % 20)))
        .collect();
    for visitor in &visitors {
        site.send(&[visitor.opened(0)]);
    }
    site.view_is_right().await?;
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(8 * 1024)?;
    SockRef::from(&socket).set_tcp_mss(536)?;
    let mut stream = socket.connect(address(&site)?.parse()?).await?;
    // Small enough to be taken at once, many enough to be more than the line holds.
    for _ in 0..20 {
        stream
            .write_all(b"GET /api/sessions HTTP/1.1\r\nhost: x\r\n\r\n")
            .await?;
    }
    let peer = stream.local_addr()?;
    eventually("the gateway has closed the connection", async || {
        ensure!(!connected_to_gateway(&site, peer.port())?, "it is still open");
        Ok(())
    })
    .await
}

/// Whether the gateway's side of a connection is open.
fn connected_to_gateway(site: &Pipeline, port: u16) -> Result<bool> {
    let gateway = address(site)?.parse()?;
    let open = procfs::net::tcp()?.into_iter().any(|entry| {
        entry.local_address == gateway
            && entry.remote_address.port() == port
            && entry.state == procfs::net::TcpState::Established
    });
    Ok(open)
}
