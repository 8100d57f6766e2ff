//! The marks by which `frame_free` knows a frame that somebody was told of: the map `tracked`, here as memory.

use std::os::fd::AsFd;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context, Result};
use libbpf_rs::MapCore;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// `MARK_NAMED` of agent/bpf/page.bpf.h.
const NAMED: u8 = 1;

/// Lives as long as a snapshot is under way: its pages count as resident.
pub struct Marks {
    at: *const AtomicU8,
    bytes: usize,
}

// SAFETY: it is memory that only atomic operations touch, and the address is ours until drop.
unsafe impl Send for Marks {}

impl Marks {
    /// # Errors
    /// The kernel refused to map it.
    pub fn of(map: &libbpf_rs::Map<'_>) -> Result<Self> {
        let bytes = map.max_entries() as usize * map.value_size() as usize;
        // SAFETY: a new mapping, at an address that the kernel chooses, of a map that was made to be mapped.
        let at = unsafe {
            mmap(
                ptr::null_mut(),
                bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                map.as_fd(),
                0,
            )
        }
        .context("the map of frames cannot be mapped")?;
        Ok(Self {
            at: at.cast_const().cast(),
            bytes,
        })
    }

    /// From now on the end of this frame is reported.
    pub fn mark(&self, pfn: u64) {
        // SAFETY: `at` points to `bytes` bytes that stay mapped until drop; the programs write single bytes, too.
        let marks = unsafe { slice::from_raw_parts(self.at, self.bytes) };
        // The number of marks is a power of two.
        let index = usize::try_from(pfn).unwrap_or(0) & (self.bytes - 1);
        if let Some(mark) = marks.get(index) {
            // What GUP marked stays.
            let _ = mark.compare_exchange(0, NAMED, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

impl Drop for Marks {
    fn drop(&mut self) {
        // SAFETY: the mapping of `of`, which nobody uses any more.
        let _ = unsafe { munmap(self.at.cast_mut().cast(), self.bytes) };
    }
}
