//! What the subject does, one file a group of legs. Each step tells facts that it checked by itself, in /proc.

mod child;
pub mod faults;
pub mod huge;
pub mod identity;
pub mod pins;
pub mod protection;

use std::io::{self, Write};

use crate::serve::wire::columns::{Kind, Outcome};
use crate::verify::fact::{Fact, Line};
use crate::verify::memory::{Pagemap, vmstat};

/// The subject's voice, and its eyes.
pub struct Subject<'a> {
    out: &'a mut dyn Write,
    pub pagemap: Pagemap,
}

impl<'a> Subject<'a> {
    /// # Errors
    /// /proc is not there.
    pub fn new(out: &'a mut dyn Write) -> io::Result<Self> {
        let pagemap = Pagemap::open()?;
        Ok(Self { out, pagemap })
    }

    fn say(&mut self, line: &Line) -> io::Result<()> {
        writeln!(self.out, "{line}")
    }

    pub fn fact(&mut self, fact: Fact) -> io::Result<()> {
        self.say(&Line::Fact(fact))
    }

    /// Events of this kind about these pages are told by facts, all of them.
    pub fn claim(&mut self, kind: Kind, vpn: u64, pages: usize) -> io::Result<()> {
        self.say(&Line::Claim {
            kind: kind as u8,
            vpn,
            pages: pages as u64,
        })
    }

    pub fn not_tried(&mut self, leg: &str, why: impl Into<String>) -> io::Result<()> {
        self.say(&Line::NotTried {
            leg: leg.to_owned(),
            why: why.into(),
        })
    }

    pub fn broke_off(&mut self, step: &str, error: &io::Error) -> io::Result<()> {
        self.say(&Line::BrokeOff {
            step: step.to_owned(),
            why: error.to_string(),
        })
    }

    /// What a counter says of what happened since it was first read.
    pub fn counted(&mut self, leg: &str, counter: &Counter, own: u64) -> io::Result<()> {
        self.say(&Line::Counter {
            leg: leg.to_owned(),
            name: counter.name.to_owned(),
            own,
            rose: vmstat(counter.name).saturating_sub(counter.before),
        })
    }
}

/// A counter of /proc/vmstat, as it stood before.
pub struct Counter {
    name: &'static str,
    before: u64,
}

impl Counter {
    pub fn now(name: &'static str) -> Self {
        Self {
            name,
            before: vmstat(name),
        }
    }
}

pub fn fact(leg: &str, kind: Kind) -> Fact {
    Fact::new(leg, kind as u8)
}

/// A write-protect fault on a page, by where its frame was before and is after.
pub fn fault(leg: &str, kind: Kind, vpn: u64, before: u64, after: u64) -> Fact {
    let outcome = if before == after {
        Outcome::Reuse
    } else {
        Outcome::Copy
    };
    Fact {
        outcome: Some(outcome as u64),
        vpn: Some(vpn),
        old_pfn: Some(before),
        new_pfn: Some(after),
        ..fact(leg, kind)
    }
}
