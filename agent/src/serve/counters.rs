//! `Counters`: what every process did, columnar, at the client's pace.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tonic::Status;

use super::hub::Progress;
use super::wire::v1::{CounterColumn, CountersResponse};
use crate::event::{COUNTERS, Counted, Counters};

/// A shorter interval would cost the host more than what it counts.
pub const SHORTEST_MS: u32 = 100;

pub type Outlet = mpsc::Sender<Result<CountersResponse, Status>>;

/// Sends one response, or with an interval one after the other until the client goes or the agent ends. A client that
/// reads too slowly gets fewer of them, each as new as when it was read.
pub async fn run(
    counters: Arc<dyn Counters>,
    interval_ms: u32,
    outlet: Outlet,
    mut progress: watch::Receiver<Progress>,
) {
    let mut ticks = interval(Duration::from_millis(u64::from(
        interval_ms.max(SHORTEST_MS),
    )));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            ended = progress.wait_for(|progress| progress.closed) => {
                drop(ended);
                return;
            }
            () = outlet.closed() => return,
        }
        let Ok(permit) = outlet.reserve().await else {
            return;
        };
        let response = counters
            .read()
            .map(|counted| encode(&counted))
            .map_err(|error| Status::internal(format!("{error:#}. Start the agent again")));
        let is_last = response.is_err() || interval_ms == 0;
        permit.send(response);
        if is_last {
            return;
        }
    }
}

/// Columns in which nobody has anything are told, too: a count that is 0 is known.
pub fn encode(counted: &Counted) -> CountersResponse {
    let Counted {
        time_ns,
        processes,
        other,
        evicted,
        crowded,
    } = counted;
    CountersResponse {
        time_ns: *time_ns,
        tgid: processes.iter().map(|process| process.tgid).collect(),
        start_time_ns: processes
            .iter()
            .map(|process| process.start_time_ns)
            .collect(),
        comm: processes
            .iter()
            .map(|process| process.comm.clone())
            .collect(),
        ended: processes.iter().map(|process| process.ended).collect(),
        columns: (0..COUNTERS)
            .map(|at| CounterColumn {
                counter: i32::try_from(at + 1).unwrap_or(0),
                values: processes
                    .iter()
                    .map(|process| process.counts.get(at).copied().unwrap_or(0))
                    .collect(),
                other: other.get(at).copied().unwrap_or(0),
            })
            .collect(),
        evicted: *evicted,
        crowded: *crowded,
    }
}
