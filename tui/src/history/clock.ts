/** The event that is the evidence. */
export interface When {
  timeNs: number
  seq: number
}

/** What has happened so far, in numbers: what is known carries the number that it was known at. */
export class Clock {
  /** Gaps: what was not observed since the last one is not certain. */
  gaps = 0
  /** Write protections of ranges. */
  protections = 0
}
