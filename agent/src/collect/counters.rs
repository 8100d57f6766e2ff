//! The counters of all processes, as the programs keep them: `struct tally` of agent/bpf/record.h.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
use libbpf_rs::{MapCore, MapFlags, MapHandle, Object};

use super::{host, map_named};
use crate::event::{COUNTERS, Counted, Counters, Tally};

/// `struct tally`: two numbers of 32 bits, one of 64, a comm, 23 counts, two numbers of 32 bits.
const TALLY_BYTES: usize = 224;
const COMM: usize = 16;
const COUNTS: usize = 32;
/// `enum counter` of the same.
const FAULT: usize = 0;
const COPY: usize = 3;
const UNSHARE: usize = 4;
const REUSE: usize = 5;
const BYTES_COPIED: usize = 6;
const PAGE_BYTES: u64 = 4096;
/// `shared` of agent/bpf/record.h: `evicted` and `crowded` are its words 5 and 6.
const EVICTED: usize = 5;

/// Reads the maps by handles of its own, from any thread.
pub struct Reader {
    tallies: MapHandle,
    shared: MapHandle,
}

impl Reader {
    /// # Errors
    /// The object has no such maps.
    pub fn new(object: &Object) -> Result<Self> {
        let variables = object
            .maps()
            .find(|map| map.name().to_string_lossy().ends_with(".bss"))
            .ok_or_else(|| {
                anyhow!("the BPF object has no variables: this agent was built wrong")
            })?;
        Ok(Self {
            tallies: MapHandle::try_from(&map_named(object, "tallies")?)?,
            shared: MapHandle::try_from(&variables)?,
        })
    }
}

impl Counters for Reader {
    fn read(&self) -> Result<Counted> {
        let time_ns = host::monotonic_ns();
        let count = self.tallies.max_entries();
        let places = self
            .tallies
            .lookup_batch(count, MapFlags::ANY, MapFlags::ANY)
            .context("the counters cannot be read")?
            .map(|(_, value)| value);
        let shared = self
            .shared
            .lookup(&0_u32.to_ne_bytes(), MapFlags::ANY)
            .context("the counters cannot be read")?
            .unwrap_or_default();
        let mut counted = gather(places);
        counted.time_ns = time_ns;
        counted.evicted = word(&shared, EVICTED * 8);
        counted.crowded = word(&shared, (EVICTED + 1) * 8);
        Ok(counted)
    }
}

/// The first place is `other`; two threads of one process may have found two places for it.
fn gather(places: impl Iterator<Item = Vec<u8>>) -> Counted {
    let mut other = [0; COUNTERS];
    let mut processes: BTreeMap<(u32, u64), Tally> = BTreeMap::new();
    for (at, bytes) in places.enumerate() {
        if bytes.len() < TALLY_BYTES {
            continue;
        }
        let counts = whole(std::array::from_fn(|counter| {
            word(&bytes, COUNTS + counter * 8)
        }));
        if at == 0 {
            other = counts;
            continue;
        }
        let head = word(&bytes, 0).to_ne_bytes();
        let [alive, tgid] =
            [&head[..4], &head[4..]].map(|half| half.try_into().map_or(0, u32::from_ne_bytes));
        if tgid == 0 {
            continue;
        }
        let start_time_ns = word(&bytes, 8);
        let tally = processes
            .entry((tgid, start_time_ns))
            .or_insert_with(|| Tally {
                tgid,
                start_time_ns,
                comm: bytes[COMM..COUNTS]
                    .iter()
                    .copied()
                    .take_while(|&byte| byte != 0)
                    .collect(),
                ended: true,
                counts: [0; COUNTERS],
            });
        tally.ended &= alive == 0;
        for (sum, count) in tally.counts.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    Counted {
        processes: processes.into_values().collect(),
        other,
        ..Counted::default()
    }
}

/// A fault is counted once, as what it did; that it was one, and what it copied, follows.
fn whole(mut counts: [u64; COUNTERS]) -> [u64; COUNTERS] {
    let copies = counts[COPY] + counts[UNSHARE];
    counts[FAULT] += copies + counts[REUSE];
    counts[BYTES_COPIED] = copies * PAGE_BYTES;
    counts
}

fn word(bytes: &[u8], at: usize) -> u64 {
    bytes
        .get(at..at + 8)
        .and_then(|word| word.try_into().ok())
        .map_or(0, u64::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(alive: u32, tgid: u32, start: u64, comm: &str, faults: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(alive.to_ne_bytes());
        bytes.extend(tgid.to_ne_bytes());
        bytes.extend(start.to_ne_bytes());
        bytes.extend(comm.bytes());
        bytes.resize(COUNTS, 0);
        bytes.extend(faults.to_ne_bytes());
        bytes.resize(TALLY_BYTES, 0);
        bytes
    }

    #[test]
    fn a_process_in_two_places_is_one_and_ended_only_when_both_say_so() {
        let counted = gather(
            [
                place(0, 0, 0, "", 100),
                place(9, 9, 5, "redis", 3),
                place(0, 0, 0, "", 0),
                place(0, 9, 5, "redis", 4),
                place(0, 9, 1, "sh", 1),
            ]
            .into_iter(),
        );
        let told: Vec<_> = counted
            .processes
            .iter()
            .map(|process| (process.comm.as_slice(), process.ended, process.counts[0]))
            .collect();
        assert_eq!(told, [(&b"sh"[..], true, 1), (&b"redis"[..], false, 7)]);
        assert_eq!(counted.other[0], 100);
    }

    #[test]
    fn what_a_fault_did_tells_that_it_was_one_and_what_it_copied() {
        let mut counts = [0; COUNTERS];
        counts[FAULT] = 1;
        counts[COPY] = 10;
        counts[UNSHARE] = 100;
        counts[REUSE] = 1000;
        let told = whole(counts);
        assert_eq!((told[FAULT], told[BYTES_COPIED]), (1111, 110 * PAGE_BYTES));
        assert_eq!(told[COPY..=REUSE], [10, 100, 1000]);
    }
}
