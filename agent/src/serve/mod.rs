//! The agent's service: from a `Source` of events to clients over gRPC.
//!
//! Here lives what happens to an event after the ring buffer: numbering, batches, replay, clients, and the agent's own
//! security. What a kernel event is, and how it is caught, does not belong here.

mod batch;
mod claims;
mod counters;
mod drain;
mod filter;
mod host;
mod hub;
mod linger;
mod listen;
mod peer;
mod privileges;
mod processes;
mod replay;
mod sequence;
mod server;
mod service;
mod session;
pub mod synthetic;
mod varint;
pub mod wire;
mod wishes;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use listen::{Address, Listener, bind};
pub use privileges::{drop_all_but_reading, keep_looking};
pub use server::{Config, serve};
