//! A source that behaves as the kernel does, without a kernel: processes fork, write, copy, reuse and exit.
//!
//! It feeds benchmarks and client tests. Event n of a seed is always the same but for its time; the books are exact; a
//! drain that comes too late loses events at the ring and says so.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::host;
use super::wire::columns::{Flag, Kind, Outcome};
use crate::event::{Books, Drained, Event, LegStatus, Process, Source};

/// What one event takes in the ring buffer of the kernel source, header included.
const RECORD_BYTES: u64 = 128;
const FIRST_VPN: u64 = 0x7_f000_0000;
const FIRST_TGID: u32 = 1000;
const MAX_PROCESSES: usize = 6;
const LEGS: [&str; 5] = ["wp-fault", "fork", "unmap", "exit", "free"];

/// What `--source synthetic:RATE[:PAGES[:SEED]]` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Events a second.
    pub rate: u64,
    /// Pages of each process.
    pub pages: u32,
    pub seed: u64,
}

impl std::str::FromStr for Config {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let words = "expected synthetic:RATE[:PAGES[:SEED]], such as synthetic:50000:4096";
        let mut fields = text.strip_prefix("synthetic:").context(words)?.split(':');
        let rate = fields.next().context(words)?.parse().context(words)?;
        let pages = fields.next().unwrap_or("4096").parse().context(words)?;
        let seed = fields.next().unwrap_or("1").parse().context(words)?;
        anyhow::ensure!(
            fields.next().is_none() && rate <= 1_000_000_000 && (1..=1 << 20).contains(&pages),
            words
        );
        Ok(Self { rate, pages, seed })
    }
}

/// The source.
pub struct Synthetic {
    rate: u64,
    ring_bytes: u64,
    start_ns: u64,
    /// Events that were due so far, and so were made.
    made: u64,
    detached: bool,
    books: [Books; LEGS.len()],
    kernel: Kernel,
}

impl Synthetic {
    pub fn new(config: Config, ring_bytes: u64) -> Self {
        Self {
            rate: config.rate,
            ring_bytes,
            start_ns: host::monotonic_ns(),
            made: 0,
            detached: false,
            books: Default::default(),
            kernel: Kernel::new(config),
        }
    }

    /// Makes the events of the time up to `now_ns`.
    pub fn drain_until(&mut self, now_ns: u64, out: &mut Drained) {
        let elapsed_ns = now_ns.saturating_sub(self.start_ns);
        let due = u64::try_from(u128::from(elapsed_ns) * u128::from(self.rate) / 1_000_000_000)
            .unwrap_or(u64::MAX);
        // A full ring refuses the newest, not the oldest.
        let room = self.made + self.ring_bytes / RECORD_BYTES;
        while self.made < due {
            let mut event = self.kernel.next_event(&mut out.processes, self.start_ns);
            event.time_ns =
                self.start_ns + self.made.saturating_mul(1_000_000_000) / self.rate.max(1);
            let books = &mut self.books[leg_of(&event)];
            books.seen += 1;
            if self.made < room {
                books.submitted += 1;
                out.events.push(event);
            } else {
                books.ring_full += 1;
            }
            self.made += 1;
        }
    }
}

impl Source for Synthetic {
    fn drain(&mut self, out: &mut Drained) -> Result<()> {
        if !self.detached {
            self.drain_until(host::monotonic_ns(), out);
        }
        Ok(())
    }

    fn legs(&self) -> Vec<LegStatus> {
        LEGS.iter()
            .zip(self.books)
            .map(|(&name, books)| LegStatus {
                name,
                attached: !self.detached,
                hook: "synthetic".to_owned(),
                reasons: Vec::new(),
                books,
            })
            .collect()
    }

    fn ring(&self) -> (u64, u64) {
        (0, self.ring_bytes)
    }

    fn detach(&mut self) {
        self.detached = true;
    }
}

fn leg_of(event: &Event) -> usize {
    match Kind::try_from(i32::from(event.kind)) {
        Ok(Kind::Fork | Kind::ForkVma) => 1,
        Ok(Kind::Unmap) => 2,
        Ok(Kind::MmExit) => 3,
        Ok(Kind::FrameFree) => 4,
        _ => 0,
    }
}

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

