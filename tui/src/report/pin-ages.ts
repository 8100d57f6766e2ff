import { countColumn, textColumn } from '../views/recorded/columns.js'
import type { Column } from '../views/table.js'

/** A row of db/queries/pin-ages.sql. */
export interface PinAgeRow {
  readonly taker: string | null
  readonly kind: string
  readonly pins: number
  readonly below_1ms: number
  readonly below_100ms: number
  readonly below_1s: number
  readonly below_60s: number
  readonly older: number
  readonly held: number
  readonly takers: number
}

export const PIN_AGE_COLUMNS: readonly Column<PinAgeRow>[] = [
  textColumn('taker', 'TAKER', { width: 24 }, ({ taker }) => taker ?? 'not known'),
  textColumn('kind', 'KIND', { width: 4 }, ({ kind }) => kind),
  countColumn('pins', 'REFERENCES', 0, ({ pins }) => pins),
  countColumn('1ms', 'BELOW 1 MS', 0, ({ below_1ms }) => below_1ms),
  countColumn('100ms', 'TO 100 MS', 0, ({ below_100ms }) => below_100ms),
  countColumn('1s', 'TO 1 S', 0, ({ below_1s }) => below_1s),
  countColumn('60s', 'TO 1 MIN', 0, ({ below_60s }) => below_60s),
  countColumn('older', 'OLDER', 0, ({ older }) => older),
  countColumn('held', 'END NOT SEEN', 0, ({ held }) => held),
]
