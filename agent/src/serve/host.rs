//! What the agent says about its host and itself. All of it is read from /proc and the clocks.

use std::fs;

use rustix::time::{ClockId, clock_gettime};

use super::wire::v1::{self, DescribeResponse, LegStatus, Target as WireTarget};
use crate::event::{Stacks, Target};

/// What does not change while the agent runs.
#[derive(Clone, Debug)]
pub struct Host {
    response: DescribeResponse,
    stacks: Stacks,
}

impl Host {
    pub fn new(target: &Target, on_demand: bool, stacks: Stacks, one_page_in: u32) -> Self {
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
                stacks: encode_stacks(stacks).into(),
                one_page_in,
            },
            stacks,
        }
    }

    pub fn boot_id(&self) -> &str {
        &self.response.boot_id
    }

    /// To a client that has these stacks taken beside our own.
    pub fn describe(&self, legs: Vec<LegStatus>, besides: Stacks) -> DescribeResponse {
        DescribeResponse {
            legs,
            stacks: encode_stacks(self.stacks.or(besides)).into(),
            ..self.response.clone()
        }
    }
}

fn encode_stacks(stacks: Stacks) -> v1::Stacks {
    match (stacks.kernel, stacks.user) {
        (false, false) => v1::Stacks::None,
        (true, false) => v1::Stacks::Kernel,
        (false, true) => v1::Stacks::User,
        (true, true) => v1::Stacks::Both,
    }
}

/// What a client asks for. A word that is newer than this agent asks for nothing.
pub fn decode_stacks(stacks: i32) -> Stacks {
    let stacks = v1::Stacks::try_from(stacks).unwrap_or(v1::Stacks::Unspecified);
    Stacks {
        kernel: matches!(stacks, v1::Stacks::Kernel | v1::Stacks::Both),
        user: matches!(stacks, v1::Stacks::User | v1::Stacks::Both),
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
