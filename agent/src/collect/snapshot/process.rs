//! One process of which a snapshot is taken: its files are opened while we may, and read bit by bit.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek};

use anyhow::{Context, Result};

use super::areas::{Area, areas_in};
use super::frames::{Frame, Frames, WORDS, words_at};
use super::marks::Marks;
use super::runs::{Place, Runs, Slot};
use crate::collect::record::{FLAG_HUGETLB, FLAG_PMD_MAPPED, FLAG_UFFD_WP};
use crate::collect::sample::Share;
use crate::opener::{Opener, Which};

/// Bits of /proc/PID/pagemap: Documentation/admin-guide/mm/pagemap.rst.
const PM_PRESENT: u64 = 1 << 63;
const PM_SWAP: u64 = 1 << 62;
const PM_UFFD_WP: u64 = 1 << 57;
const PM_PLACE: u64 = (1 << 55) - 1;
/// `SWAP_TYPES` of agent/bpf/kernel.h: types from here on are migration, poison, markers.
const SWAP_TYPES: u64 = 23;
/// A slot that is another one each time is told by events.
const TRIES: usize = 3;

/// How a bit of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    More,
    /// All is told, or the address space is gone.
    Done,
}

pub struct Process {
    pub tgid: u32,
    pub cookie: u64,
    maps: File,
    smaps: File,
    pagemap: File,
    next: u64,
    /// Pages of the address space that were looked at, mapped or not.
    pub looked: u64,
}

impl Process {
    /// # Errors
    /// It is gone, or we may not read its memory map.
    pub fn open(opener: Option<&Opener>, tgid: u32, cookie: u64) -> Result<Self> {
        let open = |name: &str, which: Which| {
            let path = format!("/proc/{tgid}/{name}");
            opener
                .map_or_else(|| File::open(&path), |opener| opener.open(tgid, which))
                .with_context(|| format!("{path} cannot be read"))
        };
        Ok(Self {
            tgid,
            cookie,
            maps: open("maps", Which::Maps)?,
            smaps: open("smaps", Which::Smaps)?,
            pagemap: open("pagemap", Which::Pagemap)?,
            next: 0,
            looked: 0,
        })
    }

    /// Goes on for about `budget` pages.
    pub fn step(
        &mut self,
        budget: u64,
        frames: &Frames,
        marks: &Marks,
        share: Share,
        runs: &mut Runs<'_>,
    ) -> Progress {
        let areas = areas_of(&mut self.maps);
        let mut pmds = PmdMapped::default();
        let until = self.looked + budget;
        for area in areas {
            let mut at = area.start.max(self.next);
            while at < area.end {
                if self.looked >= until && !runs.is_within_giant() {
                    self.next = at;
                    return Progress::More;
                }
                let chunk = (WORDS as u64 - at % WORDS as u64).min(area.end - at);
                let Some(slots) = self.slots(at, chunk as usize, &area, (frames, marks, share))
                else {
                    return Progress::Done;
                };
                let is_pmd = is_huge(&slots) && pmds.holds(self, &area, frames);
                for (mut slot, _) in slots {
                    if is_pmd {
                        slot.flags |= FLAG_PMD_MAPPED;
                    }
                    // What is mapped as one is told as one.
                    if is_pmd || slot.flags & FLAG_HUGETLB != 0 || share.has(slot.vpn) {
                        runs.push(slot);
                    }
                }
                self.looked += chunk;
                at += chunk;
            }
            self.next = area.end;
        }
        Progress::Done
    }

    /// What [at, at + count) maps. Frames are marked between two looks, and only what both looks saw is told: a frame
    /// that went away before its mark was there is not. `None`: the address space is gone.
    fn slots(
        &self,
        at: u64,
        count: usize,
        area: &Area,
        (frames, marks, share): (&Frames, &Marks, Share),
    ) -> Option<Vec<(Slot, Frame)>> {
        let mut before = words_at(&self.pagemap, at, count);
        if before.is_empty() {
            return None;
        }
        let mut tries = TRIES;
        loop {
            let facts = facts_of(at, &before, frames, marks, share);
            let after = words_at(&self.pagemap, at, count);
            tries -= 1;
            let is_same = |a: u64, b: u64| (a ^ b) & (PM_PRESENT | PM_SWAP | PM_PLACE) == 0;
            let held = before.iter().zip(&after).all(|(&a, &b)| is_same(a, b));
            if held || tries == 0 {
                let both = before.iter().zip(&after).zip(facts).enumerate();
                return Some(
                    both.filter(|&(_, ((&a, &b), _))| is_same(a, b))
                        .filter_map(|(i, ((_, &word), frame))| {
                            slot_of(at + i as u64, word, frame, area).map(|slot| (slot, frame))
                        })
                        .collect(),
                );
            }
            before = after;
        }
    }
}

