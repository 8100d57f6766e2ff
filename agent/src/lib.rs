//! The agent of cowpath. `event` is where its halves meet: `serve` sends what a `Source` hands over.

pub mod cli;
pub mod collect;
pub mod doctor;
pub mod event;
pub mod failure;
pub mod opener;
pub mod serve;
pub mod service_manager;
pub mod verify;
