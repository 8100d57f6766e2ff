import type { HotPage } from './hot-pages.js'
import type { Line } from './line.js'
import { tableOptions, type ListOptions } from './list-options.js'
import { printable } from './printable.js'
import { renderTable, type Column } from './table.js'
import { count, pageAddress, sinceBoot } from './units.js'

/** Title line and one line a page. */
export function pageTableLines(rows: readonly HotPage[], options: ListOptions): readonly Line[] {
  return renderTable(columns(options), rows, tableOptions(options))
}

function columns({ charset }: ListOptions): readonly Column<HotPage>[] {
  const left = { align: 'left', grow: 0, dropOrder: 0 } as const
  const right = { align: 'right', grow: 0, dropOrder: 0 } as const
  return [
    { ...left, id: 'address', title: 'address', width: 14, text: (row) => pageAddress(row.vpn) },
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
    { ...right, id: 'copies', title: 'copies', width: 9, text: (row) => count(row.copies) },
    { ...right, id: 'reuses', title: 'reuses', width: 9, text: (row) => count(row.reuses) },
    { ...right, id: 'faults', title: 'faults', width: 9, text: (row) => count(row.faults) },
    { ...right, id: 'pfn', title: 'pfn', width: 10, dropOrder: 1, text: (row) => row.pfn.toString() },
    { ...right, id: 'last', title: 'last s', width: 14, dropOrder: 2, text: (row) => sinceBoot(row.lastNs) },
  ]
}
