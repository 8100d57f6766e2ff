//! The batches that are kept: for clients that are behind, and for those that come back.
//!
//! There is one log for all clients. Each reads it at its own cursor, so a client costs no queue of its own, and a slow
//! one is simply overtaken: what left the log before it was read is a loss with an exact range.

use std::collections::VecDeque;
use std::sync::Arc;

use super::claims::Claims;
use super::processes::Processes;
use super::sequence::Cut;
use super::wire::v1::loss::Hop;
use crate::event::{Process, Stack};

/// What a batch costs beside its bytes: so that many small batches are bounded as well.
const OVERHEAD_BYTES: usize = 256;
/// Bound on remembered losses at the ring; beyond it the oldest is folded into the next of its leg.
const MAX_RING_LOSSES: usize = 1024;

/// Events that one leg lost between the kernel and the agent, somewhere in a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingLoss {
    pub hop: Hop,
    pub leg: &'static str,
    pub count: u64,
    pub from_ns: u64,
    pub until_ns: u64,
}

/// Where a client stands.
#[derive(Clone, Debug)]
pub struct Cursor {
    /// The next event this client has to get or to be told lost.
    pub next_seq: u64,
    /// Time of the last event it got; 0: none yet.
    pub time_ns: u64,
    index: u64,
    loss: u64,
    knows_processes: bool,
    hop: Hop,
}

impl Cursor {
    /// All processes that are known are told again.
    pub fn forget_processes(&mut self) {
        self.knows_processes = false;
    }
}

/// What comes next for a client.
#[derive(Debug)]
pub enum Item {
    /// A batch without its first `skip` events, and the processes and stacks that the client has to know before it.
    Cut {
        cut: Arc<Cut>,
        skip: u64,
        known: Vec<Process>,
        stacks: Vec<Stack>,
    },
    /// Events that will not come.
    Lost {
        hop: Hop,
        first_seq: u64,
        last_seq: u64,
        from_ns: u64,
        until_ns: u64,
    },
    Ring(RingLoss),
}

struct Noted {
    id: u64,
    /// It stands before the batch of this index.
    before: u64,
    loss: RingLoss,
}

/// The log.
pub struct Replay {
    max_bytes: usize,
    bytes: usize,
    cuts: VecDeque<Arc<Cut>>,
    /// Index of the first of `cuts` since the agent started.
    first_index: u64,
    next_seq: u64,
    /// Processes alive just before the first of `cuts`.
    before_first: Processes,
    /// Told before the first of `cuts`; there are no more than the kernel has places for
    /// (4,096), and as many again with a part in user mode.
    stacks: Vec<Stack>,
    losses: VecDeque<Noted>,
    next_loss: u64,
    pub claims: Claims,
}

