//! What the agent says about its host and itself. All of it is read from /proc and the clocks.

use std::fs;

use rustix::time::{ClockId, clock_gettime};

use super::wire::v1::{DescribeResponse, LegStatus, Target as WireTarget};
use crate::event::Target;

/// What does not change while the agent runs.
#[derive(Clone, Debug)]
pub struct Host {
    response: DescribeResponse,
}

impl Host {
    pub fn new(target: &Target, on_demand: bool) -> Self {
        let wall_clock_offset_ns =
            now_ns(ClockId::Realtime).saturating_sub(now_ns(ClockId::Monotonic));
        Self {
            response: DescribeResponse {
                agent_version: env!("CARGO_PKG_VERSION").to_owned(),
                boot_id: sysctl("random/uuid"),
                kernel_release: sysctl("osrelease"),
                kernel_version: sysctl("version"),
                hostname: sysctl("hostname"),
                cpus: cpus(),
                page_size: u32::try_from(rustix::param::page_size()).unwrap_or(0),
                wall_clock_offset_ns,
                legs: Vec::new(),
                target: Some(WireTarget {
                    pids: target.pids.clone(),
                    comms: target.comms.clone(),
                    cgroups: target.cgroups.clone(),
                }),
                kernel_boot_id: sysctl("random/boot_id"),
                on_demand,
            },
        }
    }

    pub fn boot_id(&self) -> &str {
        &self.response.boot_id
    }

    pub fn describe(&self, legs: Vec<LegStatus>) -> DescribeResponse {
        DescribeResponse {
            legs,
            ..self.response.clone()
        }
    }
}

/// CLOCK_MONOTONIC: the clock of the events.
pub fn monotonic_ns() -> u64 {
    now_ns(ClockId::Monotonic)
}

/// User and system time of this process so far.
pub fn cpu_ns() -> u64 {
    now_ns(ClockId::ProcessCPUTime)
}

/// Resident memory of this process; 0 where /proc is not mounted.
pub fn resident_bytes() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm
        .split(' ')
        .nth(1)
        .and_then(|field| field.parse().ok())
        .unwrap_or(0);
    pages * rustix::param::page_size() as u64
}

fn now_ns(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

fn sysctl(name: &str) -> String {
    fs::read_to_string(format!("/proc/sys/kernel/{name}"))
        .unwrap_or_default()
        .trim_end()
        .to_owned()
}

/// All CPUs that are online, not only those this process may run on.
fn cpus() -> u32 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let count = stat
        .lines()
        .filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "))
        .count();
    u32::try_from(count).unwrap_or(0)
}
