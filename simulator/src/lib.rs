//! Stand-ins for the two third parties, the `SessionsEmitter` (WebSocket) and the Deanonymizer (HTTP), as a library for
//! tests and benchmarks and as a thin binary for a laptop. Everything is seeded; every way in which the real ones
//! misbehave is a named fault that can be switched on and off at run time.
//!
//! - [`world::World`] maps each address to a company and a contact. It is a pure function of the seed, so a test asks it what the
//!   Deanonymizer will answer.
//! - [`emitter::Emitter`] is the WebSocket server. A test scripts it event by event; given an [`emitter::Lively`] it
//!   simulates a busy site.
//! - [`load::Load`] drives an emitter at an exact rate and knows which sessions must be active at the end.
//! - [`deanonymizer::Deanonymizer`] is the HTTP server that answers from the same world.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use simulator::{
//!     deanonymizer::{Deanonymizer, DeanonymizerConfig, Failure},
//!     emitter::{Emitter, EmitterConfig},
//!     event::{Event, EventKind},
//!     world::{Kind, World},
//! };
//!
//! let emitter = Emitter::start(EmitterConfig::default())?; // port 0 on 127.0.0.1
//! let deanonymizer = Deanonymizer::start(DeanonymizerConfig::default())?;
//! let ip = World::new(0).ip(Kind::NexaCore, 5); // the fifth address of that data centre
//! deanonymizer.fail_ip(&ip, Failure::Hang);
//!
//! // Start the system under test against `emitter.url()` and `deanonymizer.url()`, wait for it with
//! // `emitter.wait_for_clients(1, within)`, then:
//! emitter.send(&Event::now(EventKind::SessionOpened, "9d8802fe-631a-4591-b1d8-c030870dea05", &ip));
//! emitter.drop_all();
//! # Ok(())
//! # }
//! ```
//!
//! The simulator knows only the third parties' JSON and nothing about the system that it tests.

mod clock;
pub mod deanonymizer;
pub mod emitter;
pub mod emitter_fault;
pub mod event;
mod listener;
pub mod load;
pub mod malformed;
mod schedule;
pub mod script;
pub mod world;
