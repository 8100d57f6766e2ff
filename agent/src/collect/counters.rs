//! The counters of all processes, as the programs keep them: `struct tally` of agent/bpf/record.h.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, anyhow};
use libbpf_rs::{MapCore, MapHandle, Object};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::{host, map_named};
use crate::event::{COUNTERS, Counted, Counters, Tally};

/// The variable of the programs that holds all of them.
pub const TALLIES: &str = ".bss.tallies";
/// `struct tally`, in words of 64 bits: a tgid and a mark, a time, a comm, 23 counts, the tgid it was made for.
const WORDS: usize = 28;
const START_TIME: usize = 1;
const COMM: usize = 2;
const COUNTS: usize = 4;
const WAS: usize = 27;
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
            tallies: MapHandle::try_from(&map_named(object, TALLIES)?)?,
            shared: MapHandle::try_from(&variables)?,
        })
    }
}

impl Counters for Reader {
    fn read(&self) -> Result<Counted> {
        let time_ns = host::monotonic_ns();
        let mut counted = gather(Tallies::of(&self.tallies)?.places());
        let shared = self
            .shared
            .lookup(&0_u32.to_ne_bytes(), libbpf_rs::MapFlags::ANY)
            .context("the counters cannot be read")?
            .unwrap_or_default();
        counted.time_ns = time_ns;
        counted.evicted = word(&shared, EVICTED * 8);
        counted.crowded = word(&shared, (EVICTED + 1) * 8);
        Ok(counted)
    }
}

/// The tallies as memory. Its pages count as resident, so it is mapped for a reading only.
struct Tallies {
    at: *const AtomicU64,
    bytes: usize,
}

impl Tallies {
    fn of(map: &MapHandle) -> Result<Self> {
        let bytes = map.value_size() as usize;
        // SAFETY: a new mapping, at an address that the kernel chooses, of a map that was made to be mapped.
        let at = unsafe {
            mmap(
                ptr::null_mut(),
                bytes,
                ProtFlags::READ,
                MapFlags::SHARED,
                map.as_fd(),
                0,
            )
        }
        .context("the counters cannot be mapped")?;
        Ok(Self {
            at: at.cast_const().cast(),
            bytes,
        })
    }

    fn places(&self) -> impl Iterator<Item = [u64; WORDS]> {
        // SAFETY: `at` points to `bytes` bytes of whole words that stay mapped until drop; whoever writes, writes words.
        let words = unsafe { slice::from_raw_parts(self.at, self.bytes / 8) };
        words.chunks_exact(WORDS).map(|place| {
            let word = |at: usize| place.get(at).map_or(0, |word| word.load(Ordering::Relaxed));
            std::array::from_fn(word)
        })
    }
}

impl Drop for Tallies {
    fn drop(&mut self) {
        // SAFETY: the mapping of `of`, which nobody uses any more.
        let _ = unsafe { munmap(self.at.cast_mut().cast(), self.bytes) };
    }
}

/// The first place is `other`; two threads of one process may have found two places for it.
fn gather(places: impl Iterator<Item = [u64; WORDS]>) -> Counted {
    let mut other = [0; COUNTERS];
    let mut processes: BTreeMap<(u32, u64), Tally> = BTreeMap::new();
    for (at, place) in places.enumerate() {
        let counts = whole(std::array::from_fn(|counter| place[COUNTS + counter]));
        if at == 0 {
            other = counts;
            continue;
        }
        let [alive, tgid] = [place[0], place[WAS]].map(low_half);
        if tgid == 0 {
            continue;
        }
        let tally = processes
            .entry((tgid, place[START_TIME]))
            .or_insert_with(|| Tally {
                tgid,
                start_time_ns: place[START_TIME],
                comm: place[COMM..COUNTS]
                    .iter()
                    .flat_map(|word| word.to_ne_bytes())
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

fn low_half(word: u64) -> u32 {
    let [a, b, c, d, ..] = word.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
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

    fn place(alive: u64, tgid: u64, start: u64, comm: &str, faults: u64) -> [u64; WORDS] {
        const TOLD: u64 = 1 << 32;
        let mut words = [0; WORDS];
        let mut name = [0; 8];
        name[..comm.len()].copy_from_slice(comm.as_bytes());
        words[0] = alive | TOLD;
        words[START_TIME] = start;
        words[COMM] = u64::from_ne_bytes(name);
        words[COUNTS] = faults;
        words[WAS] = tgid;
        words
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
