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
  /** Something happened to an address space that had ended. */
  'event-after-exit',
  /** An event came later than the window could put right; it counts where it came. */
  'late-event',
  /** No folio is that large. */
  'impossible-order',
  /** A kind or an outcome that this client does not know. */
  'unknown-kind',
] as const
export type Anomaly = (typeof NAMES)[number]

/** How often each was met. */
export class Anomalies {
  readonly #counts = Object.fromEntries(NAMES.map((name) => [name, 0])) as Record<Anomaly, number> // all names

  note(name: Anomaly): void {
    this.#counts[name]++
  }

  /** Those that were met at all. */
  counts(): Readonly<Partial<Record<Anomaly, number>>> {
    return Object.fromEntries(Object.entries(this.#counts).filter(([, count]) => count > 0))
  }
}
