import type { EventRow } from '../model/event-rows.js'
import { Flag, Kind } from '../model/kinds.js'
import { kindWord, outcomeWord } from './kind-words.js'
import { follWords } from './pin-table.js'
import { pageAddress } from './units.js'

/** One event of the simulator as a line, with the counts that the kernel would have decided by. */
export function toldLine(event: EventRow): string {
  const { kind, outcome, vpn, oldPfn, newPfn, pages, flags } = event
  const isMoved = newPfn !== 0 && newPfn !== oldPfn
  const frames =
    oldPfn === 0 && newPfn === 0
      ? ''
      : isMoved
        ? oldPfn === 0
          ? `, pfn ${newPfn}`
          : `, pfn ${oldPfn} to pfn ${newPfn}`
        : `, pfn ${oldPfn}`
  const counts =
    oldPfn === 0 || event.refcount === 0
      ? ''
      : `, refcount ${event.refcount}, mapcount ${event.mapcount}, pincount ${event.pincount}${(flags & Flag.Exclusive) === 0 ? '' : ', exclusive'}`
  const where = vpn === 0 ? '' : ` at ${pageAddress(vpn)}${pages > 1 ? `, ${pages} pages` : ''}`
  const call =
    kind === Kind.Gup ? ` (${follWords(event.aux % 2 ** 32)})` : (flags & Flag.InGup) === 0 ? '' : ' for GUP'
  return `pid ${event.tgid}: ${kindWord(kind)}${outcomeWord(outcome)}${call}${where}${frames}${counts}`
}

/** Equal lines that follow each other as one, with how often. */
export function folded(lines: readonly string[]): readonly string[] {
  const found: { readonly line: string; times: number }[] = []
  for (const line of lines) {
    const last = found.at(-1)
    if (last?.line === line) last.times++
    else found.push({ line, times: 1 })
  }
  return found.map(({ line, times }) => (times === 1 ? line : `${line}  (${times} times)`))
}
