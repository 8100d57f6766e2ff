//! Huge pages: written in place, split in one page table, split for good, made of small ones, of the pool of hugetlb.

use std::fs;
use std::io;
use std::thread::sleep;
use std::time::Duration;

use super::child::Child;
use super::{Counter, Subject, fact, fault};
use crate::serve::wire::columns::Kind;
use crate::verify::fact::Fact;
use crate::verify::knob::Knob;
use crate::verify::memory::{Area, HUGE, PAGE, Pagemap, flush_lru_batch, is_thp};

const SETTINGS: &str = "/sys/kernel/mm/transparent_hugepage";
const HUGE_PAGES: usize = HUGE / PAGE;
/// Since 6.1.
const MADV_COLLAPSE: i32 = 25;
const LEGS: [&str; 4] = ["huge-wp", "pmd-split", "folio-split", "collapse"];

/// # Errors
/// The kernel's.
pub fn run(subject: &mut Subject) -> io::Result<()> {
    hugetlb(subject)?;
    let enabled = fs::read_to_string(format!("{SETTINGS}/enabled"));
    let why = match enabled {
        // Somebody's choice, which holds for others, too.
        Ok(words) if words.contains("[never]") => {
            Some(format!("huge pages are switched off ({SETTINGS}/enabled)"))
        }
        Ok(_) => None,
        Err(error) => Some(format!("this kernel has no huge pages: {error}")),
    };
    if let Some(why) = why {
        return LEGS
            .iter()
            .try_for_each(|leg| subject.not_tried(leg, why.as_str()));
    }
    write_in_place(subject)?;
    split_pmd(subject)?;
    split_folio(subject)?;
    collapse(subject)
}

/// A huge page that one PMD maps; `None` where the kernel has none to give.
fn huge_page() -> io::Result<Option<(Area, u64)>> {
    let area = Area::alone(HUGE, HUGE, 0)?;
    area.advise(0, HUGE_PAGES, libc::MADV_HUGEPAGE)?;
    area.write(0..HUGE_PAGES, 7);
    let pfn = Pagemap::open()?.frame(area.address_of(0));
    flush_lru_batch()?;
    Ok((pfn != 0 && is_thp(pfn)).then_some((area, pfn)))
}

const NO_HUGE_PAGE: &str = "the kernel had no huge page to give: memory is scattered";

fn write_in_place(subject: &mut Subject) -> io::Result<()> {
    let Some((area, pfn)) = huge_page()? else {
        return subject.not_tried("huge-wp", NO_HUGE_PAGE);
    };
    subject.fact(Fact {
        vpn: Some(area.vpn_of(0)),
        pages: Some(HUGE_PAGES as u64),
        new_pfn: Some(pfn),
        ..fact("anon-new", Kind::AnonNew)
    })?;
    Child::fork()?.end()?;
    area.write([5], 8);
    subject.fact(Fact {
        vpn: Some(area.vpn_of(0)),
        old_pfn: Some(pfn),
        ..fact("huge-wp", Kind::HugeWp)
    })
}

/// mprotect() of a part splits the vma and with it the PMD; the folio stays whole.
fn split_pmd(subject: &mut Subject) -> io::Result<()> {
    let Some((area, pfn)) = huge_page()? else {
        return subject.not_tried("pmd-split", NO_HUGE_PAGE);
    };
    subject.claim(Kind::PmdSplit, area.vpn_of(0), HUGE_PAGES)?;
    let splits = Counter::now("thp_split_pmd");
    area.protect(7, 1, libc::PROT_READ)?;
    subject.counted("pmd-split", &splits, 1)?;
    tell_split_pmd(subject, &area, pfn)
}

fn tell_split_pmd(subject: &mut Subject, area: &Area, pfn: u64) -> io::Result<()> {
    subject.fact(Fact {
        vpn: Some(area.vpn_of(0)),
        pages: Some(HUGE_PAGES as u64),
        old_pfn: Some(pfn),
        ..fact("pmd-split", Kind::PmdSplit)
    })
}

/// MADV_COLD of a part splits the folio (mm/madvise.c, madvise_cold_or_pageout_pte_range()).
fn split_folio(subject: &mut Subject) -> io::Result<()> {
    let Some((area, pfn)) = huge_page()? else {
        return subject.not_tried("folio-split", NO_HUGE_PAGE);
    };
    let splits = Counter::now("thp_split_page");
    area.advise(9, 1, libc::MADV_COLD)?;
    if is_thp(pfn) {
        return subject.not_tried(
            "folio-split",
            "the kernel did not split a huge page for MADV_COLD",
        );
    }
    subject.counted("folio-split", &splits, 1)?;
    tell_split_pmd(subject, &area, pfn)?;
    subject.fact(Fact {
        old_pfn: Some(pfn),
        ..fact("folio-split", Kind::FolioSplit)
    })
}

/// At once by MADV_COLLAPSE, before 6.1 by khugepaged, which is made to look sooner.
fn collapse(subject: &mut Subject) -> io::Result<()> {
    let area = Area::alone(HUGE, HUGE, 0)?;
    area.advise(0, HUGE_PAGES, libc::MADV_NOHUGEPAGE)?;
    area.write(0..HUGE_PAGES, 9);
    flush_lru_batch()?;
    let made = Counter::now("thp_collapse_alloc");
    area.advise(0, HUGE_PAGES, libc::MADV_HUGEPAGE)?;
    let is_huge = |subject: &Subject| is_thp(subject.pagemap.frame(area.address_of(0)));
    if area.advise(0, HUGE_PAGES, MADV_COLLAPSE).is_err() {
        let _sooner: Vec<Knob> = ["scan_sleep_millisecs", "alloc_sleep_millisecs"]
            .iter()
            .filter_map(|name| Knob::set(&format!("{SETTINGS}/khugepaged/{name}"), "10").ok())
            .collect();
        for _ in 0..100 {
            if is_huge(subject) {
                break;
            }
            sleep(Duration::from_millis(100));
        }
    }
    if !is_huge(subject) {
        return subject.not_tried(
            "collapse",
            "the kernel made no huge page of small ones within 10 s",
        );
    }
    subject.counted("collapse", &made, 1)?;
    subject.fact(Fact {
        vpn: Some(area.vpn_of(0)),
        pages: Some(HUGE_PAGES as u64),
        new_pfn: Some(subject.pagemap.frame(area.address_of(0))),
        ..fact("collapse", Kind::Collapse)
    })
}

/// Pages of the pool, if two are free there; the pool is left as it is.
fn hugetlb(subject: &mut Subject) -> io::Result<()> {
    let free = fs::read_to_string("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
    let free = free.ok().and_then(|words| words.trim().parse().ok());
    if free.unwrap_or(0) < 2_u32 {
        return subject.not_tried(
            "hugetlb-wp",
            "fewer than two free pages of hugetlb (vm.nr_hugepages)",
        );
    }
    let area = Area::alone(HUGE, HUGE, libc::MAP_HUGETLB)?;
    area.write([0], 1);
    let frame = |subject: &Subject| subject.pagemap.frame(area.address_of(0));
    subject.fact(Fact {
        vpn: Some(area.vpn_of(0)),
        new_pfn: Some(frame(subject)),
        ..fact("anon-new", Kind::AnonNew)
    })?;
    let child = Child::fork()?;
    let before = frame(subject);
    area.write([0], 2);
    let after = frame(subject);
    subject.fact(fault(
        "hugetlb-wp",
        Kind::HugetlbWp,
        area.vpn_of(0),
        before,
        after,
    ))?;
    child.end()
}
