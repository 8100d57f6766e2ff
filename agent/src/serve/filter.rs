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
    /// The tgid behind each address space of theirs.
    mms: HashMap<u32, u32>,
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
            mms: HashMap::new(),
        }))
    }

    /// Forgets whom it follows: the stream jumped. What is alive has to be introduced again.
    pub fn reset(&mut self) {
        self.followed.clear();
        self.mms.clear();
    }

    /// Whether this process is followed from here on. Parents come before their children.
    pub fn introduce(&mut self, process: &Process) -> bool {
        let by_pid = self.is_by_pid(process.tgid) || self.is_by_pid(process.parent_tgid);
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
            || self.mms.contains_key(&event.mm)
            || self.mms.contains_key(&event.other_mm);
        match kind {
            Kind::Fork if self.is_by_pid(event.tgid) => {
                self.follow(event.other_tgid, event.other_mm, true);
            }
            Kind::Exec => {
                if let Some(&Followed { by_pid, .. }) = self.followed.get(&event.tgid) {
                    self.follow(event.tgid, event.other_mm, by_pid);
                }
            }
            Kind::MmExit => {
                // Whoever drops the last reference ends it: not always the process itself.
                if let Some(tgid) = self.mms.remove(&event.mm) {
                    if self
                        .followed
                        .get(&tgid)
                        .is_some_and(|followed| followed.mm == event.mm)
                    {
                        self.followed.remove(&tgid);
                    }
                }
            }
            _ => {}
        }
        passes
    }

    fn is_by_pid(&self, tgid: u32) -> bool {
        self.pids.contains(&tgid)
            || self
                .followed
                .get(&tgid)
                .is_some_and(|followed| followed.by_pid)
    }

    fn follows(&self, tgid: u32) -> bool {
        tgid != 0 && (self.pids.contains(&tgid) || self.followed.contains_key(&tgid))
    }

    fn follow(&mut self, tgid: u32, mm: u32, by_pid: bool) {
        if mm != 0 {
            self.mms.insert(mm, tgid);
        }
        self.followed.insert(tgid, Followed { mm, by_pid });
    }

    fn unfollow(&mut self, tgid: u32) {
        if let Some(followed) = self.followed.remove(&tgid) {
            self.mms.remove(&followed.mm);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::testing::{fault, process};

    fn filter(pids: &[u32], comms: &[&str]) -> Filter {
        let comms = comms.iter().map(|&comm| comm.to_owned()).collect();
        Filter::new(&v1::Target {
            pids: pids.to_vec(),
            comms,
            cgroups: Vec::new(),
        })
        .unwrap()
        .unwrap()
    }

    fn event(kind: Kind, tgid: u32, other: u32) -> Event {
        Event {
            kind: kind as u8,
            tgid,
            mm: tgid,
            other_tgid: other,
            other_mm: other,
            ..Event::default()
        }
    }

    #[test]
    fn children_of_a_pid_are_followed_over_generations_and_strangers_are_not() {
        let mut filter = filter(&[10], &[]);
        assert!(filter.passes(&event(Kind::Fork, 10, 11)));
        assert!(filter.passes(&event(Kind::Fork, 11, 12)));
        assert!(filter.passes(&fault(12, 1)));
        assert!(!filter.passes(&fault(13, 1)));
    }

    #[test]
    fn a_child_known_only_by_its_introduction_is_followed() {
        let mut filter = filter(&[10], &[]);
        assert!(filter.introduce(&process(10, 1, "a")));
        assert!(filter.introduce(&process(11, 10, "b")));
        assert!(!filter.introduce(&process(12, 1, "c")));
        assert!(filter.passes(&fault(11, 1)));
    }

    #[test]
    fn a_pid_is_forgotten_with_its_address_space_so_that_its_next_owner_is_a_stranger() {
        let mut filter = filter(&[10], &[]);
        filter.passes(&event(Kind::Fork, 10, 11));
        assert!(filter.passes(&event(Kind::MmExit, 11, 0)));
        assert!(!filter.passes(&fault(11, 1)));
    }

    #[test]
    fn a_comm_is_followed_while_it_is_that_comm() {
        let mut filter = filter(&[], &["redis"]);
        assert!(filter.introduce(&process(10, 1, "redis")));
        assert!(filter.passes(&fault(10, 1)));
        assert!(!filter.introduce(&process(10, 1, "sh")));
        assert!(!filter.passes(&fault(10, 1)));
    }

    #[test]
    fn a_fault_by_another_task_in_a_followed_address_space_passes() {
        let mut filter = filter(&[10], &[]);
        filter.introduce(&process(10, 1, "a"));
        assert!(filter.passes(&Event {
            tgid: 99,
            ..fault(10, 1)
        }));
    }

    #[test]
    fn the_end_of_a_frame_passes_whoever_frees_it() {
        assert!(filter(&[10], &[]).passes(&event(Kind::FrameFree, 99, 0)));
    }

    #[test]
    fn no_condition_is_no_filter_and_conditions_that_cannot_be_are_refused() {
        assert!(Filter::new(&v1::Target::default()).unwrap().is_none());
        let refused = |target| Filter::new(&target).err().map(|status| status.code());
        let cgroup = v1::Target {
            cgroups: vec!["/a".into()],
            ..Default::default()
        };
        assert_eq!(refused(cgroup), Some(tonic::Code::Unimplemented));
        let long = v1::Target {
            comms: vec!["sixteen bytes xx".into()],
            ..Default::default()
        };
        assert_eq!(refused(long), Some(tonic::Code::InvalidArgument));
        let many = v1::Target {
            pids: vec![1; 2000],
            ..Default::default()
        };
        assert_eq!(refused(many), Some(tonic::Code::InvalidArgument));
    }
}
