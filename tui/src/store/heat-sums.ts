/** Neighbouring pages that are one place: aligned 2 MiB of base pages. */
const PLACE_PAGES = 512
/** A recording has at most one span more. db/sums.sql and the heat map of `report` hold to the same. */
const SPANS = 47

/** Copies of pages of one place in one span of time: a row of `heat`. */
export interface Heat {
  readonly mm: number
  vpn: number
  lastVpn: number
  readonly fromS: number
  copies: number
}

/**
 * Copies by place and span of time. Spans are a power of two seconds, longer as the recording grows. Bounded by the address spaces
 * that are alive.
 */
export class HeatSums {
  /** By beginning of the span, by place, by address space. */
  readonly #places = new Map<number, Map<number, Map<number, Heat>>>()
  #beganS = NaN
  #spanS = 1
  /** The one that was counted last: neighbours follow each other. */
  #last: Heat = { mm: -1, vpn: 0, lastVpn: 0, fromS: 0, copies: 0 }
  #ended: Heat[] = []

  copied(mm: number, vpn: number, timeNs: number): void {
    const timeS = Math.floor(timeNs / 1e9)
    if (Number.isNaN(this.#beganS)) this.#beganS = timeS
    while (timeS - this.#beganS > SPANS * this.#spanS) this.#spanS *= 2
    const fromS = timeS - (timeS % this.#spanS)
    const heat = this.#heatOf(mm, vpn, fromS)
    heat.copies++
    if (vpn < heat.vpn) heat.vpn = vpn
    if (vpn > heat.lastVpn) heat.lastVpn = vpn
  }

  /** No more is copied for it. */
  ended(mm: number): void {
    const places = this.#places.get(mm)
    if (places === undefined) return
    this.#places.delete(mm)
    if (this.#last.mm === mm) this.#last = { mm: -1, vpn: 0, lastVpn: 0, fromS: 0, copies: 0 }
    for (const spans of places.values()) this.#ended.push(...spans.values())
  }

  /** Of address spaces that ended since this was asked. */
  take(): readonly Heat[] {
    const ended = this.#ended
    this.#ended = []
    return ended
  }

  /** The rest; no more may come. */
  finish(): readonly Heat[] {
    for (const mm of this.#places.keys()) this.ended(mm)
    return this.take()
  }

  #heatOf(mm: number, vpn: number, fromS: number): Heat {
    const place = Math.floor(vpn / PLACE_PAGES)
    const last = this.#last
    if (last.mm === mm && last.fromS === fromS && Math.floor(last.vpn / PLACE_PAGES) === place) return last
    let places = this.#places.get(mm)
    if (places === undefined) this.#places.set(mm, (places = new Map<number, Map<number, Heat>>()))
    let spans = places.get(place)
    if (spans === undefined) places.set(place, (spans = new Map<number, Heat>()))
    let heat = spans.get(fromS)
    if (heat === undefined) spans.set(fromS, (heat = { mm, vpn, lastVpn: vpn, fromS, copies: 0 }))
    this.#last = heat
    return heat
  }
}
