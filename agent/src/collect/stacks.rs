//! Names for call stacks: addresses of the map `stacks`, by /proc/kallsyms. An address never leaves this file.

use std::collections::HashSet;
use std::fs;

use anyhow::{Context, Result};
use libbpf_rs::{MapCore, MapFlags, Object};

use super::map_named;
use crate::event::Stack;

/// A longer stack ends here: what asked stands among the innermost.
const MOST_FRAMES: usize = 24;
/// Longer symbols are cut: KSYM_NAME_LEN is 512 since 6.1.
const MOST_SYMBOL_BYTES: usize = 64;

/// Functions that a reference passes through on its way to who asked for it: beginnings of their names, with the reason.
const PLUMBING: [(&str, &str); 24] = [
    ("bpf_", "our own program and its trampoline"),
    ("__bpf_", "as above"),
    ("gup_", "mm/gup.c"),
    ("__gup_", "mm/gup.c"),
    ("internal_get_user_pages", "mm/gup.c"),
    ("get_user_pages", "mm/gup.c: exported"),
    ("__get_user_pages", "mm/gup.c"),
    ("pin_user_pages", "mm/gup.c: exported"),
    (
        "__access_remote_vm",
        "mm/memory.c: under access_remote_vm() and ptrace_access_vm()",
    ),
    (
        "vaddr_get_pfns",
        "drivers/vfio/vfio_iommu_type1.c: under vfio_pin_pages_remote()",
    ),
    (
        "iov_iter_",
        "lib/iov_iter.c: whose iterator it is stands above",
    ),
    ("__iov_iter_", "lib/iov_iter.c"),
    ("io_pin_pages", "io_uring/: for rings and buffers alike"),
    (
        "io_sqe_buffer_register",
        "io_uring/rsrc.c: one buffer of io_sqe_buffers_register()",
    ),
    (
        "process_vm_rw_core",
        "mm/process_vm_access.c: under process_vm_rw()",
    ),
    ("process_vm_rw_single_vec", "as above"),
    ("extract_user_to_sg", "lib/scatterlist.c"),
    ("bio_iov_", "block/bio.c"),
    ("__bio_iov_", "block/bio.c"),
    (
        "iomap_dio_bio_iter",
        "fs/iomap/direct-io.c: one step of iomap_dio_rw()",
    ),
    ("ftrace_", "the way into a kprobe"),
    ("kprobe_", "the way into a kprobe"),
    ("trace_call_bpf", "the way into a kprobe"),
    ("kretprobe_", "the way into a kprobe"),
];

/// What the kernel holds by a name, in order of address.
pub struct Symbols(Vec<(u64, Box<str>)>);

impl Symbols {
    /// # Errors
    /// /proc/kallsyms cannot be read.
    pub fn read() -> Result<Self> {
        let text = fs::read_to_string("/proc/kallsyms")
            .context("/proc/kallsyms cannot be read: mount /proc, or stacks have no names")?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut symbols: Vec<(u64, Box<str>)> = text
            .lines()
            .filter_map(|line| {
                let mut words = line.split_ascii_whitespace();
                let address = u64::from_str_radix(words.next()?, 16).ok()?;
                let kind = words.next()?;
                let name = words.next()?;
                // Code alone; where addresses are hidden all are 0.
                (address != 0 && matches!(kind, "t" | "T" | "w" | "W"))
                    .then(|| (address, name.into()))
            })
            .collect();
        symbols.sort_unstable_by_key(|&(address, _)| address);
        Self(symbols)
    }

    /// The function that an address is in, and how far.
    fn find(&self, address: u64) -> Option<(&str, u64)> {
        let behind = self.0.partition_point(|&(begin, _)| begin <= address);
        let (begin, name) = self.0.get(behind.checked_sub(1)?)?;
        Some((name, address - begin))
    }
}

