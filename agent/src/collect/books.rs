//! The books: what each leg saw and what became of it, by CPU.
//!
//! The programs count each column where it happens (`struct books` of agent/bpf/record.h), `seen` where a leg begins. So
//! `seen = submitted + ring_full + filtered + throttled + missed + open` is no definition but a claim, and can fail.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use libbpf_rs::{MapCore, MapFlags, Object};

use super::map_named;
use crate::collect::ladder::Choice;
use crate::event::{Books, LegStatus};

/// Programs that begin a fact: what one of them is not entered for is told by nobody, and booked on the leg named here,
/// once, however many legs share it. All others add to a fact that has begun, or end it: such a fact stays open, and is
/// missed when that is noticed.
const BEGINNERS: &[(&str, &str)] = &[
    ("wp_enter", "wp-fault"),
    ("huge_wp_enter", "huge-wp"),
    ("huge_wp_enter_kprobe", "huge-wp"),
    ("fork_vma_enter", "fork"),
    ("fork_process", "fork"),
    ("new_folio", "anon-new"),
    ("new_page", "anon-new"),
    ("unmap_range", "unmap"),
    ("zap_range", "unmap"),
    ("mm_exit", "exit"),
    ("exec_process", "exit"),
    ("frame_free", "free"),
    ("gup_fast_enter", "gup"),
    ("gup_internal_enter", "gup"),
    ("gup_longterm_enter", "gup"),
    ("gup_slow_enter", "gup"),
    ("gup_slow_enter_kprobe", "gup"),
    ("gup_memfd_exit", "gup"),
    ("unpin_page", "unpin"),
    ("unpin_pages", "unpin"),
    ("unpin_dirty", "unpin"),
    ("unpin_range", "unpin"),
    ("unpin_folio", "unpin"),
    ("unpin_folios", "unpin"),
    ("unpin_folio_often", "unpin"),
    ("protect", "wrprotect"),
    ("protect_kprobe", "wrprotect"),
    ("protect_soft_dirty", "wrprotect"),
    ("protect_ksm", "wrprotect"),
    ("scan_protect", "wrprotect"),
    ("wp_userfault", "uffd"),
    ("hugetlb_wp_enter", "hugetlb-wp"),
    ("hugetlb_wp_enter_kprobe", "hugetlb-wp"),
    ("hugetlb_cow_enter", "hugetlb-wp"),
    ("new_hugetlb_folio", "hugetlb-wp"),
    ("new_hugetlb_page", "hugetlb-wp"),
    ("hugetlb_free_folio", "hugetlb-wp"),
    ("hugetlb_free_page", "hugetlb-wp"),
    ("hugetlb_unmap", "hugetlb-wp"),
    ("hugetlb_unmap_final", "hugetlb-wp"),
    ("split_pmd_locked", "pmd-split"),
    ("split_pmd", "pmd-split"),
    ("split_folio_enter", "folio-split"),
    ("split_to_order_enter", "folio-split"),
    ("split_page_enter", "folio-split"),
    ("collapse_enter", "collapse"),
    ("collapse_isolated", "collapse"),
    ("swap_out", "swap"),
    ("swap_put", "swap"),
    ("swap_free_many", "swap"),
    ("swap_free_one", "swap"),
    ("swap_do_add_page", "swap"),
    ("migrate_folio", "migrate"),
    ("migrate_page", "migrate"),
    ("ksm_merge", "ksm"),
    ("remap_exit", "remap"),
    ("remap_enter_kprobe", "remap"),
    ("uffd_move", "remap"),
    ("uffd_move_ptes", "remap"),
    ("uffd_move_pmd", "remap"),
];

/// `struct books`: eight columns, the last one empty.
const COLUMNS: usize = 8;

/// One leg on one CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuBooks {
    pub seen: u64,
    pub submitted: u64,
    pub ring_full: u64,
    pub filtered: u64,
    pub throttled: u64,
    pub missed: u64,
    /// Begun and not ended: a fault that sleeps, or one whose exit hook was not run.
    pub open: u64,
}

impl CpuBooks {
    fn read(bytes: &[u8]) -> Self {
        let column = |at: usize| {
            let word = bytes.get(at * 8..at * 8 + 8);
            word.and_then(|word| word.try_into().ok())
                .map_or(0, u64::from_ne_bytes)
        };
        Self {
            seen: column(0),
            submitted: column(1),
            ring_full: column(2),
            filtered: column(3),
            throttled: column(4),
            missed: column(5),
            open: column(6),
        }
    }

    /// Whether everything that was seen is accounted for.
    pub fn balances(&self) -> bool {
        let ended = self.submitted + self.ring_full + self.filtered + self.throttled + self.missed;
        self.seen == ended + self.open
    }
}

pub struct BookKeeper {
    legs: Vec<Leg>,
}

struct Leg {
    choice: Choice,
    /// Programs, of which the kernel tells how often it did not enter them.
    beginners: Vec<OwnedFd>,
}

impl BookKeeper {
    pub fn new(object: &Object, choices: Vec<Choice>) -> Self {
        let used: Vec<&str> = choices
            .iter()
            .flat_map(|choice| choice.programs.iter().copied())
            .collect();
        let legs = choices.into_iter().map(|choice| {
            let beginners = object
                .progs()
                .filter(|program| {
                    BEGINNERS.iter().any(|&(name, leg)| {
                        program.name() == name && leg == choice.leg && used.contains(&name)
                    })
                })
                .filter_map(|program| program.as_fd().try_clone_to_owned().ok())
                .collect();
            Leg { choice, beginners }
        });
        Self {
            legs: legs.collect(),
        }
    }

