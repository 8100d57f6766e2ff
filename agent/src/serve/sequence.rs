//! Gives every event its number and decides where one batch ends and the next begins.

use std::time::{Duration, Instant};

use super::batch;
use super::wire::EncodedBatch;
use crate::event::{Drained, Event, Process};

/// No more events than this in one batch.
pub const MAX_EVENTS: usize = 1024;
/// No more processes than this in one batch. An event takes at most 173 bytes and a process 48, so that a batch never
/// passes 256 KiB.
pub const MAX_PROCESSES: usize = 1024;
/// An event waits no longer than this for others to fill its batch.
pub const MAX_AGE: Duration = Duration::from_millis(50);
/// A comm is at most TASK_COMM_LEN - 1 bytes.
const MAX_COMM_BYTES: usize = 15;

/// One batch, as it is kept for replay and sent.
#[derive(Clone, Debug)]
pub struct Cut {
    pub first_seq: u64,
    pub last_seq: u64,
    /// Time of the first and the last event; 0 where there are none.
    pub from_ns: u64,
    pub until_ns: u64,
    pub processes: Vec<Process>,
    /// tgid and mm of address spaces that ended in this batch.
    pub exits: Vec<(u32, u32)>,
    pub bytes: EncodedBatch,
}

/// Numbers events from 1.
pub struct Sequencer {
    next_seq: u64,
    processes: Vec<Process>,
    events: Vec<Event>,
    last_cut: Instant,
}

impl Sequencer {
    pub fn new(now: Instant) -> Self {
        Self {
            next_seq: 1,
            processes: Vec::new(),
            events: Vec::with_capacity(MAX_EVENTS),
            last_cut: now,
        }
    }

    /// Takes all of `drained` and hands every batch that is full, or old enough, to `publish`.
    pub fn push(&mut self, drained: &mut Drained, now: Instant, mut publish: impl FnMut(Cut)) {
        for mut process in drained.processes.drain(..) {
            process.comm.truncate(MAX_COMM_BYTES);
            self.processes.push(process);
        }
        // Processes stand before the events that name them: as many of them as do not fit go ahead.
        while self.processes.len() > MAX_PROCESSES {
            let rest = self.processes.split_off(MAX_PROCESSES);
            self.cut(now, &mut publish);
            self.processes = rest;
        }
        for event in drained.events.drain(..) {
            self.events.push(event);
            if self.events.len() == MAX_EVENTS {
                self.cut(now, &mut publish);
            }
        }
        if now.duration_since(self.last_cut) >= MAX_AGE {
            self.flush(now, publish);
        }
    }

    /// Hands over what waits, if anything does.
    pub fn flush(&mut self, now: Instant, mut publish: impl FnMut(Cut)) {
        if !self.events.is_empty() || !self.processes.is_empty() {
            self.cut(now, &mut publish);
        }
    }

    /// The number of the last event that was handed over.
    pub fn last_seq(&self) -> u64 {
        self.next_seq - 1
    }

    fn cut(&mut self, now: Instant, publish: &mut impl FnMut(Cut)) {
        let first_seq = self.next_seq;
        let columns = batch::encode(first_seq, &self.processes, &self.events);
        self.next_seq += self.events.len() as u64;
        self.last_cut = now;
        publish(Cut {
            first_seq,
            last_seq: columns.last_seq,
            from_ns: self.events.first().map_or(0, |event| event.time_ns),
            until_ns: self.events.last().map_or(0, |event| event.time_ns),
            processes: std::mem::take(&mut self.processes),
            exits: self
                .events
                .iter()
                .filter(|event| ends_mm(event))
                .map(|event| (event.tgid, event.mm))
                .collect(),
            bytes: EncodedBatch::new(&columns),
        });
        self.events.clear();
    }
}

fn ends_mm(event: &Event) -> bool {
    i32::from(event.kind) == super::wire::columns::Kind::MmExit as i32
}
