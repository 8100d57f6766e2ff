//! Loads the programs that fit this kernel, and attaches them leg by leg.

use std::collections::{HashMap, HashSet};
use std::env;
use std::fs;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail};
use libbpf_rs::btf::types::{Func, FuncProto, Struct};
use libbpf_rs::btf::{Btf, BtfKind, HasSize, TypeId};
use libbpf_rs::libbpf_sys::{BPF_F_MMAPABLE, bpf_map_create_opts};
use libbpf_rs::{
    Link, MapHandle, MapType, Object, ObjectBuilder, OpenMapMut, PrintLevel, set_print,
};

use crate::collect::foll::Foll;
use crate::collect::host;
use crate::collect::ladder::{Choice, LADDERS, Refusal, Refused, choose};
use crate::collect::pfn::OwnPage;
use crate::collect::sample::Share;
use crate::collect::seed::{Wanted, run};
use crate::collect::{STACKS_WANTED, stack_bits};
use crate::event::{Stacks, Target};

/// libelf reads words in place.
#[repr(align(8))]
struct Aligned<T: ?Sized>(T);

static OBJECT: &Aligned<[u8]> =
    &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/cowpath.bpf.o")));

/// 64 Mi marks are 64 MiB: memory of up to 256 GiB has a mark of its own for each page.
const MOST_MARKS: u64 = 64 << 20;
const MARKS_PER_CHUNK: u64 = 4096;
const TAKERS_PER_CHUNK: u64 = 2048;
/// `struct config` of agent/bpf/record.h.
const CONFIG_BYTES: usize = 48;
/// The kernel function by which a program may take a number for a pointer, since 6.2: agent/bpf/read.bpf.h.
const CAST: &str = "bpf_rdonly_cast";
/// Programs that see references on pages of a folio given back by the folio.
const UNPIN_BY_HEAD: [&str; 3] = ["unpin_folio", "unpin_folios", "unpin_folio_often"];
/// Rungs that the kernel may refuse before we give up.
const MOST_REFUSALS: usize = 16;
/// Functions to be taken for absent, separated by commas: how tests look at poorer kernels.
const HIDE: &str = "COWPATH_HIDE_HOOKS";
/// Another file to read the kernel's types from: how tests look at kernels whose BTF is absent or broken.
const OTHER_BTF: &str = "COWPATH_BTF";
const BTF: &str = "/sys/kernel/btf/vmlinux";
/// Of agent/bpf/rename.bpf.h.
const RENAMED: &str = "renamed";
/// Variables in sections of their own, each of which is a map: `tallies`, `states`, `gups`.
const LARGE_VARIABLES: &str = ".bss.";
/// Programs that do the same, where all processes are counted and where not.
const COUNTING: (&str, &str) = ("wp_exit_counting", "wp_exit");

/// What this kernel offers.
pub struct Kernel {
    /// Traceable by fentry: name, and whether an argument is a struct by value.
    functions: Functions,
    hidden: HashSet<String>,
    /// Structs as arguments, since 6.1.
    struct_arguments: bool,
    foll: Foll,
}

enum Functions {
    Btf {
        btf: Box<Btf<'static>>,
        /// libbpf looks a name up by comparing it with all others, which takes seconds in emulation.
        ids: HashMap<&'static str, TypeId>,
    },
    #[cfg(test)]
    Named(HashSet<String>),
}

impl Kernel {
    /// # Errors
    /// One line: this kernel has no usable BTF.
    pub fn examine() -> Result<Self> {
        Self::examine_btf(&env::var(OTHER_BTF).unwrap_or_else(|_| BTF.to_owned()))
    }

