//! From kernel functions to events: chooses the hooks that this kernel offers, attaches them, drains the ring buffer.
//!
//! The programs are in `agent/bpf`. Nothing here knows gRPC.

mod books;
mod code;
mod counters;
mod foll;
mod host;
mod ladder;
mod load;
mod mms;
mod order;
mod pfn;
mod preflight;
mod record;
mod sample;
mod seed;
mod snapshot;
mod stacks;

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};
use libbpf_rs::{AsRawLibbpf, Link, MapCore, MapFlags, Object, RingBuffer, RingBufferBuilder};

use crate::event::{self, Counters, Drained, LegStatus, Source, Target};
use crate::opener::Opener;
use books::BookKeeper;
use load::{Loaded, Room};
use mms::Mms;
use order::Window;
use record::Record;
use sample::Share;
use seed::Seeder;
use snapshot::Snapshot;
use stacks::{Stacks, Symbols};

pub use books::CpuBooks;
pub use preflight::preflight;

/// What to trace, and with how much room.
pub struct Config {
    pub target: Target,
    /// Size of the ring buffer, a power of two.
    pub ring_bytes: u32,
    /// Events a second that one process may send, 0: any number.
    pub throttle: u32,
    /// Every process is counted, target or not.
    pub counters: bool,
    /// An empty target is nothing: what clients filter for is traced.
    pub on_demand: bool,
    /// Call stacks that are taken; clients may ask for more.
    pub stacks: event::Stacks,
    /// The history of one page in so many is told.
    pub one_page_in: u32,
}

/// The kernel as a source of events.
pub struct Collector {
    ring: RingBuffer<'static>,
    arrived: Arc<Mutex<Vec<Record>>>,
    window: Window,
    mms: Mms,
    stacks: Stacks,
    /// Who wants which stacks: the agent itself, and clients by their bits.
    stack_wishes: [event::Stacks; 64],
    /// Opens what we may not open ourselves once we serve; `None`: no process can be started here.
    opener: Option<Opener>,
    seeder: Seeder,
    /// Of what targets mapped before they were attached; `None`: everything is a target.
    snapshot: Option<Snapshot>,
    has_listener: bool,
    books: BookKeeper,
    links: Vec<Link>,
    has_counters: bool,
    ring_bytes: u64,
    attached: bool,
    /// Last: what is above was made from it.
    object: Object,
}

/// Attaches what this kernel offers and begins to trace.
///
/// # Errors
/// One line: this host does not let us trace, or the target does not exist.
pub fn open(config: &Config) -> Result<Collector> {
    let wanted = seed::Wanted {
        on_demand: config.on_demand,
        ..seed::Wanted::resolve(&config.target)?
    };
    // While we have the privilege that it is to keep. Before anything is attached: we never trace ourselves.
    let opener = Opener::start()
        .inspect_err(|error| {
            eprintln!(
                "cowpath-agent: no process can be started to look at others ({error}): code in user mode has no names"
            );
        })
        .ok();
    let room = Room {
        ring_bytes: config.ring_bytes,
        throttle: config.throttle,
        counters: config.counters,
        stacks: config.stacks,
        share: Share::of(config.one_page_in),
        opener_tgid: opener.as_ref().map_or(0, Opener::tgid),
    };
    let Loaded {
        object,
        links,
        legs,
        seed_link,
        counts_renames,
        foll,
    } = load::load_and_attach(&room, &wanted)?;

    // Now, with the programs attached: their names are among the kernel's.
    let stacks = Stacks::new(Symbols::read()?);
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let ring = {
        let arrived = Arc::clone(&arrived);
        let map = map_named(&object, "ring")?;
        let mut builder = RingBufferBuilder::new();
        builder.add(&map, move |bytes| {
            if let Some(record) = Record::parse(bytes) {
                arrived
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(record);
            }
            0
        })?;
        builder
            .build()
            .context("the ring buffer cannot be mapped")?
    };
    // Of everything a snapshot would have no bound.
    let has_snapshot = !wanted.is_everything();
    let seeder = Seeder::begin(&object, seed_link, counts_renames, wanted)?;
    let mut snapshot = has_snapshot
        .then(|| Snapshot::new(Share::of(config.one_page_in)))
        .transpose()?;
    if let Some(snapshot) = &mut snapshot {
        snapshot.look(&object, opener.as_ref())?;
    }
    let books = BookKeeper::new(&object, legs);
    give_back_memory();
    Ok(Collector {
        ring,
        arrived,
        window: Window::default(),
        mms: Mms::new(foll),
        stacks,
        stack_wishes: std::array::from_fn(|bit| match bit {
            0 => config.stacks,
            _ => event::Stacks::default(),
        }),
        opener,
        seeder,
        snapshot,
        has_listener: false,
        books,
        links,
        has_counters: config.counters,
        ring_bytes: u64::from(config.ring_bytes),
        attached: true,
        object,
    })
}

