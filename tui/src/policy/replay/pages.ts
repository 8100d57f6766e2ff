/** Slots and frames of a replay: which page of which address space has which memory, under the rules that are tried. */

export interface Frame {
  /** Base pages: 1, or those of a huge page that is still whole. */
  readonly pages: number
  readonly isHugetlb: boolean
  /** Slots of the recording that map it, and mappings that the recording never showed. */
  maps: number
  exclusive: boolean
  readonly holds: Set<Hold>
}

/** One reference of GUP on one page. */
export interface Hold {
  readonly kind: 'pin' | 'get'
  readonly mm: number
  readonly vpn: number
  readonly frame: Frame
  /** Where the recording had it: by this it is given back. */
  readonly pfn: number
  hasDiverged: boolean
  hasLeaked: boolean
}

export interface Slot {
  frame: Frame
  writable: boolean
}

const HUGE = 512

/** Slots of all address spaces, by first page. A huge page has one slot until a page of it is written apart. */
export class Slots {
  readonly #mms = new Map<number, Map<number, Slot>>()
  readonly #most: number
  #size = 0

  /** `most`: slots that are kept; what comes beyond is not followed. */
  constructor(most: number) {
    this.#most = most
  }

  get isFull(): boolean {
    return this.#size >= this.#most
  }

  /** The slot of the page, or that of the huge page which it is in. */
  at(mm: number, vpn: number): Slot | undefined {
    const slots = this.#mms.get(mm)
    const own = slots?.get(vpn)
    if (own) return own
    const huge = slots?.get(vpn - (vpn % HUGE))
    return huge && huge.frame.pages > vpn % HUGE ? huge : undefined
  }

  set(mm: number, vpn: number, slot: Slot): void {
    const slots = this.#mms.get(mm) ?? new Map<number, Slot>()
    this.#mms.set(mm, slots)
    if (!slots.has(vpn)) this.#size++
    slots.set(vpn, slot)
  }

  remove(mm: number, vpn: number): void {
    const slots = this.#mms.get(mm)
    const slot = slots?.get(vpn)
    if (!slots || !slot) return
    slots.delete(vpn)
    slot.frame.maps--
    this.#size--
  }

  removeAll(mm: number): void {
    for (const vpn of this.#mms.get(mm)?.keys() ?? []) this.remove(mm, vpn)
    this.#mms.delete(mm)
  }

  /** Slots that begin in [vpn, vpn + pages), as they are now: each may be changed or removed. */
  in(mm: number, vpn: number, pages: number): readonly (readonly [vpn: number, slot: Slot])[] {
    const slots = this.#mms.get(mm)
    if (!slots) return []
    if (pages > slots.size) return [...slots].filter(([at]) => vpn <= at && at < vpn + pages)
    const found: (readonly [number, Slot])[] = []
    for (let at = vpn; at < vpn + pages; at++) {
      const slot = slots.get(at)
      if (slot) found.push([at, slot])
    }
    return found
  }
}
