import { Foll } from '../model/kinds.js'
import type { Line } from './line.js'
import { tableOptions, type ListOptions } from './list-options.js'
import type { PinRow } from './live-pins.js'
import { printable } from './printable.js'
import { renderTable, type Column } from './table.js'
import { count, duration, pageAddress } from './units.js'

export interface PinTableOptions extends ListOptions {
  /** What ages are reckoned to: ns since the host's boot. */
  readonly nowNs: number
}

/** Title line and one line a pin. */
export function pinTableLines(rows: readonly PinRow[], options: PinTableOptions): readonly Line[] {
  return renderTable(columns(options), rows, tableOptions(options))
}

function columns({ charset, nowNs }: PinTableOptions): readonly Column<PinRow>[] {
  const left = { align: 'left', grow: 0, dropOrder: 0 } as const
  const right = { align: 'right', grow: 0, dropOrder: 0 } as const
  return [
    {
      ...right,
      id: 'age',
      title: 'held',
      width: 9,
      text: (row) => duration(Math.max(0, nowNs - row.fromNs)),
    },
    { ...left, id: 'how', title: 'reference', width: 18, text: (row) => follWords(row.foll) },
    { ...right, id: 'pages', title: 'pages', width: 7, text: (row) => count(row.pages) },
    { ...right, id: 'pid', title: 'pid', width: 7, text: (row) => row.tgid.toString() },
    {
      ...left,
      id: 'comm',
      title: 'comm',
      width: 8,
      grow: 1,
      most: 24,
      text: (row) => (row.comm === '' ? '?' : printable(row.comm, charset)),
    },
    {
      ...left,
      id: 'taker',
      title: 'taken by',
      width: 14,
      grow: 3,
      most: 40,
      text: (row) => (row.taker === '' ? '?' : printable(row.taker, charset)),
    },
    {
      ...left,
      id: 'address',
      title: 'address',
      width: 14,
      dropOrder: 1,
      text: (row) => pageAddress(row.vpn),
    },
    { ...right, id: 'pfn', title: 'pfn', width: 10, dropOrder: 2, text: (row) => row.pfn.toString() },
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
