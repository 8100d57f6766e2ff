import { addressColumn, commColumn, numberColumn, pidColumn } from './columns.js'
import type { HotPage } from './hot-pages.js'
import type { Column } from './table.js'
import { sinceBoot } from './units.js'
import type { ViewOptions } from './view-options.js'

export function pageColumns(options: ViewOptions): readonly Column<HotPage>[] {
  return [
    addressColumn((row) => row.vpn),
    pidColumn(),
    commColumn(options),
    numberColumn('copies', 9, (row) => row.copies),
    numberColumn('reuses', 9, (row) => row.reuses),
    numberColumn('faults', 9, (row) => row.faults),
    numberColumn('pfn', 10, (row) => row.pfn, { dropOrder: 1, text: (row) => row.pfn.toString() }),
    numberColumn('last', 14, (row) => row.lastNs / 1e9, {
      title: 'last s',
      dropOrder: 2,
      text: (row) => sinceBoot(row.lastNs),
    }),
  ]
}
