//! What targets map already when they are attached, read from /proc and told as `KIND_SNAPSHOT` records.
//!
//! The programs are attached first. A record bears the time at which we began to read, so every event that is not in it
//! comes after it: later events win, and none is lost between the two.
//!
//! Not told, because /proc does not: whether a slot is writable, and `PageAnonExclusive`.

mod areas;
mod frames;
mod marks;
mod process;
mod runs;

use std::collections::VecDeque;

use anyhow::Result;
use libbpf_rs::{MapCore, MapFlags, Object};
use rustix::process::{Resource, getrlimit, setrlimit};

use super::{host, map_named};
use crate::collect::record::{Head, Record};
use crate::collect::sample::Share;
use crate::opener::Opener;
use frames::Frames;
use marks::Marks;
use process::{Process, Progress};
use runs::Runs;

/// Pages of an address space that are looked at between two drains.
const BUDGET: u64 = 16 << 10;
/// Pages of one address space that are looked at in all: 256 GiB, most of it nothing in any real one.
const MOST_LOOKED: u64 = 64 << 20;
/// Processes, which keep three files open each until they are told.
const MOST_PROCESSES: usize = 1024;
/// Records of one snapshot.
const MOST_RECORDS: usize = 4 << 20;

pub struct Snapshot {
    processes: VecDeque<Process>,
    frames: Frames,
    /// While a snapshot is under way.
    marks: Option<Marks>,
    share: Share,
    records: usize,
}

impl Snapshot {
    /// Opens what tells of frames. To be called while we may.
    ///
    /// # Errors
    /// One line: this host shows no frames.
    pub fn new(share: Share) -> Result<Self> {
        Ok(Self {
            processes: VecDeque::new(),
            frames: Frames::open()?,
            marks: None,
            share,
            records: 0,
        })
    }

    /// Opens what will be read, of every process that has become a target since we looked last, other than by fork or
    /// exec: of those it is known how their memory began.
    ///
    /// # Errors
    /// One line: the map of marks cannot be shared.
    pub fn look(&mut self, object: &Object, opener: Option<&Opener>) -> Result<()> {
        let fresh = map_named(object, "fresh_tgids")?;
        let mut found: Vec<u32> = fresh.keys().filter_map(|key| number(&key)).collect();
        if found.is_empty() {
            return Ok(());
        }
        for tgid in &found {
            fresh.delete(&tgid.to_ne_bytes())?;
        }
        if self.processes.is_empty() {
            allow_files();
            self.records = 0;
        }
        found.sort_unstable();
        let room = MOST_PROCESSES - self.processes.len().min(MOST_PROCESSES);
        if found.len() > room {
            warn(&format!(
                "{} processes run already: of {room} is told what they map, of the others what they do from now on",
                found.len()
            ));
        }
        let tgids = map_named(object, "tgids")?;
        for tgid in found.into_iter().take(room) {
            let Some(cookie) = cookie_of(&tgids, tgid) else {
                continue;
            };
            match Process::open(opener, tgid, cookie) {
                Ok(process) => self.processes.push_back(process),
                // It went away meanwhile: the exit hooks saw that.
                Err(_) if cookie_of(&tgids, tgid).is_none() => {}
                Err(error) => warn(&format!("no snapshot of process {tgid}: {error:#}")),
            }
        }
        if self.marks.is_none() && !self.processes.is_empty() {
            self.marks = Some(Marks::of(&map_named(object, "tracked")?)?);
        }
        Ok(())
    }

    /// Appends the next bit, if there is one.
    ///
    /// # Errors
    /// The BPF object has no map of targets.
    pub fn step(&mut self, object: &Object, out: &mut Vec<Record>) -> Result<()> {
        let (Some(process), Some(marks)) = (self.processes.front_mut(), &self.marks) else {
            return Ok(());
        };
        let mut told = Vec::new();
        let mut runs = Runs::new(
            Head {
                time_ns: host::monotonic_ns(),
                mm: process.cookie,
                tgid: process.tgid,
                tid: process.tgid,
                ..Head::default()
            },
            &mut told,
        );
        let progress = process.step(BUDGET, &self.frames, marks, self.share, &mut runs);
        runs.finish();

        // After exec the files still are those of the old address space, or never were: nothing is said of either.
        let is_ours = cookie_of(&map_named(object, "tgids")?, process.tgid) == Some(process.cookie);
        if is_ours {
            self.records += told.len();
            out.append(&mut told);
        }
        let is_over = self.records > MOST_RECORDS || process.looked > MOST_LOOKED;
        if is_over && progress == Progress::More {
            warn(&format!(
                "the snapshot of process {} ends after {} pages and {} records in all: what it maps elsewhere is known by events",
                process.tgid, process.looked, self.records
            ));
        }
        if progress == Progress::Done || !is_ours || is_over {
            self.processes.pop_front();
        }
        if self.processes.is_empty() {
            self.marks = None;
        }
        Ok(())
    }
}

fn cookie_of(tgids: &libbpf_rs::Map<'_>, tgid: u32) -> Option<u64> {
    let value = tgids.lookup(&tgid.to_ne_bytes(), MapFlags::ANY).ok()??;
    // `struct target` of agent/bpf/target.bpf.h begins with it.
    let cookie = value.first_chunk()?;
    Some(u64::from_ne_bytes(*cookie))
}

fn number(key: &[u8]) -> Option<u32> {
    key.try_into().ok().map(u32::from_ne_bytes)
}

/// Opening many files takes no privilege below the hard limit. Where it fails, a process costs a warning.
fn allow_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

fn warn(words: &str) {
    eprintln!("cowpath-agent: {words}");
}
