import type { LivePin } from '../../src/history/judge.js'
import { Foll } from '../../src/model/kinds.js'
import {
  entryAt,
  type Area,
  type Entry,
  type Folio,
  type Mm,
  type Pin,
} from '../../src/policy/simulator/memory.js'
import { bitsOf, type Known } from './known.js'
import { Words } from './words.js'

/**
 * What a fault on one page depends on: what the page table has there, all that maps the same folio or holds the same swap entry, what
 * is held of it or was taken through that address, and what the history knows of both; `held` are the references that it knows. Not: permissions elsewhere, other folios of the
 * slot, where in its two homes the slot lies. `last.test.ts` holds that.
 */
export function nameOfPage(known: Known, held: readonly LivePin[], at: PageAt): string {
  return new PageDescription(known, held, at).name
}

/** A page of an area of an address space. */
export interface PageAt {
  readonly mm: Mm
  readonly area: Area
  readonly page: number
}

const KINDS: readonly Folio['kind'][] = ['anon', 'ksm', 'hugetlb', 'file']

/** Addresses are told from the area's first; the address space is the first of both, and folios are numbered as they are met. */
class PageDescription {
  readonly #known: Known
  readonly #held: readonly LivePin[]
  readonly #mm: Mm
  readonly #area: Area
  readonly #page: number
  readonly #words = new Words()
  readonly #folios: Folio[] = []

  constructor(known: Known, held: readonly LivePin[], { mm, area, page }: PageAt) {
    this.#known = known
    this.#held = held
    this.#mm = mm
    this.#area = area
    this.#page = page
  }

  get name(): string {
    const words = this.#words
    const mm = this.#mm
    const area = this.#area
    const vpn = area.vpn + this.#page
    const entry = entryAt(mm, vpn)
    const isEmpty = !mm.entries.some((one) => this.#isInArea(one.vpn))
    words.add(bitsOf([area.writable, area.uffd, isEmpty, entry !== undefined]))
    words.add(this.#page)
    // What is mapped as a whole is split for it: all of its pages change.
    const from = entry?.huge ? area.vpn : vpn
    const until = entry?.huge ? area.vpn + area.pages : vpn + 1
    if (entry) this.#meet(entry)
    const isHere = (one: { readonly vpn: number }) => from <= one.vpn && one.vpn < until
    this.#taken((pin) => pin.mm === mm.id && isHere(pin))
    this.#history(isHere, from, until)
    return words.name
  }

  #isInArea(vpn: number): boolean {
    return this.#area.vpn <= vpn && vpn < this.#area.vpn + this.#area.pages
  }

  #meet({ folio: id, swap }: Entry): void {
    const { folios } = this.#known.memory
    const folio = id === 0 ? folios.find((one) => one?.swap === swap) : folios[id]
    if (folio) this.#folio(folio)
    else this.#swap(swap)
  }

