import { isChosen } from '../model/sample.js'
import type { Clock } from './clock.js'
import type { HistoryView, LivePin, SlotView } from './judge.js'
import type { Mms } from './mms.js'
import type { Pages } from './pages.js'
import type { Pin } from './pin.js'
import type { Pins } from './pins.js'
import type { ProtectedRange } from './protections.js'
import { SlotFlag } from './slots.js'

export interface ViewParts {
  readonly clock: Clock
  readonly mms: Mms
  readonly pages: Pages
  readonly pins: Pins
}

/** What is known, as those who judge may see it. */
export class View implements HistoryView {
  readonly #parts: ViewParts
  run = 0
  /** Of so many pages the history of one is told. */
  onePageIn = 1
  /** What was asked for last of the state as it is: several rules ask the same of one event. */
  #through: readonly LivePin[] | undefined
  #mm = 0
  #vpn = 0
  #pages = 0

  constructor(parts: ViewParts) {
    this.#parts = parts
  }

  get isSample(): boolean {
    return this.onePageIn > 1
  }

  get hasPins(): boolean {
    return this.#parts.pins.size > 0
  }

  mmOf(agentMm: number): number {
    return this.#parts.mms.known(agentMm)?.id ?? 0
  }

  tgidOf(mm: number): number {
    return this.#parts.mms.byId(mm)?.tgid ?? 0
  }

  slotAt(mm: number, vpn: number): SlotView | undefined {
    const row = this.#parts.pages.slots.find(mm, vpn)
    return row < 0 ? undefined : this.#slot(row, vpn)
  }

  slotsOf(pfn: number): readonly SlotView[] {
    const { slots, frames } = this.#parts.pages
    const found: SlotView[] = []
    for (const frame of new Set([frames.find(pfn), frames.findHead(pfn)])) {
      if (frame < 0) continue
      const page = pfn - frames.pfnOf(frame)
      for (let row = frames.firstSlotOf(frame); row >= 0; row = slots.links.next(row))
        if (page < slots.pagesOf(row)) found.push(this.#slot(row, slots.vpnOf(row) + page))
    }
    return found
  }

  pinsIn(mm: number, vpn: number, pages: number): readonly LivePin[] {
    const known = this.#through
    if (known !== undefined && this.#vpn === vpn && this.#mm === mm && this.#pages === pages) return known
    this.#mm = mm
    this.#vpn = vpn
    this.#pages = pages
    return (this.#through = this.#pinsIn(mm, vpn, pages))
  }

  /** An event was applied: what was asked for before is not so any more. */
  turn(): void {
    this.#through = undefined
  }

  pinsOn(pfn: number, pages: number): readonly LivePin[] {
    return this.#parts.pins.on(pfn, pages)
  }

  hasOthersPins(mm: number, pfn: number, pages: number): boolean {
    return !this.#parts.pins.areAllOf(mm, pfn, pages)
  }

  isFrameCertain(pfn: number): boolean {
    return this.#parts.pages.isFrameCertain(pfn)
  }

  #pinsIn(mm: number, vpn: number, pages: number): readonly LivePin[] {
    const pins = this.#parts.pins.through(mm, vpn, pages)
    if (pins.length === 0) return pins
    return pins.filter((pin) => this.#isStillMapped(pin, vpn, pages))
  }

  /** Whether a slot of the range still maps the frame that the pin holds through it. */
  #isStillMapped(pin: Pin, vpn: number, pages: number): boolean {
    const from = Math.max(vpn, pin.vpn)
    const until = Math.min(vpn + pages, pin.vpn + pin.pages)
    for (let at = from; at < until; at++) {
      const row = this.#parts.pages.slots.find(pin.mm, at)
      const pfn = pin.pfn + (at - pin.vpn)
      if (row >= 0 && this.#parts.pages.pfnAt(row, at) === pfn && pin.holds(pfn)) return true
    }
    return false
  }

  #slot(row: number, vpn: number): SlotView {
    return new Slot(this.#parts, row, vpn, isChosen(vpn, this.onePageIn))
  }
}

/** Reads what is asked for: most who look at a slot want to know two or three things of it. */
class Slot implements SlotView {
  readonly vpn: number
  readonly #parts: ViewParts
  readonly #row: number
  readonly #isTold: boolean

  /** `isTold`: the page's history is. */
  constructor(parts: ViewParts, row: number, vpn: number, isTold: boolean) {
    this.vpn = vpn
    this.#parts = parts
    this.#row = row
    this.#isTold = isTold
  }

  get mm(): number {
    return this.#parts.pages.slots.mmOf(this.#row)
  }

  get pfn(): number {
    return this.#parts.pages.pfnAt(this.#row, this.vpn)
  }

  get order(): number {
    const { slots, frames } = this.#parts.pages
    return frames.orderOf(slots.frameOf(this.#row))
  }

  get isPmdMapped(): boolean {
    return (this.#parts.pages.slots.flagsOf(this.#row) & SlotFlag.Whole) !== 0
  }

  get fromNs(): number {
    return this.#parts.pages.slots.fromNsOf(this.#row)
  }

  get cause(): number {
    return this.#parts.pages.slots.causeOf(this.#row)
  }

  get isCertain(): boolean {
    return this.#isTold && this.#parts.pages.slots.gapsOf(this.#row) === this.#parts.clock.gaps
  }

  get brokenSeq(): number {
    return this.#parts.pages.slots.brokenSeqOf(this.#row)
  }

  get mayBeShared(): boolean {
    return (this.#parts.pages.slots.flagsOf(this.#row) & SlotFlag.MayBeShared) !== 0
  }

  get protectedBy(): number {
    return this.#guard?.by ?? 0
  }

  get protectedByTgid(): number {
    return this.#guard?.tgid ?? 0
  }

  get protectedNs(): number {
    return this.#guard?.timeNs ?? 0
  }

  get #guard(): ProtectedRange | undefined {
    const { mms, pages } = this.#parts
    return mms.byId(this.mm)?.protections.find(this.vpn, pages.slots.protectionsOf(this.#row))
  }
}
