import { type Cause, type EdgeKind, FrameKind } from '../model/facts.js'
import type { LiveOwners } from './live-owners.js'
import type { FrameNode, OwnerView, PageCounts, SlotView } from './page.js'
import { causeName, edgeName, isCut } from './page.js'

/** Intervals that are held; their numbers ascend, and what is left of one says where it is. */
export const SLOTS_HELD = 1 << 17
const FRAMES = 1 << 17
/** Intervals of one page, frames of one family, and intervals of one frame that are told. */
const SLOTS_TOLD = 500
const FRAMES_TOLD = 200
const OWNERS_TOLD = 50
const NOT_ENDED = 0

export interface PageFamily {
  /** The latest ones. */
  readonly slots: readonly SlotView[]
  /** Intervals before those that are held as well. */
  readonly olderSlots: number
  readonly trees: readonly FrameNode[]
  /** True where the family is larger than what is told of it, or begins before what is held. */
  readonly cut: boolean
}

/**
 * The latest slot intervals, and the frames that they mapped with what those came from: typed arrays that the newest
 * overwrite, so that taking a fact allocates nothing.
 */
export class LiveFamilies {
  readonly #owners: LiveOwners
  readonly #slot = new Float64Array(SLOTS_HELD)
  readonly #mm = new Uint32Array(SLOTS_HELD)
  readonly #vpn = new Float64Array(SLOTS_HELD)
  readonly #frameOf = new Float64Array(SLOTS_HELD)
  readonly #fromNs = new Float64Array(SLOTS_HELD)
  readonly #fromSeq = new Float64Array(SLOTS_HELD)
  readonly #fromCause = new Uint8Array(SLOTS_HELD)
  readonly #isCertain = new Uint8Array(SLOTS_HELD)
  readonly #untilNs = new Float64Array(SLOTS_HELD)
  readonly #untilCause = new Uint8Array(SLOTS_HELD)
  readonly #frame = new Float64Array(FRAMES)
  readonly #pfn = new Float64Array(FRAMES)
  readonly #order = new Uint8Array(FRAMES)
  readonly #kind = new Uint8Array(FRAMES)
  readonly #freedNs = new Float64Array(FRAMES)
  /** What the frame came from, how and when; 0: nothing that is known. */
  readonly #parent = new Float64Array(FRAMES)
  readonly #edgeKind = new Uint8Array(FRAMES)
  readonly #edgeNs = new Float64Array(FRAMES)

  constructor(owners: LiveOwners) {
    this.#owners = owners
  }

  clear(): void {
    this.#slot.fill(0)
    this.#frame.fill(0)
  }

  frameSeen(frame: number, pfn: number, order: number, kind: FrameKind): void {
    const at = frame % FRAMES
    this.#frame[at] = frame
    this.#pfn[at] = pfn
    this.#order[at] = order
    this.#kind[at] = kind
    this.#freedNs[at] = NOT_ENDED
    this.#parent[at] = 0
  }

  frameFreed(frame: number, timeNs: number): void {
    const at = this.#frameAt(frame)
    if (at >= 0) this.#freedNs[at] = timeNs
  }

  slotMapped(
    slot: number,
    mm: number,
    vpn: number,
    frame: number,
    timeNs: number,
    cause: Cause,
    seq: number,
    certain: boolean,
  ): void {
    const at = slot % SLOTS_HELD
    this.#slot[at] = slot
    this.#mm[at] = mm
    this.#vpn[at] = vpn
    this.#frameOf[at] = frame
    this.#fromNs[at] = timeNs
    this.#fromSeq[at] = seq
    this.#fromCause[at] = cause
    this.#isCertain[at] = certain ? 1 : 0
    this.#untilNs[at] = NOT_ENDED
  }