  /** All that maps it, and what it is. */
  #folio(folio: Folio): void {
    const words = this.#words
    this.#folios.push(folio)
    words.add(KINDS.indexOf(folio.kind) * 64 + folio.order)
    words.add(folio.passing * 2 + (folio.offLru ? 1 : 0))
    words.add(bitsOf(folio.pages.map(({ exclusive }) => exclusive)))
    words.add(folio.order > 0 ? bitsOf(folio.pages.map(({ taken }) => taken)) : 0)
    this.#entries((one) => one.folio === folio.id)
    if (folio.swap !== 0) this.#swap(folio.swap)
    else words.add(-2)
  }

  #swap(swap: number): void {
    this.#entries((one) => one.folio === 0 && one.swap === swap)
  }

  #entries(isMeant: (entry: Entry) => boolean): void {
    const words = this.#words
    const { mms } = this.#known.memory
    for (const mm of mms.length > 1 && mms[0] !== this.#mm ? [this.#mm, mms[0]] : mms) {
      const found = mm.entries.filter(isMeant)
      if (found.length > 1) found.sort((a, b) => a.vpn - b.vpn)
      for (const entry of found) {
        const bits = [entry.huge, entry.writable, entry.folio === 0 && entry.swapExclusive]
        const own = mm === this.#mm ? [entry.uffdWp, entry.by === 'copy'] : []
        words.add(entry.vpn - this.#area.vpn)
        words.add(bitsOf([...bits, ...own]) * 64 + entry.page)
      }
      words.add(-1)
    }
  }

  #isMet(id: number): boolean {
    return this.#folios.some((folio) => folio.id === id)
  }

  #ownerOf(mm: number, id: number): number {
    if (mm === id) return 1
    return this.#known.memory.mms.some((one) => one.id === mm) ? 2 : 0
  }

  #taken(isHere: (pin: Pin) => boolean): void {
    const words = this.#words
    const codes: number[] = []
    for (const pin of this.#known.memory.pins) {
      const isOn = this.#isMet(pin.folio)
      if (!isOn && !isHere(pin)) continue
      const bits = bitsOf([pin.kind === 'pin', pin.write, pin.longterm, pin.diverged, pin.leaked, isOn])
      const owner = this.#ownerOf(pin.mm, this.#mm.id)
      codes.push(((owner * 64 + pin.vpn - this.#area.vpn + 8) * 64 + bits) * 4 + pin.page)
    }
    if (codes.length > 1) codes.sort((a, b) => a - b)
    words.add(codes.length)
    for (const code of codes) words.add(code)
  }

  #history(isHere: (one: { readonly vpn: number }) => boolean, from: number, until: number): void {
    const words = this.#words
    const { view, place, noted } = this.#known
    const id = view.mmOf(this.#mm.id + place.mm)
    const ids = this.#known.memory.mms.map((mm) => view.mmOf(mm.id + place.mm))
    const codes: number[] = []
    for (const pin of this.#held) {
      const page = this.#pageOf(pin.pfn)
      if (page < 0 && !(pin.mm === id && isHere(pin))) continue
      const owner = pin.mm === id ? 1 : ids.includes(pin.mm) ? 2 : 0
      const slot = view.slotAt(pin.mm, pin.vpn)
      const since = (slot?.fromNs ?? 0) <= pin.fromNs
      const isPin = (pin.foll & Foll.Pin) !== 0
      const isWrite = (pin.foll & Foll.Write) !== 0
      const bits = bitsOf([
        pin.isCertain,
        pin.splitNs > 0,
        since,
        isPin,
        isWrite,
        slot?.isCertain === true,
        slot?.pfn === pin.pfn,
        !noted.isEmpty && noted.swappedUnder(this.#mm.id + place.mm, from, pin),
        view.isFrameCertain(pin.pfn),
      ])
      codes.push(
        (((owner * 16 + pin.vpn - this.#area.vpn + 8) * 4 + pin.held) * 512 + bits) * 4096 + page + 1,
      )
    }
    if (codes.length > 1) codes.sort((a, b) => a - b)
    words.add(codes.length)
    for (const code of codes) words.add(code)
    for (let vpn = from; vpn < until; vpn++) {
      const slot = view.slotAt(id, vpn)
      if (!slot) {
        words.add(-1)
        continue
      }
      words.add(this.#pageOf(slot.pfn))
      words.add((slot.order * 64 + slot.protectedBy) * 4 + bitsOf([slot.isPmdMapped, slot.isCertain]))
    }
    for (const folio of this.#folios)
      words.add(bitsOf(folio.pages.map((_, page) => view.isFrameCertain(place.pfn + folio.pfn + page))))
  }

  /** Of the folios that were met; -1: of none. */
  #pageOf(pfn: number): number {
    const frame = pfn - this.#known.place.pfn
    for (const [at, { pfn: first, order }] of this.#folios.entries()) {
      const page = frame - first
      if (page >= 0 && page < 2 ** order) return at * 1024 + page
    }
    return -1
  }
}
