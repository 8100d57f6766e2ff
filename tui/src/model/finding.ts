/** What the rules conclude: shared by rules, store, views and reports. */

export const RULE_IDS = [
  'R01', 'R02', 'R03', 'R04', 'R05', 'R06', 'R07', 'R08', 'R09', 'R10', 'R11', 'R12', 'R13', 'R14', 'R15', 'R16', 'R17',
  'A01', 'A02', 'A03', 'A04',
] as const // prettier-ignore
export type RuleId = (typeof RULE_IDS)[number]

/** By rising alarm: `unknown` is counted and never shown as an accusation. */
export const VERDICTS = ['unknown', 'measured', 'advice', 'self-inflicted', 'hazard', 'violation'] as const
export type Verdict = (typeof VERDICTS)[number]

/** Memory was in danger, or a kernel broke its word: what people are to be called for. */
export function isAlarm({ verdict }: { readonly verdict: string }): boolean {
  return verdict === 'hazard' || verdict === 'violation'
}

export const PAGE_SIZES = ['4k', 'pte-mapped', 'thp', 'hugetlb'] as const
/** How the slot maps its frame: by a PTE, by a PTE into a large folio, by a PMD, by hugetlb. */
export type PageSize = (typeof PAGE_SIZES)[number]

/** The reference that a finding is about. */
export interface Reference {
  readonly pin: number
  readonly kind: 'pin' | 'get'
  readonly write: boolean
  readonly longterm: boolean
  /** Who took it: number of the stack, 0 where not known. */
  readonly stack: number
  readonly tgid: number
  readonly mm: number
  readonly vpn: number
  readonly takenNs: number
}

/** One observation: the event, the counts that the kernel had at that moment, and what they mean. */
export interface Evidence {
  readonly run: number
  readonly seq: number
  readonly timeNs: number
  readonly kind: number
  readonly outcome: number
  readonly tgid: number
  readonly tid: number
  readonly mm: number
  readonly vpn: number
  readonly oldPfn: number
  readonly newPfn: number
  readonly flags: number
  readonly refcount: number
  readonly mapcount: number
  readonly pincount: number
  readonly reference: Reference | undefined
  /** One sentence for an expert, without names from outside. */
  readonly words: string
}

/** Observations of one rule, verdict, owner, cause, page size and kind of reference, as one. */
export interface Finding {
  /** The recording's number, ascending from 1. */
  readonly finding: number
  readonly rule: RuleId
  readonly verdict: Verdict
  readonly count: number
  readonly firstNs: number
  readonly lastNs: number
  /** The owner of the memory: its address space, and its process where known (else 0). */
  readonly mm: number
  readonly tgid: number
  readonly size: PageSize
  /** What did it: fork, mprotect, uffd-wp, pmd-split, swap, ksm, migrate, remap, unmap, copy, ... */
  readonly cause: string
  /** Who made the cause, where that is known: fork by pid N. Often the owner itself. 0: not known. */
  readonly causeTgid: number
  readonly first: Evidence
  readonly last: Evidence
}

/** Receives findings: anew when one begins, and again when its count or last evidence has changed. */
export interface FindingSink {
  finding(finding: Finding): void
  /** How often each rule was checked, held, broke or could not say; by page size. Told now and then, and at the end. */
  ruleCounts(counts: readonly RuleCount[]): void
}

export interface RuleCount {
  readonly rule: RuleId
  readonly size: PageSize
  readonly checked: number
  readonly held: number
  readonly broken: number
  readonly unknown: number
}
