import type { PageSize, RuleId } from '../model/finding.js'
import { BOUNDARIES, sourceOf } from './boundaries.js'
import type { PolicyPromise, Standing } from './policy.js'
import type { Series } from './version.js'

/**
 * What kernels promise, rule by rule: the first row that fits rule, size and series holds. The last row of a rule fits
 * everything that is left.
 */
interface Row {
  readonly rules: readonly RuleId[]
  /** Default: all. */
  readonly sizes?: readonly PageSize[]
  /** First series that it holds for. */
  readonly from?: Series
  /** First series that it does not hold for any more. */
  readonly until?: Series
  readonly standing: Standing
  readonly why: string
  readonly source: string
  readonly holder?: 'pin' | 'any'
  readonly except?: readonly string[]
}

const BY_PTE: readonly PageSize[] = ['4k', 'pte-mapped']
const THP: readonly PageSize[] = ['pte-mapped', 'thp']
const HUGETLB: readonly PageSize[] = ['hugetlb']
const B = BOUNDARIES

const MAPCOUNT_REUSE = 'mm/swapfile.c: reuse_swap_page (read in 5.10.262)'
const HUGETLB_REUSE = 'mm/hugetlb.c: hugetlb_wp, hugetlb_cow (read in 5.10.262, 6.1.192, 6.12.117)'
const T1 = 'Torvalds, 17 Dec 2021, on GUP-triggered unsharing'
const T2 = 'Wilcox, 2 Dec 2021, "mm/gup: Do not force a COW break on file-backed memory"'
const T3 = 'Lutomirski, Jan 2021, "mm: restore full accuracy in COW page reuse"'
const T4 = 'Arcangeli, 2 May 2016, "vfio device assignment regression with THP ref counting redesign"'
const T5 = 'Torvalds, 10 Aug 2020, "mm/gup: Allow real explicit breaking of COW"'