impl Replay {
    pub fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            bytes: 0,
            cuts: VecDeque::new(),
            first_index: 0,
            next_seq: 1,
            before_first: Processes::default(),
            stacks: Vec::new(),
            losses: VecDeque::new(),
            next_loss: 0,
            claims: Claims::default(),
        }
    }

    /// The number that the next event will get.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    pub fn append(&mut self, cut: Cut) {
        self.next_seq = cut.last_seq + 1;
        self.bytes += weight(&cut);
        self.cuts.push_back(Arc::new(cut));
        while self.bytes > self.max_bytes && self.cuts.len() > 1 {
            self.drop_first();
        }
    }

    pub fn note_loss(&mut self, loss: RingLoss) {
        if self.losses.len() >= MAX_RING_LOSSES {
            self.fold_a_loss();
        }
        self.losses.push_back(Noted {
            id: self.next_loss,
            before: self.end(),
            loss,
        });
        self.next_loss += 1;
    }

    /// Frees what every client that counts has acknowledged.
    pub fn release(&mut self) {
        let Some(floor) = self.claims.floor() else {
            return;
        };
        while self.cuts.front().is_some_and(|cut| cut.last_seq <= floor) {
            self.drop_first();
        }
    }

    /// From the next batch on.
    pub fn cursor_now(&self) -> Cursor {
        self.cursor(self.next_seq, self.end(), self.next_loss)
    }

    /// From the oldest batch that is kept.
    pub fn cursor_first(&self) -> Cursor {
        let seq = self.cuts.front().map_or(self.next_seq, |cut| cut.first_seq);
        self.cursor(seq, self.first_index, 0)
    }

    /// From behind `after_seq`, with a loss for what is gone. `None`: there was no such event yet.
    pub fn cursor_after(&self, after_seq: u64) -> Option<Cursor> {
        let wanted = after_seq
            .checked_add(1)
            .filter(|&seq| seq <= self.next_seq)?;
        let skipped = self.cuts.partition_point(|cut| cut.last_seq < wanted) as u64;
        let index = self.first_index + skipped;
        // Losses that stood right behind after_seq may be told twice: better than not at all.
        let loss = self
            .losses
            .iter()
            .find(|noted| noted.before >= index)
            .map_or(self.next_loss, |noted| noted.id);
        Some(Cursor {
            hop: Hop::Replay,
            ..self.cursor(wanted, index, loss)
        })
    }

    /// The next item at `cursor`, which moves behind it.
    pub fn next(&self, cursor: &mut Cursor) -> Option<Item> {
        if cursor.index < self.first_index {
            cursor.index = self.first_index;
            cursor.knows_processes = false;
        }
        let cut = usize::try_from(cursor.index - self.first_index)
            .ok()
            .and_then(|at| self.cuts.get(at));
        let first_seq = cut.map_or(self.next_seq, |cut| cut.first_seq);
        if cursor.next_seq < first_seq {
            let from_ns = cursor.time_ns;
            let until_ns = cut.map_or(from_ns, |cut| cut.from_ns.max(from_ns));
            let lost = Item::Lost {
                hop: cursor.hop,
                first_seq: cursor.next_seq,
                last_seq: first_seq - 1,
                from_ns,
                until_ns,
            };
            cursor.next_seq = first_seq;
            cursor.knows_processes = false;
            cursor.hop = Hop::ClientQueue;
            return Some(lost);
        }
        if let Some(lost) = self.next_ring_loss(cursor) {
            return Some(lost);
        }
        let cut = Arc::clone(cut?);
        let (known, stacks) = if cursor.knows_processes {
            (Vec::new(), Vec::new())
        } else {
            (
                self.processes_before(cursor.index),
                self.stacks_before(cursor.index),
            )
        };
        cursor.knows_processes = true;
        cursor.hop = Hop::ClientQueue;
        let skip = cursor.next_seq - cut.first_seq;
        cursor.index += 1;
        cursor.next_seq = cut.last_seq + 1;
        cursor.time_ns = cursor.time_ns.max(cut.until_ns);
        Some(Item::Cut {
            cut,
            skip,
            known,
            stacks,
        })
    }

    /// The next loss at the ring that stands before whatever else comes at `cursor`, which moves behind it.
    pub fn next_ring_loss(&self, cursor: &mut Cursor) -> Option<Item> {
        let told = self.losses.partition_point(|noted| noted.id < cursor.loss);
        let noted = self
            .losses
            .get(told)
            .filter(|noted| noted.before <= cursor.index)?;
        cursor.loss = noted.id + 1;
        Some(Item::Ring(noted.loss.clone()))
    }

    fn cursor(&self, next_seq: u64, index: u64, loss: u64) -> Cursor {
        Cursor {
            next_seq,
            time_ns: 0,
            index,
            loss,
            knows_processes: false,
            hop: Hop::ClientQueue,
        }
    }

    fn end(&self) -> u64 {
        self.first_index + self.cuts.len() as u64
    }

    fn processes_before(&self, index: u64) -> Vec<Process> {
        let mut processes = self.before_first.clone();
        let count = usize::try_from(index - self.first_index).unwrap_or(usize::MAX);
        for cut in self.cuts.iter().take(count) {
            processes.pass(cut);
        }
        processes.in_order()
    }

    fn stacks_before(&self, index: u64) -> Vec<Stack> {
        let count = usize::try_from(index - self.first_index).unwrap_or(usize::MAX);
        let later = self.cuts.iter().take(count).flat_map(|cut| &cut.stacks);
        self.stacks.iter().chain(later).cloned().collect()
    }

    fn drop_first(&mut self) {
        if let Some(cut) = self.cuts.pop_front() {
            self.bytes -= weight(&cut);
            self.first_index += 1;
            self.before_first.pass(&cut);
            self.stacks.extend(cut.stacks.iter().cloned());
        }
    }

    /// There are more places than legs, so two of them are of one leg.
    fn fold_a_loss(&mut self) {
        for i in 0..self.losses.len() {
            let RingLoss {
                hop,
                leg,
                count,
                from_ns,
                ..
            } = self.losses[i].loss;
            if let Some(next) = self
                .losses
                .iter_mut()
                .skip(i + 1)
                .find(|noted| (noted.loss.leg, noted.loss.hop) == (leg, hop))
            {
                next.loss.count += count;
                next.loss.from_ns = next.loss.from_ns.min(from_ns);
                self.losses.remove(i);
                return;
            }
        }
    }
}