    fn examine_btf(path: &str) -> Result<Self> {
        if !Path::new(path).exists() {
            bail!(
                "this kernel has no BTF ({path}): boot one with CONFIG_DEBUG_INFO_BTF=y, or trace in the lab: cowpath lab"
            );
        }
        let btf = Btf::from_path(path).map_err(|error| {
            anyhow!(
                "{path} cannot be read ({error}): boot a kernel with whole BTF, or trace in the lab: cowpath lab"
            )
        })?;
        let page: Option<Struct<'_>> = btf.type_by_name("page");
        if page.is_none_or(|page| page.size() != 64) {
            bail!(
                "{path} tells of no struct page of 64 bytes, so cowpath cannot tell pfns here: boot a kernel with whole BTF, or trace in the lab: cowpath lab"
            );
        }
        Ok(Self {
            foll: Foll::of(&btf),
            functions: Functions::Btf {
                ids: function_ids(&btf),
                btf: Box::new(btf),
            },
            hidden: env::var(HIDE)
                .unwrap_or_default()
                .split(',')
                .map(str::to_owned)
                .collect(),
            struct_arguments: host::kernel_version() >= (6, 1),
        })
    }

    #[cfg(test)]
    pub fn with(functions: &[&str]) -> Self {
        Self {
            functions: Functions::Named(functions.iter().map(|&name| name.to_owned()).collect()),
            hidden: HashSet::new(),
            struct_arguments: true,
            foll: Foll::default(),
        }
    }

    /// Why fentry cannot be attached to this function; `None` where it can.
    pub fn untraceable(&self, name: &str) -> Option<String> {
        self.absent(name).or_else(|| match &self.functions {
            Functions::Btf { btf, ids } => {
                let function = ids.get(name).and_then(|&id| btf.type_by_id(id))?;
                (!self.struct_arguments && takes_struct(btf, &function))
                    .then(|| format!("{name} takes a struct by value, which needs Linux 6.1"))
            }
            #[cfg(test)]
            Functions::Named(_) => None,
        })
    }

    /// Why no hook at all can be attached to this function; `None` where it is there.
    pub fn absent(&self, name: &str) -> Option<String> {
        if self.hidden.contains(name) {
            return Some(format!("{name} is hidden by {HIDE}"));
        }
        let is_there = match &self.functions {
            Functions::Btf { ids, .. } => ids.contains_key(name),
            #[cfg(test)]
            Functions::Named(names) => names.contains(name),
        };
        (!is_there).then(|| format!("no function {name}"))
    }
}

