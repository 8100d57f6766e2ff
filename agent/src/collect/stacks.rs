//! Names for call stacks: addresses of the map `stacks`, by /proc/kallsyms, and of the map `user_stacks`, by what their
//! process maps. No address of the kernel leaves this file.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader};

use anyhow::{Context, Result};
use libbpf_rs::{MapCore, MapFlags, Object};

use super::code::Code;
use super::map_named;
use crate::event::{Event, Stack};
use crate::opener::Opener;

/// A longer stack ends here: what asked stands among the innermost.
const MOST_FRAMES: usize = 24;
/// In user mode.
const MOST_USER_FRAMES: usize = 16;
/// Different stacks that have a part in user mode; who comes later has what the kernel's part tells alone.
const MOST_USER_STACKS: u32 = 4096;
/// Their numbers begin here: those of the kernel alone are places in a map of 4,096.
const FIRST_USER_STACK: u32 = 1 << 16;
/// Places of stacks in all processes whose number is remembered.
const MOST_REMEMBERED: usize = 64 << 10;
/// How a frame in user mode begins.
const USER: char = '@';
/// Longer symbols are cut: KSYM_NAME_LEN is 512 since 6.1.
const MOST_SYMBOL_BYTES: usize = 64;

/// A symbol for the bytes before a function, where nothing runs: half of all since 6.3 (CONFIG_FUNCTION_PADDING_BYTES).
const PADDING: &str = "__pfx_";

