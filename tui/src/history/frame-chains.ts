import type { FrameTable } from './frames.js'
import { grown, KeyedRows } from './keyed-rows.js'

const FEWEST = 64

/**
 * Which slots map a frame. Most frames are mapped by one slot, which their row names; the slots of those that more map
 * are chained here, at some 25 bytes each.
 */
export class FrameChains {
  readonly #frames: FrameTable
  /** By row of the slot. */
  readonly #links = new KeyedRows(FEWEST)
  #next = new Int32Array(FEWEST)
  #previous = new Int32Array(FEWEST)

  constructor(frames: FrameTable) {
    this.#frames = frames
  }

  /** The slot behind another that maps the frame, or -1. */
  next(frame: number, slot: number): number {
    return this.#frames.isShared(frame) ? this.#next[this.#links.find(0, slot)] : -1
  }

  /** The slot, which maps no frame, maps this one. */
  add(frame: number, slot: number): void {
    const frames = this.#frames
    const first = frames.firstSlotOf(frame)
    frames.setFirstSlot(frame, slot)
    if (first < 0) return
    if (!frames.isShared(frame)) {
      frames.setShared(frame, true)
      this.#insert(first, -1, slot)
    } else this.#previous[this.#links.find(0, first)] = slot
    this.#insert(slot, first, -1)
  }

  /** The slot, which maps the frame, maps it no more. */
  remove(frame: number, slot: number): void {
    const frames = this.#frames
    if (!frames.isShared(frame)) {
      frames.setFirstSlot(frame, -1)
      return
    }
    const link = this.#links.find(0, slot)
    const next = this.#next[link]
    const previous = this.#previous[link]
    this.#links.remove(link)
    if (previous >= 0) this.#next[this.#links.find(0, previous)] = next
    else frames.setFirstSlot(frame, next)
    if (next >= 0) this.#previous[this.#links.find(0, next)] = previous
    const first = this.#links.find(0, frames.firstSlotOf(frame))
    if (this.#next[first] >= 0) return
    this.#links.remove(first)
    frames.setShared(frame, false)
  }

  clear(): void {
    this.#links.clear()
  }

  #insert(slot: number, next: number, previous: number): void {
    const link = this.#links.insert(0, slot)
    if (this.#links.capacity > this.#next.length) {
      this.#next = grown(this.#next, new Int32Array(this.#links.capacity))
      this.#previous = grown(this.#previous, new Int32Array(this.#links.capacity))
    }
    this.#next[link] = next
    this.#previous[link] = previous
  }
}
