import type { EventColumns } from '../model/events.js'
import { Kind, Outcome } from '../model/kinds.js'

/** Rows that are kept; what comes beyond goes into the last one. */
const ROWS = 1024

/** What one process did to huge pages at one place in the kernel. */
export interface HugeRow {
  readonly tgid: number
  readonly comm: string
  /** The kernel function that caused it; empty: not known. */
  readonly cause: string
  readonly pmdSplits: number
  readonly folioSplits: number
  /** Folio splits that the kernel refused: somebody held a reference. */
  readonly refused: number
  readonly collapses: number
  readonly lastNs: number
}

interface Entry {
  readonly tgid: number
  readonly stack: number
  pmdSplits: number
  folioSplits: number
  refused: number
  collapses: number
  lastNs: number
}

export class HugeBook {
  readonly #rows = new Map<string, Entry>()

  /** Counts event `i` where it is about a huge page's shape. */
  count(events: EventColumns, i: number): void {
    const kind = events.kind[i]
    if (kind !== Kind.PmdSplit && kind !== Kind.FolioSplit && kind !== Kind.Collapse) return
    const failed = events.outcome[i] === Outcome.Failed
    if (kind === Kind.Collapse && failed) return
    const entry = this.#entry(events.tgid[i], events.stack[i])
    entry.lastNs = events.timeNs[i]
    if (kind === Kind.PmdSplit) entry.pmdSplits++
    else if (kind === Kind.Collapse) entry.collapses++
    else if (failed) entry.refused++
    else entry.folioSplits++
  }

  clear(): void {
    this.#rows.clear()
  }

  rows(commOf: (tgid: number) => string, causeOf: (stack: number) => string): readonly HugeRow[] {
    return [...this.#rows.values()]
      .map(({ stack, ...entry }) => ({ ...entry, comm: commOf(entry.tgid), cause: causeOf(stack) }))
      .sort((a, b) => total(b) - total(a) || b.lastNs - a.lastNs)
  }

  #entry(tgid: number, stack: number): Entry {
    const [who, where] = this.#rows.size < ROWS || this.#rows.has(`${tgid}/${stack}`) ? [tgid, stack] : [0, 0]
    const key = `${who}/${where}`
    let entry = this.#rows.get(key)
    if (entry === undefined) {
      entry = { tgid: who, stack: where, pmdSplits: 0, folioSplits: 0, refused: 0, collapses: 0, lastNs: 0 }
      this.#rows.set(key, entry)
    }
    return entry
  }
}

function total(row: HugeRow): number {
  return row.pmdSplits + row.folioSplits + row.refused + row.collapses
}
