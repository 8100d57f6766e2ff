import type { PageSize, RuleId } from '../../model/finding.js'
import type { Standing } from '../policy.js'
import type { Series } from '../version.js'

/** One line of the table of promises: for some rules, sizes of slots, and series of kernels. */
export interface Row {
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

export const BY_PTE: readonly PageSize[] = ['4k', 'pte-mapped']
export const THP: readonly PageSize[] = ['pte-mapped', 'thp']
export const HUGETLB: readonly PageSize[] = ['hugetlb']

export const MAPCOUNT_REUSE = 'mm/swapfile.c: reuse_swap_page (read in 5.10.262)'
export const HUGETLB_REUSE = 'mm/hugetlb.c: hugetlb_wp, hugetlb_cow (read in 5.10.262, 6.1.192, 6.12.117)'
export const T1 = 'Torvalds, 17 Dec 2021, on GUP-triggered unsharing'
export const T2 = 'Wilcox, 2 Dec 2021, "mm/gup: Do not force a COW break on file-backed memory"'
export const T3 = 'Lutomirski, Jan 2021, "mm: restore full accuracy in COW page reuse"'
export const T4 = 'Arcangeli, 2 May 2016, "vfio device assignment regression with THP ref counting redesign"'
export const T5 = 'Torvalds, 10 Aug 2020, "mm/gup: Allow real explicit breaking of COW"'
