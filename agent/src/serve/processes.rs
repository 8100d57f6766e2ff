//! The processes a client has to know before the events that name them.

use std::collections::HashMap;

use super::sequence::Cut;
use crate::event::Process;

/// Bound on what is remembered, a few MiB. Beyond it the half that started first is forgotten.
const CAPACITY: usize = 16_384;

/// The processes alive at one point of the stream.
#[derive(Clone, Default)]
pub struct Processes {
    by_tgid: HashMap<u32, Process>,
    /// The tgid of an address space: the last that was seen, where several share it.
    by_mm: HashMap<u32, u32>,
}

impl Processes {
    /// Moves the point in the stream to just behind `cut`.
    pub fn pass(&mut self, cut: &Cut) {
        for process in &cut.processes {
            self.insert(process.clone());
        }
        for mm in &cut.ended_mms {
            // exec ends an address space too, but not the process: `insert` gave it another mm by then.
            if let Some(tgid) = self.by_mm.remove(mm) {
                self.by_tgid.remove(&tgid);
            }
        }
    }

    /// All of them, in the order in which they started: parents before children.
    pub fn in_order(&self) -> Vec<Process> {
        let mut all: Vec<Process> = self.by_tgid.values().cloned().collect();
        all.sort_by_key(|process| (process.start_time_ns, process.tgid));
        all
    }

    fn insert(&mut self, process: Process) {
        if self.by_tgid.len() >= CAPACITY && !self.by_tgid.contains_key(&process.tgid) {
            self.forget_older_half();
        }
        if let Some(before) = self
            .by_tgid
            .get(&process.tgid)
            .filter(|before| before.mm != process.mm)
        {
            self.by_mm.remove(&before.mm);
        }
        self.by_mm.insert(process.mm, process.tgid);
        self.by_tgid.insert(process.tgid, process);
    }

    fn forget_older_half(&mut self) {
        let mut starts: Vec<u64> = self
            .by_tgid
            .values()
            .map(|process| process.start_time_ns)
            .collect();
        let (_, &mut median, _) = starts.select_nth_unstable(CAPACITY / 2);
        self.by_tgid
            .retain(|_, process| process.start_time_ns > median);
        let known = &self.by_tgid;
        self.by_mm.retain(|_, tgid| known.contains_key(tgid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::testing::{cut, process};

    fn tgids(processes: &Processes) -> Vec<u32> {
        processes
            .in_order()
            .iter()
            .map(|process| process.tgid)
            .collect()
    }

    #[test]
    fn who_came_is_known_until_its_address_space_ends() {
        let mut processes = Processes::default();
        processes.pass(&Cut {
            processes: vec![process(5, 1, "b"), process(4, 1, "a")],
            ..cut(1, 0)
        });
        assert_eq!(tgids(&processes), [4, 5]);
        processes.pass(&Cut {
            ended_mms: vec![4],
            ..cut(1, 1)
        });
        assert_eq!(tgids(&processes), [5]);
    }

    #[test]
    fn exec_ends_an_address_space_but_not_the_process() {
        let mut processes = Processes::default();
        let after_exec = Process {
            mm: 99,
            ..process(4, 1, "new")
        };
        processes.pass(&Cut {
            processes: vec![after_exec],
            ended_mms: vec![4],
            ..cut(1, 1)
        });
        assert_eq!(tgids(&processes), [4]);
    }

    #[test]
    fn a_host_full_of_processes_is_remembered_in_part() {
        let mut processes = Processes::default();
        let all = (1..=u32::try_from(CAPACITY).unwrap() + 1)
            .map(|tgid| process(tgid, 0, "many"))
            .collect();
        processes.pass(&Cut {
            processes: all,
            ..cut(1, 0)
        });
        let known = tgids(&processes);
        assert!(known.len() < CAPACITY);
        assert_eq!(known.last().copied(), u32::try_from(CAPACITY + 1).ok());
    }
}
