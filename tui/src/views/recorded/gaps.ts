import type { Column } from '../table.js'
import { count, sinceBoot } from '../units.js'
import { countColumn, numberColumn, textColumn } from './columns.js'

/** A span in which events were lost; a row of db/queries/gaps.sql. */
export interface GapRow {
  readonly run: number
  readonly reason: string
  readonly leg: string
  /** 0: not known. */
  readonly events: number
  readonly first_seq: number
  readonly last_seq: number
  readonly from_ns: number
  readonly until_ns: number
}

/** What was met that cannot be; a row of db/queries/anomalies.sql. */
export interface AnomalyRow {
  readonly run: number
  readonly name: string
  readonly count: number
  readonly first_ns: number
  readonly first_seq: number
}

export const GAP_COLUMNS: readonly Column<GapRow>[] = [
  numberColumn('from', 'FROM S', { width: 14 }, (row) => sinceBoot(row.from_ns)),
  numberColumn('until', 'UNTIL S', { width: 14, dropOrder: 2 }, (row) => sinceBoot(row.until_ns)),
  textColumn('reason', 'REASON', { width: 14 }, (row) => row.reason),
  textColumn('leg', 'LEG', { width: 12, dropOrder: 1 }, (row) => (row.leg === '' ? 'any' : row.leg)),
  numberColumn('events', 'EVENTS', { width: 12 }, (row) => (row.events === 0 ? '?' : count(row.events))),
  numberColumn('run', 'RUN', { width: 4, dropOrder: 3 }, (row) => String(row.run)),
]

export const ANOMALY_COLUMNS: readonly Column<AnomalyRow>[] = [
  textColumn('name', 'ANOMALY', { width: 28 }, (row) => row.name),
  countColumn('count', 'COUNT', 0, (row) => row.count),
  numberColumn('first', 'FIRST AT S', { width: 14, dropOrder: 1 }, (row) => sinceBoot(row.first_ns)),
  numberColumn('seq', 'EVENT', { width: 12, dropOrder: 2 }, (row) => String(row.first_seq)),
  numberColumn('run', 'RUN', { width: 4, dropOrder: 3 }, (row) => String(row.run)),
]
