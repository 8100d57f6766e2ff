//! First touch, fork, copy, write in place, the end of slots, frames and address spaces.

use std::io;
use std::process::{Command, Stdio};

use super::child::Child;
use super::{Counter, Subject, fact, fault};
use crate::serve::wire::columns::Kind;
use crate::verify::fact::Fact;
use crate::verify::memory::{Area, flush_lru_batch};

const PAGES: usize = 16;

/// # Errors
/// The kernel's.
pub fn run(subject: &mut Subject) -> io::Result<()> {
    let area = touch(subject)?;
    let copied = fork_and_write(subject, &area)?;
    end(subject, area, copied)?;
    exec(subject)
}

fn touch(subject: &mut Subject) -> io::Result<Area> {
    let area = Area::small(PAGES)?;
    subject.claim(Kind::AnonNew, area.vpn_of(0), PAGES)?;
    subject.claim(Kind::WpFault, area.vpn_of(0), PAGES)?;
    let faults = Counter::now("pgfault");
    area.write(0..PAGES, 1);
    subject.counted("anon-new", &faults, PAGES as u64)?;
    for page in 0..PAGES {
        subject.fact(Fact {
            vpn: Some(area.vpn_of(page)),
            pages: Some(1),
            new_pfn: Some(subject.pagemap.frame(area.address_of(page))),
            ..fact("anon-new", Kind::AnonNew)
        })?;
    }
    flush_lru_batch()?;
    Ok(area)
}

/// Half of the pages are written while a child shares them, the other half when it is gone. Frames that were left.
fn fork_and_write(subject: &mut Subject, area: &Area) -> io::Result<Vec<u64>> {
    let child = Child::fork()?;
    let pid = u64::from(child.pid.unsigned_abs());
    subject.fact(Fact {
        other_tgid: Some(pid),
        ..fact("fork", Kind::Fork)
    })?;
    subject.fact(Fact {
        vpn: Some(area.vpn_of(0)),
        pages: Some(PAGES as u64),
        ..fact("fork", Kind::ForkVma)
    })?;
    let faults = Counter::now("pgfault");
    let mut left = write(subject, area, 0..PAGES / 2)?;
    subject.counted("wp-fault", &faults, (PAGES / 2) as u64)?;
    child.end()?;
    subject.fact(Fact {
        tgid: Some(pid),
        ..fact("exit", Kind::MmExit)
    })?;
    left.extend(write(subject, area, PAGES / 2..PAGES)?);
    Ok(left)
}

fn write(
    subject: &mut Subject,
    area: &Area,
    pages: std::ops::Range<usize>,
) -> io::Result<Vec<u64>> {
    let mut left = Vec::new();
    for page in pages {
        let before = subject.pagemap.frame(area.address_of(page));
        area.write([page], 2);
        let after = subject.pagemap.frame(area.address_of(page));
        let (vpn, kind) = (area.vpn_of(page), Kind::WpFault);
        subject.fact(fault("wp-fault", kind, vpn, before, after))?;
        if before != after {
            left.push(before);
        }
    }
    Ok(left)
}

/// What was left went with the child, what is mapped goes now.
fn end(subject: &mut Subject, area: Area, mut frames: Vec<u64>) -> io::Result<()> {
    flush_lru_batch()?;
    frames.extend((0..PAGES).map(|page| subject.pagemap.frame(area.address_of(page))));
    subject.fact(Fact {
        vpn: Some(area.vpn_of(0)),
        pages: Some(PAGES as u64),
        ..fact("unmap", Kind::Unmap)
    })?;
    drop(area);
    for pfn in frames {
        subject.fact(Fact {
            old_pfn: Some(pfn),
            ..fact("free", Kind::FrameFree)
        })?;
    }
    Ok(())
}

fn exec(subject: &mut Subject) -> io::Result<()> {
    let mut child = Command::new("/proc/self/exe")
        .arg("--version")
        .stdout(Stdio::null())
        .spawn()?;
    child.wait()?;
    subject.fact(Fact {
        tgid: Some(u64::from(child.id())),
        ..fact("exit", Kind::Exec)
    })
}
