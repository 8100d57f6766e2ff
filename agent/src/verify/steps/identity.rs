//! What gives a slot another frame, or a frame another slot, without a copy on write: mremap(), swap, migration, KSM.

use std::fs;
use std::io;
use std::thread::sleep;
use std::time::Duration;

use super::{Counter, Subject, fact, fault};
use crate::serve::wire::columns::Kind;
use crate::verify::fact::Fact;
use crate::verify::knob::Knob;
use crate::verify::memory::{Area, Mapped, flush_lru_batch, is_ksm};

const PAGES: usize = 16;
/// include/uapi/linux/mempolicy.h
const MPOL_MF_MOVE: i32 = 1 << 1;
const KSM: &str = "/sys/kernel/mm/ksm";

/// # Errors
/// The kernel's.
pub fn run(subject: &mut Subject) -> io::Result<()> {
    remap(subject)?;
    swap(subject)?;
    migrate(subject)?;
    merge(subject)
}

fn remap(subject: &mut Subject) -> io::Result<()> {
    let (from, to) = (Area::small(PAGES)?, Area::small(PAGES)?);
    from.write(0..PAGES, 1);
    let place = from.vpn_of(0);
    subject.claim(Kind::Remap, place, PAGES)?;
    let moved = from.move_to(to)?;
    subject.fact(Fact {
        vpn: Some(place),
        pages: Some(PAGES as u64),
        aux: Some(moved.vpn_of(0)),
        ..fact("remap", Kind::Remap)
    })
}

fn swap(subject: &mut Subject) -> io::Result<()> {
    let devices = fs::read_to_string("/proc/swaps").unwrap_or_default();
    if devices.lines().count() < 2 {
        return subject.not_tried("swap", "this host has no swap");
    }
    let area = Area::small(PAGES)?;
    area.fill(0..PAGES, u64::from(std::process::id()));
    flush_lru_batch()?;
    let before: Vec<u64> = (0..PAGES)
        .map(|page| subject.pagemap.frame(area.address_of(page)))
        .collect();
    let written = Counter::now("pswpout");
    area.advise(0, PAGES, libc::MADV_PAGEOUT)?;
    let mut out = Vec::new();
    for (page, pfn) in before.into_iter().enumerate() {
        if let Mapped::Swap(entry) = subject.pagemap.at(area.address_of(page)) {
            out.push((page, entry));
            subject.fact(Fact {
                vpn: Some(area.vpn_of(page)),
                old_pfn: Some(pfn),
                aux: Some(entry),
                ..fact("swap", Kind::SwapOut)
            })?;
        }
    }
    if out.is_empty() {
        return subject.not_tried("swap", "no page went to swap for MADV_PAGEOUT");
    }
    subject.counted("swap", &written, out.len() as u64)?;
    let read = Counter::now("pswpin");
    for &(page, _) in &out {
        area.read(page);
        subject.fact(Fact {
            vpn: Some(area.vpn_of(page)),
            new_pfn: Some(subject.pagemap.frame(area.address_of(page))),
            ..fact("swap", Kind::SwapIn)
        })?;
    }
    subject.counted("swap", &read, out.len() as u64)
}

/// From the node where a page is to another one, where there are two.
fn migrate(subject: &mut Subject) -> io::Result<()> {
    let nodes = fs::read_to_string("/sys/devices/system/node/has_memory").unwrap_or_default();
    let Some((here, there)) = two_nodes(nodes.trim()) else {
        return subject.not_tried("migrate", "this host has one memory node");
    };
    let area = Area::small(PAGES)?;
    area.write(0..PAGES, 2);
    flush_lru_batch()?;
    let frame = |subject: &Subject, page| subject.pagemap.frame(area.address_of(page));
    let before: Vec<u64> = (0..PAGES).map(|page| frame(subject, page)).collect();
    let moved = Counter::now("pgmigrate_success");
    for node in [here, there] {
        move_to_node(&area, node)?;
    }
    let mut own = 0;
    for (page, before) in before.into_iter().enumerate() {
        let after = frame(subject, page);
        // Perhaps by way of the other node: what holds is where it ended.
        if before != after {
            own += 1;
            subject.fact(Fact {
                new_pfn: Some(after),
                ..fact("migrate", Kind::Migrate)
            })?;
        }
    }
    if own == 0 {
        return subject.not_tried(
            "migrate",
            "no page went to another memory node for move_pages()",
        );
    }
    subject.counted("migrate", &moved, own)
}

