//! `PROCESS healthcheck`: asks the running process whether it is ready, for containers without curl.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(3);

/// Requests `/readyz` on `listen`, the address in the flags of the process, and prints the answer.
#[must_use]
pub fn run(listen: SocketAddr) -> ExitCode {
    match ask(reachable(listen)) {
        Ok(answer) if answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200") => {
            ExitCode::SUCCESS
        }
        Ok(answer) => {
            eprintln!("{}", answer.lines().last().unwrap_or("no answer"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{listen}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Uses loopback for a process that listens on every address.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_asked_on_loopback() {
        assert_eq!(
            reachable("0.0.0.0:9101".parse().unwrap()),
            "127.0.0.1:9101".parse().unwrap()
        );
        assert_eq!(
            reachable("[::]:9101".parse().unwrap()),
            "[::1]:9101".parse().unwrap()
        );
        assert_eq!(
            reachable("10.0.0.1:9101".parse().unwrap()),
            "10.0.0.1:9101".parse().unwrap()
        );
    }
}
