//! The right to write, taken and given by mprotect(), and a fault that userfaultfd is told of.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::thread;

use super::{Subject, fact};
use crate::serve::wire::columns::{Kind, Protection, UffdReason};
use crate::verify::fact::Fact;
use crate::verify::memory::{Area, PAGE, checked};

const PAGES: usize = 8;

/// # Errors
/// The kernel's.
pub fn run(subject: &mut Subject) -> io::Result<()> {
    protect(subject)?;
    match userfaultfd() {
        Ok(faults) => hand_over(subject, &faults),
        Err(error) => subject.not_tried("uffd", format!("userfaultfd(): {error}")),
    }
}

fn protect(subject: &mut Subject) -> io::Result<()> {
    let area = Area::small(PAGES)?;
    area.write(0..PAGES, 6);
    subject.claim(Kind::Wrprotect, area.vpn_of(0), PAGES)?;
    for (rights, protection) in [
        (libc::PROT_READ, Protection::Mprotect),
        (
            libc::PROT_READ | libc::PROT_WRITE,
            Protection::MprotectWritable,
        ),
    ] {
        area.protect(2, 4, rights)?;
        subject.fact(Fact {
            vpn: Some(area.vpn_of(2)),
            pages: Some(4),
            aux: Some(protection as u64),
            ..fact("wrprotect", Kind::Wrprotect)
        })?;
    }
    Ok(())
}

/// include/uapi/linux/userfaultfd.h, an interface to user space: `struct uffdio_api` and its kin.
const UFFD_API: u64 = 0xaa;
const UFFDIO_API: u64 = 0xc018_aa3f;
const UFFDIO_REGISTER: u64 = 0xc020_aa00;
const UFFDIO_ZEROPAGE: u64 = 0xc020_aa04;
const MODE_MISSING: u64 = 1;
const MESSAGE_BYTES: usize = 32;

fn userfaultfd() -> io::Result<OwnedFd> {
    // SAFETY: a call that takes flags and gives a new file descriptor, or an error.
    let fd = unsafe { libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC) };
    let fd = i32::try_from(fd).unwrap_or(-1);
    checked(fd)?;
    // SAFETY: new, and nobody else's.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    ask(&fd, UFFDIO_API, [UFFD_API, 0, 0])?;
    Ok(fd)
}

/// Words that the kernel reads and writes.
fn ask<const N: usize>(fd: &OwnedFd, request: u64, mut words: [u64; N]) -> io::Result<()> {
    // SAFETY: each request's structure has as many words as are given.
    checked(unsafe { libc::ioctl(fd.as_raw_fd(), request, words.as_mut_ptr()) })
}

/// A thread touches a page that is not there, and sleeps until it is.
fn hand_over(subject: &mut Subject, faults: &OwnedFd) -> io::Result<()> {
    let area = Area::small(1)?;
    let place = area.address_of(0) as u64;
    let all = [place, PAGE as u64, MODE_MISSING, 0];
    ask(faults, UFFDIO_REGISTER, all)?;
    subject.claim(Kind::UffdMessage, area.vpn_of(0), 1)?;
    let resolved = thread::scope(|scope| {
        scope.spawn(|| area.read(0));
        let mut message = [0_u8; MESSAGE_BYTES];
        // SAFETY: `message` has room for one message, and no more is read.
        let got = unsafe {
            libc::read(
                faults.as_raw_fd(),
                message.as_mut_ptr().cast(),
                MESSAGE_BYTES,
            )
        };
        if got < 0 {
            return Err(io::Error::last_os_error());
        }
        ask(faults, UFFDIO_ZEROPAGE, [place, PAGE as u64, 0, 0])
    });
    resolved?;
    subject.fact(Fact {
        vpn: Some(area.vpn_of(0)),
        aux: Some(UffdReason::Missing as u64),
        ..fact("uffd", Kind::UffdMessage)
    })
}
