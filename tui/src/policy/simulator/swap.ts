import { Flag, Kind } from '../../model/kinds.js'
import { decideSwapIn } from './decide.js'
import type { Machine } from './machine.js'
import { areaAt, isHeld, pincount, refcount, type Entry, type Folio, type Mm } from './memory.js'

/** Swap out and in of small anonymous folios. (Reclaim splits a THP first: see `splitFolio`.) */

/** mm/vmscan.c: shrink_folio_list(), try_to_unmap_one(). False where the folio stays. */
export function swapOut(machine: Machine, folio: Folio): boolean {
  const { memory, rules } = machine
  if (folio.order > 0 || folio.kind !== 'anon' || folio.offLru || folio.weights[0] > 1) return false
  // folio_maybe_dma_pinned(): a bound from the count, and all there is.
  if (rules.keepsPinnedOutOfSwap && pincount(folio) > 0) return false
  if (folio.swap === 0) folio.swap = machine.newSwapEntry()
  const slot = memory.swap[folio.swap]
  if (!slot) return false
  folio.offLru = true
  for (const mm of memory.mms) {
    for (const entry of mm.entries) {
      if (entry.folio !== folio.id) continue
      machine.tell(Kind.SwapOut, mm, { ...machine.facts(mm, entry, entry.vpn), aux: folio.swap })
      machine.unmap(entry)
      slot.users++
      entry.folio = 0
      entry.writable = false
      entry.swap = folio.swap
      entry.swapExclusive = folio.pages[0].exclusive
      entry.by = 'swap'
    }
  }
  folio.offLru = false
  folio.pages[0].exclusive = false
  slot.content = folio.pages[0].content
  // Written out and nobody else holds it: the swap cache lets go. Else it stays, and is found again.
  if (!isHeld(folio)) {
    folio.swap = 0
    machine.settle(folio)
  }
  return true
}

/** mm/memory.c: do_swap_page(). A write that may not have the page yet is left mapped read-only, for a fault to follow. */
export function swapIn(machine: Machine, mm: Mm, entry: Entry, access: 'read' | 'write'): void {
  const { memory, rules } = machine
  const aux = entry.swap
  const wasExclusive = entry.swapExclusive
  const folio = memory.folios.find((cached) => cached?.swap === aux) ?? readIn(machine, aux)
  const slot = memory.swap[aux]
  if (slot) slot.users--
  entry.swap = 0
  entry.swapExclusive = false
  machine.map(entry, folio, 'swap-in')
  const area = areaAt(mm, entry.vpn)
  const byExclusive = rules.reuseSwapIn === 'exclusive'
  const mayReuse =
    access === 'write'
      ? decideSwapIn(rules, memory, folio, wasExclusive) === 'reuse'
      : byExclusive && wasExclusive
  entry.writable = mayReuse && access === 'write' && (area?.writable ?? false) && !entry.uffdWp
  if (mayReuse && byExclusive) folio.pages[0].exclusive = true
  machine.tell(Kind.SwapIn, mm, {
    vpn: entry.vpn,
    pages: 1,
    newPfn: folio.pfn,
    aux,
    newRefcount: refcount(folio),
    flags:
      machine.flags(mm, entry, folio) |
      (entry.writable ? Flag.Writable : 0) |
      (access === 'write' ? Flag.Write : 0),
  })
}

/** A page that has left memory comes back in another frame, by the swap cache. */
function readIn(machine: Machine, entry: number): Folio {
  const folio = machine.allocate('base')
  folio.pages[0].exclusive = false
  folio.pages[0].content = machine.memory.swap[entry]?.content ?? 0
  folio.swap = entry
  return folio
}

/** A child gets a swap entry of its parent: neither is exclusive any more. */
export function shareSwap(machine: Machine, entry: Entry): void {
  const slot = machine.memory.swap[entry.swap]
  if (slot) slot.users++
  entry.swapExclusive = false
}