  slotEnded(slot: number, timeNs: number, cause: Cause): void {
    const at = slot % SLOTS_HELD
    if (this.#slot[at] !== slot) return
    this.#untilNs[at] = timeNs
    this.#untilCause[at] = cause
  }

  edge(
    _edge: number,
    kind: EdgeKind,
    fromFrame: number,
    toFrame: number,
    _mm: number,
    _vpn: number,
    timeNs: number,
  ): void {
    const at = this.#frameAt(toFrame)
    // A frame that was looked at again keeps its first word.
    if (at < 0 || this.#parent[at] !== 0) return
    this.#parent[at] = fromFrame
    this.#edgeKind[at] = kind
    this.#edgeNs[at] = timeNs
  }

  /** What is held of a page; `commOf` names processes, `countsAt` says what the kernel counted at an event. */
  page(
    tgid: number,
    vpn: number,
    commOf: (tgid: number) => string,
    countsAt: (seq: number) => PageCounts | null,
  ): PageFamily {
    const all = this.#rowsOf(tgid, vpn)
    const rows = all.slice(-SLOTS_TOLD)
    const asked = new Set(rows.map((at) => this.#frameOf[at]))
    const roots = new Set([...asked].map((frame) => this.#rootOf(frame)))
    const { childrenOf, family } = this.#descendants(roots)
    const born = this.#childrenHeld(family)
    const owners = this.#ownersOf(family, commOf)
    const node = (frame: number): FrameNode[] => {
      const at = this.#frameAt(frame)
      if (at < 0) return []
      const isRoot = roots.has(frame)
      const children = childrenOf.get(frame) ?? []
      const hasUntoldParent = isRoot && this.#parent[at] !== 0 && !this.#isOfZeroPage(at)
      return [
        {
          frame,
          pfn: this.#pfn[at],
          order: this.#order[at],
          freedNs: this.#freedNs[at] === NOT_ENDED ? null : this.#freedNs[at],
          by: isRoot && !hasUntoldParent ? null : edgeName(this.#edgeKind[at]),
          atNs: isRoot && !hasUntoldParent ? null : this.#edgeNs[at],
          asked: asked.has(frame),
          owners: owners.get(frame) ?? [],
          children: children.flatMap(node),
          untold: (born.get(frame) ?? 0) - children.length,
          hasUntoldParent,
        },
      ]
    }
    const trees = [...roots].flatMap(node)
    return {
      slots: rows.map((at) => this.#slotView(at, commOf, countsAt)),
      olderSlots: all.length - rows.length,
      trees,
      cut: trees.some(isCut),
    }
  }

  /** The page's own intervals; where there is none, those of the folios that were mapped over it as one. In order of time. */
  #rowsOf(tgid: number, vpn: number): readonly number[] {
    const own: number[] = []
    const over: number[] = []
    for (let at = 0; at < SLOTS_HELD; at++) {
      const from = this.#vpn[at]
      if (this.#slot[at] === 0 || from > vpn || this.#owners.tgidOf(this.#mm[at]) !== tgid) continue
      if (from === vpn) own.push(at)
      else if (vpn < from + this.#mappedFrom(at)) over.push(at)
    }
    return (own.length > 0 ? own : over).sort((a, b) => this.#slot[a] - this.#slot[b])
  }

  /** Pages that the interval may stand for: those of its folio, where it maps the folio's first. */
  #mappedFrom(at: number): number {
    const frame = this.#frameAt(this.#frameOf[at])
    if (frame < 0) return 1
    const pages = 2 ** this.#order[frame]
    return this.#pfn[frame] % pages === 0 ? pages : 1
  }

  /** The way up, which ends before the zero page: that is everybody's ancestor. */
  #rootOf(frame: number): number {
    let root = frame
    for (let steps = 0; steps < FRAMES_TOLD; steps++) {
      const at = this.#frameAt(root)
      const parent = at < 0 ? 0 : this.#parent[at]
      if (parent === 0 || this.#isOfZeroPage(at) || this.#frameAt(parent) < 0) return root
      root = parent
    }
    return root
  }

  #isOfZeroPage(at: number): boolean {
    const above = this.#frameAt(this.#parent[at])
    return above >= 0 && this.#kind[above] === FrameKind.Zero
  }

  /** How many frames that are held came of each. */
  #childrenHeld(family: ReadonlySet<number>): ReadonlyMap<number, number> {
    const born = new Map<number, number>()
    for (let at = 0; at < FRAMES; at++) {
      const parent = this.#parent[at]
      if (this.#frame[at] !== 0 && parent !== 0 && family.has(parent))
        born.set(parent, (born.get(parent) ?? 0) + 1)
    }
    return born
  }

  #descendants(roots: ReadonlySet<number>) {
    const family = new Set(roots)
    const childrenOf = new Map<number, number[]>()
    // In order of numbers a frame comes after what it came from, except where it was known before: then by another round.
    for (let before = 0; before !== family.size && family.size < FRAMES_TOLD;) {
      before = family.size
      for (let at = 0; at < FRAMES && family.size < FRAMES_TOLD; at++) {
        const frame = this.#frame[at]
        const parent = this.#parent[at]
        if (frame === 0 || parent === 0 || family.has(frame) || !family.has(parent)) continue
        family.add(frame)
        const siblings = childrenOf.get(parent)
        if (siblings === undefined) childrenOf.set(parent, [frame])
        else siblings.push(frame)
      }
    }
    return { family, childrenOf }
  }

  #ownersOf(
    family: ReadonlySet<number>,
    commOf: (tgid: number) => string,
  ): ReadonlyMap<number, readonly OwnerView[]> {
    const owners = new Map<number, OwnerView[]>()
    for (let at = 0; at < SLOTS_HELD; at++) {
      if (this.#slot[at] === 0 || !family.has(this.#frameOf[at])) continue
      const known = owners.get(this.#frameOf[at]) ?? []
      if (known.length >= OWNERS_TOLD) continue
      owners.set(this.#frameOf[at], known)
      const tgid = this.#owners.tgidOf(this.#mm[at])
      known.push({
        tgid: tgid ?? null,
        comm: tgid === undefined ? '' : commOf(tgid),
        vpn: this.#vpn[at],
        fromNs: this.#fromNs[at],
        untilNs: this.#untilNs[at] === NOT_ENDED ? null : this.#untilNs[at],
      })
    }
    for (const list of owners.values()) list.sort((a, b) => a.fromNs - b.fromNs)
    return owners
  }

  #slotView(
    at: number,
    commOf: (tgid: number) => string,
    countsAt: (seq: number) => PageCounts | null,
  ): SlotView {
    const tgid = this.#owners.tgidOf(this.#mm[at])
    const frame = this.#frameAt(this.#frameOf[at])
    const hasEnded = this.#untilNs[at] !== NOT_ENDED
    return {
      slot: this.#slot[at],
      mm: this.#mm[at],
      tgid: tgid ?? null,
      comm: tgid === undefined ? '' : commOf(tgid),
      vpn: this.#vpn[at],
      frame: this.#frameOf[at],
      pfn: frame < 0 ? 0 : this.#pfn[frame],
      order: frame < 0 ? 0 : this.#order[frame],
      fromNs: this.#fromNs[at],
      fromCause: causeName(this.#fromCause[at]),
      fromSeq: this.#fromSeq[at],
      untilNs: hasEnded ? this.#untilNs[at] : null,
      untilCause: hasEnded ? causeName(this.#untilCause[at]) : null,
      certain: this.#isCertain[at] === 1,
      counts: countsAt(this.#fromSeq[at]),
    }
  }

  #frameAt(frame: number): number {
    const at = frame % FRAMES
    return frame !== 0 && this.#frame[at] === frame ? at : -1
  }
}
