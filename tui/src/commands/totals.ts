import type { Recording } from '../store/recording.js'

/** What a recording comes to, in numbers. */
export interface Totals {
  readonly events: number
  readonly pages: number
  readonly copies: number
  readonly findings: number
  readonly lost: number
}

export function totalsOf(recording: Recording): Totals {
  const [totals] = recording.ask<Totals>('totals', {})
  return totals
}

/** The last line of what records: scripts read it. */
export function totalsLine({ events, pages, copies, findings, lost }: Totals, path: string): string {
  return `events=${events} pages=${pages} copies=${copies} findings=${findings} lost=${lost} db=${path}`
}