/// Areas whose huge pages are mapped by PMDs, all of them: /proc/PID/smaps tells how many are, not which.
#[derive(Default)]
struct PmdMapped {
    areas: Option<Vec<Area>>,
    known: HashMap<u64, bool>,
}

impl PmdMapped {
    fn holds(&mut self, process: &mut Process, area: &Area, frames: &Frames) -> bool {
        let areas = self
            .areas
            .get_or_insert_with(|| areas_of(&mut process.smaps));
        let told = areas
            .iter()
            .find(|other| (other.start, other.end) == (area.start, area.end))
            .map_or(0, |other| other.pmds);
        let pagemap = &process.pagemap;
        *self
            .known
            .entry(area.start)
            .or_insert_with(|| told > 0 && told == huge_blocks(pagemap, area, frames))
    }
}

/// Huge pages that an area maps in whole and in their place, be it by PMDs or by PTEs.
fn huge_blocks(pagemap: &File, area: &Area, frames: &Frames) -> u64 {
    let first = area.start.next_multiple_of(WORDS as u64);
    let mut blocks = 0;
    for at in (first..area.end).step_by(WORDS) {
        let words = words_at(pagemap, at, WORDS);
        let Some(&word) = words.first() else { break };
        let pfn = word & PM_PLACE;
        let in_place =
            |(i, &word): (usize, &u64)| word & PM_PRESENT != 0 && word & PM_PLACE == pfn + i as u64;
        if words.len() == WORDS && pfn % WORDS as u64 == 0 && words.iter().enumerate().all(in_place)
        {
            let mut head = Vec::new();
            frames.read(pfn, 1, &mut head);
            blocks += u64::from(head.iter().any(|frame| frame.is_thp && frame.order >= 9));
        }
    }
    blocks
}

/// Whether these are a huge page in whole and in its place, of those that a PMD or PTEs may map.
fn is_huge(slots: &[(Slot, Frame)]) -> bool {
    let Some((first, frame)) = slots.first() else {
        return false;
    };
    let Place::Frame(pfn) = first.place else {
        return false;
    };
    frame.is_thp
        && frame.order >= 9
        && slots.len() == WORDS
        && (first.vpn | pfn) % WORDS as u64 == 0
        && slots
            .iter()
            .enumerate()
            .all(|(i, (slot, _))| slot.place == Place::Frame(pfn + i as u64))
}

/// Marks the frames of these slots, from `at` on, as far as they are told, and reads what is known of each. Entries that hold no frame have no facts.
fn facts_of(at: u64, words: &[u64], frames: &Frames, marks: &Marks, share: Share) -> Vec<Frame> {
    let mut facts = Vec::with_capacity(words.len());
    while let Some(&word) = words.get(facts.len()) {
        if word & PM_PRESENT == 0 || word & PM_PLACE == 0 {
            facts.push(Frame::default());
            continue;
        }
        let pfn = word & PM_PLACE;
        let rest = words.get(facts.len()..).unwrap_or_default();
        let run = rest
            .iter()
            .enumerate()
            .take_while(|&(i, &word)| word & PM_PRESENT != 0 && word & PM_PLACE == pfn + i as u64);
        let count = run.count();
        let first = facts.len();
        let vpn = at + first as u64;
        (0..count as u64)
            .filter(|&page| share.has(vpn + page))
            .for_each(|page| marks.mark(pfn + page));
        frames.read(pfn, count, &mut facts);
        // A folio ends as a whole: its end names the head.
        if let Some(frame) = facts.get(first)
            && frame.order > 0
        {
            marks.mark(pfn >> frame.order << frame.order);
        }
    }
    facts
}

fn slot_of(vpn: u64, word: u64, frame: Frame, area: &Area) -> Option<Slot> {
    let place = word & PM_PLACE;
    if word & PM_PRESENT == 0 {
        let is_swap = word & PM_SWAP != 0 && place & 31 < SWAP_TYPES;
        return is_swap.then_some(Slot {
            vpn,
            place: Place::Swap(place),
            flags: area.flags,
            order: 0,
            mapcount: 0,
        });
    }
    if place == 0 {
        return None;
    }
    let is_protected = word & PM_UFFD_WP != 0;
    Some(Slot {
        vpn,
        place: Place::Frame(place),
        flags: frame.flags | area.flags | if is_protected { FLAG_UFFD_WP } else { 0 },
        order: frame.order,
        mapcount: frame.mapcount,
    })
}

/// The areas as they are now; none where the process is gone.
fn areas_of(file: &mut File) -> Vec<Area> {
    let mut text = Vec::new();
    if file
        .rewind()
        .and_then(|()| file.read_to_end(&mut text))
        .is_err()
    {
        return Vec::new();
    }
    // Names of files are any bytes; what is read of a line stands before them.
    areas_in(&String::from_utf8_lossy(&text))
}