const ROWS: readonly Row[] = [
  // R01: reuse by a sole owner.
  {
    rules: ['R01'],
    sizes: HUGETLB,
    standing: 'not-promised',
    why: 'hugetlb pages are made writable in place by their mapcount alone; references of others are not looked at',
    source: HUGETLB_REUSE,
  },
  {
    rules: ['R01'],
    sizes: BY_PTE,
    from: B.reuseByCount.from,
    standing: 'promised',
    why: 'a PTE is made writable in place only for an exclusive page or one whose sole reference is this mapping',
    source: sourceOf('reuseByCount'),
  },
  {
    rules: ['R01'],
    sizes: ['thp'],
    from: B.hugeReuseByCount.from,
    standing: 'promised',
    why: 'a PMD is made writable in place only for an exclusive folio or one whose sole reference is this mapping',
    source: sourceOf('hugeReuseByCount'),
  },
  {
    rules: ['R01'],
    standing: 'not-promised',
    why: 'who may write in place is decided by the mapcount; references of others are not looked at',
    source: MAPCOUNT_REUSE,
  },
  // R02: what is freshly writable is private.
  {
    rules: ['R02'],
    sizes: HUGETLB,
    standing: 'promised',
    why: 'a fresh hugetlb page is reachable only from the page table that gets it; hugetlb is not swapped',
    source: HUGETLB_REUSE,
  },
  {
    rules: ['R02'],
    from: B.hugeReuseByCount.from,
    standing: 'promised',
    why: 'copies and first touches are fresh pages; a page that comes in from swap is mapped writable only for a sole owner',
    source: sourceOf('hugeReuseByCount'),
  },
  {
    rules: ['R02'],
    standing: 'promised',
    why: 'copies and first touches are fresh pages; but swap-in maps writable by map and swap counts alone',
    source: MAPCOUNT_REUSE,
    except: ['swap', 'swap-in'],
  },
  // R03: no write protection while held.
  {
    rules: ['R03'],
    standing: 'not-promised',
    why: 'was proposed and not taken up: only KSM looks at the counts before it write-protects, fork only at FOLL_PIN',
    source: `${T3}; mm/ksm.c: write_protect_page`,
  },
  // R04: a held writable COW page stays out of the swap cache.
  {
    rules: ['R04'],
    sizes: HUGETLB,
    standing: 'not-applicable',
    why: 'hugetlb pages are not swapped',
    source: 'mm/vmscan.c: shrink_page_list',
  },
  {
    rules: ['R04'],
    from: B.pinnedStayOutOfSwap.from,
    standing: 'promised',
    why: 'reclaim leaves alone what may be pinned by FOLL_PIN; FOLL_GET does not hold it back',
    source: sourceOf('pinnedStayOutOfSwap'),
    holder: 'pin',
  },
  {
    rules: ['R04'],
    from: 5010,
    until: B.pinnedStayOutOfSwap.from,
    standing: 'promised',
    why: 'reclaim leaves alone what may be pinned by FOLL_PIN (a backport to 5.10); FOLL_GET does not hold it back',
    source: 'mm/vmscan.c: shrink_page_list (read in 5.10.262)',
    holder: 'pin',
  },
  {
    rules: ['R04'],
    standing: 'not-promised',
    why: 'reclaim does not look whether a page is pinned',
    source: sourceOf('pinnedStayOutOfSwap'),
  },
  // R05: P1.
  {
    rules: ['R05'],
    from: B.anonExclusive.from,
    standing: 'promised',
    why: 'a pinned anonymous page is exclusive, is never shared while pinned, and an exclusive page is never copied',
    source: sourceOf('anonExclusive'),
    holder: 'pin',
  },
  {
    rules: ['R05'],
    from: B.earlyForkCopy.from,
    standing: 'not-promised',
    why: 'fork copies pinned 4 KiB pages for the child, but any other write protection or reference costs a pin its coherence',
    source: `${sourceOf('reuseByCount')}; ${sourceOf('earlyForkCopy')}`,
  },
  {
    rules: ['R05'],
    standing: 'not-promised',
    why: 'after fork the first to write gets a copy, also where it is the one that holds the pin',
    source: `${MAPCOUNT_REUSE}; ${T4}`,
  },
  // R06: P2.
  {
    rules: ['R06'],
    sizes: HUGETLB,
    from: B.pinUnshares.from,
    standing: 'promised',
    why: 'FOLL_PIN holds no shared hugetlb page; a FOLL_GET reference may see the writes of another, as reuse is by mapcount',
    source: `${sourceOf('pinUnshares')}; ${HUGETLB_REUSE}`,
    holder: 'pin',
  },
  {
    rules: ['R06'],
    sizes: HUGETLB,
    standing: 'not-promised',
    why: 'hugetlb pages are reused by mapcount, whoever else holds a reference',
    source: HUGETLB_REUSE,
  },
  {
    rules: ['R06'],
    sizes: BY_PTE,
    from: B.hugeReuseByCount.from,
    standing: 'promised',
    why: 'a reference of anybody else makes a write fault copy',
    source: sourceOf('reuseByCount'),
  },
  {
    rules: ['R06'],
    sizes: BY_PTE,
    from: B.reuseByCount.from,
    standing: 'promised',
    why: 'a reference of anybody else makes a write fault copy; but a write that swaps in goes by map and swap counts alone',
    source: `${sourceOf('reuseByCount')}; ${MAPCOUNT_REUSE}`,
    except: ['swap', 'swap-in'],
  },
  {
    rules: ['R06'],
    sizes: ['thp'],
    from: B.hugeReuseByCount.from,
    standing: 'promised',
    why: 'a reference of anybody else makes a write fault on a PMD split and copy',
    source: sourceOf('hugeReuseByCount'),
  },
  {
    rules: ['R06'],
    from: B.forcedBreak.from,
    until: B.reuseByCount.from,
    standing: 'not-promised',
    why: 'a page taken after fork is private by the forced break; one taken before fork is reused by mapcount when its owner has left',
    source: `${sourceOf('forcedBreak')}; ${MAPCOUNT_REUSE}`,
  },
  {
    rules: ['R06'],
    standing: 'not-promised',
    why: 'who is left as the only mapping writes in place, whoever else holds a reference (CVE-2020-29374)',
    source: MAPCOUNT_REUSE,
  },
  // R07: COW once.
  {
    rules: ['R07'],
    sizes: HUGETLB,
    standing: 'promised',
    why: 'after its copy a slot is the only mapping of its hugetlb page, and reuse goes by that',
    source: HUGETLB_REUSE,
  },
  {
    rules: ['R07'],
    sizes: BY_PTE,
    from: B.reuseByCount.from,
    until: B.anonExclusive.from,
    standing: 'not-promised',
    why: 'any passing reference (swap cache, LRU batch, a GUP get) makes the next write fault copy again',
    source: `${sourceOf('reuseByCount')}; ${T1}`,
  },
  {
    rules: ['R07'],
    sizes: ['thp'],
    from: B.hugeReuseByCount.from,
    until: B.anonExclusive.from,
    standing: 'not-promised',
    why: 'any passing reference makes the next write fault split and copy',
    source: sourceOf('hugeReuseByCount'),
  },
  {
    rules: ['R07'],
    from: B.anonExclusive.from,
    standing: 'promised',
    why: 'a copy is exclusive to its mapping, and stays so until it is shared',
    source: sourceOf('anonExclusive'),
  },
  {
    rules: ['R07'],
    standing: 'promised',
    why: 'after its copy a slot is the only mapping of its page, and reuse goes by that',
    source: MAPCOUNT_REUSE,
  },
  // R08, R09: what GUP returns.
  {
    rules: ['R08'],
    from: B.pinUnshares.from,
    standing: 'promised',
    why: 'FOLL_PIN returns only exclusive anonymous pages; for reading it unshares first',
    source: sourceOf('pinUnshares'),
    holder: 'pin',
  },
  {
    rules: ['R08'],
    from: B.forcedBreak.from,
    until: B.reuseByCount.from,
    standing: 'promised',
    why: 'every GUP call on a COW mapping takes a writable page, breaking COW where it must',
    source: sourceOf('forcedBreak'),
  },
  {
    rules: ['R08'],
    standing: 'not-promised',
    why: 'GUP for reading takes what is mapped, also where it is shared',
    source: 'mm/gup.c: follow_page_pte (read in 5.10.262)',
  },
  {
    rules: ['R09'],
    from: B.longtermUnsharesAll.from,
    standing: 'promised',
    why: 'a long-term pin for reading breaks COW of whatever a private mapping shows',
    source: sourceOf('longtermUnsharesAll'),
    holder: 'pin',
  },
  {
    rules: ['R09'],
    from: B.pinUnshares.from,
    standing: 'not-promised',
    why: 'anonymous pages are unshared, file and zero pages in private mappings are not: drivers ask for writing and force to get there',
    source: sourceOf('pinUnshares'),
  },
  {
    rules: ['R09'],
    standing: 'not-promised',
    why: 'a long-term call for reading is no other than a short one',
    source: `${T1}; mm/gup.c: __gup_longterm_locked`,
  },
  // R10 to R14.
  {
    rules: ['R10'],
    from: B.forcedBreak.from,
    until: B.reuseByCount.from,
    standing: 'not-promised',
    why: 'the forced break looks at the flags of the mapping only, and copies file pages too',
    source: `${sourceOf('forcedBreak')}; ${T2}`,
  },
  {
    rules: ['R10'],
    standing: 'promised',
    why: 'GUP for reading takes file pages as they are',
    source: 'mm/gup.c: follow_page_pte',
  },
  {
    rules: ['R11'],
    standing: 'promised',
    why: 'a fault that GUP makes is done for good or retried by the caller; the same address is not faulted on and on',
    source: `mm/gup.c: faultin_page; ${T2}`,
  },
  {
    rules: ['R12'],
    from: B.pinUnshares.from,
    standing: 'promised',
    why: 'FAULT_FLAG_UNSHARE passes userfaultfd by and maps its copy read-only',
    source: 'mm/memory.c: do_wp_page, wp_page_copy (c89357e27f20; read in 6.1.192 and 6.12.117)',
  },
  {
    rules: ['R12'],
    from: B.forcedBreak.from,
    until: B.reuseByCount.from,
    standing: 'not-promised',
    why: 'a read that breaks COW is made as a write, and userfaultfd is told of a write',
    source: `${sourceOf('forcedBreak')}; ${T5}`,
  },
  {
    rules: ['R12'],
    standing: 'not-applicable',
    why: 'this kernel has no fault that breaks COW for a reader',
    source: sourceOf('pinUnshares'),
  },
  {
    rules: ['R13'],
    sizes: HUGETLB,
    from: B.uffdWpHugetlb.from,
    standing: 'promised',
    why: 'a write fault on a uffd-wp entry goes to userfaultfd before anything else',
    source: sourceOf('uffdWpHugetlb'),
  },
  {
    rules: ['R13'],
    sizes: ['4k', 'pte-mapped', 'thp'],
    from: B.uffdWp.from,
    standing: 'promised',
    why: 'a write fault on a uffd-wp entry goes to userfaultfd before anything else',
    source: sourceOf('uffdWp'),
  },
  {
    rules: ['R13'],
    standing: 'not-applicable',
    why: 'this kernel has no userfaultfd write protection here',
    source: sourceOf('uffdWp'),
  },
  {
    rules: ['R14'],
    sizes: ['4k', 'hugetlb'],
    standing: 'not-applicable',
    why: 'such pages are not split',
    source: 'mm/huge_memory.c: __split_huge_pmd',
  },
  {
    rules: ['R14'],
    from: B.anonExclusive.from,
    standing: 'promised',
    why: 'a split hands exclusiveness on to every subpage, and a folio with references beyond its mappings is not split',
    source: `${sourceOf('anonExclusive')}; mm/huge_memory.c: __split_huge_pmd_locked`,
    holder: 'pin',
  },
  {
    rules: ['R14'],
    from: B.reuseByCount.from,
    standing: 'not-promised',
    why: 'a held folio is not split, but after a PMD split its subpages are copied by count when written',
    source: `${sourceOf('reuseByCount')}; ${T4}`,
  },
  {
    rules: ['R14'],
    standing: 'not-promised',
    why: 'a held folio is not split, but a subpage that fork has shared is copied for the first writer',
    source: `${MAPCOUNT_REUSE}; ${T4}`,
  },
  // R15, R16: the same, for huge pages.
  {
    rules: ['R15'],
    sizes: THP,
    from: B.anonExclusive.from,
    standing: 'promised',
    why: 'one rule for all sizes that page tables map: PageAnonExclusive',
    source: sourceOf('anonExclusive'),
    holder: 'pin',
  },
  {
    rules: ['R15'],
    sizes: THP,
    standing: 'not-promised',
    why: 'a PMD is made writable by other rules than a PTE',
    source: `${sourceOf('hugeReuseByCount')}; ${T1}`,
  },
  {
    rules: ['R15'],
    standing: 'not-applicable',
    why: 'is about transparent huge pages',
    source: T1,
  },
  {
    rules: ['R16'],
    sizes: HUGETLB,
    standing: 'not-promised',
    why: 'hugetlb is made writable by mapcount where other memory is by exclusiveness or count',
    source: `${HUGETLB_REUSE}; ${T1}`,
  },
  {
    rules: ['R16'],
    standing: 'not-applicable',
    why: 'is about hugetlb',
    source: T1,
  },
  {
    rules: ['R17'],
    from: B.follPin.from,
    standing: 'promised',
    why: 'each FOLL_PIN reference is given back by unpin_user_page() or one of its family, once',
    source: `${sourceOf('follPin')}; ${T4}`,
    holder: 'pin',
  },
  {
    rules: ['R17'],
    standing: 'not-applicable',
    why: 'this kernel has no FOLL_PIN',
    source: sourceOf('follPin'),
  },
  {
    rules: ['A01', 'A02', 'A03', 'A04'],
    standing: 'not-applicable',
    why: 'advice and measurement: no kernel promises anything about it',
    source: `${T1}; ${T3}; ${T4}`,
  },
]

/** What the kernel of this series promises of the rule, for slots of this size. */
export function promiseOf(version: Series, rule: RuleId, size: PageSize): PolicyPromise {
  const row = ROWS.find(
    ({ rules, sizes, from = 0, until = Infinity }) =>
      rules.includes(rule) && (sizes?.includes(size) ?? true) && from <= version && version < until,
  )
  if (!row) throw new Error(`no promise is written down for ${rule} of ${size}`)
  const { standing, why, source, holder = 'any', except = [] } = row
  return { standing, why, source, holder, except }
}
