//! Memory of the subject, and what the kernel itself says about it: frames by /proc/self/pagemap and /proc/kpageflags
//! (Documentation/admin-guide/mm/pagemap.rst).

use std::fs::{self, File};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::ptr;

pub const PAGE: usize = 4096;
pub const HUGE: usize = 512 * PAGE;

const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
const NUMBER: u64 = (1 << 55) - 1;
const KPF_KSM: u32 = 21;
const KPF_THP: u32 = 22;

/// Private anonymous memory with a gap on both sides: no other mapping becomes one with it.
pub struct Area {
    address: usize,
    bytes: usize,
}

impl Area {
    /// Aligned to `align` bytes, a power of two of at least a page; `flags` beside MAP_PRIVATE | MAP_ANONYMOUS.
    ///
    /// # Errors
    /// The kernel's.
    pub fn alone(bytes: usize, align: usize, flags: i32) -> io::Result<Self> {
        let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let room = map(
            0,
            bytes + 3 * align,
            libc::PROT_NONE,
            private | libc::MAP_NORESERVE,
        )?;
        let address = (room + 2 * align - 1) & !(align - 1);
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        map(address, bytes, rights, private | libc::MAP_FIXED | flags)?;
        Ok(Self { address, bytes })
    }

    /// Small pages, each of its own frame.
    ///
    /// # Errors
    /// The kernel's.
    pub fn small(pages: usize) -> io::Result<Self> {
        let area = Self::alone(pages * PAGE, PAGE, 0)?;
        // A kernel without huge pages knows no such advice, and needs none.
        let _ = area.advise(0, pages, libc::MADV_NOHUGEPAGE);
        Ok(area)
    }

    pub fn pages(&self) -> usize {
        self.bytes / PAGE
    }

    pub fn address_of(&self, page: usize) -> usize {
        self.address + page * PAGE
    }

    pub fn vpn_of(&self, page: usize) -> u64 {
        (self.address_of(page) / PAGE) as u64
    }

    /// Writes one byte of each of these pages.
    pub fn write(&self, pages: impl IntoIterator<Item = usize>, byte: u8) {
        for page in pages.into_iter().filter(|&page| page < self.pages()) {
            // SAFETY: the page is a part of the mapping, which is writable and lives as long as self.
            unsafe { ptr::write_volatile(self.address_of(page) as *mut u8, byte) };
        }
    }

    /// Fills these pages with bytes that no other page has.
    pub fn fill(&self, pages: impl IntoIterator<Item = usize>, seed: u64) {
        for page in pages.into_iter().filter(|&page| page < self.pages()) {
            for word in 0..PAGE / 8 {
                let at = (self.address_of(page) + word * 8) as *mut u64;
                let noise = (seed + word as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                // SAFETY: as in `write`; the address is a multiple of eight.
                unsafe { ptr::write_volatile(at, noise) };
            }
        }
    }

    /// Reads one byte of a page: a fault, where it is not mapped.
    pub fn read(&self, page: usize) -> u8 {
        assert!(page < self.pages());
        // SAFETY: the page is a part of the mapping, which is readable and lives as long as self.
        unsafe { ptr::read_volatile(self.address_of(page) as *const u8) }
    }

    /// madvise of some pages.
    ///
    /// # Errors
    /// The kernel's.
    pub fn advise(&self, first: usize, pages: usize, advice: i32) -> io::Result<()> {
        assert!(first + pages <= self.pages());
        let at = self.address_of(first) as *mut libc::c_void;
        // SAFETY: the range is a part of the mapping, in which nothing of Rust's lives.
        checked(unsafe { libc::madvise(at, pages * PAGE, advice) })
    }

    /// mprotect of some pages. Who writes to what is not writable dies.
    ///
    /// # Errors
    /// The kernel's.
    pub fn protect(&self, first: usize, pages: usize, rights: i32) -> io::Result<()> {
        assert!(first + pages <= self.pages());
        let at = self.address_of(first) as *mut libc::c_void;
        // SAFETY: as in `advise`.
        checked(unsafe { libc::mprotect(at, pages * PAGE, rights) })
    }

    /// All of it goes to the place of `other`, which is no more.
    ///
    /// # Errors
    /// The kernel's.
    pub fn move_to(self, other: Self) -> io::Result<Self> {
        assert_eq!(self.bytes, other.bytes);
        let how = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        let (from, to) = (
            self.address as *mut libc::c_void,
            other.address as *mut libc::c_void,
        );
        // SAFETY: both are mappings of ours, of one size, in which nothing of Rust's lives.
        let at = unsafe { libc::mremap(from, self.bytes, self.bytes, how, to) };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        std::mem::forget(self);
        Ok(other)
    }
}

impl Drop for Area {
    /// The address stays taken: what was claimed there is this area's for good.
    fn drop(&mut self) {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE;
        let _ = map(self.address, self.bytes, libc::PROT_NONE, flags);
    }
}

fn map(address: usize, bytes: usize, rights: i32, flags: i32) -> io::Result<usize> {
    // SAFETY: a new mapping: at an address that the kernel chooses, or over room that was set aside for it.
    let at = unsafe { libc::mmap(address as *mut libc::c_void, bytes, rights, flags, -1, 0) };
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(at as usize)
}

pub fn checked(result: i32) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A pipe: where to read, where to write.
///
/// # Errors
/// The kernel's.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: room for two file descriptors.
    checked(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: both are new, and nobody else's.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// What a page table holds for a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapped {
    Nothing,
    Frame(u64),
    /// The swap entry, as the events have it.
    Swap(u64),
}

/// /proc/self/pagemap. Frames are told to those with CAP_SYS_ADMIN; others see frame 0.
pub struct Pagemap(File);

impl Pagemap {
    /// # Errors
    /// /proc is not there.
    pub fn open() -> io::Result<Self> {
        File::open("/proc/self/pagemap").map(Self)
    }

