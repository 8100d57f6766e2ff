//! Facts of frames that are mapped, from /proc/kpageflags and /proc/kpagecount.

use std::fs::File;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result};

use crate::collect::record::{
    FLAG_ANON, FLAG_FILE, FLAG_HUGETLB, FLAG_KSM, FLAG_LARGE, FLAG_LRU, FLAG_SWAPCACHE, FLAG_ZERO,
};

/// Bits of /proc/kpageflags: include/uapi/linux/kernel-page-flags.h, an interface to user space.
const KPF_LRU: u64 = 1 << 5;
const KPF_ANON: u64 = 1 << 12;
const KPF_SWAPCACHE: u64 = 1 << 13;
const KPF_COMPOUND_HEAD: u64 = 1 << 15;
const KPF_COMPOUND_TAIL: u64 = 1 << 16;
const KPF_HUGE: u64 = 1 << 17;
const KPF_NOPAGE: u64 = 1 << 20;
const KPF_KSM: u64 = 1 << 21;
const KPF_THP: u64 = 1 << 22;
const KPF_ZERO_PAGE: u64 = 1 << 24;

/// As many words as are read at once; a PMD maps as many pages.
pub const WORDS: usize = 512;
const GIANT_ORDER: u8 = 18;

/// What is known of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Bits of Flag.
    pub flags: u32,
    pub order: u8,
    pub mapcount: i32,
    pub is_thp: bool,
}

pub struct Frames {
    flags: File,
    counts: File,
}

impl Frames {
    /// # Errors
    /// The files are only there for root.
    pub fn open() -> Result<Self> {
        let open = |path| File::open(path).with_context(|| format!("{path} cannot be read"));
        Ok(Self {
            flags: open("/proc/kpageflags")?,
            counts: open("/proc/kpagecount")?,
        })
    }

    /// The facts of `count` frames from `pfn` on, at most `WORDS`, appended to `out`. A frame beyond the memory has none.
    pub fn read(&self, pfn: u64, count: usize, out: &mut Vec<Frame>) {
        let flags = words_at(&self.flags, pfn, count);
        let counts = words_at(&self.counts, pfn, count);
        let mut order = None;
        for i in 0..count.min(WORDS) {
            let word = flags.get(i).copied().unwrap_or(KPF_NOPAGE);
            // A folio's pages have one order: it is looked for once.
            if word & KPF_COMPOUND_TAIL == 0 {
                order = None;
            }
            let is_large = word & (KPF_COMPOUND_HEAD | KPF_COMPOUND_TAIL) != 0;
            let order = if is_large {
                *order.get_or_insert_with(|| self.order_of(pfn + i as u64, word))
            } else {
                0
            };
            let mapcount = counts.get(i).copied().unwrap_or(0);
            out.push(Frame {
                flags: facts_of(word),
                order,
                mapcount: i32::try_from(mapcount).unwrap_or(i32::MAX),
                is_thp: word & KPF_THP != 0,
            });
        }
    }

    /// The order of the folio of a page that is not one by itself.
    fn order_of(&self, pfn: u64, word: u64) -> u8 {
        let block = pfn - pfn % WORDS as u64;
        let words = words_at(&self.flags, block, WORDS);
        let is_tail = |word: &u64| word & KPF_COMPOUND_TAIL != 0;
        let pages = pages_around(&words, (pfn - block) as usize);
        let goes_on = || {
            words_at(&self.flags, block + WORDS as u64, 1)
                .iter()
                .any(is_tail)
        };
        match pages {
            // Only pages of hugetlb are larger than what a PMD maps.
            None if word & KPF_HUGE != 0 => GIANT_ORDER,
            Some(WORDS) if word & KPF_HUGE != 0 && goes_on() => GIANT_ORDER,
            pages => pages.map_or(0, |pages| pages.ilog2() as u8),
        }
    }
}

/// How many pages the folio has that holds the page at `at`; `None` where its head is not here.
fn pages_around(words: &[u64], at: usize) -> Option<usize> {
    let is_tail = |word: &&u64| *word & KPF_COMPOUND_TAIL != 0;
    let head = words.get(..=at)?.iter().rposition(|word| !is_tail(&word))?;
    let tails = words.get(head + 1..)?.iter().take_while(is_tail).count();
    Some(tails + 1)
}

fn facts_of(word: u64) -> u32 {
    if word & (KPF_NOPAGE | KPF_ZERO_PAGE) != 0 {
        return FLAG_ZERO;
    }
    let mut facts = if word & KPF_ANON != 0 {
        FLAG_ANON
    } else {
        FLAG_FILE
    };
    for (bit, fact) in [
        (KPF_KSM, FLAG_KSM),
        (KPF_LRU, FLAG_LRU),
        (KPF_HUGE, FLAG_HUGETLB),
        (KPF_COMPOUND_HEAD | KPF_COMPOUND_TAIL, FLAG_LARGE),
    ] {
        if word & bit != 0 {
            facts |= fact;
        }
    }
    if word & KPF_SWAPCACHE != 0 && facts & FLAG_ANON != 0 {
        facts |= FLAG_SWAPCACHE;
    }
    facts
}

/// Words of eight bytes from word `first` on: fewer at the end of the file, none where it cannot be read.
pub fn words_at(file: &File, first: u64, count: usize) -> Vec<u64> {
    let mut bytes = vec![0; count.min(WORDS) * 8];
    let got = file.read_at(&mut bytes, first * 8).unwrap_or(0);
    bytes.truncate(got);
    let words = bytes.chunks_exact(8);
    words
        .filter_map(|word| word.try_into().ok().map(u64::from_ne_bytes))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file_of(words: &[u64]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        for word in words {
            file.write_all(&word.to_ne_bytes()).unwrap();
        }
        file
    }

    #[test]
    fn a_folio_in_the_middle_is_told_by_its_order_and_what_is_beyond_memory_has_no_facts() {
        let thp = KPF_ANON | KPF_THP;
        let mut words = vec![KPF_ANON | KPF_LRU; 4];
        words.push(thp | KPF_COMPOUND_HEAD);
        words.extend([thp | KPF_COMPOUND_TAIL; 3]);
        words.push(0);
        let frames = Frames {
            flags: file_of(&words),
            counts: file_of(&[1; 9]),
        };
        let mut told = Vec::new();
        frames.read(3, 10, &mut told);
        let orders: Vec<u8> = told.iter().map(|frame| frame.order).collect();
        assert_eq!(orders, [0, 2, 2, 2, 2, 0, 0, 0, 0, 0]);
        assert_eq!(told[0].flags, FLAG_ANON | FLAG_LRU);
        assert_eq!((told[5].flags, told[6].flags), (FLAG_FILE, FLAG_ZERO));
    }

    #[test]
    fn a_giant_page_is_told_from_a_huge_one_by_what_follows() {
        let mut words = vec![KPF_HUGE | KPF_COMPOUND_HEAD];
        words.resize(2 * WORDS, KPF_HUGE | KPF_COMPOUND_TAIL);
        for (words, order) in [(&words[..], GIANT_ORDER), (&words[..WORDS], 9)] {
            let frames = Frames {
                flags: file_of(words),
                counts: file_of(&[]),
            };
            let mut told = Vec::new();
            frames.read(7, 1, &mut told);
            assert_eq!(told[0].order, order);
        }
    }
}
