//! One event as the agent handles it between the ring buffer and the wire.
//!
//! Fields, units and meaning are those of the columns of `Batch` in `proto/cowpath/v1/event.proto`.

/// What the kernel did to a page, already stripped of kernel pointers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// CLOCK_MONOTONIC, taken in the kernel where the fact is true.
    pub time_ns: u64,
    pub vpn: u64,
    pub old_pfn: u64,
    pub new_pfn: u64,
    pub aux: u64,
    pub cpu: u32,
    pub tgid: u32,
    pub tid: u32,
    pub mm: u32,
    pub other_mm: u32,
    pub other_tgid: u32,
    pub pages: u32,
    pub flags: u32,
    pub stack: u32,
    pub refcount: i32,
    pub mapcount: i32,
    pub pincount: i32,
    pub new_refcount: i32,
    pub kind: u8,
    pub outcome: u8,
    pub order: u8,
}

/// A process that events name; see `Process` in the proto.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    pub tgid: u32,
    pub parent_tgid: u32,
    pub mm: u32,
    pub comm: Vec<u8>,
    pub start_time_ns: u64,
}

/// A call stack that events name by its number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    pub stack: u32,
    /// The function that asked, empty where it is not known.
    pub taker: String,
    /// Innermost first: of the kernel, `symbol+0xoffset`; then of the process, `@module+0xoffset symbol+0xoffset` or
    /// `@0xaddress`.
    pub frames: Vec<String>,
}

/// What one drain of the collector hands over, in time order within the window that the collector sorts by.
#[derive(Debug, Default)]
pub struct Drained {
    pub processes: Vec<Process>,
    /// Each once, before the first event that names it.
    pub stacks: Vec<Stack>,
    pub events: Vec<Event>,
}

/// The books of one leg: `seen = submitted + ring_full + filtered + throttled + missed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    pub seen: u64,
    pub submitted: u64,
    pub ring_full: u64,
    pub filtered: u64,
    pub throttled: u64,
    pub missed: u64,
}

/// A leg, the hook it runs on, and why better ones were refused.
#[derive(Clone, Debug, Default)]
pub struct LegStatus {
    pub name: &'static str,
    pub attached: bool,
    pub hook: String,
    pub reasons: Vec<String>,
    pub books: Books,
    /// Of `books.missed`: the kernel did not enter a program, since it was already running on that CPU.
    pub not_entered: u64,
}

/// What to trace. All empty: everything.
#[derive(Clone, Debug, Default)]
pub struct Target {
    pub pids: Vec<u32>,
    pub comms: Vec<String>,
    pub cgroups: Vec<String>,
}

/// Which call stacks are taken. Each of both may be wanted by the agent's own command line, and by clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stacks {
    pub kernel: bool,
    pub user: bool,
}

impl Stacks {
    pub fn or(self, other: Self) -> Self {
        Self {
            kernel: self.kernel || other.kernel,
            user: self.user || other.user,
        }
    }
}

/// Counts that are kept of each process: `Counter` of the proto, from 1 on.
pub const COUNTERS: usize = 22;

/// What one process did since the agent attached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub tgid: u32,
    pub start_time_ns: u64,
    pub comm: Vec<u8>,
    pub ended: bool,
    pub counts: [u64; COUNTERS],
}

/// What all processes did, each once, in the order of their tgids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub time_ns: u64,
    pub processes: Vec<Tally>,
    /// Of no process that is named.
    pub other: [u64; COUNTERS],
    /// Ended processes that are in `other`.
    pub evicted: u64,
    /// Counts that are in `other` because their process found no place.
    pub crowded: u64,
}

/// Reads the counters while the source is drained by its own thread.
pub trait Counters: Send + Sync {
    /// # Errors
    /// The kernel refused to let them be read.
    fn read(&self) -> anyhow::Result<Counted>;
}

/// Where events come from: the kernel (`collect`), or a synthetic source in tests and benchmarks.
pub trait Source: Send {
    /// Appends what is ready; returns at once. Called from one thread, every few milliseconds.
    fn drain(&mut self, out: &mut Drained) -> anyhow::Result<()>;
    /// Somebody listens, for the first time: what is told only once would have reached nobody before. Called once.
    fn listened(&mut self) {}
    /// Client `bit` (1 to 63) filters for this from now on, and no more for what it wished before; empty: for nothing.
    /// What nobody wants any more need not be traced.
    ///
    /// # Errors
    /// The source broke off. What cannot be traced is no error: the client then hears nothing of it.
    fn wish(&mut self, _bit: u32, _target: &Target) -> anyhow::Result<()> {
        Ok(())
    }
    /// Client `bit` wants these stacks from now on, beside those that the source takes of its own.
    ///
    /// # Errors
    /// The source broke off.
    fn wish_stacks(&mut self, _bit: u32, _stacks: Stacks) -> anyhow::Result<()> {
        Ok(())
    }
    /// Legs with their current books.
    fn legs(&self) -> Vec<LegStatus>;
    /// The counters of all processes; `None`: none are kept.
    fn counters(&self) -> Option<Box<dyn Counters>> {
        None
    }
    /// Bytes waiting in the ring buffer, and its size.
    fn ring(&self) -> (u64, u64);
    /// Stops what makes events. What is in the ring buffer by then can still be drained, and nothing is held back for
    /// sorting any more: the first drain that brings nothing is the end.
    fn detach(&mut self);
}
