//! Events to columns: what one `Batch` looks like.

use super::wire::columns::{self, Batch};
use crate::event::{Event, Process, Stack};

/// The columns of `events`, which are numbered from `first_seq` without a hole.
pub fn encode(first_seq: u64, processes: &[Process], stacks: &[Stack], events: &[Event]) -> Batch {
    let base_time_ns = events.first().map_or(0, |event| event.time_ns);
    Batch {
        first_seq,
        last_seq: (first_seq + events.len() as u64).saturating_sub(1),
        events: events.len() as u32,
        filtered: 0,
        base_time_ns,
        processes: processes.iter().map(encode_process).collect(),
        stacks: stacks.iter().map(encode_stack).collect(),
        time_delta_ns: deltas(base_time_ns, events),
        kind: column(events, |event| event.kind),
        outcome: column(events, |event| event.outcome),
        order: column(events, |event| event.order),
        cpu: column(events, |event| event.cpu),
        tgid: column(events, |event| event.tgid),
        tid: column(events, |event| event.tid),
        mm: column(events, |event| event.mm),
        other_mm: column(events, |event| event.other_mm),
        other_tgid: column(events, |event| event.other_tgid),
        vpn: column(events, |event| event.vpn),
        pages: column(events, |event| event.pages),
        old_pfn: column(events, |event| event.old_pfn),
        new_pfn: column(events, |event| event.new_pfn),
        flags: column(events, |event| event.flags),
        refcount: column(events, |event| event.refcount),
        mapcount: column(events, |event| event.mapcount),
        pincount: column(events, |event| event.pincount),
        new_refcount: column(events, |event| event.new_refcount),
        stack: column(events, |event| event.stack),
        aux: column(events, |event| event.aux),
    }
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

/// Empty when all are zero: most columns of most batches.
fn column<T: Copy + Default + PartialEq>(events: &[Event], field: impl Fn(&Event) -> T) -> Vec<T> {
    let zero = T::default();
    if events.iter().all(|event| field(event) == zero) {
        return Vec::new();
    }
    events.iter().map(field).collect()
}

fn deltas(base_time_ns: u64, events: &[Event]) -> Vec<i64> {
    let mut before = base_time_ns;
    let deltas: Vec<i64> = events
        .iter()
        .map(|event| {
            let delta = event.time_ns.wrapping_sub(before) as i64;
            before = event.time_ns;
            delta
        })
        .collect();
    if deltas.iter().all(|&delta| delta == 0) {
        Vec::new()
    } else {
        deltas
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
    use crate::serve::wire::EncodedBatch;

    proptest! {
        #[test]
        fn events_come_back_from_the_wire_as_they_went(
            events in prop::collection::vec(any_event(), 0..40),
            first_seq in 1..u64::MAX / 2,
        ) {
            let batch = EncodedBatch::new(&encode(first_seq, &[], &[], &events)).columns()?;
            prop_assert_eq!(batch.last_seq + 1 - first_seq, events.len() as u64);
            prop_assert_eq!(decode(&batch), events);
        }
    }

    #[test]
    fn a_column_without_a_value_takes_no_place() {
        let batch = encode(1, &[], &[], &[fault(7, 1), fault(7, 2)]);
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
        let bytes = EncodedBatch::new(&batch).0.len();
        assert!(bytes <= 256 << 10, "{bytes} bytes");
    }
}
