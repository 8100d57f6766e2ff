//! Events to columns: what one `Batch` looks like.

use prost::Message;

use super::varint;
use super::wire::EncodedBatch;
use super::wire::columns::{self, Batch};
use crate::event::{Event, Process, Stack};

/// `events`, which are numbered from `first_seq` without a hole, as they are on the wire.
pub fn encode(
    first_seq: u64,
    processes: &[Process],
    stacks: &[Stack],
    events: &[Event],
) -> EncodedBatch {
    encode_columns(&head(first_seq, processes, stacks, events), events)
}

/// All of a batch but its columns.
pub fn head(first_seq: u64, processes: &[Process], stacks: &[Stack], events: &[Event]) -> Batch {
    Batch {
        first_seq,
        last_seq: last_seq(first_seq, events),
        events: events.len() as u32,
        base_time_ns: base_time_ns(events),
        processes: processes.iter().map(encode_process).collect(),
        stacks: stacks.iter().map(encode_stack).collect(),
        ..Batch::default()
    }
}

/// Written by hand: prost wants each column as a vector of its own, and looks at each value three times.
pub fn encode_columns(head: &Batch, events: &[Event]) -> EncodedBatch {
    let mut out = Vec::with_capacity(head.encoded_len() + events.len() * USUAL_BYTES);
    out.extend(head.encode_to_vec());
    let mut columns = Columns {
        events,
        out,
        values: vec![0; events.len() * varint::MOST_BYTES],
    };
    columns.bytes(10, |event| event.kind);
    columns.bytes(11, |event| event.outcome);
    columns.bytes(12, |event| event.order);
    columns.times(13);
    columns.numbers(14, |event| event.cpu.into());
    columns.numbers(15, |event| event.tgid.into());
    columns.numbers(16, |event| event.tid.into());
    columns.numbers(17, |event| event.mm.into());
    columns.numbers(18, |event| event.other_mm.into());
    columns.numbers(19, |event| event.other_tgid.into());
    columns.numbers(20, |event| event.vpn);
    columns.numbers(21, |event| event.pages.into());
    columns.numbers(22, |event| event.old_pfn);
    columns.numbers(23, |event| event.new_pfn);
    columns.numbers(24, |event| event.flags.into());
    columns.numbers(25, |event| zigzag(event.refcount.into()));
    columns.numbers(26, |event| zigzag(event.mapcount.into()));
    columns.numbers(27, |event| zigzag(event.pincount.into()));
    columns.numbers(28, |event| zigzag(event.new_refcount.into()));
    columns.numbers(29, |event| event.stack.into());
    columns.numbers(30, |event| event.aux);
    EncodedBatch(columns.out.into())
}

/// What an event takes on the wire, most of them.
const USUAL_BYTES: usize = 40;

/// The number of the last event; one less than `first_seq` where there is none.
pub fn last_seq(first_seq: u64, events: &[Event]) -> u64 {
    (first_seq + events.len() as u64).saturating_sub(1)
}

fn base_time_ns(events: &[Event]) -> u64 {
    events.first().map_or(0, |event| event.time_ns)
}

/// Writes columns by their field numbers in `Batch`; one that is all zero is left out: most columns of most batches.
struct Columns<'a> {
    events: &'a [Event],
    out: Vec<u8>,
    /// Room for one column.
    values: Vec<u8>,
}

impl Columns<'_> {
    fn bytes(&mut self, field: u8, value: impl Fn(&Event) -> u8) {
        if self.events.iter().all(|event| value(event) == 0) {
            return;
        }
        for (place, event) in self.values.iter_mut().zip(self.events) {
            *place = value(event);
        }
        self.finish(field, self.events.len());
    }

    fn numbers(&mut self, field: u8, value: impl Fn(&Event) -> u64) {
        if self.events.iter().all(|event| value(event) == 0) {
            return;
        }
        let length = varint::write(&mut self.values, self.events.iter().map(value));
        self.finish(field, length);
    }

    /// By how much each is later than the one before it.
    fn times(&mut self, field: u8) {
        let mut before = base_time_ns(self.events);
        if self.events.iter().all(|event| event.time_ns == before) {
            return;
        }
        let deltas = self.events.iter().map(|event| {
            let after = std::mem::replace(&mut before, event.time_ns);
            zigzag(event.time_ns.wrapping_sub(after) as i64)
        });
        let length = varint::write(&mut self.values, deltas);
        self.finish(field, length);
    }

    /// The key of a field with a length (wire type 2), the length, and that many bytes of the values.
    fn finish(&mut self, field: u8, length: usize) {
        varint::push(&mut self.out, u64::from(field) << 3 | 2);
        varint::push(&mut self.out, length as u64);
        self.out.extend_from_slice(&self.values[..length]);
    }
}

/// sint32 and sint64: small numbers are short, whatever their sign.
fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