/// Of the functions that some rung or program needs: a kernel has 60,000 others.
fn function_ids(btf: &Btf<'_>) -> HashMap<&'static str, TypeId> {
    let wanted: HashSet<&str> = LADDERS
        .iter()
        .flat_map(|ladder| ladder.rungs)
        .flat_map(|rung| rung.functions.iter().copied())
        .chain([CAST])
        .collect();
    let last = u32::try_from(btf.len()).unwrap_or(u32::MAX);
    let functions = (1..last).map(TypeId::from).filter_map(|id| {
        let function: Func<'_> = btf.type_by_id(id)?;
        Some((*wanted.get(function.name()?.to_str()?)?, id))
    });
    functions.collect()
}

fn takes_struct(btf: &Btf<'_>, function: &Func<'_>) -> bool {
    use libbpf_rs::btf::ReferencesType;

    let Ok(prototype) = FuncProto::try_from(function.referenced_type()) else {
        return false;
    };
    prototype.iter().any(|parameter| {
        btf.type_by_id::<libbpf_rs::btf::BtfType<'_>>(parameter.ty)
            .is_some_and(|kind| kind.skip_mods_and_typedefs().kind() == BtfKind::Struct)
    })
}

/// How much of what happens can be told.
pub struct Room {
    /// Size of the ring buffer, a power of two.
    pub ring_bytes: u32,
    /// Events a second that one process may send, 0: any number.
    pub throttle: u32,
    /// Every process is counted, target or not.
    pub counters: bool,
    /// Call stacks that are taken from the beginning on.
    pub stacks: Stacks,
    pub share: Share,
    /// A child of ours that is not traced either, 0: none.
    pub opener_tgid: u32,
}

impl Room {
    fn throttle_ns(&self) -> u64 {
        1_000_000_000_u64
            .checked_div(u64::from(self.throttle))
            .unwrap_or(0)
    }
}

/// Programs in the kernel.
pub struct Loaded {
    pub object: Object,
    pub links: Vec<Link>,
    pub legs: Vec<Choice>,
    pub seed_link: Link,
    /// Whether the map `renames` tells of tasks that take a wanted comm.
    pub counts_renames: bool,
    pub foll: Foll,
}

/// Loads and attaches what this kernel takes. A program that it refuses costs its rung, and all is tried again.
///
/// # Errors
/// One line: the kernel takes no program of ours at all.
pub fn load_and_attach(room: &Room, wanted: &Wanted) -> Result<Loaded> {
    let kernel = Kernel::examine()?;
    set_print(Some((PrintLevel::Warn, hear)));
    let mut refused = Refused::new();
    loop {
        let (object, legs) = load(&kernel, &mut refused, room, wanted)?;
        match attach_all(object, legs, room.counters)? {
            Ok(loaded) => {
                return Ok(Loaded {
                    foll: kernel.foll,
                    ..loaded
                });
            }
            Err(refusal) => refused.push(refusal),
        }
    }
}

/// The legs as they would run, after the kernel has taken their programs, and the frame of a page of ours on which these
/// and /proc/self/pagemap agree. Nothing is attached but the task iterator.
///
/// # Errors
/// One line: the kernel takes no program of ours at all.
pub fn try_load() -> Result<(Vec<Choice>, Result<Option<u64>>)> {
    let kernel = Kernel::examine()?;
    set_print(Some((PrintLevel::Warn, hear)));
    let everything = Wanted::resolve(&Target::default())?;
    let room = Room {
        ring_bytes: 4096,
        throttle: 0,
        counters: true,
        stacks: Stacks::default(),
        share: Share::of(1),
        opener_tgid: 0,
    };
    let (object, legs) = load(&kernel, &mut Refused::new(), &room, &everything)?;
    let agreed = attach_seed(&object).map(|(_, agreed)| agreed);
    Ok((legs, agreed))
}

fn load(
    kernel: &Kernel,
    refused: &mut Refused,
    room: &Room,
    wanted: &Wanted,
) -> Result<(Object, Vec<Choice>)> {
    while refused.len() < MOST_REFUSALS {
        let legs = choose(kernel, refused);
        match load_once(kernel, &legs, room, wanted)? {
            Ok(object) => return Ok((object, legs)),
            Err(refusal) => refused.push(refusal),
        }
    }
    bail!(
        "the kernel refuses too many of our programs, the last {}: see cowpath-agent doctor",
        refused.last().map_or("", |(program, _)| program.as_str())
    )
}

fn programs_of(legs: &[Choice], counters: bool) -> HashSet<&'static str> {
    let idle = if counters { COUNTING.1 } else { COUNTING.0 };
    legs.iter()
        .flat_map(|leg| leg.programs.iter().copied())
        .filter(|&name| name != idle)
        .collect()
}

/// The inner error is one program that the kernel refuses.
fn load_once(
    kernel: &Kernel,
    legs: &[Choice],
    room: &Room,
    wanted: &Wanted,
) -> Result<Result<Object, Refusal>> {
    if legs.iter().all(|leg| leg.hook.is_empty()) {
        bail!("this kernel offers none of the functions that we know: see cowpath-agent doctor");
    }
    let programs = programs_of(legs, room.counters);
    let mut open = ObjectBuilder::default()
        .open_memory(&OBJECT.0)
        .context("the BPF object of this agent cannot be read: it was built wrong")?;
    for mut program in open.progs_mut() {
        let name = program.name().to_string_lossy().into_owned();
        let is_needed = name == "seed" || name == RENAMED;
        program.set_autoload(is_needed || programs.contains(name.as_str()));
    }
    configure(&mut open, kernel, room, wanted, &programs)?;

    heard(Vec::clear);
    open.load().map(Ok).or_else(|error| {
        match heard(|lines| lines.iter().find_map(|line| culprit(line))) {
            // The iterator is the simplest of all: where it is refused, everything is.
            Some(refusal) if refusal.0 != "seed" && !is_denied(&error) => Ok(Err(refusal)),
            _ => Err(no_bpf(&error)),
        }
    })
}

