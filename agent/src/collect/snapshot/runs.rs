//! Pages that are neighbours in the address space and in memory, and equal in their facts, are one record.

use crate::collect::record::{Body, Head, KIND_SNAPSHOT, Record};

/// The largest run, 1 GiB: what one record may make a reader do is bounded.
const MOST_PAGES: u32 = 1 << 18;

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Frame(u64),
    /// A swap entry: its type in 5 bits, above it the offset, as `SWAP_OUT` has it.
    Swap(u64),
}

impl Place {
    fn after(self, pages: u32) -> Self {
        match self {
            Self::Frame(pfn) => Self::Frame(pfn + u64::from(pages)),
            Self::Swap(entry) => Self::Swap(entry + (u64::from(pages) << 5)),
        }
    }
}

/// One slot with the facts of its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    pub vpn: u64,
    pub place: Place,
    pub flags: u32,
    pub order: u8,
    pub mapcount: i32,
}

/// Joins slots of one address space, in order of address, to records.
pub struct Runs<'out> {
    pub head: Head,
    pub out: &'out mut Vec<Record>,
    open: Option<(Slot, u32)>,
}

impl<'out> Runs<'out> {
    /// `head` has what all records share: time, address space, process.
    pub fn new(head: Head, out: &'out mut Vec<Record>) -> Self {
        Self {
            head,
            out,
            open: None,
        }
    }

    pub fn push(&mut self, slot: Slot) {
        if let Some((first, pages)) = &mut self.open {
            let next = Slot {
                vpn: first.vpn + u64::from(*pages),
                place: first.place.after(*pages),
                ..*first
            };
            if next == slot && *pages < MOST_PAGES {
                *pages += 1;
                return;
            }
        }
        self.finish();
        self.open = Some((slot, 1));
    }

    /// Whether the last slot is of a folio that a later chunk may go on with: more than a page table maps.
    pub fn is_within_giant(&self) -> bool {
        self.open.is_some_and(|(slot, pages)| {
            slot.order > 9 && (slot.vpn + u64::from(pages)) % (1 << slot.order) != 0
        })
    }

    /// Writes the run that is open.
    pub fn finish(&mut self) {
        let Some((slot, pages)) = self.open.take() else {
            return;
        };
        let (old_pfn, aux) = match slot.place {
            Place::Frame(pfn) => (pfn, 0),
            Place::Swap(entry) => (0, entry),
        };
        self.out.push(Record {
            head: Head {
                kind: KIND_SNAPSHOT,
                order: slot.order,
                ..self.head
            },
            body: Body::Identity {
                vpn: slot.vpn,
                old_pfn,
                new_pfn: 0,
                aux,
                flags: slot.flags,
                refcount: 0,
                mapcount: slot.mapcount,
                pincount: 0,
                new_refcount: 0,
                pages,
            },
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slot(vpn: u64, place: Place, mapcount: i32) -> Slot {
        Slot {
            vpn,
            place,
            flags: 16,
            order: 0,
            mapcount,
        }
    }

    fn runs_of(slots: &[Slot]) -> Vec<Record> {
        let mut out = Vec::new();
        let mut runs = Runs::new(Head::default(), &mut out);
        slots.iter().for_each(|&slot| runs.push(slot));
        runs.finish();
        out
    }

    /// Every slot of the records, one by one.
    fn spread(records: &[Record]) -> Vec<Slot> {
        let mut all = Vec::new();
        for record in records {
            let Body::Identity {
                vpn,
                old_pfn,
                aux,
                pages,
                mapcount,
                ..
            } = record.body
            else {
                continue;
            };
            for i in 0..pages {
                let place = if old_pfn == 0 {
                    Place::Swap(aux)
                } else {
                    Place::Frame(old_pfn)
                };
                all.push(slot(vpn + u64::from(i), place.after(i), mapcount));
            }
        }
        all
    }

    #[test]
    fn neighbours_in_memory_are_one_run_and_what_differs_begins_another() {
        let slots = [
            slot(10, Place::Frame(70), 1),
            slot(11, Place::Frame(71), 1),
            slot(12, Place::Frame(72), 2),
            slot(14, Place::Frame(74), 2),
            slot(15, Place::Swap(3 << 5), 0),
            slot(16, Place::Swap(4 << 5), 0),
        ];
        assert_eq!(runs_of(&slots).len(), 4);
        assert_eq!(spread(&runs_of(&slots)), slots);
    }

    proptest! {
        #[test]
        fn no_slot_is_lost_or_invented(steps in prop::collection::vec((1..3_u64, 1..3_u64, 0..2, any::<bool>()), 0..200)) {
            let (mut vpn, mut at) = (0, 1);
            let slots: Vec<Slot> = steps
                .into_iter()
                .map(|(apart, further, mapcount, is_out)| {
                    vpn += apart;
                    at += further;
                    slot(vpn, if is_out { Place::Swap(at << 5) } else { Place::Frame(at) }, mapcount)
                })
                .collect();
            prop_assert_eq!(spread(&runs_of(&slots)), slots);
        }
    }
}
