import { at, type Series } from './version.js'

/**
 * Where kernels changed their rules: the vanilla series that first has the change, and what it was.
 *
 * `checked` says what was read for it. "source" means: the function was read in the sources of Debian's 5.10.262, 6.1.192 and
 * 6.12.117, which lie on the sides of the boundary that the text names; where between them the change came is known from
 * the commit alone, which could not be read here.
 */
export interface Boundary {
  readonly from: Series
  readonly what: string
  readonly file: string
  readonly fn: string
  readonly commit: string
  readonly checked: string
}

const READ = 'source: 5.10.262, 6.1.192 and 6.12.117; the exact series by the commit, not read'

export const BOUNDARIES = {
  follPin: {
    from: at('5.6'),
    what: 'FOLL_PIN exists, its references are counted by themselves (GUP_PIN_COUNTING_BIAS)',
    file: 'mm/gup.c',
    fn: 'try_grab_page',
    commit: '3faa52c03f44',
    checked: 'commit only',
  },
  uffdWp: {
    from: at('5.7'),
    what: 'userfaultfd write-protects anonymous memory, 4 KiB and PMD-mapped',
    file: 'mm/memory.c',
    fn: 'do_wp_page',
    commit: '529b930b87d9',
    checked: 'source: present in 5.10.262 (do_wp_page, wp_huge_pmd); the series by the commit, not read',
  },
  forcedBreak: {
    from: at('5.8'),
    what: 'a GUP call for reading breaks COW as if it wrote; backported to 5.7.3 and to older long-term series',
    file: 'mm/gup.c',
    fn: 'should_force_cow_break',
    commit: '17839856fd58',
    checked: 'source: absent from 5.10.262; the series of the commit and of its backports, not read',
  },
  reuseByCount: {
    from: at('5.9'),
    what: 'a 4 KiB PTE is made writable in place only where page_count is 1; no forced break any more (a308c71bf1e6)',
    file: 'mm/memory.c',
    fn: 'do_wp_page',
    commit: '09854ba94c6a',
    checked: READ,
  },
  earlyForkCopy: {
    from: at('5.9'),
    what: 'fork copies a page early for the child where it may be pinned by FOLL_PIN; such a PMD is split first (d042035eaf5f)',
    file: 'mm/memory.c',
    fn: 'copy_present_page',
    commit: '70e806e4e645',
    checked: READ,
  },
  pinnedStayOutOfSwap: {
    from: at('5.11'),
    what: 'reclaim puts no page into the swap cache that may be pinned by FOLL_PIN; 5.10 has it backported',
    file: 'mm/vmscan.c',
    fn: 'shrink_page_list',
    commit: 'feb889fb40fa',
    checked: 'source: present in 5.10.262, 6.1.192, 6.12.117; the series by the commit, not read',
  },
  hugetlbEarlyForkCopy: {
    from: at('5.12'),
    what: 'fork copies a hugetlb page early for the child where it may be pinned by FOLL_PIN',
    file: 'mm/hugetlb.c',
    fn: 'copy_hugetlb_page_range',
    commit: '4eae4efa2c29',
    checked: READ,
  },
  hugeReuseByCount: {
    from: at('5.18'),
    what: 'PMD-mapped THP (3bff7e3f1f16) and pages that come in from swap are made writable by their reference count too',
    file: 'mm/huge_memory.c, mm/memory.c',
    fn: 'do_huge_pmd_wp_page, do_swap_page',
    commit: 'c145e0b47c77',
    checked: READ,
  },
  anonExclusive: {
    from: at('5.19'),
    what: 'PageAnonExclusive decides who reuses, and survives mprotect, swap and splits; a pinned page is never shared',
    file: 'mm/memory.c',
    fn: 'do_wp_page',
    commit: '6c287605fd56',
    checked: READ,
  },
  pinUnshares: {
    from: at('5.19'),
    what: 'FOLL_PIN for reading unshares a shared anonymous page first (FAULT_FLAG_UNSHARE), of any size',
    file: 'include/linux/mm.h, mm/internal.h',
    fn: 'gup_must_unshare',
    commit: 'c89357e27f20',
    checked: READ,
  },
  uffdWpHugetlb: {
    from: at('5.19'),
    what: 'userfaultfd write-protects hugetlb and shared memory',
    file: 'mm/hugetlb.c',
    fn: 'hugetlb_fault',
    commit: '166f3ecc0daf',
    checked: READ,
  },
  longtermUnsharesAll: {
    from: at('6.2'),
    what: 'a long-term pin for reading breaks COW of file and zero pages in private mappings too',
    file: 'include/linux/mm.h, mm/internal.h',
    fn: 'gup_must_unshare',
    commit: '84209e87c696',
    checked: READ,
  },
  directIoPins: {
    from: at('6.5'),
    what: 'O_DIRECT takes FOLL_PIN, by bio (a7e689dd1c06) and by the old direct-io code; before it took FOLL_GET',
    file: 'fs/direct-io.c, block/bio.c',
    fn: 'dio_refill_pages, bio_iov_iter_get_pages',
    commit: '1ccf164ec866',
    checked: READ,
  },
} as const satisfies Record<string, Boundary>

export type BoundaryName = keyof typeof BOUNDARIES

/** One line: where it stands in the kernel, and which commit brought it. */
export function sourceOf(name: BoundaryName): string {
  const { file, fn, commit } = BOUNDARIES[name]
  return `${file}: ${fn} (${commit})`
}
