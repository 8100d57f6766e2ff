import { countColumn, numberColumn, textColumn } from '../views/recorded/columns.js'
import type { Column } from '../views/table.js'

/** A row of db/queries/legs.sql. */
export interface LegRow {
  readonly run: number
  readonly hostname: string
  readonly name: string
  readonly attached: number
  readonly hook: string
  readonly seen: number
  readonly submitted: number
  readonly ring_full: number
  readonly filtered: number
  readonly throttled: number
  readonly missed: number
}

export const LEG_COLUMNS: readonly Column<LegRow>[] = [
  numberColumn('run', 'RUN', { width: 4 }, ({ run }) => String(run)),
  textColumn('host', 'HOST', { width: 12 }, ({ hostname }) => hostname),
  textColumn('leg', 'LEG', { width: 12 }, ({ name }) => name),
  textColumn('hook', 'SEEN BY', { width: 16 }, ({ attached, hook }) =>
    attached === 1 ? hook : 'not attached: its events were not seen',
  ),
  countColumn('seen', 'SEEN', 0, ({ seen }) => seen),
  countColumn('submitted', 'SUBMITTED', 0, ({ submitted }) => submitted),
  countColumn('ring', 'RING FULL', 0, ({ ring_full }) => ring_full),
  countColumn('filtered', 'FILTERED', 0, ({ filtered }) => filtered),
  countColumn('throttled', 'THROTTLED', 0, ({ throttled }) => throttled),
  countColumn('missed', 'MISSED', 0, ({ missed }) => missed),
]
