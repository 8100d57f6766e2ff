import type { Line } from './line.js'
import { tableOptions, type ListOptions } from './list-options.js'
import type { HugeRow } from './live-huge.js'
import { printable } from './printable.js'
import { renderTable, type Column } from './table.js'
import { count, sinceBoot } from './units.js'

/** Title line and one line a process and cause. */
export function hugeTableLines(rows: readonly HugeRow[], options: ListOptions): readonly Line[] {
  return renderTable(columns(options), rows, tableOptions(options))
}

function columns({ charset }: ListOptions): readonly Column<HugeRow>[] {
  const right = (id: string, title: string, text: (row: HugeRow) => string, width = 11, dropOrder = 0) =>
    ({ id, title, align: 'right', width, grow: 0, dropOrder, text }) as const
  const left = { align: 'left', dropOrder: 0 } as const
  return [
    right('pid', 'pid', (row) => (row.tgid === 0 ? 'others' : row.tgid.toString()), 7),
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
      id: 'cause',
      title: 'caused in',
      width: 14,
      grow: 2,
      most: 40,
      text: (row) => (row.cause === '' ? '?' : printable(row.cause, charset)),
    },
    right('pmd', 'PMD splits', (row) => count(row.pmdSplits)),
    right('folio', 'folio split', (row) => count(row.folioSplits)),
    right('refused', 'refused', (row) => count(row.refused), 8),
    right('collapse', 'collapses', (row) => count(row.collapses), 9),
    right('last', 'last s', (row) => sinceBoot(row.lastNs), 14, 1),
  ]
}
