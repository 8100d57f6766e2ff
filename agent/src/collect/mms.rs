//! Address spaces as small numbers of ours: cookies of the programs, made dense, never reused.

use std::collections::HashMap;

use crate::collect::record::{Body, KIND_MM_EXIT, Record};
use crate::event::{Drained, Event, Process};

#[derive(Default)]
pub struct Mms {
    numbers: HashMap<u64, u32>,
    last: u32,
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
            self.numbers.remove(&head.mm);
        }
    }

    fn number(&mut self, cookie: u64) -> u32 {
        if cookie == 0 {
            return 0;
        }
        let Self { numbers, last } = self;
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
    fn a_cookie_keeps_its_number_until_its_address_space_ends_and_no_number_comes_twice() {
        let mut mms = Mms::default();
        let mut out = Drained::default();
        for record in [life(3, 70, 71), life(KIND_MM_EXIT, 71, 0), life(3, 70, 71)] {
            mms.translate(&record, &mut out);
        }
        let numbers: Vec<(u32, u32)> = out
            .events
            .iter()
            .map(|event| (event.mm, event.other_mm))
            .collect();
        assert_eq!(numbers, [(1, 2), (2, 0), (1, 3)]);
    }
}