impl Collector {
    /// What each leg saw and what became of it, by CPU: the books as the programs keep them.
    pub fn books_by_cpu(&self) -> Vec<Vec<CpuBooks>> {
        books::by_cpu(&self.object)
    }

    /// Who is a target now and was none: what it maps already is told.
    fn look_at_fresh(&mut self) -> Result<()> {
        let Self {
            snapshot,
            object,
            opener,
            ..
        } = self;
        snapshot
            .as_mut()
            .map_or(Ok(()), |snapshot| snapshot.look(object, opener.as_ref()))
    }

    /// What the programs wrote into the ring and nobody has read.
    fn unread_bytes(&self) -> u64 {
        let ring = self.ring.as_libbpf_object();
        // SAFETY: the buffer lives as long as self; its first ring, the only one, is a part of it, and this only
        // compares the positions that the kernel and we wrote.
        let bytes = unsafe {
            libbpf_sys::ring__avail_data_size(libbpf_sys::ring_buffer__ring(ring.as_ptr(), 0))
        };
        bytes as u64
    }
}

impl Source for Collector {
    fn drain(&mut self, out: &mut Drained) -> Result<()> {
        let began_ns = host::monotonic_ns();
        if self.attached && self.seeder.look_again(&self.object)? {
            self.look_at_fresh()?;
        }
        self.ring
            .consume()
            .context("the ring buffer cannot be read")?;
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        if self.attached
            && self.has_listener
            && let Some(snapshot) = &mut self.snapshot
        {
            snapshot.step(&self.object, &mut arrived)?;
        }
        self.window.take(&mut arrived);
        drop(arrived);
        let first = out.events.len();
        let Self { window, mms, .. } = self;
        if self.attached {
            window.release(began_ns, |record| mms.translate(&record, out));
        } else {
            window.release_all(|record| mms.translate(&record, out));
        }
        let Self {
            stacks,
            object,
            opener,
            ..
        } = self;
        for process in &out.processes {
            stacks.forget(process.tgid);
        }
        let Drained {
            events,
            stacks: told,
            ..
        } = out;
        for event in events
            .iter_mut()
            .skip(first)
            .filter(|event| event.stack != 0)
        {
            stacks.number(object, opener.as_ref(), event, told);
        }
        Ok(())
    }

    fn listened(&mut self) {
        self.has_listener = true;
    }

    fn legs(&self) -> Vec<LegStatus> {
        self.books.legs(&self.object, self.attached)
    }

    fn wish(&mut self, bit: u32, target: &Target) -> Result<()> {
        if !self.attached {
            return Ok(());
        }
        self.seeder.wish(&self.object, bit, target)?;
        self.look_at_fresh()
    }

    fn wish_stacks(&mut self, bit: u32, stacks: event::Stacks) -> Result<()> {
        let Some(wish) = self.stack_wishes.get_mut(bit as usize) else {
            return Ok(());
        };
        *wish = stacks;
        let union = self
            .stack_wishes
            .iter()
            .fold(event::Stacks::default(), |all, wish| all.or(*wish));
        map_named(&self.object, STACKS_WANTED)?
            .update(
                &0_u32.to_ne_bytes(),
                &stack_bits(union).to_ne_bytes(),
                MapFlags::ANY,
            )
            .context("the choice of stacks cannot be changed")
    }

    fn counters(&self) -> Option<Box<dyn Counters>> {
        let reader = || counters::Reader::new(&self.object);
        Some(Box::new(self.has_counters.then(reader)?.ok()?))
    }

    fn ring(&self) -> (u64, u64) {
        (self.unread_bytes(), self.ring_bytes)
    }

    fn detach(&mut self) {
        self.links.clear();
        self.attached = false;
    }
}

/// The kernel's types alone took 20 MB while we loaded; glibc keeps for later what lies between blocks that are in use.
fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no pointer of anybody's becomes invalid by it.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The map that holds `stacks_wanted` of agent/bpf/stack.bpf.h, by its section.
const STACKS_WANTED: &str = ".data.stacks";

/// `STACKS_KERNEL` and `STACKS_USER` of the same.
fn stack_bits(stacks: event::Stacks) -> u32 {
    u32::from(stacks.kernel) | u32::from(stacks.user) << 1
}

fn map_named<'object>(object: &'object Object, name: &str) -> Result<libbpf_rs::Map<'object>> {
    object
        .maps()
        .find(|map| map.name() == name)
        .ok_or_else(|| anyhow!("the BPF object has no map {name}: this agent was built wrong"))
}