fn is_denied(error: &libbpf_rs::Error) -> bool {
    error.kind() == libbpf_rs::ErrorKind::PermissionDenied
}

/// The inner error is one program that cannot be attached.
fn attach_all(
    object: Object,
    legs: Vec<Choice>,
    counters: bool,
) -> Result<Result<Loaded, Refusal>> {
    let (seed_link, _) = attach_seed(&object)?;
    let renamed = attach(&object, RENAMED).ok().flatten();
    let counts_renames = renamed.is_some();
    let mut links = Vec::from_iter(renamed);
    // Exits first: an exit without its entry is ignored. And of two probes of one function the one attached last runs
    // first: on 5.10 a stack ends where a kretprobe has already put its own return address.
    let mut names: Vec<_> = programs_of(&legs, counters).into_iter().collect();
    names.sort_unstable_by_key(|name| (!name.contains("exit"), *name));
    for name in names {
        match attach(&object, name) {
            Ok(link) => links.extend(link),
            Err(error) => return Ok(Err((name.to_owned(), error.root_cause().to_string()))),
        }
    }
    Ok(Ok(Loaded {
        object,
        links,
        legs,
        seed_link,
        counts_renames,
        foll: Foll::default(),
    }))
}

/// First of all: it tells the programs where struct page is. The frame is that of `OwnPage::compare`.
fn attach_seed(object: &Object) -> Result<(Link, Option<u64>)> {
    let link =
        attach(object, "seed")?.ok_or_else(|| anyhow!("the BPF object has no task iterator"))?;
    let page = OwnPage::show(object)?;
    run(&link)?;
    let agreed = page.compare(object)?;
    Ok((link, agreed))
}

fn attach(object: &Object, name: &str) -> Result<Option<Link>> {
    let program = object.progs_mut().find(|program| program.name() == name);
    Ok(program.map(|program| program.attach()).transpose()?)
}

/// A map for a variable of more than some kilobytes. One that libbpf makes it fills, too
/// (`bpf_object__populate_internal_map()`), and 5.10 takes what it is filled with into memory that is one piece: `kmalloc()`
/// in `map_update_elem()`, kernel/bpf/syscall.c. It has the variable's own name: libbpf calls a map as the one that it is given.
fn large_variable(map: &OpenMapMut<'_>, name: &str) -> Result<MapHandle> {
    let options = bpf_map_create_opts {
        sz: size_of::<bpf_map_create_opts>() as _,
        map_flags: BPF_F_MMAPABLE,
        ..bpf_map_create_opts::default()
    };
    let key_bytes = u32::BITS / u8::BITS;
    MapHandle::create(
        MapType::Array,
        Some(name),
        key_bytes,
        map.value_size(),
        1,
        &options,
    )
    .context("a map of the programs cannot be made")
}

