//! Ports that stay ours over restarts.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context as _, Result};

/// Below what systems hand out for port 0 and for outgoing connections, so that nobody takes a port while its process
/// is away for a moment.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

static TAKEN: AtomicU16 = AtomicU16::new(0);

/// A port of 127.0.0.1 on which nobody listens, and which is given out only once.
pub fn free() -> Result<u16> {
    // Test runs beside this one begin elsewhere.
    let offset = u16::try_from(std::process::id() * 97 % u32::from(COUNT))?;
    (0..COUNT)
        .map(|_| FIRST + (offset + TAKEN.fetch_add(1, Ordering::Relaxed)) % COUNT)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .context("no port is free")
}