/// Processes with private memory, and the frames behind it.
struct Kernel {
    random: SplitMix,
    pages: u32,
    tasks: Vec<Task>,
    mapcounts: BTreeMap<u64, i32>,
    free: Vec<u64>,
    next_pfn: u64,
    next_tgid: u32,
    next_mm: u32,
    /// Of one kernel operation that makes several.
    queue: std::collections::VecDeque<Event>,
    begun: bool,
}

impl Kernel {
    fn new(config: Config) -> Self {
        let mut kernel = Self {
            random: SplitMix(config.seed),
            pages: config.pages,
            tasks: Vec::new(),
            mapcounts: BTreeMap::new(),
            free: Vec::new(),
            next_pfn: 0x10_0000,
            next_tgid: FIRST_TGID,
            next_mm: 1,
            queue: std::collections::VecDeque::new(),
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

    fn next_event(&mut self, processes: &mut Vec<Process>, start_ns: u64) -> Event {
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const CONFIG: Config = Config {
        rate: 1_000_000,
        pages: 64,
        seed: 3,
    };
    const RING: u64 = 1 << 30;

    fn events(mut source: Synthetic, drains: u64) -> Vec<Event> {
        let mut out = Drained::default();
        let start_ns = source.start_ns;
        for drain in 1..=drains {
            source.drain_until(start_ns + 50_000_000 * drain / drains, &mut out);
        }
        let timeless = |event: &Event| Event {
            time_ns: event.time_ns - start_ns,
            ..*event
        };
        out.events.iter().map(timeless).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_events_however_it_is_drained() {
        let one = events(Synthetic::new(CONFIG, RING), 1);
        assert_eq!(one.len(), 50_000);
        assert_eq!(one, events(Synthetic::new(CONFIG, RING), 7));
        assert_ne!(
            one,
            events(Synthetic::new(Config { seed: 4, ..CONFIG }, RING), 1)
        );
    }

    /// An independent account of who maps what, from the events alone.
    #[test]
    fn copies_reuses_and_frees_agree_with_who_maps_a_frame() {
        let mut slots: HashMap<(u32, u64), u64> = HashMap::new();
        let (mut copies, mut reuses, mut frees) = (0, 0, 0);
        for event in events(Synthetic::new(CONFIG, RING), 1) {
            let slot = (event.mm, event.vpn);
            match Kind::try_from(i32::from(event.kind)).unwrap() {
                Kind::WpFault => {
                    slots.insert(slot, event.old_pfn);
                    if event.outcome == Outcome::Copy as u8 {
                        assert!(event.mapcount > 1 && event.new_pfn != event.old_pfn);
                        assert!(
                            !slots.values().any(|&pfn| pfn == event.new_pfn),
                            "the new frame is nobody's"
                        );
                        copies += 1;
                    } else {
                        assert_eq!((event.mapcount, event.new_pfn), (1, event.old_pfn));
                        reuses += 1;
                    }
                    slots.insert(slot, event.new_pfn);
                }
                Kind::Unmap => slots.retain(|&(mm, _), _| mm != event.mm),
                Kind::FrameFree => {
                    assert!(
                        !slots.values().any(|&pfn| pfn == event.old_pfn),
                        "a freed frame is mapped by nobody"
                    );
                    frees += 1;
                }
                _ => {}
            }
        }
        assert!(
            copies > 1000 && reuses > 1000 && frees > 1000,
            "{copies} copies, {reuses} reuses, {frees} frees"
        );
    }

    #[test]
    fn a_late_drain_loses_at_the_ring_and_the_books_say_how_many() {
        let mut source = Synthetic::new(CONFIG, 100 * RECORD_BYTES);
        let mut out = Drained::default();
        let start_ns = source.start_ns;
        source.drain_until(start_ns + 1_000_000, &mut out);
        let total = |field: fn(&Books) -> u64| source.books.iter().map(field).sum::<u64>();
        assert_eq!(out.events.len(), 100);
        assert_eq!(
            (
                total(|b| b.seen),
                total(|b| b.submitted),
                total(|b| b.ring_full)
            ),
            (1000, 100, 900)
        );
    }

    #[test]
    fn its_name_is_checked() {
        assert_eq!(
            "synthetic:5:6:7".parse::<Config>().unwrap(),
            Config {
                rate: 5,
                pages: 6,
                seed: 7
            }
        );
        for text in [
            "",
            "kernel",
            "synthetic",
            "synthetic:",
            "synthetic:1:0",
            "synthetic:1:2:3:4",
            "synthetic:-1",
        ] {
            assert!(text.parse::<Config>().is_err(), "{text}");
        }
    }
}