/// Sizes of the maps, and `struct config` of agent/bpf/record.h.
fn configure(
    open: &mut libbpf_rs::OpenObject,
    kernel: &Kernel,
    room: &Room,
    wanted: &Wanted,
    programs: &HashSet<&str>,
) -> Result<()> {
    let max_pfn = host::max_pfn();
    let marks = max_pfn
        .next_power_of_two()
        .clamp(MARKS_PER_CHUNK, MOST_MARKS);
    let mut config = Vec::with_capacity(CONFIG_BYTES);
    config.extend((marks - 1).to_ne_bytes());
    config.extend(room.throttle_ns().to_ne_bytes());
    config.extend(std::process::id().to_ne_bytes());
    config.extend(
        [
            wanted.is_everything(),
            max_pfn > marks,
            host::five_levels(),
            programs.contains("wp_reuse"),
            !wanted.cgroups.is_empty(),
        ]
        .map(u8::from),
    );
    config.resize(CONFIG_BYTES - 20, 0);
    config.extend(kernel.foll.longterm().to_ne_bytes());
    config.extend(kernel.foll.pin().to_ne_bytes());
    config.extend(
        [
            room.counters,
            kernel.absent(CAST).is_none(),
            UNPIN_BY_HEAD.iter().any(|&name| programs.contains(name)),
        ]
        .map(u8::from),
    );
    config.resize(CONFIG_BYTES - 8, 0);
    config.extend(room.opener_tgid.to_ne_bytes());
    config.extend(room.share.below().to_ne_bytes());

    for mut map in open.maps_mut() {
        let name = map.name().to_string_lossy().into_owned();
        if name == "ring" {
            map.set_max_entries(room.ring_bytes)?;
        } else if name == "books" {
            map.set_max_entries(u32::try_from(libbpf_rs::num_possible_cpus()?)?)?;
        } else if name.starts_with(LARGE_VARIABLES) {
            map.reuse_fd(large_variable(&map, &name)?.as_fd())?;
        } else if name == "tracked" {
            // A snapshot marks frames, too: see Marks.
            map.set_map_flags(BPF_F_MMAPABLE)?;
            map.set_max_entries(u32::try_from(marks / MARKS_PER_CHUNK)?)?;
        } else if name == "takers" && room.counters {
            map.set_max_entries(u32::try_from(marks / TAKERS_PER_CHUNK)?)?;
        } else if name == STACKS_WANTED
            && let Some(value) = map.initial_value_mut()
            && let Some(place) = value.first_chunk_mut()
        {
            *place = stack_bits(room.stacks).to_ne_bytes();
        } else if name.ends_with(".rodata")
            && let Some(value) = map.initial_value_mut()
            && let Some(place) = value.get_mut(..config.len())
        {
            place.copy_from_slice(&config);
        }
    }
    Ok(())
}

/// Why the kernel took nothing at all.
fn no_bpf(error: &libbpf_rs::Error) -> anyhow::Error {
    if let Some(symbol) = heard(|lines| lines.iter().find_map(|line| unresolved(line))) {
        let kallsyms = fs::read_to_string("/proc/kallsyms").unwrap_or_default();
        return anyhow!("{}", without_address(&symbol, &kallsyms));
    }
    let advice = if is_denied(error) {
        "run as root; where that is so, this kernel forbids BPF (lockdown, or a sandbox): trace in the lab: cowpath lab"
    } else {
        "see cowpath-agent doctor, or trace in the lab: cowpath lab"
    };
    let said = heard(|lines| lines.last().cloned()).unwrap_or_default();
    anyhow!(
        "the kernel does not load BPF programs ({error}; {}): {advice}",
        said.trim()
    )
}

/// The variable in a line like `libbpf: extern 'vmemmap_base' (strong): not resolved`.
fn unresolved(line: &str) -> Option<String> {
    let (symbol, rest) = line.split_once("extern '")?.1.split_once('\'')?;
    rest.contains("not resolved").then(|| symbol.to_owned())
}

/// What it means that libbpf did not find the kernel's variable `symbol` in `kallsyms`. See kernel/kallsyms.c,
/// kallsyms_show_value(): who may not know an address reads 0.
fn without_address(symbol: &str, kallsyms: &str) -> String {
    let of_symbol = |line: &&str| line.split_ascii_whitespace().nth(2) == Some(symbol);
    match kallsyms.lines().find(of_symbol) {
        Some(_) => format!(
            "/proc/kallsyms hides the address of {symbol}, by which pages are told apart: run as root with CAP_SYSLOG, and \
             set sysctl kernel.kptr_restrict to 0 or 1"
        ),
        None if kallsyms.is_empty() => format!(
            "/proc/kallsyms cannot be read or is empty, and without the address of {symbol} pages cannot be told apart: \
             leave the sandbox, boot a kernel with CONFIG_KALLSYMS_ALL=y, or trace in the lab: cowpath lab"
        ),
        None => format!(
            "this kernel has no {symbol} in /proc/kallsyms, without which pages cannot be told apart: it was built without \
             CONFIG_RANDOMIZE_MEMORY or CONFIG_KALLSYMS_ALL, as kernels of small virtual machines are. Boot a \
             distribution's kernel, or trace in the lab: cowpath lab"
        ),
    }
}

