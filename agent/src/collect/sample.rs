//! `--pages 1/N`: which pages have their history told.
//!
//! By the number of the page alone, not by the address space: what fork shares is told of both sides, or of none, and
//! whoever reads knows by the address whether silence means anything.

/// `is_chosen()` of agent/bpf/sample.bpf.h.
const FACTOR: u32 = 0x9e37_79b1;

/// One page in so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    below: u32,
}

impl Share {
    /// 0 and 1: all pages.
    pub fn of(one_in: u32) -> Self {
        let below = match one_in {
            0 | 1 => 0,
            n => ((1_u64 << 32) / u64::from(n)) as u32,
        };
        Self { below }
    }

    /// As the programs hold it: pages are told whose hash is below this, 0: all.
    pub fn below(self) -> u32 {
        self.below
    }

    /// Whether what happens to this page alone is told.
    pub fn has(self, vpn: u64) -> bool {
        self.below == 0 || (vpn as u32).wrapping_mul(FACTOR) < self.below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_page_in_n_is_chosen_wherever_one_looks() {
        for n in [2_u32, 3, 16, 64, 1000] {
            let share = Share::of(n);
            for begin in [0, 0x7f12_3456_7000, 1 << 35] {
                let pages = 64 * u64::from(n);
                let chosen = (begin..begin + pages).filter(|&vpn| share.has(vpn)).count();
                assert!((56..=72).contains(&chosen), "1/{n} at {begin}: {chosen}");
            }
        }
        assert!((0..1000).all(|vpn| Share::of(1).has(vpn)));
    }
}