    pub fn at(&self, address: usize) -> Mapped {
        let entry = word_at(&self.0, (address / PAGE) as u64);
        match entry {
            entry if entry & PRESENT != 0 => Mapped::Frame(entry & NUMBER),
            entry if entry & SWAPPED != 0 => Mapped::Swap(entry & NUMBER),
            _ => Mapped::Nothing,
        }
    }

    /// The frame of a page; 0 where none is mapped, or it is not told.
    pub fn frame(&self, address: usize) -> u64 {
        match self.at(address) {
            Mapped::Frame(pfn) => pfn,
            _ => 0,
        }
    }
}

pub fn is_thp(pfn: u64) -> bool {
    has_page_flag(pfn, KPF_THP)
}

pub fn is_ksm(pfn: u64) -> bool {
    has_page_flag(pfn, KPF_KSM)
}

fn has_page_flag(pfn: u64, bit: u32) -> bool {
    File::open("/proc/kpageflags").is_ok_and(|file| word_at(&file, pfn) >> bit & 1 != 0)
}

fn word_at(file: &File, index: u64) -> u64 {
    let mut bytes = [0; 8];
    match file.read_exact_at(&mut bytes, index * 8) {
        Ok(()) => u64::from_ne_bytes(bytes),
        Err(_) => 0,
    }
}

/// A counter of /proc/vmstat; 0 where this kernel has none of that name. Counters that are kept by CPU are brought up to
/// date first (Documentation/admin-guide/sysctl/vm.rst, stat_refresh).
pub fn vmstat(name: &str) -> u64 {
    let _ = fs::write("/proc/sys/vm/stat_refresh", "1");
    counter_in(
        &fs::read_to_string("/proc/vmstat").unwrap_or_default(),
        name,
    )
}

fn counter_in(vmstat: &str, name: &str) -> u64 {
    let mut lines = vmstat.lines().filter_map(|line| line.split_once(' '));
    lines
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0)
}

/// New pages wait in a list of their CPU that holds a reference to each (mm/swap.c, lru_cache_add() and folio_add_lru(), 15
/// or 31 long): as many fresh ones of nobody's interest push ours out. Without it 5.10 copies what it could reuse.
///
/// # Errors
/// The kernel's.
pub fn flush_lru_batch() -> io::Result<()> {
    let filler = Area::small(64)?;
    filler.write(0..64, 1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_was_moved_is_at_the_new_place_with_what_it_held() {
        let (from, to) = (Area::small(4).unwrap(), Area::small(4).unwrap());
        let place = to.address_of(2);
        from.write(0..4, 7);
        let moved = from.move_to(to).unwrap();
        assert_eq!((moved.address_of(2), moved.read(2)), (place, 7));
    }

    #[test]
    fn pagemap_tells_what_is_mapped_from_what_is_not() {
        let (area, pagemap) = (Area::small(2).unwrap(), Pagemap::open().unwrap());
        area.write([0], 1);
        assert!(matches!(pagemap.at(area.address_of(0)), Mapped::Frame(_)));
        assert_eq!(pagemap.at(area.address_of(1)), Mapped::Nothing);
    }

    #[test]
    fn a_counter_is_found_by_its_whole_name() {
        let text = "thp_split_page 1\nthp_split_page_failed 2\n";
        assert_eq!(counter_in(text, "thp_split_page_failed"), 2);
        assert_eq!(counter_in(text, "thp_split"), 0);
    }
}
