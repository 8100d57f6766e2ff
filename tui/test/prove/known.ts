import type { HistoryView, LivePin, SlotView } from '../../src/history/judge.js'
import { Foll } from '../../src/model/kinds.js'
import {
  isExclusive,
  type Area,
  type Entry,
  type Folio,
  type Memory,
  type Mm,
  type Pin,
} from '../../src/policy/simulator/memory.js'
import type { Place } from '../../src/policy/simulator/rows.js'
import type { Noted } from './noted.js'
import { Words } from './words.js'

/** What tells states of simulator, history and rules apart: by names that do not depend on the numbers of what is in them. */

/** Where the run lies among others, and what it has come to. */
export interface Known {
  readonly view: HistoryView
  readonly noted: Noted
  readonly place: Place
  readonly memory: Memory
}

/** More folios than any short run has at a time. */
export const MOST_FOLIOS = 24
const KINDS: readonly Folio['kind'][] = ['anon', 'ksm', 'hugetlb', 'file']

/** References that the history has of the run. */
export function knownPins({ view, place, memory }: Known): readonly LivePin[] {
  return view.pinsOn(place.pfn, MOST_FOLIOS * memory.hugePages)
}

/** Equal for states of simulator, history and rules from which the same can follow. */
export function stateName(known: Known): string {
  const [{ areas }] = known.memory.mms
  return nameOf(known, { slots: [...areas.keys()], pins: known.memory.pins, held: knownPins(known) })
}

/** What of a state is named: slots, and the references that were taken through them. */
export interface Named {
  readonly slots: readonly number[]
  readonly pins: readonly Pin[]
  readonly held: readonly LivePin[]
}

/**
 * Equal where only the numbers of frames, swap entries, pins and address spaces differ, and the order of references on different
 * frames. Contents are left out: no operation looks at them.
 */
export function nameOf(known: Known, named: Named): string {
  const { mms } = known.memory
  const inOrder = (order: readonly Mm[]) => new Description(known, order, named, 'all').name
  if (mms.length < 2) return inOrder(mms)
  const [first, second] = mms
  const [one, other] = [looksOf(first, named), looksOf(second, named)]
  if (one !== other) return inOrder(one < other ? [first, second] : [second, first])
  const [a, b] = [inOrder([first, second]), inOrder([second, first])]
  return a < b ? a : b
}

/** What an address space has by itself, whatever its number: where two differ in that, they have an order. */
function looksOf({ id, areas, entries }: Mm, { slots, pins }: Named): number {
  let looks = 0
  const add = (word: number) => {
    looks = Math.imul(looks ^ word, 0x9e3779b1) | 0
  }
  for (const slot of slots) {
    const { vpn, pages, mapped, writable, uffd } = areas[slot]
    add(mapped ? vpn * 8 + bitsOf([true, writable, uffd]) : 0)
    let mapping = 0
    for (const entry of entries)
      if (entry.vpn >= vpn && entry.vpn < vpn + pages)
        mapping += bitsOf([true, entry.huge, entry.writable, entry.uffdWp, entry.folio === 0])
    add(mapping)
  }
  let held = 0
  for (const pin of pins) if (pin.mm === id) held += bitsOf([true, pin.kind === 'pin', pin.write])
  add(held)
  return looks
}

/** The same of those address spaces, in that order: what maps what, and what is held; no permissions, and no passing references. */
export function nameOfMappings(known: Known, mms: readonly Mm[], named: Named): string {
  return new Description(known, mms, named, 'mappings').name
}

/** One order of the address spaces; folios and swap entries are numbered as they are met. */
class Description {
  readonly #known: Known
  readonly #mms: readonly Mm[]
  readonly #named: Named
  readonly #detail: 'all' | 'mappings'
  readonly #words = new Words()
  readonly #folios: Folio[] = []
  readonly #swaps: number[] = []

  constructor(known: Known, mms: readonly Mm[], named: Named, detail: 'all' | 'mappings') {
    this.#known = known
    this.#mms = mms
    this.#named = named
    this.#detail = detail
  }

