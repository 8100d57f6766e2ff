import type { EventColumns } from '../model/events.js'
import { Kind, Outcome } from '../model/kinds.js'
import type { Counts } from './live-snapshot.js'

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }
export type MutableCounts = Mutable<Counts>

/** All zero, to be added to. */
export function newCounts(): MutableCounts {
  return { events: 0, faults: 0, copies: 0, copiedBytes: 0, reuses: 0, forks: 0 }
}

/** True for kinds that say what happened to one page of one slot: those the list of latest events shows. */
export function isPageEvent(kind: number): boolean {
  return isFault(kind) || kind === Kind.ForkCopy
}

const KINDS: ReadonlySet<number> = new Set(Object.values(Kind))

/** False for a kind that only a newer client has a name for. */
export function isKnownKind(kind: number): boolean {
  return KINDS.has(kind)
}

function isFault(kind: number): boolean {
  return kind === Kind.WpFault || kind === Kind.HugeWp || kind === Kind.HugetlbWp
}

/** Base pages that event `i` copied; 0 where it copied nothing. */
export function copiedPages(events: EventColumns, i: number): number {
  const kind = events.kind[i]
  if (kind === Kind.ForkCopy) return Math.max(1, events.pages[i])
  const outcome = events.outcome[i]
  if (!isFault(kind) || (outcome !== Outcome.Copy && outcome !== Outcome.Unshare)) return 0
  // A PTE fault in a large folio copies one base page of it; only PMD-mapped and hugetlb faults copy all.
  return kind === Kind.WpFault ? 1 : 2 ** events.order[i]
}

/** Adds event `i` to `counts`. */
export function addEvent(counts: MutableCounts, events: EventColumns, i: number, pageSize: number): void {
  const kind = events.kind[i]
  counts.events++
  if (kind === Kind.Fork) counts.forks++
  if (isFault(kind)) {
    counts.faults++
    if (events.outcome[i] === Outcome.Reuse) counts.reuses++
  }
  const pages = copiedPages(events, i)
  if (pages > 0) {
    counts.copies++
    counts.copiedBytes += pages * pageSize
  }
}
