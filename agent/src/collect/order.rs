//! Records in the order in which the facts happened.
//!
//! The ring buffer has the order of reservation across CPUs, and a fault may be told some time after its fact. So a
//! record is held until the drain after the next has begun: what happened before the last drain began was in the ring
//! by then, but for a task that slept inside a fault (it is told late, and the client's own window takes it in).

use crate::collect::record::Record;

/// Records for which there is room at any time.
const KEPT: usize = 8192;

#[derive(Default)]
pub struct Window {
    held: Vec<Record>,
    /// When the drain before this one began.
    before_ns: u64,
}

impl Window {
    /// Takes what came out of the ring.
    pub fn take(&mut self, arrived: &mut Vec<Record>) {
        if self.held.is_empty() {
            std::mem::swap(&mut self.held, arrived);
        } else {
            self.held.append(arrived);
        }
    }

    /// Releases, in order of time, what is older than the drain before the one that began at `began_ns`.
    pub fn release(&mut self, began_ns: u64, mut each: impl FnMut(Record)) {
        let until_ns = std::mem::replace(&mut self.before_ns, began_ns);
        self.held.sort_by_key(|record| record.head.time_ns);
        let count = self
            .held
            .partition_point(|record| record.head.time_ns < until_ns);
        self.held.drain(..count).for_each(&mut each);
        // After a flood, or the beginning of a crowd.
        self.held.shrink_to(KEPT);
    }

    /// Releases the rest: nothing more will come.
    pub fn release_all(&mut self, each: impl FnMut(Record)) {
        self.held.sort_by_key(|record| record.head.time_ns);
        self.held.drain(..).for_each(each);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::record::{Body, Head};

    fn at(time_ns: u64) -> Record {
        Record {
            head: Head {
                time_ns,
                ..Head::default()
            },
            body: Body::Free { pfn: 1 },
        }
    }

    fn times(window: &mut Window, began_ns: u64) -> Vec<u64> {
        let mut times = Vec::new();
        window.release(began_ns, |record| times.push(record.head.time_ns));
        times
    }

    #[test]
    fn records_of_two_cpus_come_out_in_order_of_time_although_one_was_drained_late() {
        let mut window = Window::default();
        window.take(&mut vec![at(5), at(3)]);
        assert_eq!(times(&mut window, 6), [0; 0]);
        window.take(&mut vec![at(4), at(9)]);
        assert_eq!(times(&mut window, 10), [3, 4, 5]);
        let mut rest = Vec::new();
        window.release_all(|record| rest.push(record.head.time_ns));
        assert_eq!(rest, [9]);
    }
}