fn weight(cut: &Cut) -> usize {
    let processes: usize = cut
        .processes
        .iter()
        .map(|process| size_of::<Process>() + process.comm.capacity())
        .sum();
    let stacks: usize = cut.stacks.iter().map(weight_of_stack).sum();
    OVERHEAD_BYTES + cut.bytes.0.len() + processes + stacks + size_of_val(cut.ended_mms.as_slice())
}

fn weight_of_stack(stack: &Stack) -> usize {
    let frames: usize = stack
        .frames
        .iter()
        .map(|frame| size_of::<String>() + frame.len())
        .sum();
    size_of::<Stack>() + stack.taker.len() + frames
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::serve::testing::{cut, process, take};

    /// A log that holds a few batches of ten events.
    fn small() -> Replay {
        Replay::new(weight(&cut(1, 10)) * 4)
    }

    proptest! {
        #[test]
        fn what_a_slow_client_gets_and_what_it_is_told_lost_is_all_there_was(
            steps in prop::collection::vec((0..20_u64, 0..4_usize), 1..60),
        ) {
            let mut replay = small();
            let mut cursor = replay.cursor_now();
            let (mut produced, mut delivered, mut lost) = (0, 0, 0);
            for (events, reads) in steps {
                replay.append(cut(produced + 1, events));
                produced += events;
                for (got, gone) in (0..reads).map_while(|_| take(&replay, &mut cursor)) {
                    delivered += got;
                    lost += gone;
                }
                prop_assert!(replay.bytes <= replay.max_bytes || replay.cuts.len() == 1);
            }
            while let Some((got, gone)) = take(&replay, &mut cursor) {
                delivered += got;
                lost += gone;
            }
            prop_assert_eq!(delivered + lost, produced);
        }

        #[test]
        fn a_resume_has_no_gap_and_no_double(
            sizes in prop::collection::vec(0..20_u64, 1..40),
            after in any::<prop::sample::Index>(),
        ) {
            let mut replay = small();
            let mut produced = 0;
            for events in sizes {
                replay.append(cut(produced + 1, events));
                produced += events;
            }
            let after_seq = after.index(produced as usize + 1) as u64;
            let mut cursor = replay.cursor_after(after_seq).unwrap();
            prop_assert_eq!(cursor.next_seq, after_seq + 1);
            let told: u64 = std::iter::from_fn(|| take(&replay, &mut cursor)).map(|(got, gone)| got + gone).sum();
            prop_assert_eq!(after_seq + told, produced);
        }
    }

    #[test]
    fn a_resume_beyond_the_end_is_refused() {
        let mut replay = small();
        replay.append(cut(1, 10));
        assert!(replay.cursor_after(10).is_some());
        assert!(replay.cursor_after(11).is_none());
        assert!(replay.cursor_after(u64::MAX).is_none());
    }

    #[test]
    fn a_resume_behind_the_log_says_that_replay_lost_it_and_later_losses_are_the_clients() {
        let mut replay = small();
        (0..8).for_each(|i| replay.append(cut(i * 10 + 1, 10)));
        let mut cursor = replay.cursor_after(5).unwrap();
        let Some(Item::Lost {
            hop,
            first_seq,
            last_seq,
            ..
        }) = replay.next(&mut cursor)
        else {
            panic!("no loss")
        };
        assert_eq!((hop, first_seq, last_seq), (Hop::Replay, 6, 40));
        (8..16).for_each(|i| replay.append(cut(i * 10 + 1, 10)));
        let Some(Item::Lost {
            hop,
            first_seq,
            last_seq,
            ..
        }) = replay.next(&mut cursor)
        else {
            panic!("no loss")
        };
        assert_eq!((hop, first_seq), (Hop::ClientQueue, 41));
        assert_eq!(last_seq + 1, replay.cursor_first().next_seq);
    }

    #[test]
    fn a_loss_at_the_ring_stands_where_it_happened_and_is_told_once() {
        let mut replay = small();
        let mut cursor = replay.cursor_now();
        replay.append(cut(1, 10));
        replay.note_loss(RingLoss {
            hop: Hop::Ring,
            leg: "fork",
            count: 3,
            from_ns: 10,
            until_ns: 11,
        });
        replay.append(cut(11, 10));
        assert!(matches!(replay.next(&mut cursor), Some(Item::Cut { .. })));
        assert!(matches!(
            replay.next(&mut cursor),
            Some(Item::Ring(RingLoss { count: 3, .. }))
        ));
        assert!(matches!(replay.next(&mut cursor), Some(Item::Cut { .. })));
        assert!(replay.next(&mut cursor).is_none());
    }

    #[test]
    fn many_losses_are_folded_without_losing_a_count_or_a_reason() {
        let mut replay = small();
        let mut cursor = replay.cursor_first();
        for i in 0..5000 {
            let leg = if i % 2 == 0 { "fork" } else { "exit" };
            let hop = if i % 4 < 3 {
                Hop::Ring
            } else {
                Hop::NotEntered
            };
            replay.note_loss(RingLoss {
                hop,
                leg,
                count: 1,
                from_ns: i,
                until_ns: i + 1,
            });
        }
        assert_eq!(replay.losses.len(), MAX_RING_LOSSES);
        let mut counts = [0; 3];
        while let Some(Item::Ring(loss)) = replay.next(&mut cursor) {
            let at = match (loss.leg, loss.hop) {
                ("fork", Hop::Ring) => 0,
                ("exit", Hop::Ring) => 1,
                _ => 2,
            };
            counts[at] += loss.count;
        }
        assert_eq!(counts, [2500, 1250, 1250]);
    }

    #[test]
    fn a_client_learns_the_processes_before_its_first_batch_and_again_after_a_loss() {
        let mut replay = small();
        replay.append(Cut {
            processes: vec![process(7, 1, "early")],
            ..cut(1, 10)
        });
        let mut cursor = replay.cursor_now();
        replay.append(cut(11, 10));
        let known = |replay: &Replay, cursor: &mut Cursor| match replay.next(cursor) {
            Some(Item::Cut { known, .. }) => known.iter().map(|process| process.tgid).collect(),
            _ => Vec::new(),
        };
        assert_eq!(known(&replay, &mut cursor), [7]);
        (2..20).for_each(|i| replay.append(cut(i * 10 + 1, 10)));
        assert!(matches!(replay.next(&mut cursor), Some(Item::Lost { .. })));
        assert_eq!(known(&replay, &mut cursor), [7]);
        assert_eq!(known(&replay, &mut cursor), [0; 0]);
    }

    #[test]
    fn a_client_that_comes_late_learns_the_stacks_told_before_it_whether_kept_or_gone() {
        let mut replay = small();
        let stack = |stack| Stack {
            stack,
            ..Stack::default()
        };
        for number in 1..=12_u32 {
            replay.append(Cut {
                stacks: vec![stack(number)],
                ..cut(u64::from(number) * 10 - 9, 10)
            });
        }
        assert!(replay.first_index > 0);
        let mut cursor = replay.cursor_now();
        replay.append(cut(121, 10));
        let Some(Item::Cut { stacks, .. }) = replay.next(&mut cursor) else {
            panic!("no batch")
        };
        let numbers: Vec<u32> = stacks.iter().map(|stack| stack.stack).collect();
        assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
    }

    #[test]
    fn what_all_have_acknowledged_is_freed() {
        let mut replay = small();
        (0..3).for_each(|i| replay.append(cut(i * 10 + 1, 10)));
        let claim = replay.claims.enter("recorder".into(), 0);
        replay.claims.acknowledge(claim, 25);
        replay.release();
        assert_eq!(replay.cursor_first().next_seq, 21);
    }
}
