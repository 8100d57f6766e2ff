//! The books: what each leg saw and what became of it, summed over the CPUs.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use libbpf_rs::{MapCore, MapFlags, Object};

use super::map_named;
use crate::collect::ladder::Choice;
use crate::event::{Books, LegStatus};

pub struct BookKeeper {
    legs: Vec<Leg>,
}

struct Leg {
    choice: Choice,
    programs: Vec<RawFd>,
}

impl BookKeeper {
    pub fn new(object: &Object, choices: Vec<Choice>) -> Self {
        let legs = choices.into_iter().map(|choice| {
            let programs = object
                .progs()
                .filter(|program| choice.programs.iter().any(|name| program.name() == *name))
                .map(|program| program.as_fd().as_raw_fd())
                .collect();
            Leg { choice, programs }
        });
        Self {
            legs: legs.collect(),
        }
    }

    /// Every leg with its books. What a program was not entered for, because it was already running on that CPU, was
    /// seen by nobody: it counts as seen and missed. It may have been another process's.
    pub fn legs(&self, object: &Object) -> Vec<LegStatus> {
        self.legs
            .iter()
            .enumerate()
            .map(|(index, leg)| {
                let mut books = read_books(object, index).unwrap_or_default();
                let not_entered: u64 = leg.programs.iter().copied().map(recursion_misses).sum();
                books.missed += not_entered;
                books.seen += not_entered;
                LegStatus {
                    name: leg.choice.leg,
                    attached: !leg.choice.hook.is_empty(),
                    hook: leg.choice.hook.to_owned(),
                    reasons: leg.choice.reasons.clone(),
                    books,
                }
            })
            .collect()
    }
}

/// `struct books` of one leg.
fn read_books(object: &Object, leg: usize) -> Option<Books> {
    let key = u32::try_from(leg).ok()?.to_ne_bytes();
    let map = map_named(object, "books").ok()?;
    let of_cpus = map.lookup_percpu(&key, MapFlags::ANY).ok()??;
    let mut books = Books::default();
    for bytes in &of_cpus {
        let mut columns = bytes
            .chunks_exact(8)
            .map(|chunk| u64::from_ne_bytes(chunk.try_into().unwrap_or_default()));
        let mut next = || columns.next().unwrap_or(0);
        books.submitted += next();
        books.ring_full += next();
        books.filtered += next();
        books.throttled += next();
        books.missed += next();
    }
    books.seen =
        books.submitted + books.ring_full + books.filtered + books.throttled + books.missed;
    Some(books)
}

/// prog_info.recursion_misses (since 5.12), by the program's fdinfo: no privilege is needed for it.
fn recursion_misses(program: RawFd) -> u64 {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{program}")).unwrap_or_default();
    info.lines()
        .find_map(|line| line.strip_prefix("recursion_misses:"))
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or(0)
}
