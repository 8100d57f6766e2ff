/** Last numbers that a recording has given out; all zero in a new one. */
export interface Ids {
  readonly lastFrame: number
  readonly lastSlot: number
  readonly lastEdge: number
  readonly lastMm: number
}

export const NO_IDS: Ids = { lastFrame: 0, lastSlot: 0, lastEdge: 0, lastMm: 0 }
