/** Pages, as hosts have them: most have base pages of 4 KiB, and huge ones of 512 of those. */

/** Of what a PMD maps, where base pages have 4 KiB. */
export const DEFAULT_PMD_ORDER = 9

/** Bytes of a page-table entry, on all 64-bit machines that the agent runs on. */
const ENTRY_BYTES = 8

/**
 * Order of what a PMD maps: a page table is one base page full of entries (include/linux/pgtable.h: HPAGE_PMD_ORDER), so that
 * with base pages of 64 KiB a THP has 8192 of them. A size that no machine has stands for 4 KiB.
 */
export function pmdOrderOf(pageSizeBytes: number): number {
  const order = Math.log2(pageSizeBytes / ENTRY_BYTES)
  return Number.isInteger(order) && order >= DEFAULT_PMD_ORDER && order <= 13 ? order : DEFAULT_PMD_ORDER
}
