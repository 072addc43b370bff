//! Ports that stay reserved over restarts.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};

/// Below the range for port 0 and outgoing connections, so that no other process takes a port during a restart.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// The number of ports tried so far. Locked while a port is tried or a process is started: a new process inherits all our
/// sockets until its program runs, and would keep the port of a socket that is closed meanwhile.
static TRIED: Mutex<u16> = Mutex::new(0);

/// A free port of 127.0.0.1, which is returned only once.
///
/// # Errors
/// Fails if no port is free.
pub fn free() -> Result<u16> {
    let mut tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
    // Parallel test runs start at another port.
    let offset = u16::try_from(std::process::id() * 97 % u32::from(COUNT))?;
    while *tried < COUNT {
        let port = FIRST + (offset + *tried) % COUNT;
        *tried += 1;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free")
}

/// Calls `what` while no port is being tried.
pub fn while_none_is_tried<T>(what: impl FnOnce() -> T) -> T {
    let _tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
    what()
}
