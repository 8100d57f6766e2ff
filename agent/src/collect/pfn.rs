//! Whether the programs tell frames rightly: what they make of a page of our own, against /proc/self/pagemap.
//!
//! Frames are told by the kernel's variables vmemmap_base and page_offset_base and by the number of levels of its page
//! tables. On a kernel that we do not know one of them may mean something else, and every frame would be wrong.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::ptr;

use anyhow::{Context, Result, bail};
use libbpf_rs::{MapCore, MapFlags, Object};
use rustix::mm::{Advice, MapFlags as Mapping, ProtFlags, madvise, mmap_anonymous, munmap};

use super::map_named;

const PAGE: usize = 4096;
/// Documentation/admin-guide/mm/pagemap.rst: bits 0 to 54 are the frame, bit 63 says that there is one.
const PRESENT: u64 = 1 << 63;
const FRAME: u64 = (1 << 55) - 1;
/// include/linux/page-flags.h: the two low bits of page->mapping tell what it is; 1: an anon_vma.
const MAPPING_KIND: u64 = 3;
const MAPPING_ANON: u64 = 1;

/// One small anonymous page of this process, written to.
pub struct OwnPage {
    address: usize,
}

/// `struct self_check` of agent/bpf/self_check.bpf.h, as the programs filled it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Told {
    pfn: u64,
    index: u64,
    mapping: u64,
}

impl OwnPage {
    /// Asks the programs to look at it: they do in the first pass of the task iterator.
    ///
    /// # Errors
    /// No memory, or the kernel refused the map update.
    pub fn show(object: &Object) -> Result<Self> {
        let rights = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping, at an address that the kernel chooses.
        let at = unsafe { mmap_anonymous(ptr::null_mut(), PAGE, rights, Mapping::PRIVATE) }
            .context("no memory for a page")?;
        let page = Self {
            address: at as usize,
        };
        // SAFETY: the mapping is ours, and nothing is in it. A kernel without huge pages knows no such advice.
        let _ = unsafe { madvise(at, PAGE, Advice::LinuxNoHugepage) };
        // SAFETY: the first byte of the mapping, which is writable.
        unsafe { ptr::write_volatile(at.cast::<u8>(), 1) };
        let mut words = (page.address as u64).to_ne_bytes().to_vec();
        words.resize(4 * 8, 0);
        map_named(object, "self_checks")?.update(&0_u32.to_ne_bytes(), &words, MapFlags::ANY)?;
        Ok(page)
    }

    /// The frame on which the programs and /proc/self/pagemap agree; `None` where pagemap tells us no frames.
    ///
    /// # Errors
    /// One line: they do not agree, so that no frame of ours could be trusted.
    pub fn compare(&self, object: &Object) -> Result<Option<u64>> {
        let map = map_named(object, "self_checks")?;
        let words = map.lookup(&0_u32.to_ne_bytes(), MapFlags::ANY)?;
        let words = words.unwrap_or_default();
        let word = |at: usize| {
            let bytes = words.get(at * 8..at * 8 + 8);
            bytes
                .and_then(|bytes| bytes.try_into().ok())
                .map_or(0, u64::from_ne_bytes)
        };
        let told = Told {
            pfn: word(1),
            index: word(2),
            mapping: word(3),
        };
        agree(
            told,
            pagemap_entry(self.address),
            self.address as u64 / PAGE as u64,
        )
    }
}

impl Drop for OwnPage {
    fn drop(&mut self) {
        // SAFETY: the mapping of `show`; nobody uses it any more.
        let _ = unsafe { munmap(self.address as *mut _, PAGE) };
    }
}

fn pagemap_entry(address: usize) -> u64 {
    let mut entry = [0; 8];
    let at = (address / PAGE * 8) as u64;
    let read = File::open("/proc/self/pagemap").and_then(|file| file.read_exact_at(&mut entry, at));
    read.map_or(0, |()| u64::from_ne_bytes(entry))
}

fn agree(told: Told, entry: u64, vpn: u64) -> Result<Option<u64>> {
    let frame = entry & FRAME;
    let is_of_page = told.index == vpn && told.mapping & MAPPING_KIND == MAPPING_ANON;
    // Without CAP_SYS_ADMIN every frame reads 0. That we reach a struct page that is of our page tells as much: by bases that
    // are 0, as a hidden /proc/kallsyms has them, we reach none.
    if entry & PRESENT == 0 || frame == 0 {
        if !is_of_page {
            bail!(
                "our programs do not find the struct page of a page of our own, so frames cannot be told: where /proc/kallsyms \
                 hides addresses, run with CAP_SYSLOG and set sysctl kernel.kptr_restrict to 0 or 1; else trace in the lab: \
                 cowpath lab"
            );
        }
        return Ok(None);
    }
    if told.pfn != frame {
        bail!(
            "our programs find pfn {} for a page of our own that /proc/self/pagemap has at pfn {frame}: page tables are not \
             where page_offset_base says on this kernel, or have another number of levels, so nothing that we told would be \
             true. Trace in the lab: cowpath lab",
            told.pfn
        );
    }
    if !is_of_page {
        bail!(
            "our programs find at pfn {frame}, a page of our own, a struct page that is not of it (index {:#x} for page \
             {vpn:#x}): the memory map is not where vmemmap_base says on this kernel, so nothing that we told would be \
             true. Trace in the lab: cowpath lab",
            told.index
        );
    }
    Ok(Some(frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: u64 = PRESENT | 77;
    const TOLD: Told = Told {
        pfn: 77,
        index: 5,
        mapping: 0xffff_8880_0000_1001,
    };

    #[test]
    fn who_agrees_with_pagemap_is_trusted_and_so_is_a_struct_page_where_no_frames_are_shown() {
        assert_eq!(agree(TOLD, ENTRY, 5).unwrap(), Some(77));
        assert_eq!(agree(TOLD, PRESENT, 5).unwrap(), None);
        assert_eq!(agree(TOLD, 0, 5).unwrap(), None);
    }

    #[test]
    fn where_addresses_are_hidden_nothing_is_told() {
        let words = agree(Told::default(), PRESENT, 5).unwrap_err().to_string();
        assert!(
            words.contains("CAP_SYSLOG") && !words.contains('\n'),
            "{words}"
        );
    }

    #[test]
    fn a_wrong_base_is_refused_in_one_line_that_names_it() {
        for (told, base) in [
            (Told { pfn: 78, ..TOLD }, "page_offset_base"),
            (Told::default(), "page_offset_base"),
            (Told { index: 6, ..TOLD }, "vmemmap_base"),
            (
                Told {
                    mapping: 0xffff_8880_0000_1000,
                    ..TOLD
                },
                "vmemmap_base",
            ),
        ] {
            let words = agree(told, ENTRY, 5).unwrap_err().to_string();
            assert!(words.contains(base) && !words.contains('\n'), "{words}");
        }
    }
}
