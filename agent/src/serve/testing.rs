//! What the tests of several files here need.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::batch;
use super::replay::{Cursor, Item, Replay};
use super::sequence::Cut;
use super::wire::columns::Kind;
use crate::event::{
    Books, COUNTERS, Counted, Counters, Drained, Event, LegStatus, Process, Source, Tally, Target,
};

/// Events with any values at all, and often with columns that are zero.
pub fn any_event() -> impl Strategy<Value = Event> {
    let wide = (any::<[u64; 5]>(), any::<[bool; 5]>());
    let narrow = (any::<[u32; 9]>(), any::<[bool; 9]>());
    (wide, narrow, any::<[i32; 4]>(), any::<[u8; 3]>()).prop_map(
        |((wide, keep), (narrow, stay), counts, bytes)| {
            let wide = |i: usize| if keep[i] { wide[i] } else { 0 };
            let narrow = |i: usize| if stay[i] { narrow[i] } else { 0 };
            Event {
                time_ns: wide(0),
                vpn: wide(1),
                old_pfn: wide(2),
                new_pfn: wide(3),
                aux: wide(4),
                cpu: narrow(0),
                tgid: narrow(1),
                tid: narrow(2),
                mm: narrow(3),
                other_mm: narrow(4),
                other_tgid: narrow(5),
                pages: narrow(6),
                flags: narrow(7),
                stack: narrow(8),
                refcount: counts[0],
                mapcount: counts[1],
                pincount: counts[2],
                new_refcount: counts[3],
                kind: bytes[0],
                outcome: bytes[1],
                order: bytes[2],
            }
        },
    )
}

pub fn fault(tgid: u32, vpn: u64) -> Event {
    Event {
        kind: Kind::WpFault as u8,
        tgid,
        mm: tgid,
        vpn,
        time_ns: vpn,
        ..Event::default()
    }
}

pub fn process(tgid: u32, parent_tgid: u32, comm: &str) -> Process {
    Process {
        tgid,
        parent_tgid,
        mm: tgid,
        comm: comm.as_bytes().to_vec(),
        start_time_ns: u64::from(tgid),
    }
}

/// A batch whose event number n has vpn n.
pub fn cut(first_seq: u64, events: u64) -> Cut {
    let events: Vec<Event> = (first_seq..first_seq + events)
        .map(|seq| fault(1, seq))
        .collect();
    let last_seq = batch::last_seq(first_seq, &events);
    Cut {
        first_seq,
        last_seq,
        from_ns: first_seq,
        until_ns: last_seq,
        processes: Vec::new(),
        stacks: Vec::new(),
        ended_mms: Vec::new(),
        bytes: batch::encode(first_seq, &[], &[], &events),
    }
}

/// Reads one item and checks that it continues at `seq`. Returns how many events it delivers and how many it loses.
pub fn take(replay: &Replay, cursor: &mut Cursor) -> Option<(u64, u64)> {
    let seq = cursor.next_seq;
    match replay.next(cursor)? {
        Item::Cut { cut, skip, .. } => {
            assert_eq!(cut.first_seq + skip, seq);
            Some((cut.last_seq + 1 - seq, 0))
        }
        Item::Lost {
            first_seq,
            last_seq,
            ..
        } => {
            assert_eq!(first_seq, seq);
            assert!(last_seq >= first_seq);
            Some((0, last_seq + 1 - first_seq))
        }
        Item::Ring(_) => Some((0, 0)),
    }
}

/// The bit of a client, and the pids that it filters for.
pub type Wished = (u32, Vec<u32>);

/// A source that hands over what a test puts into it.
#[derive(Clone, Default)]
pub struct Scripted {
    script: Arc<Mutex<VecDeque<anyhow::Result<Drained>>>>,
    books: Arc<Mutex<Books>>,
    not_entered: Arc<AtomicU64>,
    wishes: Arc<Mutex<Vec<Wished>>>,
    counted: Arc<Mutex<Counted>>,
}

impl Scripted {
    pub fn put(&self, drained: Drained) {
        self.script.lock().unwrap().push_back(Ok(drained));
    }

    pub fn put_faults(&self, tgid: u32, count: u64) {
        self.put(Drained {
            events: (0..count).map(|vpn| fault(tgid, vpn)).collect(),
            ..Drained::default()
        });
    }

    pub fn fail(&self, words: &str) {
        self.script
            .lock()
            .unwrap()
            .push_back(Err(anyhow::anyhow!(words.to_owned())));
    }

    /// Bit and pids of every wish so far.
    pub fn wishes(&self) -> Vec<Wished> {
        self.wishes.lock().unwrap().clone()
    }

    /// One process did each thing so often, and ten times as often nobody knows who.
    pub fn count(&self, number: u32) {
        *self.counted.lock().unwrap() = Counted {
            processes: vec![Tally {
                tgid: number,
                comm: b"seven".to_vec(),
                counts: [u64::from(number); COUNTERS],
                ..Tally::default()
            }],
            other: [u64::from(number) * 10; COUNTERS],
            ..Counted::default()
        };
    }

    pub fn lose(&self, count: u64) {
        self.books.lock().unwrap().ring_full += count;
    }

    /// A program was not entered so many times.
    pub fn skip(&self, count: u64) {
        let mut books = self.books.lock().unwrap();
        books.missed += count;
        self.not_entered.fetch_add(count, Ordering::Relaxed);
    }
}

impl Source for Scripted {
    fn drain(&mut self, out: &mut Drained) -> anyhow::Result<()> {
        if let Some(drained) = self.script.lock().unwrap().pop_front() {
            *out = drained?;
        }
        Ok(())
    }

    fn legs(&self) -> Vec<LegStatus> {
        vec![LegStatus {
            name: "wp-fault",
            attached: true,
            books: *self.books.lock().unwrap(),
            not_entered: self.not_entered.load(Ordering::Relaxed),
            ..Default::default()
        }]
    }

    fn ring(&self) -> (u64, u64) {
        (0, 4096)
    }

    fn wish(&mut self, bit: u32, target: &Target) -> anyhow::Result<()> {
        self.wishes.lock().unwrap().push((bit, target.pids.clone()));
        Ok(())
    }

    fn counters(&self) -> Option<Box<dyn Counters>> {
        Some(Box::new(self.clone()))
    }

    fn detach(&mut self) {}
}

impl Counters for Scripted {
    fn read(&self) -> anyhow::Result<Counted> {
        Ok(self.counted.lock().unwrap().clone())
    }
}