/// The first and the last of a list like `0-1` or `0,2`.
fn two_nodes(list: &str) -> Option<(i32, i32)> {
    let mut numbers = list.split([',', '-']).map(str::parse);
    let first = numbers.next()?.ok()?;
    Some((first, numbers.next_back()?.ok()?))
}

fn move_to_node(area: &Area, node: i32) -> io::Result<()> {
    let places: Vec<usize> = (0..PAGES).map(|page| area.address_of(page)).collect();
    let nodes = [node; PAGES];
    let mut status = [0_i32; PAGES];
    // SAFETY: three arrays of as many elements as are told; our own pages (pid 0), moved where only we map them.
    let result = unsafe {
        libc::syscall(
            libc::SYS_move_pages,
            0,
            PAGES,
            places.as_ptr(),
            nodes.as_ptr(),
            status.as_mut_ptr(),
            MPOL_MF_MOVE,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Two pages that are alike, and like no others, become one; a write then leaves it.
fn merge(subject: &mut Subject) -> io::Result<()> {
    let run = match Knob::set(&format!("{KSM}/run"), "1") {
        Ok(run) => run,
        Err(error) => return subject.not_tried("ksm", format!("this kernel has no KSM: {error}")),
    };
    let _sooner: Vec<Knob> = [("sleep_millisecs", "10"), ("pages_to_scan", "1000")]
        .iter()
        .filter_map(|(name, word)| Knob::set(&format!("{KSM}/{name}"), word).ok())
        .collect();
    let area = Area::small(2)?;
    for page in 0..2 {
        area.fill([page], u64::from(std::process::id()) << 32);
    }
    flush_lru_batch()?;
    area.advise(0, 2, libc::MADV_MERGEABLE)?;
    let frames =
        |subject: &Subject| [0, 1].map(|page| subject.pagemap.frame(area.address_of(page)));
    let mut merged = frames(subject);
    for _ in 0..100 {
        merged = frames(subject);
        if merged[0] == merged[1] && is_ksm(merged[0]) {
            break;
        }
        sleep(Duration::from_millis(100));
    }
    drop(run);
    if merged[0] != merged[1] {
        return subject.not_tried("ksm", "KSM merged no pages within 10 s");
    }
    for page in 0..2 {
        subject.fact(Fact {
            vpn: Some(area.vpn_of(page)),
            new_pfn: Some(merged[0]),
            ..fact("ksm", Kind::KsmMerge)
        })?;
    }
    let broken = Counter::now("cow_ksm");
    area.write([1], 3);
    let left = frames(subject)[1];
    let fault = fault("wp-fault", Kind::WpFault, area.vpn_of(1), merged[1], left);
    subject.fact(fault)?;
    if has_counter("cow_ksm") {
        subject.counted("ksm", &broken, 1)?;
    }
    Ok(())
}

/// Some counters are younger than the oldest kernel: cow_ksm is there since 5.19.
fn has_counter(name: &str) -> bool {
    let vmstat = fs::read_to_string("/proc/vmstat").unwrap_or_default();
    vmstat
        .lines()
        .any(|line| line.split(' ').next() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_read_from_ranges_and_lists() {
        assert_eq!(two_nodes("0-1"), Some((0, 1)));
        assert_eq!(two_nodes("0,2,4-7"), Some((0, 7)));
        assert_eq!(two_nodes("0"), None);
        assert_eq!(two_nodes(""), None);
    }
}
