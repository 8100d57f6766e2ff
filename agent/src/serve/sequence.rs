//! Gives every event its number and decides where one batch ends and the next begins.

use std::time::{Duration, Instant};

use super::batch;
use super::wire::EncodedBatch;
use crate::event::{Drained, Event, Process, Stack};

/// No more events than this in one batch.
pub const MAX_EVENTS: usize = 1024;
/// No more processes than this in one batch. An event takes at most 173 bytes and a process 48, so that a batch never
/// passes 256 KiB.
pub const MAX_PROCESSES: usize = 1024;
/// No more stacks than this in one batch; each takes at most 4.5 KiB.
pub const MAX_STACKS: usize = 6;
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
    pub stacks: Vec<Stack>,
    /// The address spaces that ended in this batch.
    pub ended_mms: Vec<u32>,
    pub bytes: EncodedBatch,
}

/// Numbers events from 1.
pub struct Sequencer {
    next_seq: u64,
    processes: Vec<Process>,
    stacks: Vec<Stack>,
    events: Vec<Event>,
    last_cut: Instant,
}

impl Sequencer {
    pub fn new(now: Instant) -> Self {
        Self {
            next_seq: 1,
            processes: Vec::new(),
            stacks: Vec::new(),
            events: Vec::with_capacity(MAX_EVENTS),
            last_cut: now,
        }
    }

    /// Takes all of `drained` and hands every batch that is full, or old enough, to `publish`.
    pub fn push(&mut self, drained: &mut Drained, now: Instant, mut publish: impl FnMut(Cut)) {
        // Processes stand before the events that name them: as many of them as do not fit go ahead.
        for mut process in drained.processes.drain(..) {
            process.comm.truncate(MAX_COMM_BYTES);
            if self.processes.len() == MAX_PROCESSES {
                self.cut(now, &mut publish);
            }
            self.processes.push(process);
        }
        for stack in drained.stacks.drain(..) {
            self.stacks.push(stack);
            if self.stacks.len() == MAX_STACKS {
                self.cut(now, &mut publish);
            }
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
        if !self.events.is_empty() || !self.processes.is_empty() || !self.stacks.is_empty() {
            self.cut(now, &mut publish);
        }
    }

    /// The number of the last event that was handed over.
    pub fn last_seq(&self) -> u64 {
        self.next_seq - 1
    }

    fn cut(&mut self, now: Instant, publish: &mut impl FnMut(Cut)) {
        let first_seq = self.next_seq;
        let bytes = batch::encode(first_seq, &self.processes, &self.stacks, &self.events);
        self.next_seq += self.events.len() as u64;
        self.last_cut = now;
        publish(Cut {
            first_seq,
            last_seq: batch::last_seq(first_seq, &self.events),
            from_ns: self.events.first().map_or(0, |event| event.time_ns),
            until_ns: self.events.last().map_or(0, |event| event.time_ns),
            processes: std::mem::take(&mut self.processes),
            stacks: std::mem::take(&mut self.stacks),
            ended_mms: self
                .events
                .iter()
                .filter(|event| ends_mm(event))
                .map(|event| event.mm)
                .collect(),
            bytes,
        });
        self.events.clear();
    }
}

fn ends_mm(event: &Event) -> bool {
    i32::from(event.kind) == super::wire::columns::Kind::MmExit as i32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::serve::testing::{fault, process};

    /// Drains of so many processes and events, so many milliseconds apart.
    fn drains() -> impl Strategy<Value = Vec<(usize, usize, u64)>> {
        prop::collection::vec((0..3000_usize, 0..3000_usize, 0..120_u64), 0..8)
    }

    proptest! {
        #[test]
        fn every_event_gets_one_number_and_keeps_its_place(drains in drains()) {
            let mut now = Instant::now();
            let mut sequencer = Sequencer::new(now);
            let (mut cuts, mut events, mut processes) = (Vec::new(), 0, 0);
            for (new_processes, new_events, after_ms) in drains {
                let mut drained = Drained {
                    processes: (0..new_processes).map(|_| process(1, 0, "a name of more than 15 bytes")).collect(),
                    events: (0..new_events as u64).map(|i| fault(1, events + i + 1)).collect(),
                    ..Drained::default()
                };
                events += new_events as u64;
                processes += new_processes;
                now += Duration::from_millis(after_ms);
                sequencer.push(&mut drained, now, |cut| cuts.push(cut));
            }
            sequencer.flush(now, |cut| cuts.push(cut));

            let mut next_seq = 1;
            for cut in &cuts {
                let batch = cut.bytes.columns()?;
                prop_assert_eq!(batch.first_seq, next_seq);
                prop_assert_eq!(batch.last_seq + 1 - batch.first_seq, u64::from(batch.events));
                prop_assert!(batch.events as usize <= MAX_EVENTS && batch.processes.len() <= MAX_PROCESSES);
                prop_assert!(batch.processes.iter().all(|process| process.comm.len() <= MAX_COMM_BYTES));
                for (i, event) in batch::decode(&batch).iter().enumerate() {
                    prop_assert_eq!(event.vpn, batch.first_seq + i as u64);
                }
                next_seq = batch.last_seq + 1;
            }
            prop_assert_eq!(next_seq - 1, events);
            prop_assert_eq!(sequencer.last_seq(), events);
            prop_assert_eq!(cuts.iter().map(|cut| cut.processes.len()).sum::<usize>(), processes);
        }
    }

    #[test]
    fn a_crowd_of_processes_is_kept_in_no_more_room_than_it_takes() {
        let mut drained = Drained {
            processes: (1..=10 * MAX_PROCESSES as u32)
                .map(|tgid| process(tgid, 0, "many"))
                .collect(),
            ..Drained::default()
        };
        let now = Instant::now();
        let mut sequencer = Sequencer::new(now);
        let mut cuts = Vec::new();
        sequencer.push(&mut drained, now, |cut| cuts.push(cut));
        sequencer.flush(now, |cut| cuts.push(cut));
        let told: usize = cuts.iter().map(|cut| cut.processes.len()).sum();
        let room: usize = cuts.iter().map(|cut| cut.processes.capacity()).sum();
        assert_eq!((cuts.len(), told), (10, 10 * MAX_PROCESSES));
        assert!(room <= 2 * told, "{room} places for {told}");
    }

    #[test]
    fn a_lone_event_after_a_quiet_time_goes_at_once_and_the_next_waits_50_ms() {
        let start = Instant::now();
        let mut sequencer = Sequencer::new(start);
        let mut cuts = Vec::new();
        for after_ms in [1000, 1010, 1049, 1050] {
            let mut drained = Drained {
                events: vec![fault(1, 1)],
                ..Drained::default()
            };
            sequencer.push(
                &mut drained,
                start + Duration::from_millis(after_ms),
                |cut| cuts.push(cut.last_seq),
            );
        }
        assert_eq!(cuts, [1, 4]);
    }
}
