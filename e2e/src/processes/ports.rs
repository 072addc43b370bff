//! Ports that stay ours over restarts.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};

/// Below what systems hand out for port 0 and for outgoing connections, so that nobody takes a port while its process
/// is away for a moment.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// How many were tried so far. Locked while one is tried or a process is started: the new process has all our sockets
/// until its program runs, and would keep the port of a socket that is closed meanwhile.
static TRIED: Mutex<u16> = Mutex::new(0);

/// A port of 127.0.0.1 on which nobody listens, and which is given out only once.
///
/// # Errors
/// Fails if no port is free.
pub fn free() -> Result<u16> {
    let mut tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
    // Test runs beside this one begin elsewhere.
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

/// Does something that must not happen while a port is tried.
pub fn while_none_is_tried<T>(what: impl FnOnce() -> T) -> T {
    let _tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
    what()
}
