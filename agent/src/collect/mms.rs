//! Address spaces as small numbers of ours: cookies of the programs, made dense, never reused.

use std::collections::{HashMap, VecDeque};

use crate::collect::record::{Body, KIND_MM_EXIT, Record};
use crate::event::{Drained, Event, Process};

/// Address spaces that ended and are still known: exec names the old one after its end.
const ENDED: usize = 4096;

#[derive(Default)]
pub struct Mms {
    numbers: HashMap<u64, u32>,
    last: u32,
    ended: VecDeque<u64>,
}

impl Mms {
    /// Appends what the record says, with our numbers. Records come in order of time.
    pub fn translate(&mut self, record: &Record, out: &mut Drained) {
        let Record { head, body } = record;
        let mm = self.number(head.mm);
        let event = Event {
            time_ns: head.time_ns,
            cpu: u32::from(head.cpu),
            tgid: head.tgid,
            tid: head.tid,
            mm,
            kind: head.kind,
            outcome: head.outcome,
            order: head.order,
            ..Event::default()
        };
        match *body {
            Body::Fault {
                vpn,
                old_pfn,
                new_pfn,
                other_mm,
                flags,
                refcount,
                mapcount,
                pincount,
                new_refcount,
                pages,
            } => out.events.push(Event {
                vpn,
                old_pfn,
                new_pfn,
                other_mm: self.number(other_mm),
                flags,
                refcount,
                mapcount,
                pincount,
                new_refcount,
                pages,
                ..event
            }),
            Body::Identity {
                vpn,
                old_pfn,
                new_pfn,
                aux,
                flags,
                refcount,
                mapcount,
                pincount,
                new_refcount,
                pages,
            } => out.events.push(Event {
                vpn,
                old_pfn,
                new_pfn,
                aux,
                flags,
                refcount,
                mapcount,
                pincount,
                new_refcount,
                pages,
                ..event
            }),
            Body::Range {
                vpn,
                other_mm,
                pages,
                flags,
                other_tgid,
            } => out.events.push(Event {
                vpn,
                other_mm: self.number(other_mm),
                pages,
                flags,
                other_tgid,
                ..event
            }),
            Body::Free { pfn } => out.events.push(Event {
                old_pfn: pfn,
                ..event
            }),
            Body::Process {
                start_time_ns,
                parent_tgid,
                comm,
            } => out.processes.push(Process {
                tgid: head.tgid,
                parent_tgid,
                mm,
                comm: comm.iter().copied().take_while(|&byte| byte != 0).collect(),
                start_time_ns,
            }),
        }
        if head.kind == KIND_MM_EXIT {
            self.end(head.mm);
        }
    }

    /// A cookie never comes back for another address space, so it may be kept for a while.
    fn end(&mut self, cookie: u64) {
        self.ended.push_back(cookie);
        if self.ended.len() > ENDED
            && let Some(oldest) = self.ended.pop_front()
        {
            self.numbers.remove(&oldest);
        }
    }

    fn number(&mut self, cookie: u64) -> u32 {
        if cookie == 0 {
            return 0;
        }
        let Self { numbers, last, .. } = self;
        *numbers.entry(cookie).or_insert_with(|| {
            *last += 1;
            *last
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::record::Head;

    fn life(kind: u8, mm: u64, other_mm: u64) -> Record {
        Record {
            head: Head {
                kind,
                mm,
                ..Head::default()
            },
            body: Body::Range {
                vpn: 0,
                other_mm,
                pages: 0,
                flags: 0,
                other_tgid: 0,
            },
        }
    }

    #[test]
    fn exec_names_the_address_space_that_ended_just_before() {
        let mut mms = Mms::default();
        let mut out = Drained::default();
        for record in [life(3, 70, 71), life(KIND_MM_EXIT, 71, 0), life(7, 71, 72)] {
            mms.translate(&record, &mut out);
        }
        let numbers: Vec<(u32, u32)> = out
            .events
            .iter()
            .map(|event| (event.mm, event.other_mm))
            .collect();
        assert_eq!(numbers, [(1, 2), (2, 0), (2, 3)]);
    }

    #[test]
    fn a_host_where_processes_come_and_go_needs_no_more_memory_with_time() {
        let mut mms = Mms::default();
        let mut out = Drained::default();
        for cookie in 1..=3 * ENDED as u64 {
            mms.translate(&life(KIND_MM_EXIT, cookie, 0), &mut out);
        }
        assert_eq!(mms.numbers.len(), ENDED);
    }
}