static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// libbpf tells by its log which program was refused.
fn hear(_: PrintLevel, line: String) {
    heard(|lines| {
        if lines.len() < 64 {
            lines.push(line);
        }
    });
}

fn heard<T>(with: impl FnOnce(&mut Vec<String>) -> T) -> T {
    with(&mut HEARD.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Program and reason in a line like `libbpf: prog 'wp_enter': BPF program load failed: Invalid argument`.
fn culprit(line: &str) -> Option<(String, String)> {
    let rest = line.split_once("prog '")?.1;
    let (program, rest) = rest.split_once("': ")?;
    let why = rest.strip_prefix("BPF program load failed: ")?;
    Some((program.to_owned(), why.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refused_program_is_read_from_the_log() {
        let line = "libbpf: prog 'wp_enter': BPF program load failed: Invalid argument\n";
        assert_eq!(
            culprit(line),
            Some(("wp_enter".to_owned(), "Invalid argument".to_owned()))
        );
        assert_eq!(culprit("libbpf: failed to load object"), None);
    }

    /// The raw BTF of our own object: whole, and no kernel's.
    fn our_btf() -> &'static [u8] {
        const MAGIC_VERSION_FLAGS_HEADER: [u8; 8] = [0x9f, 0xeb, 1, 0, 24, 0, 0, 0];
        let at = OBJECT
            .0
            .windows(8)
            .position(|bytes| bytes == MAGIC_VERSION_FLAGS_HEADER);
        let btf = &OBJECT.0[at.unwrap()..];
        let word = |at: usize| u32::from_ne_bytes(btf[at..at + 4].try_into().unwrap()) as usize;
        &btf[..24 + word(16) + word(20)]
    }

    fn refusal_of(btf: &[u8]) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), btf).unwrap();
        let path = file.path().to_str().unwrap();
        Kernel::examine_btf(path).err().unwrap().to_string()
    }

    #[test]
    fn btf_that_is_absent_empty_or_cut_off_anywhere_is_refused_in_one_line() {
        let absent = Kernel::examine_btf("/no/such/btf")
            .err()
            .unwrap()
            .to_string();
        assert!(
            absent.contains("no BTF") && !absent.contains('\n'),
            "{absent}"
        );
        let whole = our_btf();
        assert!(refusal_of(whole).contains("no struct page of 64 bytes"));
        for length in (0..whole.len()).step_by(whole.len() / 97) {
            let words = refusal_of(&whole[..length]);
            assert!(
                words.contains("cannot be read") && !words.contains('\n'),
                "{words}"
            );
        }
    }

    #[test]
    fn a_variable_that_is_not_found_is_explained_by_what_kallsyms_shows() {
        let line = "libbpf: extern 'page_offset_base' (strong): not resolved\n";
        assert_eq!(unresolved(line).as_deref(), Some("page_offset_base"));
        assert_eq!(unresolved("libbpf: failed to load object"), None);
        for (kallsyms, words) in [
            ("0000000000000000 D page_offset_base\n", "kptr_restrict"),
            (
                "ffffffff81000000 T page_offset_base_of\n",
                "CONFIG_KALLSYMS_ALL",
            ),
            ("", "leave the sandbox"),
        ] {
            let told = without_address("page_offset_base", kallsyms);
            assert!(told.contains(words) && !told.contains('\n'), "{told}");
        }
    }
}
