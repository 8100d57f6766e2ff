import type { EventColumns } from '../model/events.js'
import { Outcome } from '../model/kinds.js'
import { greatest } from './greatest.js'

/** Pages with counts. When there are more, the half with the fewest events is forgotten. */
const PAGES = 16_384

/** One page of one address space, and what happened to it since it was first counted. */
export interface HotPage {
  /** The agent's number of the address space. */
  readonly mm: number
  readonly vpn: number
  readonly tgid: number
  readonly comm: string
  readonly faults: number
  readonly copies: number
  readonly reuses: number
  readonly pfn: number
  readonly lastNs: number
}

interface Entry {
  tgid: number
  faults: number
  copies: number
  reuses: number
  pfn: number
  lastNs: number
}

type Row = readonly [mm: number, vpn: number, entry: Entry]

/** Counts faults by page, in bounded memory: a page that was forgotten begins again from nothing. */
export class HotPages {
  readonly #byMm = new Map<number, Map<number, Entry>>()
  #size = 0

  count(events: EventColumns, i: number): void {
    const entry = this.#entry(events.mm[i], events.vpn[i])
    const outcome = events.outcome[i]
    entry.tgid = events.tgid[i]
    entry.faults++
    if (outcome === Outcome.Copy || outcome === Outcome.Unshare) entry.copies++
    else if (outcome === Outcome.Reuse) entry.reuses++
    const pfn = events.newPfn[i]
    entry.pfn = pfn === 0 ? events.oldPfn[i] : pfn
    entry.lastNs = events.timeNs[i]
  }

  clear(): void {
    this.#byMm.clear()
    this.#size = 0
  }

  /** By copies, then by faults, then the latest. */
  hottest(limit: number, commOf: (tgid: number) => string): readonly HotPage[] {
    return greatest(this.#rows(), limit, hotter).map(([mm, vpn, entry]) => ({
      mm,
      vpn,
      comm: commOf(entry.tgid),
      ...entry,
    }))
  }

  *#rows(): Generator<Row> {
    for (const [mm, pages] of this.#byMm) for (const [vpn, entry] of pages) yield [mm, vpn, entry]
  }

  #entry(mm: number, vpn: number): Entry {
    let pages = this.#byMm.get(mm)
    if (pages === undefined) this.#byMm.set(mm, (pages = new Map<number, Entry>()))
    let entry = pages.get(vpn)
    if (entry === undefined) {
      if (this.#size >= PAGES) this.#forgetColdest()
      entry = { tgid: 0, faults: 0, copies: 0, reuses: 0, pfn: 0, lastNs: 0 }
      // Forgetting may have dropped the map that was empty of hot pages.
      this.#byMm.set(mm, pages)
      pages.set(vpn, entry)
      this.#size++
    }
    return entry
  }

  #forgetColdest(): void {
    const heats = new Float64Array(this.#size)
    let at = 0
    for (const pages of this.#byMm.values()) for (const entry of pages.values()) heats[at++] = heat(entry)
    const limit = heats.sort()[heats.length >> 1]
    this.#size = 0
    for (const [mm, pages] of this.#byMm) {
      for (const [vpn, entry] of pages) if (heat(entry) <= limit) pages.delete(vpn)
      if (pages.size === 0) this.#byMm.delete(mm)
      this.#size += pages.size
    }
  }
}

/** Equal counts fall by age: no two pages are told apart by chance. */
function heat({ faults, lastNs }: Entry): number {
  return faults + Math.min(0.999, lastNs / 1e18)
}

function hotter([, , a]: Row, [, , b]: Row): number {
  return b.copies - a.copies || b.faults - a.faults || b.lastNs - a.lastNs
}
