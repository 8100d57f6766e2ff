//! Processes with private memory, and the frames behind it: what the kernel would do, by rules a reader can check.

use std::collections::{BTreeMap, VecDeque};

use super::Config;
use crate::event::{Event, Process};
use crate::serve::wire::columns::{Flag, Kind, Outcome};

const FIRST_VPN: u64 = 0x7_f000_0000;
const FIRST_TGID: u32 = 1000;
const MAX_PROCESSES: usize = 6;

/// One mapped page of one process.
#[derive(Clone, Copy)]
struct Slot {
    pfn: u64,
    writable: bool,
}

struct Task {
    tgid: u32,
    mm: u32,
    slots: Vec<Slot>,
}

/// The model. Its only randomness is the seed's.
pub struct Kernel {
    random: SplitMix,
    pages: u32,
    tasks: Vec<Task>,
    mapcounts: BTreeMap<u64, i32>,
    free: Vec<u64>,
    next_pfn: u64,
    next_tgid: u32,
    next_mm: u32,
    /// Of one kernel operation that makes several.
    queue: VecDeque<Event>,
    begun: bool,
}

impl Kernel {
    pub fn new(config: Config) -> Self {
        let mut kernel = Self {
            random: SplitMix(config.seed),
            pages: config.pages,
            tasks: Vec::new(),
            mapcounts: BTreeMap::new(),
            free: Vec::new(),
            next_pfn: 0x10_0000,
            next_tgid: FIRST_TGID,
            next_mm: 1,
            queue: VecDeque::new(),
            begun: false,
        };
        let slots = (0..config.pages)
            .map(|_| Slot {
                pfn: kernel.allocate(),
                writable: true,
            })
            .collect();
        let (tgid, mm) = kernel.number();
        kernel.tasks.push(Task { tgid, mm, slots });
        kernel
    }

    pub fn next_event(&mut self, processes: &mut Vec<Process>, start_ns: u64) -> Event {
        if !self.begun {
            self.begun = true;
            processes.push(process(FIRST_TGID, 1, 1, start_ns));
        }
        loop {
            if let Some(event) = self.queue.pop_front() {
                return event;
            }
            self.step(processes, start_ns);
        }
    }

    /// One kernel operation, which makes at least one event.
    fn step(&mut self, processes: &mut Vec<Process>, start_ns: u64) {
        // A generation lasts about as long as it takes to write half of its pages.
        let turn = self.random.below(u64::from(self.pages));
        let who = self.random.pick(self.tasks.len());
        if turn == 0 && self.tasks.len() > 2 {
            return self.exit(who);
        }
        if self.tasks.len() > 1 && turn != 1 {
            let from = self.random.pick(self.pages as usize);
            let protected = |&at: &usize| !self.tasks[who].slots[at].writable;
            let page = (from..self.pages as usize).chain(0..from).find(protected);
            if let Some(page) = page {
                return self.write(who, page);
            }
        }
        if self.tasks.len() == MAX_PROCESSES {
            self.exit(who)
        } else {
            self.fork(who, processes, start_ns)
        }
    }

    fn write(&mut self, who: usize, page: usize) {
        let old_pfn = self.tasks[who].slots[page].pfn;
        let mapcount = self.mapcount(old_pfn);
        let copies = mapcount > 1;
        let new_pfn = if copies { self.allocate() } else { old_pfn };
        if copies {
            self.mapcounts.insert(old_pfn, mapcount - 1);
        }
        let mut flags = Flag::Write as u32 | Flag::User as u32 | Flag::Lru as u32 | ANON_VMA;
        if !copies {
            flags |= Flag::MadeExclusive as u32 | Flag::CountsAtDecision as u32;
        }
        let outcome = if copies {
            Outcome::Copy
        } else {
            Outcome::Reuse
        };
        let event = Event {
            outcome: outcome as u8,
            vpn: FIRST_VPN + page as u64,
            pages: 1,
            old_pfn,
            new_pfn,
            refcount: mapcount,
            mapcount,
            new_refcount: i32::from(copies),
            flags,
            ..self.event(Kind::WpFault, who)
        };
        self.tasks[who].slots[page] = Slot {
            pfn: new_pfn,
            writable: true,
        };
        self.queue.push_back(event);
    }

    fn fork(&mut self, who: usize, processes: &mut Vec<Process>, start_ns: u64) {
        let (tgid, mm) = self.number();
        let mut slots = std::mem::take(&mut self.tasks[who].slots);
        for slot in &mut slots {
            slot.writable = false;
            *self.mapcounts.entry(slot.pfn).or_default() += 1;
        }
        self.tasks[who].slots.clone_from(&slots);
        processes.push(process(
            tgid,
            self.tasks[who].tgid,
            mm,
            start_ns + u64::from(tgid),
        ));
        let to_child = Event {
            other_mm: mm,
            other_tgid: tgid,
            ..self.event(Kind::Fork, who)
        };
        self.queue.push_back(to_child);
        self.queue.push_back(Event {
            kind: Kind::ForkVma as u8,
            vpn: FIRST_VPN,
            pages: self.pages,
            flags: ANON_VMA,
            ..to_child
        });
        self.tasks.push(Task { tgid, mm, slots });
    }

    fn exit(&mut self, who: usize) {
        let unmap = Event {
            vpn: FIRST_VPN,
            pages: self.pages,
            ..self.event(Kind::Unmap, who)
        };
        self.queue.push_back(unmap);
        let gone = self.event(Kind::MmExit, who);
        let free = self.event(Kind::FrameFree, who);
        for slot in self.tasks.swap_remove(who).slots {
            let mapcount = self.mapcount(slot.pfn) - 1;
            if mapcount > 0 {
                self.mapcounts.insert(slot.pfn, mapcount);
            } else {
                self.mapcounts.remove(&slot.pfn);
                self.free.push(slot.pfn);
                self.queue.push_back(Event {
                    old_pfn: slot.pfn,
                    ..free
                });
            }
        }
        self.queue.push_back(gone);
    }

    fn event(&mut self, kind: Kind, who: usize) -> Event {
        let Task { tgid, mm, .. } = self.tasks[who];
        let cpu = tgid % 4;
        Event {
            kind: kind as u8,
            tgid,
            tid: tgid,
            mm,
            cpu,
            ..Event::default()
        }
    }

    fn mapcount(&self, pfn: u64) -> i32 {
        self.mapcounts.get(&pfn).copied().unwrap_or(0)
    }

    /// A frame with one mapping.
    fn allocate(&mut self) -> u64 {
        let pfn = self.free.pop().unwrap_or_else(|| {
            self.next_pfn += 1;
            self.next_pfn
        });
        self.mapcounts.insert(pfn, 1);
        pfn
    }

    fn number(&mut self) -> (u32, u32) {
        let numbers = (self.next_tgid, self.next_mm);
        self.next_tgid = self.next_tgid.wrapping_add(1).max(FIRST_TGID);
        self.next_mm += 1;
        numbers
    }
}

const ANON_VMA: u32 = Flag::Anon as u32 | Flag::VmaMaywrite as u32 | Flag::VmaAnon as u32;

fn process(tgid: u32, parent_tgid: u32, mm: u32, start_time_ns: u64) -> Process {
    Process {
        tgid,
        parent_tgid,
        mm,
        comm: b"synthetic".to_vec(),
        start_time_ns,
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn pick(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }
}
