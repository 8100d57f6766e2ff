import type { FactSink } from '../model/facts.js'
import type { When } from './clock.js'

/** Where events contradict what was known with certainty. Not errors: something was not seen, or not understood. */
const NAMES = [
  /** A fault found another frame than the one that its slot mapped. */
  'slot-maps-other-frame',
  /** A new folio was mapped where something was. */
  'new-frame-over-mapped',
  /** A new folio has the pfn of a frame whose free was not seen. */
  'frame-not-freed',
  /** A copy without a new frame, or onto itself. */
  'copy-without-frame',
  /** A move of a folio, a collapse or a swap-in that names no frame. */
  'move-without-frame',
  /** Something happened to an address space that had ended. */
  'event-after-exit',
  /** Something that has an address space named none. */
  'event-without-mm',
  /** An event came later than the window could put right; it counts where it came. */
  'late-event',
  /** No folio is that large. */
  'impossible-order',
  /** No address, no physical page, no run of pages is that large. */
  'impossible-range',
  /** A loss whose span is no span of time, or whose count is no number. */
  'impossible-loss',
  /** GUP returned no frame. */
  'pin-without-frame',
  /** A reference was given back that was never taken, though the frame's whole life was seen. */
  'unpin-without-pin',
  /** A frame was freed under a pin that was not given back. */
  'frame-freed-while-pinned',
  /** A kind or an outcome that this client does not know. */
  'unknown-kind',
] as const
export type Anomaly = (typeof NAMES)[number]

/** How often each was met. The first of each is told, with its evidence. */
export class Anomalies {
  readonly #sink: FactSink
  readonly #counts = Object.fromEntries(NAMES.map((name) => [name, 0])) as Record<Anomaly, number> // all names

  constructor(sink: FactSink) {
    this.#sink = sink
  }

  note(name: Anomaly, { timeNs, seq }: When): void {
    if (this.#counts[name]++ === 0) this.#sink.anomaly(name, timeNs, seq)
  }

  /** Those that were met at all. */
  counts(): Readonly<Partial<Record<Anomaly, number>>> {
    return Object.fromEntries(Object.entries(this.#counts).filter(([, count]) => count > 0))
  }
}