/// The events of a batch again, for a client's own filter. A column that is short reads as zero.
pub fn decode(batch: &Batch) -> Vec<Event> {
    let mut time_ns = batch.base_time_ns;
    (0..batch.events as usize)
        .map(|i| {
            time_ns = time_ns.wrapping_add_signed(at(&batch.time_delta_ns, i));
            Event {
                time_ns,
                vpn: at(&batch.vpn, i),
                old_pfn: at(&batch.old_pfn, i),
                new_pfn: at(&batch.new_pfn, i),
                aux: at(&batch.aux, i),
                cpu: at(&batch.cpu, i),
                tgid: at(&batch.tgid, i),
                tid: at(&batch.tid, i),
                mm: at(&batch.mm, i),
                other_mm: at(&batch.other_mm, i),
                other_tgid: at(&batch.other_tgid, i),
                pages: at(&batch.pages, i),
                flags: at(&batch.flags, i),
                stack: at(&batch.stack, i),
                refcount: at(&batch.refcount, i),
                mapcount: at(&batch.mapcount, i),
                pincount: at(&batch.pincount, i),
                new_refcount: at(&batch.new_refcount, i),
                kind: at(&batch.kind, i),
                outcome: at(&batch.outcome, i),
                order: at(&batch.order, i),
            }
        })
        .collect()
}

pub fn encode_process(process: &Process) -> columns::Process {
    columns::Process {
        tgid: process.tgid,
        parent_tgid: process.parent_tgid,
        mm: process.mm,
        comm: process.comm.clone(),
        start_time_ns: process.start_time_ns,
    }
}

pub fn encode_stack(stack: &Stack) -> columns::Stack {
    columns::Stack {
        stack: stack.stack,
        taker: stack.taker.clone(),
        frames: stack.frames.clone(),
    }
}

pub fn decode_process(process: columns::Process) -> Process {
    Process {
        tgid: process.tgid,
        parent_tgid: process.parent_tgid,
        mm: process.mm,
        comm: process.comm,
        start_time_ns: process.start_time_ns,
    }
}

fn at<T: Copy + Default>(column: &[T], i: usize) -> T {
    column.get(i).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::serve::sequence::MAX_EVENTS;
    use crate::serve::testing::{any_event, fault};

    proptest! {
        #[test]
        fn events_come_back_from_the_wire_as_they_went(
            events in prop::collection::vec(any_event(), 0..40),
            first_seq in 1..u64::MAX / 2,
        ) {
            let bytes = encode(first_seq, &[], &[], &events);
            let batch = bytes.columns()?;
            prop_assert_eq!(batch.last_seq + 1 - first_seq, events.len() as u64);
            prop_assert_eq!(decode(&batch), events);
            prop_assert_eq!(bytes, EncodedBatch::new(&batch));
        }
    }

    #[test]
    fn a_column_without_a_value_takes_no_place() {
        let batch = encode(1, &[], &[], &[fault(7, 1), fault(7, 2)])
            .columns()
            .unwrap();
        assert_eq!(batch.tgid, [7, 7]);
        assert!(batch.old_pfn.is_empty() && batch.order.is_empty() && batch.refcount.is_empty());
    }

    #[test]
    fn the_largest_batch_stays_within_256_kib() {
        let process = Process {
            tgid: u32::MAX,
            parent_tgid: u32::MAX,
            mm: u32::MAX,
            comm: vec![0xff; 15],
            start_time_ns: u64::MAX,
        };
        let event = Event {
            time_ns: u64::MAX,
            vpn: u64::MAX,
            old_pfn: u64::MAX,
            new_pfn: u64::MAX,
            aux: u64::MAX,
            cpu: u32::MAX,
            tgid: u32::MAX,
            tid: u32::MAX,
            mm: u32::MAX,
            other_mm: u32::MAX,
            other_tgid: u32::MAX,
            pages: u32::MAX,
            flags: u32::MAX,
            stack: u32::MAX,
            refcount: i32::MIN,
            mapcount: i32::MIN,
            pincount: i32::MIN,
            new_refcount: i32::MIN,
            kind: u8::MAX,
            outcome: u8::MAX,
            order: u8::MAX,
        };
        // A symbol has at most 64 bytes, and its offset 10 more; in user mode a module of 48 stands before it, and offsets
        // have 18.
        let mut frames = vec!["f".repeat(74); 24];
        frames.extend(vec!["u".repeat(1 + 48 + 19 + 1 + 64 + 19); 16]);
        let stack = Stack {
            stack: u32::MAX,
            taker: "t".repeat(64),
            frames,
        };
        let mut events = vec![event; MAX_EVENTS];
        // Times that jump as far as they can: the longest deltas.
        events
            .iter_mut()
            .step_by(2)
            .for_each(|event| event.time_ns = u64::MAX / 2);
        let batch = encode(
            u64::MAX / 2,
            &vec![process; crate::serve::sequence::MAX_PROCESSES],
            &vec![stack; crate::serve::sequence::MAX_STACKS],
            &events,
        );
        let bytes = batch.0.len();
        assert!(bytes <= 256 << 10, "{bytes} bytes");
    }
}