    /// Every leg with its books, summed over the CPUs. What is under way is not seen yet while we trace; once we do not
    /// (`attached`), its end will be told by nobody: it is missed.
    ///
    /// What a program was not entered for, because it was already running on that CPU, counts as seen and missed. It may
    /// have been another process's. On a kernel that preempts itself this is no rare thing: a program runs with preemption
    /// allowed, and while its task waits, whatever runs on that CPU is left out
    /// (kernel/bpf/trampoline.c, __bpf_prog_enter_recur(), 7.2).
    pub fn legs(&self, object: &Object, attached: bool) -> Vec<LegStatus> {
        let cpus = by_cpu(object);
        self.legs
            .iter()
            .enumerate()
            .map(|(index, leg)| {
                let mut books = Books::default();
                for of_cpu in cpus.iter().filter_map(|legs| legs.get(index)) {
                    add(&mut books, of_cpu, attached);
                }
                let not_entered: u64 = leg.beginners.iter().map(recursion_misses).sum();
                books.missed += not_entered;
                books.seen += not_entered;
                LegStatus {
                    name: leg.choice.leg,
                    attached: !leg.choice.hook.is_empty(),
                    hook: leg.choice.hook.to_owned(),
                    reasons: leg.choice.reasons.clone(),
                    books,
                    not_entered,
                }
            })
            .collect()
    }
}

fn add(books: &mut Books, of_cpu: &CpuBooks, attached: bool) {
    books.seen += of_cpu.seen;
    books.submitted += of_cpu.submitted;
    books.ring_full += of_cpu.ring_full;
    books.filtered += of_cpu.filtered;
    books.throttled += of_cpu.throttled;
    books.missed += of_cpu.missed;
    if attached {
        books.seen -= of_cpu.open.min(books.seen);
    } else {
        books.missed += of_cpu.open;
    }
}

/// The books of every CPU, leg by leg, as the programs wrote them.
pub fn by_cpu(object: &Object) -> Vec<Vec<CpuBooks>> {
    let Ok(map) = map_named(object, "books") else {
        return Vec::new();
    };
    (0..map.max_entries())
        .map_while(|cpu| map.lookup(&cpu.to_ne_bytes(), MapFlags::ANY).ok()?)
        .map(|legs| legs.chunks_exact(COLUMNS * 8).map(CpuBooks::read).collect())
        .collect()
}

/// How often the kernel did not enter a program because it was running on that CPU: since 5.12. No privilege is needed, and
/// it costs a fraction of what the same number in the program's fdinfo does.
fn recursion_misses(program: &OwnedFd) -> u64 {
    let mut info = libbpf_sys::bpf_prog_info::default();
    let mut bytes = u32::try_from(size_of_val(&info)).unwrap_or(0);
    // SAFETY: `info` has `bytes` bytes, asks for no array (their places and lengths are 0), and outlives the call.
    let refused = unsafe {
        libbpf_sys::bpf_prog_get_info_by_fd(program.as_raw_fd(), &raw mut info, &raw mut bytes)
    };
    if refused == 0 {
        info.recursion_misses
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::ladder::LADDERS;

    /// seen 10 = 5 + 1 + 1 + 0 + 1, and 2 under way.
    const BYTES: [u64; COLUMNS] = [10, 5, 1, 1, 0, 1, 2, 0];

    fn books() -> CpuBooks {
        let bytes: Vec<u8> = BYTES.iter().flat_map(|word| word.to_ne_bytes()).collect();
        CpuBooks::read(&bytes)
    }

    fn sum(books: &Books) -> u64 {
        books.submitted + books.ring_full + books.filtered + books.throttled + books.missed
    }

    #[test]
    fn what_is_under_way_is_not_seen_yet_and_missed_in_the_end() {
        for (attached, seen, missed) in [(true, 8, 1), (false, 10, 3)] {
            let mut sums = Books::default();
            add(&mut sums, &books(), attached);
            assert_eq!((sums.seen, sums.missed), (seen, missed));
            assert_eq!(sums.seen, sum(&sums));
        }
    }

    #[test]
    fn a_fact_that_nobody_ended_is_found() {
        assert!(books().balances());
        assert!(
            !CpuBooks {
                submitted: 4,
                ..books()
            }
            .balances()
        );
    }

    #[test]
    fn every_beginner_is_a_program_of_some_ladder_and_books_on_a_leg_there_is() {
        for (name, leg) in BEGINNERS {
            assert!(LADDERS.iter().any(|ladder| ladder.leg == *leg), "{leg}");
            let mut rungs = LADDERS.iter().flat_map(|ladder| ladder.rungs);
            assert!(rungs.any(|rung| rung.programs.contains(name)), "{name}");
        }
    }

    #[test]
    fn every_rung_has_a_program_whose_misses_are_booked() {
        for rung in LADDERS.iter().flat_map(|ladder| ladder.rungs) {
            let booked = |name: &&str| BEGINNERS.iter().any(|(beginner, _)| beginner == name);
            assert!(rung.programs.iter().any(booked), "{}", rung.name);
        }
    }
}
