//! The areas of an address space, from /proc/PID/maps, and how much of each is mapped by PMDs, from /proc/PID/smaps.

use crate::collect::record::{FLAG_VMA_MAYWRITE, FLAG_VMA_SHARED};

const PAGE_SHIFT: u32 = 12;
const PMD_KIB: u64 = 2048;

/// One vma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// First page, and the one behind the last.
    pub start: u64,
    pub end: u64,
    /// Bits of Flag that follow from the mapping.
    pub flags: u32,
    /// PMDs that map a huge page here; 0 in what /proc/PID/maps tells.
    pub pmds: u64,
}

/// Areas by address. Lines that are none are passed over.
pub fn areas_in(text: &str) -> Vec<Area> {
    let mut areas: Vec<Area> = Vec::new();
    for line in text.lines() {
        if let Some(area) = area_in(line) {
            areas.push(area);
        } else if let Some(kib) = huge_kib(line)
            && let Some(area) = areas.last_mut()
        {
            area.pmds += kib / PMD_KIB;
        }
    }
    areas
}

/// `7f00-7f10 rw-p ...`: see fs/proc/task_mmu.c, show_vma_header_prefix().
fn area_in(line: &str) -> Option<Area> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let rights = words.next()?.as_bytes();
    // [vsyscall] lies in the kernel's half: no page table of the process maps it.
    let end = u64::from_str_radix(end, 16)
        .ok()
        .filter(|end| end >> 56 == 0)?;
    let is_shared = rights.get(3)? == &b's';
    let mut flags = if is_shared { FLAG_VMA_SHARED } else { 0 };
    // mm/mmap.c, do_mmap(): a private mapping may always be made writable; of a shared one only this is told.
    if !is_shared || rights.get(1)? == &b'w' {
        flags |= FLAG_VMA_MAYWRITE;
    }
    Some(Area {
        start: u64::from_str_radix(start, 16).ok()? >> PAGE_SHIFT,
        end: end >> PAGE_SHIFT,
        flags,
        pmds: 0,
    })
}

/// `AnonHugePages:      2048 kB` and its kin count what PMDs map: fs/proc/task_mmu.c, smaps_pmd_entry().
fn huge_kib(line: &str) -> Option<u64> {
    let (name, rest) = line.split_once(':')?;
    if !["AnonHugePages", "ShmemPmdMapped", "FilePmdMapped"].contains(&name) {
        return None;
    }
    rest.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
55e0000000-55e0200000 rw-p 00000000 00:00 0    [heap]
Size:               2048 kB
AnonHugePages:      2048 kB
ShmemPmdMapped:        0 kB
VmFlags: rd wr mr mw me ac
7f0000000000-7f0000001000 r--s 00000000 00:05 9 /memfd:a - b (deleted)
AnonHugePages:         0 kB
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0    [vsyscall]
";

    #[test]
    fn an_area_is_told_with_its_rights_and_its_huge_pages() {
        let heap = Area {
            start: 0x55_e000_0000 >> 12,
            end: 0x55_e020_0000 >> 12,
            flags: FLAG_VMA_MAYWRITE,
            pmds: 1,
        };
        let memfd = Area {
            start: 0x7f00_0000_0000 >> 12,
            end: 0x7f00_0000_1000 >> 12,
            flags: FLAG_VMA_SHARED,
            pmds: 0,
        };
        assert_eq!(areas_in(SMAPS), [heap, memfd]);
        assert_eq!(areas_in("-\n: 5\nx-y rw-p\n1-2\n"), []);
    }
}
