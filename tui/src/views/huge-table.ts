import { commColumn, functionColumn, numberColumn, pidColumn } from './columns.js'
import type { HugeRow } from './live-huge.js'
import type { Column } from './table.js'
import { sinceBoot } from './units.js'
import type { ViewOptions } from './view-options.js'

export function hugeColumns(options: ViewOptions): readonly Column<HugeRow>[] {
  return [
    pidColumn('others'),
    commColumn(options),
    functionColumn('cause', 'caused in', options, (row) => row.cause),
    numberColumn('pmdSplits', 11, (row) => row.pmdSplits, { title: 'PMD splits' }),
    numberColumn('folioSplits', 11, (row) => row.folioSplits, { title: 'folio split' }),
    numberColumn('refused', 8, (row) => row.refused),
    numberColumn('collapses', 9, (row) => row.collapses),
    numberColumn('last', 14, (row) => row.lastNs / 1e9, {
      title: 'last s',
      dropOrder: 1,
      text: (row) => sinceBoot(row.lastNs),
    }),
  ]
}
