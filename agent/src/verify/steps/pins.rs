//! References: FOLL_PIN by process_vm_readv(), FOLL_GET by vmsplice(), and what a read pin of a shared page does.

use std::io;
use std::os::fd::AsRawFd;

use super::child::Child;
use super::{Counter, Subject, fact};
use crate::serve::wire::columns::{Kind, Outcome};
use crate::verify::fact::Fact;
use crate::verify::memory::{Area, PAGE, flush_lru_batch, pipe};

const PAGES: usize = 16;
const SHARED: usize = 4;
const SPLICED: usize = 4;

/// # Errors
/// The kernel's.
pub fn run(subject: &mut Subject) -> io::Result<()> {
    pin(subject)?;
    pin_shared(subject)?;
    splice(subject)
}

/// Pinned, read, and given back before the call returns (mm/process_vm_access.c).
fn pin(subject: &mut Subject) -> io::Result<()> {
    let area = Area::small(PAGES)?;
    area.write(0..PAGES, 3);
    subject.claim(Kind::Gup, area.vpn_of(0), PAGES)?;
    let taken = Counter::now("nr_foll_pin_acquired");
    let given = Counter::now("nr_foll_pin_released");
    read_by_pin(&area, PAGES)?;
    subject.counted("gup", &taken, PAGES as u64)?;
    subject.counted("unpin", &given, PAGES as u64)?;
    tell_taken(subject, &area, PAGES)?;
    tell_given(subject, &area, PAGES)
}

/// On kernels that know exclusive pages a reader gets pages of its own (FAULT_FLAG_UNSHARE, since 5.19).
fn pin_shared(subject: &mut Subject) -> io::Result<()> {
    let area = Area::small(SHARED)?;
    area.write(0..SHARED, 4);
    subject.claim(Kind::WpFault, area.vpn_of(0), SHARED)?;
    flush_lru_batch()?;
    let frames = |subject: &Subject| -> Vec<u64> {
        let frame = |page| subject.pagemap.frame(area.address_of(page));
        (0..SHARED).map(frame).collect()
    };
    let child = Child::fork()?;
    let before = frames(subject);
    read_by_pin(&area, SHARED)?;
    let after = frames(subject);
    for (page, (&before, &after)) in before.iter().zip(&after).enumerate() {
        if before != after {
            subject.fact(Fact {
                outcome: Some(Outcome::Unshare as u64),
                vpn: Some(area.vpn_of(page)),
                old_pfn: Some(before),
                new_pfn: Some(after),
                ..fact("wp-fault", Kind::WpFault)
            })?;
        }
    }
    tell_taken(subject, &area, SHARED)?;
    tell_given(subject, &area, SHARED)?;
    child.end()
}

/// The pipe holds the pages themselves.
fn splice(subject: &mut Subject) -> io::Result<()> {
    let area = Area::small(SPLICED)?;
    area.write(0..SPLICED, 5);
    let (reader, writer) = pipe()?;
    let from = vector(&area, SPLICED);
    // SAFETY: the range is mapped, and the pipe is gone before it is unmapped.
    let spliced = unsafe { libc::vmsplice(writer.as_raw_fd(), &raw const from, 1, 0) };
    if spliced < 0 {
        return Err(io::Error::last_os_error());
    }
    tell_taken(subject, &area, spliced.unsigned_abs() / PAGE)?;
    drop((reader, writer));
    Ok(())
}

fn vector(area: &Area, pages: usize) -> libc::iovec {
    libc::iovec {
        iov_base: area.address_of(0) as *mut libc::c_void,
        iov_len: pages * PAGE,
    }
}

fn read_by_pin(area: &Area, pages: usize) -> io::Result<()> {
    let mut bytes = vec![0_u8; pages * PAGE];
    let to = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    let from = vector(area, pages);
    // SAFETY: `bytes` has room for all that is read, and what is read is ours.
    let got =
        unsafe { libc::process_vm_readv(libc::getpid(), &raw const to, 1, &raw const from, 1, 0) };
    if got < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn tell_taken(subject: &mut Subject, area: &Area, pages: usize) -> io::Result<()> {
    for page in 0..pages {
        subject.fact(Fact {
            vpn: Some(area.vpn_of(page)),
            old_pfn: Some(subject.pagemap.frame(area.address_of(page))),
            ..fact("gup", Kind::Gup)
        })?;
    }
    Ok(())
}

fn tell_given(subject: &mut Subject, area: &Area, pages: usize) -> io::Result<()> {
    for page in 0..pages {
        subject.fact(Fact {
            old_pfn: Some(subject.pagemap.frame(area.address_of(page))),
            ..fact("unpin", Kind::Unpin)
        })?;
    }
    Ok(())
}
