import { Foll, Kind } from '../../model/kinds.js'
import { readFault, turnInCircles, wpFault, writeFault } from './faults.js'
import type { Machine } from './machine.js'
import { areaAt, entryAt, folioOf, isExclusive, pageAt, totalMaps, type Mm, type Pin } from './memory.js'
import { swapIn } from './swap.js'

/** GUP takes references on pages, and they are given back. */

export interface GupAsk {
  readonly kind: 'pin' | 'get'
  readonly write: boolean
  readonly longterm: boolean
}

/** Calls are numbered by the pins taken: each takes one page. */
const CALL = 2 ** 32

/** mm/gup.c: __get_user_pages(), one page. Undefined where it gets none: unmapped, protected, or userfaultfd has it. */
export function gup(machine: Machine, mm: Mm, vpn: number, ask: GupAsk): Pin | undefined {
  const { memory, rules } = machine
  const foll = follOf(ask)
  const area = areaAt(mm, vpn)
  if (!area || (ask.write && !area.writable)) return undefined
  if (!ask.write) readFault(machine, mm, vpn)
  // A read of anonymous memory that maps nothing takes the zero page: that is not simulated.
  if (!ask.write && !entryAt(mm, vpn)) return undefined
  const asWrite = ask.write || rules.forcesBreak
  const mapped = entryAt(mm, vpn)
  if (asWrite && mapped?.huge && folioOf(memory, mapped).kind === 'file') {
    turnInCircles(machine, mm, mapped, foll)
    return undefined
  }
  if (mapped?.folio === 0) swapIn(machine, mm, mapped, asWrite ? 'write' : 'read')
  if (asWrite && !isForcedThrough(machine, mm, vpn, ask) && writeFault(machine, mm, vpn, foll) !== 'done')
    return undefined
  const found = entryAt(mm, vpn)
  if (!found) return undefined
  if (mustUnshare(machine, found, ask)) wpFault(machine, mm, vpn, { access: 'unshare', foll })

  const entry = entryAt(mm, vpn)
  if (!entry || entry.folio === 0) return undefined
  const folio = folioOf(memory, entry)
  if (ask.kind === 'pin') folio.pins++
  else folio.gets++
  folio.pages[pageAt(entry, vpn)].taken = true
  const pin: Pin = {
    order: ++memory.lastPin,
    mm: mm.id,
    vpn,
    folio: folio.id,
    page: pageAt(entry, vpn),
    ...ask,
    diverged: false,
    leaked: false,
    swapped: false,
  }
  memory.pins.push(pin)
  machine.tell(Kind.Gup, mm, { ...machine.facts(mm, entry, vpn), aux: foll + pin.order * CALL })
  return pin
}

/**
 * A forced break on a read-only mapping ends with a page that is still mapped read-only: only one that was shared is broken
 * again (mm/gup.c: faultin_page(), FOLL_COW).
 */
function isForcedThrough({ memory }: Machine, mm: Mm, vpn: number, ask: GupAsk): boolean {
  const entry = entryAt(mm, vpn)
  if (ask.write || areaAt(mm, vpn)?.writable || entry?.by !== 'copy') return false
  return totalMaps(folioOf(memory, entry)) === 1
}

/** include/linux/mm.h, mm/internal.h: gup_must_unshare(), in private mappings. */
function mustUnshare(
  { rules, memory }: Machine,
  entry: { folio: number; writable: boolean; huge: boolean; page: number },
  ask: GupAsk,
): boolean {
  if (!rules.pinUnshares || ask.write || ask.kind !== 'pin' || entry.writable) return false
  const folio = folioOf(memory, entry)
  if (folio.kind === 'file') return ask.longterm && rules.longtermUnsharesAll
  return !isExclusive(folio, entry)
}

function follOf({ kind, write, longterm }: GupAsk): number {
  return (kind === 'pin' ? Foll.Pin : Foll.Get) | (write ? Foll.Write : 0) | (longterm ? Foll.Longterm : 0)
}

/** unpin_user_page(), which the agent sees, or put_page(), which it does not. */
export function release(machine: Machine, pin: Pin): void {
  const { memory } = machine
  const folio = folioOf(memory, pin)
  memory.pins = memory.pins.filter((other) => other !== pin)
  if (pin.kind === 'pin') {
    machine.tell(Kind.Unpin, undefined, {
      oldPfn: folio.pfn + pin.page,
      pages: 1,
      aux: 1,
      order: folio.order,
    })
    folio.pins--
  } else {
    folio.gets--
  }
  machine.settle(folio)
}

/** The device puts something into the page that it holds. */
export function deviceWrite(machine: Machine, pin: Pin): void {
  folioOf(machine.memory, pin).pages[pin.page].content = machine.nextContent()
}

export function deviceRead(machine: Machine, pin: Pin): number {
  return folioOf(machine.memory, pin).pages[pin.page].content
}
