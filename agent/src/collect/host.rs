//! Facts of this host that the programs are told.

use std::fs;

use rustix::time::{ClockId, clock_gettime};

/// CLOCK_MONOTONIC: the clock of `bpf_ktime_get_ns`.
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// Above every pfn that this host has memory for, from the zones' spans.
pub fn max_pfn() -> u64 {
    max_pfn_in(&fs::read_to_string("/proc/zoneinfo").unwrap_or_default())
}

fn max_pfn_in(zoneinfo: &str) -> u64 {
    let mut spanned = 0;
    let mut max = 0;
    for line in zoneinfo.lines() {
        let mut words = line.split_whitespace();
        match (
            words.next(),
            words.next().and_then(|word| word.parse::<u64>().ok()),
        ) {
            (Some("spanned"), Some(pages)) => spanned = pages,
            (Some("start_pfn:"), Some(start)) => max = max.max(start + spanned),
            _ => {}
        }
    }
    max
}

/// Whether page tables have five levels: the flag is gone where the kernel was booted with `no5lvl`.
pub fn five_levels() -> bool {
    fs::read_to_string("/proc/cpuinfo")
        .unwrap_or_default()
        .lines()
        .find(|line| line.starts_with("flags"))
        .is_some_and(|line| line.split_whitespace().any(|flag| flag == "la57"))
}

/// (major, minor) of the running kernel; (0, 0) if it does not say.
pub fn kernel_version() -> (u32, u32) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|part| part.trim().parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_zone_bounds_the_pfns() {
        let zoneinfo = "Node 0, zone      DMA\n  pages free     3840\n        spanned  4095\n        present  3998\n  start_pfn:           1\nNode 0, zone   Normal\n        spanned  5000\n  start_pfn:           1048576\nNode 0, zone  Movable\n        spanned  0\n  start_pfn:           0\n";
        assert_eq!(max_pfn_in(zoneinfo), 1_053_576);
    }
}