/// Functions that a reference passes through on its way to who asked for it: beginnings of their names, with the reason.
const PLUMBING: [(&str, &str); 25] = [
    ("bpf_", "our own program and its trampoline"),
    ("__bpf_", "as above"),
    ("gup_", "mm/gup.c"),
    ("__gup_", "mm/gup.c"),
    ("internal_get_user_pages", "mm/gup.c"),
    ("get_user_pages", "mm/gup.c: exported"),
    ("__get_user_pages", "mm/gup.c"),
    ("pin_user_pages", "mm/gup.c: exported"),
    ("memfd_pin_folios", "mm/gup.c: exported"),
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

/// What the kernel holds by a name, in order of address. There are 100,000 and more, for as long as we run: their names
/// stand behind each other in one text.
#[derive(Default)]
pub struct Symbols {
    functions: Vec<Function>,
    names: String,
}

struct Function {
    address: u64,
    /// Where its name begins and ends.
    begin: u32,
    end: u32,
}

impl Symbols {
    /// # Errors
    /// /proc/kallsyms cannot be read.
    pub fn read() -> Result<Self> {
        let without = "/proc/kallsyms cannot be read: mount /proc, or stacks have no names";
        let file = File::open("/proc/kallsyms").context(without)?;
        Self::parse(BufReader::new(file)).context(without)
    }

    fn parse(mut lines: impl BufRead) -> io::Result<Self> {
        let mut symbols = Self::default();
        let mut line = String::new();
        while lines.read_line(&mut line)? > 0 {
            symbols.add(&line);
            line.clear();
        }
        symbols
            .functions
            .sort_unstable_by_key(|function| function.address);
        symbols.functions.shrink_to_fit();
        symbols.names.shrink_to_fit();
        Ok(symbols)
    }

    /// `None`: it is no code, or its address is hidden: then all are 0.
    fn add(&mut self, line: &str) -> Option<()> {
        let mut words = line.split_ascii_whitespace();
        let address = u64::from_str_radix(words.next()?, 16).ok()?;
        let kind = words.next()?;
        let name = words.next()?;
        let is_code = matches!(kind, "t" | "T" | "w" | "W") && !name.starts_with(PADDING);
        (address != 0 && is_code).then_some(())?;
        let begin = u32::try_from(self.names.len()).ok()?;
        let end = u32::try_from(self.names.len() + name.len()).ok()?;
        self.names.push_str(name);
        self.functions.push(Function {
            address,
            begin,
            end,
        });
        Some(())
    }

    /// The function that an address is in, and how far.
    fn find(&self, address: u64) -> Option<(&str, u64)> {
        let behind = self
            .functions
            .partition_point(|function| function.address <= address);
        let function = self.functions.get(behind.checked_sub(1)?)?;
        let name = self
            .names
            .get(function.begin as usize..function.end as usize)?;
        Some((name, address - function.address))
    }
}

/// Which stacks were told already, and the names for those that were not.
pub struct Stacks {
    symbols: Symbols,
    told: HashSet<u32>,
    code: Code,
    /// Numbers of stacks with a part in user mode: by process, and by the places of both parts. 0: there was no room.
    numbers: HashMap<u32, HashMap<u32, u32>>,
    remembered: usize,
    /// The same by what they say.
    by_words: HashMap<u64, u32>,
}

impl Stacks {
    pub fn new(symbols: Symbols) -> Self {
        Self {
            symbols,
            told: HashSet::new(),
            code: Code::default(),
            numbers: HashMap::new(),
            remembered: 0,
            by_words: HashMap::new(),
        }
    }

    /// This process is a new one, or runs another program.
    pub fn forget(&mut self, tgid: u32) {
        self.code.forget(tgid);
        self.remembered -= self.numbers.remove(&tgid).map_or(0, |places| places.len());
    }

    /// Puts a number in place of the places that the event names, and appends the stack the first time.
    pub fn number(
        &mut self,
        object: &Object,
        opener: Option<&Opener>,
        event: &mut Event,
        out: &mut Vec<Stack>,
    ) {
        let places = event.stack;
        let (kernel, user) = (places & 0xffff, places >> 16);
        if user != 0
            && let Some(number) = self.number_of(object, opener, event.tgid, places, out)
        {
            event.stack = number;
            return;
        }
        event.stack = kernel;
        if kernel != 0 && self.told.insert(kernel) {
            out.extend(self.named(object, kernel));
        }
    }

    /// `None`: there are too many, or it is not in the map.
    fn number_of(
        &mut self,
        object: &Object,
        opener: Option<&Opener>,
        tgid: u32,
        places: u32,
        out: &mut Vec<Stack>,
    ) -> Option<u32> {
        let known = self.numbers.get(&tgid).and_then(|known| known.get(&places));
        if let Some(&number) = known {
            return (number != 0).then_some(number);
        }
        let addresses: Vec<u64> = addresses(object, "user_stacks", places >> 16)?
            .take(MOST_USER_FRAMES)
            .collect();
        let words = match opener {
            Some(opener) => self.code.name(opener, tgid, &addresses),
            None => addresses.iter().map(|at| format!("0x{at:x}")).collect(),
        };
        let mut stack = self.named(object, places & 0xffff).unwrap_or_default();
        let user = words.into_iter().map(|word| format!("{USER}{word}"));
        stack.frames.extend(user);
        // That there is no room for it is remembered, too: names cost.
        let number = self.by_words(stack, out).unwrap_or(0);
        if self.remembered >= MOST_REMEMBERED {
            self.numbers.clear();
            self.remembered = 0;
        }
        self.numbers.entry(tgid).or_default().insert(places, number);
        self.remembered += 1;
        (number != 0).then_some(number)
    }

    /// The number of the stack that says the same, or the next one.
    fn by_words(&mut self, mut stack: Stack, out: &mut Vec<Stack>) -> Option<u32> {
        let mut hasher = DefaultHasher::new();
        stack.frames.hash(&mut hasher);
        let hash = hasher.finish();
        if let Some(&number) = self.by_words.get(&hash) {
            return Some(number);
        }
        let count = u32::try_from(self.by_words.len()).unwrap_or(u32::MAX);
        (count < MOST_USER_STACKS).then_some(())?;
        stack.stack = FIRST_USER_STACK + count;
        self.by_words.insert(hash, stack.stack);
        let number = stack.stack;
        out.push(stack);
        Some(number)
    }

    /// The kernel's part at a place of its map plus one.
    fn named(&self, object: &Object, place: u32) -> Option<Stack> {
        let addresses = addresses(object, "stacks", place)?;
        Some(name(&self.symbols, place, addresses))
    }
}

/// What a map of stacks holds at a place, plus one; innermost first.
fn addresses(object: &Object, map: &str, place: u32) -> Option<impl Iterator<Item = u64> + use<>> {
    let key = place.checked_sub(1)?.to_ne_bytes();
    let bytes = map_named(object, map)
        .ok()?
        .lookup(&key, MapFlags::ANY)
        .ok()??;
    let words: Vec<u64> = bytes
        .chunks_exact(8)
        .map(|chunk| u64::from_ne_bytes(chunk.try_into().unwrap_or_default()))
        .take_while(|&address| address != 0)
        .collect();
    Some(words.into_iter())
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
        let symbols = Symbols::parse(KALLSYMS.as_bytes()).unwrap();
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
    fn stacks_that_say_the_same_are_one_and_there_is_a_bound() {
        let mut stacks = Stacks::new(Symbols::parse(KALLSYMS.as_bytes()).unwrap());
        let mut told = Vec::new();
        let mut number = |frame: String| {
            let stack = Stack {
                frames: vec![frame],
                ..Stack::default()
            };
            stacks.by_words(stack, &mut told)
        };
        let first = number("@redis-server+0x10".to_owned());
        assert_eq!(first, Some(FIRST_USER_STACK));
        assert_eq!(
            number("@redis-server+0x20".to_owned()),
            Some(FIRST_USER_STACK + 1)
        );
        assert_eq!(number("@redis-server+0x10".to_owned()), first);
        let more = (2..MOST_USER_STACKS + 5).map(|i| number(format!("@a+{i}")));
        assert_eq!(more.filter(Option::is_none).count(), 5);
        assert_eq!(told.len(), MOST_USER_STACKS as usize);
    }

    #[test]
    fn where_the_kernel_hides_its_addresses_there_is_no_taker() {
        let symbols = Symbols::parse("0000000000000000 T _stext\n".as_bytes()).unwrap();
        let stack = name(&symbols, 1, [0xffff_ffff_8100_3040].into_iter());
        assert_eq!((stack.taker.as_str(), stack.frames.len()), ("", 0));
    }
}