  get name(): string {
    const { folios } = this.#known.memory
    const { slots } = this.#named
    for (const mm of this.#mms) for (const slot of slots) this.#area(mm, mm.areas[slot])
    for (const swap of this.#swaps) {
      const cached = folios.find((folio) => folio?.swap === swap)
      if (cached) this.#folio(cached)
    }
    this.#taken()
    // What nothing maps and nobody holds by name is of no slot.
    if (this.#detail === 'all' && slots.length === this.#mms[0].areas.length)
      for (const folio of folios) if (folio && !this.#folios.includes(folio)) this.#folio(folio)
    this.#history()
    return this.#words.name
  }

  #area(mm: Mm, area: Area): void {
    const words = this.#words
    if (!area.mapped) {
      words.add(0)
      return
    }
    words.add(area.vpn * 4 + (this.#detail === 'all' ? bitsOf([area.writable, area.uffd]) : 0))
    for (let vpn = area.vpn; vpn < area.vpn + area.pages; vpn++) {
      const entry = mm.entries.find((one) => one.vpn === vpn)
      if (entry) this.#entry(entry)
      else words.add(0)
    }
  }

  #entry(entry: Entry): void {
    const words = this.#words
    const folio = this.#known.memory.folios[entry.folio]
    const wasExclusive = folio ? isExclusive(folio, entry) : entry.swapExclusive
    // That a fault copied it is all that an operation asks of how it was mapped (gup.ts, a forced break on a read-only mapping).
    const bits = [entry.huge, entry.writable, entry.uffdWp, entry.by === 'copy', wasExclusive]
    words.add(1 + 2 * bitsOf(this.#detail === 'all' ? bits : [entry.huge]) + 64 * entry.page)
    if (folio) this.#folio(folio)
    else this.#swap(entry.swap)
  }

  /** Tells all of it when it is met first. */
  #folio(folio: Folio): void {
    const words = this.#words
    const known = this.#folios.indexOf(folio)
    words.add(known < 0 ? this.#folios.length : known)
    if (known >= 0) return
    this.#folios.push(folio)
    if (this.#detail === 'mappings') return
    words.add(KINDS.indexOf(folio.kind) * 64 + folio.order)
    words.add(folio.passing * 2 + (folio.offLru ? 1 : 0))
    if (folio.kind === 'anon' && folio.order > 0) words.add(bitsOf(folio.pages.map(({ taken }) => taken)))
    if (folio.swap === 0) words.add(-1)
    else this.#swap(folio.swap)
  }

  #swap(entry: number): void {
    const known = this.#swaps.indexOf(entry)
    this.#words.add(known < 0 ? this.#swaps.length : known)
    if (known < 0) this.#swaps.push(entry)
  }

  #taken(): void {
    const words = this.#words
    const codeOf = (pin: Pin) => {
      const owner = this.#mms.findIndex(({ id }) => id === pin.mm)
      const bits = bitsOf([pin.kind === 'pin', pin.write, pin.longterm, pin.diverged, pin.leaked])
      return ((owner + 1) * 1024 + pin.vpn) * 64 + bits * 2 + pin.page
    }
    const pins = this.#named.pins.map((pin) => ({ pin, code: codeOf(pin) }))
    if (pins.length > 1) pins.sort((a, b) => a.code - b.code)
    words.add(pins.length)
    for (const { pin, code } of pins) {
      words.add(code)
      const folio = this.#known.memory.folios[pin.folio]
      if (folio) this.#folio(folio)
    }
  }

  #history(): void {
    const { slots, held: pins } = this.#named
    const { view, noted, place, memory } = this.#known
    const words = this.#words
    // Of those on one frame it matters which is older (`liveOf`, and which of them an unpin means).
    const held = pins.map((pin) => ({ pin, page: this.#pageOf(pin.pfn) }))
    if (held.length > 1) held.sort((a, b) => a.page - b.page)
    words.add(held.length)
    const swappedAt = (mm: Mm, vpn: number) =>
      noted.isEmpty ? 0 : bitsOf(held.map(({ pin }) => noted.swappedUnder(mm.id + place.mm, vpn, pin)))
    for (const mm of this.#mms) {
      const id = view.mmOf(mm.id + place.mm)
      for (const count of noted.splitBy(mm.id + place.mm)) words.add(count)
      words.add(-1)
      for (const slot of slots) {
        const home = homeOf(mm.areas[slot], memory)
        for (let vpn = home; vpn < home + 2 * memory.hugePages; vpn++) {
          const known = view.slotAt(id, vpn)
          if (known) this.#slot(known)
          else words.add(-1)
          if (held.length > 0) words.add(swappedAt(mm, vpn))
        }
      }
    }
    const owners = this.#mms.map((mm) => view.mmOf(mm.id + place.mm))
    for (const { pin, page } of held) {
      const since = (view.slotAt(pin.mm, pin.vpn)?.fromNs ?? 0) <= pin.fromNs
      words.add(owners.indexOf(pin.mm))
      words.add(pin.vpn)
      words.add(page)
      words.add(pin.foll & (Foll.Pin | Foll.Write))
      words.add(pin.held * 8 + bitsOf([pin.isCertain, pin.splitNs > 0, since]))
    }
    for (const folio of this.#folios)
      words.add(bitsOf(folio.pages.map((_, page) => view.isFrameCertain(place.pfn + folio.pfn + page))))
  }

  /** Why it was mapped is left out: findings are explained by that, and none is raised or judged by it. */
  #slot({ pfn, order, isPmdMapped, isCertain, protectedBy }: SlotView): void {
    this.#words.add(this.#pageOf(pfn))
    const by = this.#detail === 'all' ? protectedBy : 0
    this.#words.add((order * 64 + by) * 4 + bitsOf([isPmdMapped, isCertain]))
  }

  /** By the number of its folio; where there is none in memory, by that of the frame. */
  #pageOf(pfn: number): number {
    const frame = pfn - this.#known.place.pfn
    const folios = this.#folios
    for (let at = 0; at < folios.length; at++) {
      const page = frame - folios[at].pfn
      if (page >= 0 && page < 2 ** folios[at].order) return at * 1024 + page
    }
    return -1 - frame
  }
}

/** Where the first of both homes of an area begins. */
function homeOf({ vpn }: Area, { hugePages }: Memory): number {
  return vpn - (vpn % (2 * hugePages))
}

export function bitsOf(bits: readonly boolean[]): number {
  let word = 0
  for (let at = 0; at < bits.length; at++) if (bits[at]) word += 2 ** at
  return word
}
