//! Address spaces as small numbers of ours: cookies of the programs, made dense, never reused.

use std::collections::{HashMap, VecDeque};

use crate::collect::foll::Foll;
use crate::collect::record::{
    Body, FLAG_IN_GUP, Head, KIND_GUP, KIND_HUGE_WP, KIND_MM_EXIT, KIND_WP_FAULT, Record,
};
use crate::event::{Drained, Event, Process};

/// Address spaces that ended and are still known: exec names the old one after its end.
const ENDED: usize = 4096;

#[derive(Default)]
pub struct Mms {
    numbers: HashMap<u64, u32>,
    /// The last one that was looked up: most events are of the same one.
    recent: (u64, u32),
    last: u32,
    ended: VecDeque<u64>,
    foll: Foll,
    /// The GUP call told last: tid, time, number.
    call: (u32, u64, u64),
}

/// As many as stay below 2^53 above 32 bits.
const MAPPINGS: u32 = (1 << 21) - 1;

/// Numbers of GUP calls have 20 bits.
const CALLS: u64 = 1 << 20;

impl Mms {
    pub fn new(foll: Foll) -> Self {
        Self {
            foll,
            ..Self::default()
        }
    }

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
            stack: u32::from(head.stack) | u32::from(head.user_stack) << 16,
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
                foll,
                folio_mapcount,
            } => out.events.push(Event {
                aux: self.aux_of_fault(head.kind, flags, foll, folio_mapcount),
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
                aux,
            } => out.events.push(Event {
                vpn,
                other_mm: self.number(other_mm),
                pages,
                flags,
                other_tgid,
                aux: u64::from(aux),
                ..event
            }),
            Body::Frame {
                vpn,
                old_pfn,
                flags,
                pages,
                refcount,
                mapcount,
                pincount,
                aux,
            } => out.events.push(Event {
                vpn,
                old_pfn,
                flags,
                pages,
                refcount,
                mapcount,
                pincount,
                aux: u64::from(aux),
                ..event
            }),
            Body::Free { pfn } => out.events.push(Event {
                old_pfn: pfn,
                ..event
            }),
            Body::Pages {
                vpn,
                first,
                each,
                foll,
                ref runs,
            } => {
                let aux = if head.kind == KIND_GUP {
                    self.foll.normal(foll) | self.call_of(head, first) << 32
                } else if each == 1 {
                    0
                } else {
                    u64::from(each)
                };
                let mut at = vpn;
                for run in runs {
                    out.events.push(Event {
                        vpn: at,
                        pages: run.pages,
                        old_pfn: run.pfn,
                        flags: run.flags,
                        order: run.order,
                        refcount: run.refcount,
                        mapcount: run.mapcount,
                        pincount: run.pincount,
                        aux,
                        ..event
                    });
                    if vpn != 0 {
                        at += u64::from(run.pages);
                    }
                }
            }
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

    /// How GUP asked for the fault, and above it the mappings of the whole folio, plus one.
    fn aux_of_fault(&self, kind: u8, flags: u32, foll: u32, folio_mapcount: u32) -> u64 {
        let asked = if flags & FLAG_IN_GUP == 0 {
            0
        } else {
            self.foll.normal(foll)
        };
        let mappings = match kind {
            KIND_WP_FAULT | KIND_HUGE_WP => u64::from(folio_mapcount.min(MAPPINGS)),
            _ => 0,
        };
        mappings << 32 | asked
    }

    /// The number of the GUP call that a record is of. A long call has several records, one behind the other.
    fn call_of(&mut self, head: &Head, first: u32) -> u64 {
        let (tid, time_ns, number) = self.call;
        if first == 0 || (tid, time_ns) != (head.tid, head.time_ns) {
            self.call = (head.tid, head.time_ns, (number + 1) % CALLS);
        }
        self.call.2
    }

    /// A cookie never comes back for another address space, so it may be kept for a while.
    fn end(&mut self, cookie: u64) {
        self.ended.push_back(cookie);
        if self.ended.len() > ENDED
            && let Some(oldest) = self.ended.pop_front()
        {
            self.numbers.remove(&oldest);
            self.recent = (0, 0);
        }
    }

    fn number(&mut self, cookie: u64) -> u32 {
        if cookie == 0 {
            return 0;
        }
        let Self {
            numbers,
            recent,
            last,
            ..
        } = self;
        if recent.0 != cookie {
            let number = numbers.entry(cookie).or_insert_with(|| {
                *last += 1;
                *last
            });
            *recent = (cookie, *number);
        }
        recent.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::record::Run;

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
                aux: 0,
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
    fn what_befalls_a_frame_that_stays_is_told_with_its_counts_and_names_no_new_frame() {
        let mut out = Drained::default();
        let split = Record {
            head: Head {
                kind: 17,
                outcome: 9,
                order: 9,
                ..Head::default()
            },
            body: Body::Frame {
                vpn: 0,
                old_pfn: 512,
                flags: 16,
                pages: 512,
                refcount: 514,
                mapcount: 1,
                pincount: 1,
                aux: 16 << 8,
            },
        };
        Mms::default().translate(&split, &mut out);
        let expected = Event {
            kind: 17,
            outcome: 9,
            order: 9,
            old_pfn: 512,
            flags: 16,
            pages: 512,
            refcount: 514,
            mapcount: 1,
            pincount: 1,
            aux: 16 << 8,
            ..Event::default()
        };
        assert_eq!(out.events, [expected]);
    }

    #[test]
    fn a_call_becomes_one_event_for_each_of_its_runs_under_one_number() {
        let run = |pfn, pages| Run {
            pfn,
            pages,
            flags: 16,
            order: 0,
            refcount: 1025,
            mapcount: 1,
            pincount: 1,
        };
        let gup = |time_ns, vpn, first, runs: Vec<Run>| Record {
            head: Head {
                kind: KIND_GUP,
                mm: 7,
                time_ns,
                ..Head::default()
            },
            body: Body::Pages {
                vpn,
                first,
                each: 1,
                foll: 0,
                runs: runs.into(),
            },
        };
        let mut mms = Mms::default();
        let mut out = Drained::default();
        mms.translate(&gup(5, 100, 0, vec![run(40, 2), run(90, 3)]), &mut out);
        mms.translate(&gup(5, 612, 512, vec![run(50, 1)]), &mut out);
        mms.translate(&gup(6, 100, 0, vec![run(40, 2)]), &mut out);
        let told: Vec<_> = out
            .events
            .iter()
            .map(|event| (event.vpn, event.old_pfn, event.pages, event.aux >> 32))
            .collect();
        assert_eq!(
            told,
            [
                (100, 40, 2, 1),
                (102, 90, 3, 1),
                (612, 50, 1, 1),
                (100, 40, 2, 2)
            ]
        );
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
