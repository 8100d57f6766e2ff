import { Foll } from '../model/kinds.js'
import { addressColumn, commColumn, functionColumn, numberColumn, pidColumn } from './columns.js'
import type { PinRow } from './live-pins.js'
import type { Column } from './table.js'
import { duration } from './units.js'
import type { ViewOptions } from './view-options.js'

/** `nowNs` is what ages are reckoned to: ns since the host's boot. */
export function pinColumns(options: ViewOptions, nowNs: number): readonly Column<PinRow>[] {
  const age = (row: PinRow) => Math.max(0, nowNs - row.fromNs)
  return [
    numberColumn('age', 9, (row) => age(row) / 1e9, { title: 'held', text: (row) => duration(age(row)) }),
    {
      id: 'how',
      title: 'reference',
      align: 'left',
      width: 18,
      grow: 0,
      dropOrder: 0,
      text: (row) => follWords(row.foll),
    },
    numberColumn('pages', 7, (row) => row.pages),
    pidColumn(),
    commColumn(options),
    functionColumn('taker', 'taken by', options, (row) => row.taker),
    addressColumn((row) => row.vpn, 1),
    numberColumn('pfn', 10, (row) => row.pfn, { dropOrder: 2, text: (row) => row.pfn.toString() }),
  ]
}

/** `pin write longterm`, `get read`. */
export function follWords(foll: number): string {
  return [
    (foll & Foll.Pin) === 0 ? 'get' : 'pin',
    (foll & Foll.Write) === 0 ? 'read' : 'write',
    ...((foll & Foll.Longterm) === 0 ? [] : ['longterm']),
  ].join(' ')
}
