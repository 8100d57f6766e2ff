//! One client's own choice among the events that the agent traces.

use std::collections::{HashMap, HashSet};

use tonic::Status;

use super::wire::columns::Kind;
use super::wire::v1;
use crate::event::{Event, Process};

/// Bound on conditions a client may name.
const MAX_CONDITIONS: usize = 1024;
const MAX_COMM_BYTES: usize = 15;

/// Follows pids with their children, and comms, through the stream.
///
/// A frame's end (`KIND_FRAME_FREE`) always passes: it is no process's own, whoever happens to free it.
pub struct Filter {
    pids: HashSet<u32>,
    comms: HashSet<Vec<u8>>,
    followed: HashMap<u32, Followed>,
    mms: HashSet<u32>,
}

#[derive(Clone, Copy)]
struct Followed {
    mm: u32,
    /// By pid or as the child of one that is, and so for life; else by comm, until that changes.
    by_pid: bool,
}

impl Filter {
    /// `None`: everything passes.
    ///
    /// # Errors
    /// `UNIMPLEMENTED` for cgroups, `INVALID_ARGUMENT` for conditions that cannot match or are too many.
    pub fn new(target: &v1::Target) -> Result<Option<Self>, Box<Status>> {
        if !target.cgroups.is_empty() {
            return Err(Box::new(Status::unimplemented(
                "a client cannot filter by cgroup: the events do not name it. Start the agent with --cgroup instead",
            )));
        }
        if target.pids.len() + target.comms.len() > MAX_CONDITIONS {
            let words = format!(
                "more than {MAX_CONDITIONS} conditions in a filter. Subscribe twice, or to everything"
            );
            return Err(Box::new(Status::invalid_argument(words)));
        }
        if target
            .comms
            .iter()
            .any(|comm| comm.is_empty() || comm.len() > MAX_COMM_BYTES)
        {
            return Err(Box::new(Status::invalid_argument(
                "a comm has 1 to 15 bytes, so this one never matches. Cut it as the kernel does",
            )));
        }
        if target.pids.is_empty() && target.comms.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            pids: target.pids.iter().copied().collect(),
            comms: target
                .comms
                .iter()
                .map(|comm| comm.clone().into_bytes())
                .collect(),
            followed: HashMap::new(),
            mms: HashSet::new(),
        }))
    }

    /// Forgets whom it follows: the stream jumped. What is alive has to be introduced again.
    pub fn reset(&mut self) {
        self.followed.clear();
        self.mms.clear();
    }

    /// Whether this process is followed from here on. Parents come before their children.
    pub fn introduce(&mut self, process: &Process) -> bool {
        let by_pid = self.pids.contains(&process.tgid)
            || [process.tgid, process.parent_tgid].iter().any(|tgid| {
                self.followed
                    .get(tgid)
                    .is_some_and(|followed| followed.by_pid)
            });
        if by_pid || self.comms.contains(&process.comm) {
            self.follow(process.tgid, process.mm, by_pid);
            return true;
        }
        self.unfollow(process.tgid);
        false
    }

    /// Whether this event passes. Has to see every event, in order.
    pub fn passes(&mut self, event: &Event) -> bool {
        let kind = Kind::try_from(i32::from(event.kind)).unwrap_or(Kind::Unspecified);
        let passes = kind == Kind::FrameFree
            || self.follows(event.tgid)
            || self.follows(event.other_tgid)
            || self.mms.contains(&event.mm)
            || self.mms.contains(&event.other_mm);
        match kind {
            Kind::Fork
                if self
                    .followed
                    .get(&event.tgid)
                    .is_some_and(|parent| parent.by_pid) =>
            {
                self.follow(event.other_tgid, event.other_mm, true);
            }
            Kind::Exec => {
                if let Some(&Followed { by_pid, .. }) = self.followed.get(&event.tgid) {
                    self.follow(event.tgid, event.other_mm, by_pid);
                }
            }
            Kind::MmExit => {
                self.mms.remove(&event.mm);
                if self
                    .followed
                    .get(&event.tgid)
                    .is_some_and(|followed| followed.mm == event.mm)
                {
                    self.followed.remove(&event.tgid);
                }
            }
            _ => {}
        }
        passes
    }

    fn follows(&self, tgid: u32) -> bool {
        tgid != 0 && (self.pids.contains(&tgid) || self.followed.contains_key(&tgid))
    }

    fn follow(&mut self, tgid: u32, mm: u32, by_pid: bool) {
        if mm != 0 {
            self.mms.insert(mm);
        }
        self.followed.insert(tgid, Followed { mm, by_pid });
    }

    fn unfollow(&mut self, tgid: u32) {
        if let Some(followed) = self.followed.remove(&tgid) {
            self.mms.remove(&followed.mm);
        }
    }
}
