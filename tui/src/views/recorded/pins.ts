import type { Column } from '../table.js'
import { count, duration, pageAddress } from '../units.js'
import {
  addressText,
  codeIn,
  commColumn,
  countColumn,
  durationText,
  numberColumn,
  pidColumn,
  referenceText,
  textColumn,
  timeText,
} from './columns.js'

/** A pin with who took it; a row of db/queries/pins.sql. */
export interface RecordedPin {
  readonly pin: number
  readonly tgid: number
  readonly comm: string | null
  readonly taker: string | null
  readonly frames: string | null
  readonly kind: string
  readonly write: number
  readonly longterm: number
  readonly mm: number
  readonly vpn: number
  readonly pages: number
  readonly pfn: number
  readonly from_ns: number
  readonly until_ns: number | null
  readonly ended_by: string | null
  readonly held_ns: number
  /** 1 where events were lost since it was taken: that it was given back may be among them. */
  readonly uncertain: number
}

/** References of one taker; a row of db/queries/pins-by-taker.sql. */
export interface TakerRow {
  readonly taker: string | null
  readonly kind: string
  readonly pins: number
  readonly pages: number
  readonly read_only: number
  readonly outstanding: number
  readonly longest_ns: number | null
  readonly median_ns: number | null
}

export const PIN_COLUMNS: readonly Column<RecordedPin>[] = [
  pidColumn((row) => row.tgid),
  commColumn(3, (row) => row.comm),
  textColumn('address', 'ADDRESS', { width: 14 }, (row) => addressText(row.vpn)),
  numberColumn('pages', 'PAGES', { width: 8 }, (row) => count(row.pages)),
  numberColumn('pfn', 'PFN', { width: 10, dropOrder: 5 }, (row) => String(row.pfn)),
  textColumn('reference', 'REFERENCE', { width: 24, grow: 1, dropOrder: 1 }, (row) => referenceText(row)),
  numberColumn('from', 'FROM S', { width: 14, dropOrder: 4 }, (row) => timeText(row.from_ns)),
  numberColumn(
    'held',
    'HELD',
    { width: 10 },
    (row) => duration(row.held_ns) + (row.uncertain === 1 ? '?' : ''),
  ),
  textColumn('end', 'ENDED BY', { width: 12, dropOrder: 2 }, (row) => row.ended_by),
]

export const TAKER_COLUMNS: readonly Column<TakerRow>[] = [
  textColumn('taker', 'TAKER', { width: 24, grow: 1 }, (row) => row.taker),
  textColumn('kind', 'KIND', { width: 4 }, (row) => row.kind),
  countColumn('pins', 'REFERENCES', 0, (row) => row.pins),
  countColumn('pages', 'PAGES', 2, (row) => row.pages),
  countColumn('read', 'READ-ONLY', 1, (row) => row.read_only),
  countColumn('live', 'STILL HELD', 3, (row) => row.outstanding),
  numberColumn('median', 'MEDIAN', { width: 10, dropOrder: 4 }, (row) => durationText(row.median_ns)),
  numberColumn('longest', 'LONGEST', { width: 10, dropOrder: 5 }, (row) => durationText(row.longest_ns)),
]

export function pinJson({ vpn, write, longterm, uncertain, frames, ...row }: RecordedPin): object {
  return {
    ...row,
    code: codeIn(frames) || null,
    address: pageAddress(vpn),
    write: write === 1,
    longterm: longterm === 1,
    uncertain: uncertain === 1,
  }
}