/// Which stacks were told already, and the names for those that were not.
pub struct Stacks {
    symbols: Symbols,
    told: HashSet<u32>,
}

impl Stacks {
    pub fn new(symbols: Symbols) -> Self {
        Self {
            symbols,
            told: HashSet::new(),
        }
    }

    /// The stack of this number (its place in the map plus one), the first time that it is asked for.
    pub fn first_time(&mut self, object: &Object, stack: u32) -> Option<Stack> {
        let key = stack.checked_sub(1)?.to_ne_bytes();
        if !self.told.insert(stack) {
            return None;
        }
        let map = map_named(object, "stacks").ok()?;
        let bytes = map.lookup(&key, MapFlags::ANY).ok()??;
        let addresses = bytes
            .chunks_exact(8)
            .map(|chunk| u64::from_ne_bytes(chunk.try_into().unwrap_or_default()))
            .take_while(|&address| address != 0);
        Some(name(&self.symbols, stack, addresses))
    }
}

fn name(symbols: &Symbols, stack: u32, addresses: impl Iterator<Item = u64>) -> Stack {
    let functions: Vec<(&str, u64)> = addresses
        .map(|address| symbols.find(address).unwrap_or(("?", 0)))
        // What is innermost is how we look, not what is looked at.
        .skip_while(|(name, _)| is_ours(name))
        .take(MOST_FRAMES)
        .map(|(name, offset)| (name.get(..MOST_SYMBOL_BYTES).unwrap_or(name), offset))
        .collect();
    let taker = functions
        .iter()
        .map(|&(name, _)| written(name))
        .find(|name| !is_plumbing(name))
        .unwrap_or_default();
    Stack {
        stack,
        taker: taker.to_owned(),
        frames: functions
            .iter()
            .map(|(name, offset)| format!("{name}+0x{offset:x}"))
            .collect(),
    }
}

/// The name without what the compiler appended: `.constprop.0`, `.cold`, `.isra.0`, `.part.0`.
fn written(name: &str) -> &str {
    name.split_once('.').map_or(name, |(name, _)| name)
}

fn is_ours(name: &str) -> bool {
    name == "?" || name.starts_with("bpf_") || name.starts_with("__bpf_")
}

fn is_plumbing(name: &str) -> bool {
    name == "?" || PLUMBING.iter().any(|(begin, _)| name.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KALLSYMS: &str = "\
ffffffff81000000 T _stext
ffffffff81001000 t gup_fast_fallback
ffffffff81002000 T pin_user_pages_fast
ffffffff81003000 t io_sqe_buffers_register.cold
ffffffff81004000 T __x64_sys_io_uring_register
ffffffff81005000 d jiffies
ffffffffc0000000 t bpf_prog_0123456789abcdef_gup_fast_exit\t[bpf]
ffffffffc0001000 t bpf_trampoline_6442512345\t[bpf]
";

    #[test]
    fn the_taker_is_the_first_that_is_neither_ours_nor_a_part_of_gup() {
        let symbols = Symbols::parse(KALLSYMS);
        let stack = name(
            &symbols,
            7,
            [
                0xffff_ffff_c000_0010,
                0xffff_ffff_c000_1020,
                0xffff_ffff_8100_1005,
                0xffff_ffff_8100_2030,
                0xffff_ffff_8100_3040,
                0xffff_ffff_8100_5001,
            ]
            .into_iter(),
        );
        assert_eq!(stack.taker, "io_sqe_buffers_register");
        assert_eq!(stack.frames[0], "gup_fast_fallback+0x5");
        assert_eq!(stack.frames.len(), 4);
    }

    #[test]
    fn where_the_kernel_hides_its_addresses_there_is_no_taker() {
        let symbols = Symbols::parse("0000000000000000 T _stext\n");
        let stack = name(&symbols, 1, [0xffff_ffff_8100_3040].into_iter());
        assert_eq!((stack.taker.as_str(), stack.frames.len()), ("", 0));
    }
}
