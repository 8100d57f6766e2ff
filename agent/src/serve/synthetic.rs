//! A source that behaves as the kernel does, without a kernel: processes fork, write, copy, reuse and exit.
//!
//! It feeds benchmarks and client tests. Event n of a seed is always the same but for its time; the books are exact; a
//! drain that comes too late loses events at the ring and says so.

mod kernel;

use anyhow::{Context, Result};

use self::kernel::Kernel;

use super::host;
use super::wire::columns::Kind;
use crate::event::{Books, Drained, Event, LegStatus, Source};

/// What one event takes in the ring buffer of the kernel source, header included.
const RECORD_BYTES: u64 = 128;
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
                not_entered: 0,
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::serve::wire::columns::Outcome;

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
